"""A network's uncertainty goes through every runtime and format."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from leadline.depth import DepthMap
from leadline.depth.calibration import Calibration
from leadline.errors import LeadlineError
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.gate import refuse_difference, run_gate
from leadline.export.parity import check_parity
from leadline.export.pictures import find_pictures
from leadline.export.whole_file import Checkpoint, WholeOpenVino
from leadline.inference import OutputOptions, Predictor, predict
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtimes import OnnxRuntime, OpenVinoRuntime
from leadline.io.convert import convert
from leadline.io.formats import read_depth
from leadline.models.base import DepthModel
from leadline.models.config import ModelConfig
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
    factors = {"50": 0.5, "80": 1.5}
    config = ModelConfig(
        "tiny", {"uncertainty": True}, stride=16, training_area=2_560, interval_factors=factors
    )
    return Tiny(config).eval()


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


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_what_nobody_asks_for_is_left_out_and_depth_stays(exported, runtime):
    image = np.random.default_rng(0).integers(0, 256, (71, 45, 3), dtype=np.uint8)
    whole = Predictor.load(exported / "tiny.onnx", runtime=runtime)
    bare = Predictor.load(exported / "tiny.onnx", runtime=runtime, uncertainty=False)
    assert (whole.states_uncertainty, bare.states_uncertainty) == (True, False)
    np.testing.assert_array_equal(bare(image).depth, whole(image).depth)
    assert whole(image).uncertainty is not None and bare(image).uncertainty is None
    if runtime == "openvino":  # not even computed
        assert [name for name, _ in bare.runtime._network.finish] == ["depth"]
        assert len(bare.runtime._network.model.outputs) == 1


def test_the_gates_see_an_uncertainty_that_differs(tiny, exported):
    [row, *_] = check_parity(tiny, exported / "tiny.onnx", [(40, 56)], [1])
    assert row.max_error < 1e-4
    other = Tiny(tiny.config).eval()
    other.load_state_dict(tiny.state_dict())
    with torch.no_grad():
        other.spread.bias += 0.1
    assert check_parity(other, exported / "tiny.onnx", [(40, 56)], [1])[0].max_error > 1e-3
    runtimes = [OnnxRuntime(exported / "tiny.onnx", threads=1)]
    camera, pictures = TrainingCamera.from_config(runtimes[0].config), find_pictures(None, 2)
    alike = run_gate(Checkpoint(tiny), runtimes, pictures, camera)
    assert alike.rows[0].stated_error < 1e-4
    refuse_difference(alike, "tiny.onnx", 1e-3, lambda row: "")
    with pytest.raises(LeadlineError, match="the uncertainty, validity or novelty differs"):
        different = run_gate(Checkpoint(other), runtimes, pictures, camera)
        refuse_difference(different, "tiny.onnx", 1e-3, lambda row: "")


@pytest.fixture
def photos(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos/a.png")
    return tmp_path / "photos"


def test_predict_writes_it_and_nothing_takes_it_for_metres(exported, photos, tmp_path):
    output = OutputOptions(uncertainty=True, color=True, color_range="per-image")
    results = predict(
        photos / "a.png", tmp_path / "out", model=exported / "tiny.xml", output=output
    )
    depth = Predictor.load(exported / "tiny.xml")(photos / "a.png")
    assert {file.name for file in results.done[0].files} == {
        "a.npy", "a_color.png", "a_uncertainty.npy", "a_uncertainty_color.png"
    }  # fmt: skip
    written = np.load(tmp_path / "out/a_uncertainty.npy")
    np.testing.assert_allclose(written, depth.uncertainty, rtol=1e-5)
    about = json.loads((tmp_path / "out/a_uncertainty.npy.json").read_text())
    assert json.loads(about["leadline:interval_factors"]) == {"50": 0.5, "80": 1.5}
    with pytest.raises(LeadlineError, match=r"a_uncertainty\.npy: is the uncertainty"):
        read_depth(tmp_path / "out/a_uncertainty.npy")
    for picture in (tmp_path / "out").glob("*_color.png"):
        picture.rename(tmp_path / picture.name)
    converted = convert(tmp_path / "out", tmp_path / "pfm", format="pfm")
    assert [path.name for path in converted.done] == ["a.pfm"] and not converted.failures
    later = OutputOptions(uncertainty=True)
    tiny = exported / "tiny.xml"
    again = predict(
        photos / "a.png", tmp_path / "out", model=tiny, output=later, skip_existing=True
    )
    assert again.existing == 1
    near, far = depth.interval(80)
    np.testing.assert_allclose(np.log(far / depth.depth), 1.5 * depth.uncertainty, rtol=1e-3)
    np.testing.assert_allclose(near * far, depth.depth**2, rtol=1e-5)


def test_a_model_without_it_refuses_in_one_line(photos, tmp_path):
    with pytest.raises(LeadlineError, match="compact-nyu: states no uncertainty"):
        predict(
            photos / "a.png",
            tmp_path / "out",
            model="compact-nyu",
            output=OutputOptions(uncertainty=True),
        )


def test_an_interval_follows_a_shift_of_inverse_depth():
    b = np.full((1, 3), 1e-4, np.float32)
    before = DepthMap.from_metres([[1.0, 2.0, 4.0]], uncertainty=b, interval_factors={"80": 1.0})
    correction = Calibration(1.1, 0.2)
    near, far = correction.apply(before).interval(80)
    # The ends of the interval, corrected one by one.
    for end, given in zip(before.interval(80), (near, far), strict=True):
        np.testing.assert_allclose(given, correction.metres(end), rtol=1e-6)


@pytest.mark.parametrize(
    ("uncertainty", "factors", "says"),
    [
        (None, {}, "no uncertainty"),
        (np.ones((1, 2), np.float32), {"50": 1.0}, r"80 % .*there are: 50"),
        (np.ones((2, 1), np.float32), {}, "same shape"),
        (np.zeros((1, 2), np.float32), {}, "positive and finite"),
    ],
)
def test_what_has_no_interval_says_so(uncertainty, factors, says):
    with pytest.raises(LeadlineError, match=says):
        DepthMap.from_metres(
            [[1.0, 2.0]], uncertainty=uncertainty, interval_factors=factors
        ).interval(80)
