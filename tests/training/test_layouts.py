"""Training on data as it is distributed, read by worker processes."""

import numpy as np
import pytest
import torch
import yaml

from leadline.datasets import open_data
from leadline.training.data import EpochOrder, TrainingSamples, make_loader
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter
from tests.datasets.writers import make_scenes, write_nyu_mat, write_vkitti1


def test_workers_read_nyus_one_file_to_the_same_bits(tmp_path):
    scenes = make_scenes(6)
    depth = np.stack([scene.depth for scene in scenes])
    images = np.stack([scene.image for scene in scenes])
    mat = write_nyu_mat(tmp_path / "nyu.mat", images, depth, depth, np.ones(depth.shape, np.uint16))
    data = open_data(mat)
    assert data[0].valid.any()  # the file is open here before the workers are forked
    samples = TrainingSamples(data, (32, 48), load_recipe("compact").augment, 7)
    alone, helped = (
        list(make_loader(samples, EpochOrder(6, 2, 7, 0, 6), workers)) for workers in (0, 2)
    )
    for one, two in zip(alone, helped, strict=True):
        for name in one:
            assert torch.equal(one[name], two[name]), name


@pytest.mark.slow
def test_a_network_with_classes_trains_on_virtual_kittis_worlds(tmp_path):
    scenes = make_scenes(3)
    data = write_vkitti1(tmp_path / "v", {1: {"clone": scenes, "fog": scenes}, 6: {"fog": scenes}})
    options = ["data.options.variation=fog", "data.layout=vkitti-1", "trainer.max_steps=2"]
    options += ["data.workers=2", "data.batch_size=2", "data.area=1536"]
    recipe = load_recipe("ds-net", [*QUICK, *options])
    reporter = SilentReporter()
    train(recipe, data, tmp_path / "run", progress=reporter, score=False)
    assert np.isfinite(reporter.losses).all()
    assert any("3 training and 3 validation images" in line for line in reporter.lines)
    saved = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert saved["data"]["options"] == {"variation": "fog"}
