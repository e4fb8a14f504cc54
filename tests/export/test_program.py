"""The program of torch.export: any batch and size, the camera inside, the checkpoint's metres."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.export.export_model import export_model
from leadline.export.parity import check_parity
from leadline.export.pictures import smooth_pictures
from leadline.export.program import to_program, write_program
from leadline.export.whole_file import WholeProgram
from leadline.inference.camera import TrainingCamera
from leadline.models.base import DepthModel
from leadline.models.config import ModelConfig
from leadline.models.pipeline import InferencePipeline
from leadline.weights import shipped_checkpoint

FOCAL = 130.0
SIZES = [(61, 97), (240, 320), (333, 517), (2, 50), (1000, 300)]


class Small(DepthModel):
    """Halved, enlarged again, and joined with what was skipped; two classes, uncertainty."""

    classes = 2

    def __init__(self, config):
        super().__init__(config)
        torch.manual_seed(0)
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.up = nn.Conv2d(7, 4, 3, padding=1)

    def network(self, images):
        small = torch.relu(self.down(images))
        large = functional.interpolate(small, images.shape[-2:], mode="bilinear")
        out = self.up(torch.cat([large, images], 1))
        return {"target": out[:, :1], "logits": out[:, 1:3], "log_spread": out[:, 3:]}


@pytest.fixture(scope="module")
def model():
    config = ModelConfig("compact", stride=8, training_area=9_600, training_focal=FOCAL)
    return Small(config).eval()


@pytest.fixture(scope="module")
def module(model):
    return to_program(model).module()


def test_the_file_equals_the_checkpoint_at_any_size_and_batch(model, tmp_path):
    path = tmp_path / "m.pt2"
    write_program(model, path, "rgb", {"unit": "metre"})
    rows = check_parity(model, path, SIZES)
    assert [(row.runtime, row.batch) for row in rows] == [
        ("torch.export", 1),
        ("torch.export", 4),
    ] * 5
    assert max(row.max_error for row in rows) < 1e-5
    notes = {"leadline_export": ""}
    torch.export.load(path, extra_files=notes)
    assert json.loads(notes["leadline_export"]) == {"unit": "metre"}
    depth = WholeProgram(path).run(smooth_pictures(1, 60, 80))["depth"]
    assert depth.std() > 1e-3


def test_a_file_for_bgr_is_given_bgr(model, tmp_path):
    write_program(model, tmp_path / "m.pt2", "bgr", {})
    images = smooth_pictures(1, 61, 97)
    [row] = check_parity(model, tmp_path / "m.pt2", [(61, 97)], batches=[1])
    assert row.max_error < 1e-5
    program = torch.export.load(tmp_path / "m.pt2").module()
    as_given = program(torch.from_numpy(images), torch.zeros(1))["depth"].numpy()
    assert np.abs(as_given - WholeProgram(tmp_path / "m.pt2").run(images)["depth"]).max() > 1e-3


def test_the_camera_inside_does_what_predict_does(module):
    """Unknown, the lens of the training within rounding, twice as long, and one of two pictures."""
    height, width = 97, 61
    images = torch.from_numpy(smooth_pictures(1, height, width))
    plain = module(images, torch.zeros(1))["depth"]
    camera = TrainingCamera(FOCAL, 9_600, 8, 9_600)
    at_network = Intrinsics.centred(1.0, width, height).focal_at(*network_size(height, width))
    for times in (1.0002, 2.0, 0.4):
        given = Intrinsics.centred(FOCAL * times / at_network, width, height)
        expected = camera.resolve(width, height, given, "measured").scale
        depth = module(images, torch.tensor([given.focal]))["depth"]
        torch.testing.assert_close(depth, plain * expected)
    both = module(images.repeat(2, 1, 1, 1), torch.tensor([0.0, given.focal]))["depth"]
    torch.testing.assert_close(both[0], plain[0])
    torch.testing.assert_close(both[1], plain[0] * expected)


def network_size(height, width):
    """About 9600 pixels in whole eighths, by hand: 123.6 x 77.7 of 97 x 61."""
    assert (height, width) == (97, 61)
    return 120, 80


def test_labels_and_uncertainty_are_those_of_the_pipeline(model, module):
    images = torch.from_numpy(smooth_pictures(2, 45, 70))
    expected = InferencePipeline(model)(images)
    outputs = module(images, torch.zeros(2))
    assert set(np.unique(outputs["labels"])) == {0, 1}
    assert outputs["uncertainty"].std() > 1e-3
    for name in ("labels", "uncertainty"):
        torch.testing.assert_close(outputs[name], expected[name])


def test_float16_weights_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(LeadlineError, match=r"m\.pt2: .* leave --weights fp16 out"):
        export_model("compact-nyu", tmp_path / "m.pt2", weights="fp16")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_shipped_model_passes_the_gate_as_a_program(tmp_path):
    exported = export_model(shipped_checkpoint("compact-nyu"), tmp_path / "m.pt2")
    assert [file.name for file in exported.files] == ["m.pt2"]
    assert exported.max_error < 1e-4
    assert exported.gate.rows[0].runtime == "torch.export"
    assert exported.gate.worst.max_error < 1e-4
