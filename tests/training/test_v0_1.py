"""A run that version 0.1 wrote still opens, is listed, and goes on to where 0.1 took it."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from leadline.datasets import open_data
from leadline.models.build import load_model
from leadline.training.batches import EpochOrder, TrainingSamples, make_loader
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import Run
from leadline.training.train import resume
from tests.conftest import SilentReporter, write_pairs

WRITTEN = Path(__file__).parents[1] / "data" / "v0.1"


def test_a_run_of_version_0_1_is_listed_as_it_was():
    run = Run.open(WRITTEN / "run")
    assert (run.state, run.step, run.recipe["name"]) == ("stopped, 5 of 6", 5, "unet-2m")
    assert run.kept["step"] == 2
    assert run.kept["abs_rel"] == pytest.approx(0.9608626138253972)
    assert run.series("loss")[0] == [1, 2, 3, 4]


def test_a_model_of_version_0_1_opens_with_its_weights():
    model = load_model(WRITTEN / "run" / "model")
    saved = load_file(WRITTEN / "run" / "model" / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


def test_a_run_of_version_0_1_is_resumed_to_the_weights_that_0_1_ended_with(tmp_path, request):
    data = write_pairs(tmp_path / "data", 4, (32, 48))
    run = shutil.copytree(WRITTEN / "run", tmp_path / "run")
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "data": str(data)}))
    reporter = SilentReporter()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as when the run was written: sums over threads round differently
    request.addfinalizer(lambda: torch.set_num_threads(threads))
    assert resume(run, progress=reporter, score=False).reason.is_final
    assert (reporter.first, len(reporter.losses)) == (5, 1)
    # On the machine that wrote them the bits are equal; others round differently.
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    expected = load_file(WRITTEN / "run-resumed.safetensors")
    for name, value in state["ema"]["model"].items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=2e-5)
    # 0.1 was stopped between step 5 and its row; the next row is the mean of both.
    rows = csv.DictReader((run / "metrics.csv").read_text().splitlines())
    assert [int(row["step"]) for row in rows] == [1, 2, 2, 3, 4, 4, 6, 6]


def write_labelled_pairs(folder: Path) -> Path:
    """Four pairs with labels, of whole numbers alone: the same on every machine."""
    rng = np.random.default_rng(11)
    for kind in ("rgb", "depth", "label"):
        (folder / kind).mkdir(parents=True)
    for index in range(4):
        image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        depth = rng.integers(400, 9000, (30, 40)).astype(np.uint16)
        labels = rng.integers(0, 40, (30, 40), dtype=np.uint8)
        depth[:, :4] = 0
        for kind, plane in (("rgb", image), ("depth", depth), ("label", labels)):
            Image.fromarray(plane).save(folder / kind / f"{index}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


@pytest.mark.parametrize("name", ["compact", "resnet34-unet-aug"])
def test_seeded_training_batches_are_those_of_version_0_1(name, tmp_path):
    """Two recipes that have every augmentation between them; an epoch's end lies in between."""
    data = open_data(write_labelled_pairs(tmp_path / "data"))
    samples = TrainingSamples(data, (12, 16), load_recipe(name).augment, 7)
    frozen = np.load(WRITTEN / "batches.npz")
    for step, batch in enumerate(make_loader(samples, EpochOrder(4, 2, 7, 1, 3), workers=0)):
        for key in ("depth", "valid", "labels"):
            np.testing.assert_array_equal(batch[key], frozen[f"{name}/{step}/{key}"])
        # On the machine that wrote them the bits are equal; powers may round differently elsewhere.
        expected = frozen[f"{name}/{step}/image"]
        np.testing.assert_allclose(batch["image"], expected, rtol=0, atol=2e-6)
