"""Where a network says that there is no depth, there is none: in every runtime and format."""

import numpy as np
import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.gate import refuse_difference, run_gate
from leadline.export.parity import check_parity
from leadline.export.pictures import find_pictures
from leadline.export.sidecar import describe
from leadline.export.whole_file import Checkpoint, WholeOpenVino
from leadline.inference import Predictor
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtimes import OnnxRuntime, OpenVinoRuntime
from leadline.models.base import DepthModel
from leadline.models.config import ModelConfig

RED, BLUE = (255, 0, 0), (0, 0, 255)


class RedHasDepth(DepthModel):
    """3 m everywhere; the probability of a depth is 1 / (1 + exp(-8 (red - blue)))."""

    def __init__(self, config):
        super().__init__(config)
        self.depth = nn.Conv2d(3, 1, 1)
        self.validity = nn.Conv2d(3, 1, 2, stride=2)
        with torch.no_grad():
            self.depth.weight.zero_()
            self.depth.bias.fill_(np.log(3.0))
            self.validity.weight.zero_()
            self.validity.weight[0, 0] = 2.0
            self.validity.weight[0, 2] = -2.0
            self.validity.bias.zero_()

    def network(self, images):
        return {"target": self.depth(images), "validity_logits": self.validity(images)}


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(
        "tiny", {"validity": True}, "unit", stride=16, training_area=2_560, max_depth=20.0
    )
    return RedHasDepth(config).eval()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder, graph = tmp_path_factory.mktemp("exported"), to_onnx(model)
    for file in ("tiny.onnx", "tiny.xml"):
        write_exported(graph, folder / file, "f32")
    return folder


def half_blue(height, width):
    """Return a picture whose upper half is blue and whose lower half is red."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2], picture[height // 2 :] = BLUE, RED
    return picture


def test_probabilities_are_those_of_the_logits_in_every_runtime(exported):
    picture = half_blue(80, 128)[None]  # twice its size of processing
    for runtime in (
        OpenVinoRuntime(exported / "tiny.onnx", threads=1),
        OpenVinoRuntime(exported / "tiny.xml", threads=1),
        OnnxRuntime(exported / "tiny.onnx", threads=1),
        WholeOpenVino(exported / "tiny.xml"),
    ):
        outputs = runtime.run(picture)
        assert set(outputs) == {"depth", "validity"}
        np.testing.assert_allclose(outputs["depth"], 3.0, rtol=1e-5)
        np.testing.assert_allclose(outputs["validity"][0, :30], 1 / (1 + np.e**8), rtol=1e-3)
        np.testing.assert_allclose(outputs["validity"][0, 50:], 1 / (1 + np.e**-8), rtol=1e-3)


@pytest.mark.parametrize("file", ["tiny.onnx", "tiny.xml"])
def test_a_predictor_gives_no_depth_there_and_uncertainty_is_not_needed_for_it(exported, file):
    for options in ({}, {"uncertainty": False}):
        depth = Predictor.load(exported / file, **options)(half_blue(80, 128))
        assert not depth.valid[:40].any()
        assert depth.valid[40:].all()
        np.testing.assert_allclose(depth.depth[40:], 3.0, rtol=1e-5)


def test_the_gates_see_a_validity_that_differs(model, exported):
    [row, *_] = check_parity(model, exported / "tiny.onnx", [(40, 56)], [1])
    assert row.max_error < 1e-4
    other = RedHasDepth(model.config).eval()
    with torch.no_grad():
        other.validity.bias += 0.1
    assert check_parity(other, exported / "tiny.onnx", [(40, 56)], [1])[0].max_error > 1e-3
    runtimes = [OnnxRuntime(exported / "tiny.onnx", threads=1)]
    camera, pictures = TrainingCamera.from_config(runtimes[0].config), find_pictures(None, 2)
    refuse_difference(
        run_gate(Checkpoint(model), runtimes, pictures, camera), "tiny.onnx", 1e-3, lambda row: ""
    )
    with pytest.raises(LeadlineError, match="uncertainty, validity or novelty differs"):
        different = run_gate(Checkpoint(other), runtimes, pictures, camera)
        refuse_difference(different, "tiny.onnx", 1e-3, lambda row: "")


def test_the_sidecar_says_what_the_output_is(model, tmp_path):
    model.save(tmp_path / "model")
    assert "below 0.5" in describe("tiny", tmp_path / "model", "rgb", "f32")["validity"]["rule"]
