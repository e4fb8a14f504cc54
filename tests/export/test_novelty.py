"""A network's novelty goes through every runtime and format, one number a picture."""

import numpy as np
import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.gate import refuse_difference, run_gate
from leadline.export.parity import check_parity
from leadline.export.pictures import find_pictures
from leadline.export.program import write_program
from leadline.export.sidecar import describe
from leadline.export.whole_file import Checkpoint, WholeOpenVino, WholeProgram
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime_config import RuntimeConfig
from leadline.inference.runtimes import OnnxRuntime, OpenVinoRuntime
from leadline.models.base import DepthModel
from leadline.models.config import ModelConfig
from leadline.models.novelty import NoveltyHead
from leadline.models.pipeline import InferencePipeline


class Tiny(DepthModel):
    """Depth of one convolution, and the novelty of its three colours."""

    def __init__(self, config):
        super().__init__(config)
        self.depth = nn.Conv2d(3, 1, 3, padding=1)
        self.familiarity = NoveltyHead(3, directions=3)
        self.familiarity.mean = torch.tensor([0.1, 0.2, 0.3])
        self.familiarity.axes = torch.diag(torch.tensor([1.0, 2.0, 2.0]))

    def network(self, images):
        return {"target": self.depth(images), "novelty": self.familiarity(images)}


def tiny():
    torch.manual_seed(0)
    options = {"novelty": True}
    return Tiny(ModelConfig("tiny", options, "unit", stride=16, training_area=2_560)).eval()


def test_novelty_is_the_same_in_every_runtime_and_the_same_at_any_size(tmp_path):
    model = tiny()
    graph = to_onnx(model)
    for file in ("tiny.onnx", "tiny.xml"):
        write_exported(graph, tmp_path / file, "f32")
    pictures = np.zeros((2, 71, 45, 3), np.uint8)
    pictures[0] = (51, 102, 204)  # 0.2, 0.4 and 0.8 of white
    expected = [
        np.sqrt(0.1**2 + (2 * 0.2) ** 2 + (2 * 0.5) ** 2),
        np.sqrt(0.1**2 + (2 * 0.2) ** 2 + (2 * 0.3) ** 2),
    ]
    for runtime in (
        OpenVinoRuntime(tmp_path / "tiny.onnx", threads=1),
        OpenVinoRuntime(tmp_path / "tiny.xml", threads=1),
        OnnxRuntime(tmp_path / "tiny.onnx", threads=1),
    ):
        outputs = runtime.run(pictures)
        assert set(outputs) == {"depth", "novelty"}
        np.testing.assert_allclose(outputs["novelty"], expected, rtol=2e-4)
        if isinstance(runtime, OpenVinoRuntime):
            assert runtime._network is not None  # only the network is compiled
        other = runtime.run(pictures[::-1])
        np.testing.assert_allclose(other["novelty"], expected[::-1], rtol=2e-4)
        np.testing.assert_allclose(outputs["novelty"], expected, rtol=2e-4)  # still
        larger = runtime.run(pictures.repeat(3, axis=1))
        np.testing.assert_allclose(larger["novelty"], expected, rtol=2e-4)
    with torch.no_grad():
        outputs = InferencePipeline(model)(torch.from_numpy(pictures))
    np.testing.assert_allclose(outputs["novelty"], expected, rtol=2e-4)


def test_the_gates_see_a_novelty_that_differs(tmp_path):
    model, other = tiny(), tiny()
    other.familiarity.axes = 3 * other.familiarity.axes
    write_exported(to_onnx(model), tmp_path / "tiny.onnx", "f32")
    [row, *_] = check_parity(model, tmp_path / "tiny.onnx", [(40, 56)], [1])
    assert row.max_error < 1e-4
    [row, *_] = check_parity(other, tmp_path / "tiny.onnx", [(40, 56)], [1])
    assert row.max_error > 0.1
    camera = TrainingCamera.from_config(RuntimeConfig())
    runtimes = [WholeOpenVino(tmp_path / "tiny.onnx")]
    report = run_gate(Checkpoint(other), runtimes, find_pictures(None, 1), camera)
    assert report.worst.max_error < 1e-3
    with pytest.raises(LeadlineError, match="novelty differs"):
        refuse_difference(report, "tiny.onnx", 1e-3, lambda _row: "")


def test_a_program_of_torch_states_it_and_so_does_the_sidecar(tmp_path):
    model = tiny()
    write_program(model, tmp_path / "tiny.pt2", "rgb", {})
    picture = np.full((1, 40, 64, 3), (51, 102, 204), np.uint8)
    novelty = WholeProgram(tmp_path / "tiny.pt2").run(picture)["novelty"]
    expected = np.sqrt(0.1**2 + (2 * 0.2) ** 2 + (2 * 0.5) ** 2)
    np.testing.assert_allclose(novelty, [expected], rtol=2e-4)
    model.save(tmp_path / "model")
    about = describe("tiny", tmp_path / "model", "rgb", "f32")
    assert about["novelty"]["shape"] == "N"
    assert "uncertainty" not in about
