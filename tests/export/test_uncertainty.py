"""A network's uncertainty goes through every runtime and format."""

import numpy as np
import pytest
import torch
from torch import nn

from leadline.export.exporter import to_onnx, write_exported
from leadline.export.whole_file import WholeOpenVino
from leadline.inference.runtimes import OnnxRuntime, OpenVinoRuntime
from leadline.models.base import DepthModel, ModelConfig
from leadline.models.pipeline import InferencePipeline


class Tiny(DepthModel):
    """Depth as large as its input, uncertainty half as large, each of one convolution."""

    def __init__(self, config):
        super().__init__(config)
        self.depth = nn.Conv2d(3, 1, 3, padding=1)
        self.spread = nn.Conv2d(3, 1, 2, stride=2)

    def network(self, images):
        return {"target": self.depth(images), "log_spread": self.spread(images)}


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return Tiny(ModelConfig("tiny", stride=16, training_area=2_560)).eval()


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    folder, graph = tmp_path_factory.mktemp("exported"), to_onnx(tiny)
    for file in ("tiny.onnx", "tiny.xml"):
        write_exported(graph, folder / file, "f32")
    return folder


def test_uncertainty_is_the_same_in_every_runtime_at_any_size(tiny, exported):
    images = np.random.default_rng(0).integers(0, 256, (2, 71, 45, 3), dtype=np.uint8)
    small = InferencePipeline(tiny).resize(torch.from_numpy(images))
    with torch.inference_mode():
        scale = tiny.spread((small - tiny.mean) / tiny.std).exp()
    expected = nn.functional.interpolate(scale, size=(71, 45), mode="bilinear")[:, 0].numpy()
    assert expected.std() > 0.1
    runtimes = [
        OpenVinoRuntime(exported / "tiny.onnx", threads=1),
        OpenVinoRuntime(exported / "tiny.xml", threads=1),
        OnnxRuntime(exported / "tiny.onnx", threads=1),
        WholeOpenVino(exported / "tiny.xml"),
    ]
    for runtime in runtimes:
        outputs = runtime.run(images)
        assert set(outputs) == {"depth", "uncertainty"}
        np.testing.assert_allclose(outputs["uncertainty"], expected, rtol=1e-4)
    assert runtimes[0]._network is not None  # only the network is compiled
