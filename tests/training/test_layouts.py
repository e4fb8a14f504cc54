"""Training on data as it is distributed, read by worker processes."""

import numpy as np
import pytest
import yaml

from leadline.training.loop import train
from leadline.training.recipe import load_recipe
from tests.conftest import QUICK, SilentReporter
from tests.datasets.writers import make_scenes, write_nyu_mat, write_vkitti1

STEPS = ["trainer.max_steps=2", "data.workers=2", "data.batch_size=2", "data.area=1536"]


def test_a_network_trains_on_nyus_file_itself(tmp_path):
    scenes = make_scenes(5)
    depth = np.stack([scene.depth for scene in scenes])
    images = np.stack([scene.image for scene in scenes])
    mat = write_nyu_mat(tmp_path / "nyu.mat", images, depth, depth, np.ones(depth.shape, np.uint16))
    recipe = load_recipe("compact", [*QUICK, *STEPS, "data.options.depth=raw"])
    reporter = SilentReporter()
    train(recipe, mat, tmp_path / "run", reporter)
    assert len(reporter.losses) == 2
    assert np.isfinite(reporter.losses).all()


@pytest.mark.slow
def test_a_network_with_classes_trains_on_virtual_kittis_worlds(tmp_path):
    scenes = make_scenes(3)
    data = write_vkitti1(tmp_path / "v", {1: {"clone": scenes, "fog": scenes}, 6: {"fog": scenes}})
    options = ["data.options.variation=fog", "data.layout=vkitti-1"]
    recipe = load_recipe("ds-net", [*QUICK, *STEPS, *options])
    reporter = SilentReporter()
    train(recipe, data, tmp_path / "run", reporter)
    assert np.isfinite(reporter.losses).all()
    assert any("3 training and 3 validation images" in line for line in reporter.lines)
    saved = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert saved["data"]["options"] == {"variation": "fog"}
