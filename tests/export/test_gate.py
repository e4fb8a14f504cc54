"""The gate on pictures: its numbers, and the mistakes of exports that it is there to catch."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from PIL import Image

from leadline.depth import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.export.causes import find_cause
from leadline.export.export_model import export_model
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.gate import GateRow, refuse_difference, run_gate
from leadline.export.pictures import Picture, Pictures, find_pictures, smooth_pictures
from leadline.export.whole_file import Checkpoint, WholeOpenVino
from leadline.inference import Predictor
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.inference.runtimes import OnnxRuntime
from leadline.io.atomic import DiskError
from leadline.io.photos import DERIVED, write_png
from leadline.models import ModelConfig, create_model, load_model
from leadline.models.pipeline import InferencePipeline

CAMERA = TrainingCamera(None, 5_120, 16, 5_120)
IMAGE = smooth_pictures(1, 61, 97)[0]


class Constant(Runtime):
    """A runtime that gives the same map for every picture."""

    def __init__(self, name, depth):
        self.name, self.depth = name, np.asarray(depth, np.float32)
        self.config = RuntimeConfig()

    def run(self, images):
        return {"depth": np.repeat(self.depth[None], len(images), axis=0)}


class Given(Pictures):
    """Pictures in memory."""

    def __len__(self):
        return len(self.source)

    def read(self, index):
        return self.source[index]


@pytest.fixture(scope="module")
def model():
    config = ModelConfig("compact", stride=16, normalization="imagenet", training_area=5_120)
    return create_model(config, seed=3).eval()


@pytest.fixture(scope="module")
def bgr(model):
    return to_onnx(model, input_channels="bgr", about={"unit": "metre"})


def broken(graph, tmp_path, config=None, values=None):
    """Write a graph with another configuration, or with other values in some of its weights."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    if config is not None:
        helper.set_model_props(copy, {"leadline": json.dumps(config)})
    for tensor in copy.graph.initializer:
        for name, value in (values or {}).items():
            if tensor.name.endswith(name):
                array = numpy_helper.to_array(tensor)
                tensor.CopyFrom(numpy_helper.from_array(np.full_like(array, value), tensor.name))
    write_exported(copy, tmp_path / "m.onnx", "f32")
    return OnnxRuntime(tmp_path / "m.onnx")


def test_the_numbers_are_those_of_the_differences():
    true = np.full((10, 20), 2.0)
    other = true.copy()
    other[3, 7] = 5.0
    other[4] += 0.5  # a tenth of the pixels
    picture = Picture("a.jpg", np.zeros((10, 20, 3), np.uint8), DepthMap.from_metres(true))
    report = run_gate(
        Constant("torch", true), [Constant("other", other)], Given("here", (picture,)), CAMERA
    )
    [row] = report.rows
    assert (row.max_error, report.pictures, report.reference) == (3.0, 1, "torch")
    assert row.mean_error == pytest.approx((3.0 + 20 * 0.5) / 200)
    assert row.relative_error == pytest.approx(row.mean_error / 2)
    assert row.p99_error == pytest.approx(0.5)
    assert (row.worst.picture, row.worst.x, row.worst.y) == ("a.jpg", 7, 3)
    assert row.scores["abs_rel"] == pytest.approx((0.0, row.relative_error))
    assert row.scores["delta1"] == pytest.approx((1.0, 1 - 21 / 200))


def test_the_relative_error_is_of_pixels_with_a_depth():
    true, other = np.full((4, 5), 2.0), np.full((4, 5), 3.0)
    true[0], true[1] = 0, -0.1  # as bicubic interpolation has it beside steps
    picture = Picture("a.jpg", np.zeros((4, 5, 3), np.uint8))
    [row] = run_gate(
        Constant("torch", true), [Constant("other", other)], Given("here", (picture,)), CAMERA
    ).rows
    assert row.relative_error == pytest.approx(0.5)


def test_a_depth_that_is_not_a_number_fails():
    true, nan = np.ones((4, 5)), np.full((4, 5), np.nan)
    picture = Picture("a.jpg", np.zeros((4, 5, 3), np.uint8))
    report = run_gate(
        Constant("torch", true), [Constant("other", nan)], Given("here", (picture,)), CAMERA
    )
    with pytest.raises(LeadlineError, match=r"m\.onnx: in other .*a\.jpg at x=0, y=0"):
        refuse_difference(report, "m.onnx", 1.0, lambda row: "")


class Classes(Constant):
    """Metres, and classes beside them."""

    def __init__(self, name, depth, labels):
        super().__init__(name, depth)
        self.labels = labels

    def run(self, images):
        return {**super().run(images), **({} if self.labels is None else {"labels": self.labels})}


def test_pixels_of_another_class_are_counted_and_refused():
    depth, true = np.ones((40, 50)), np.zeros((1, 40, 50), np.uint8)
    picture = Picture("a.jpg", np.zeros((40, 50, 3), np.uint8))
    for changed, share in ((1, 0.9995), (20, 0.99), (None, 0.0)):
        labels = None if changed is None else true.copy()
        if changed is not None:
            labels[0, 0, :changed] = 7
        report = run_gate(
            Classes("torch", depth, true),
            [Classes("other", depth, labels)],
            Given("here", (picture,)),
            CAMERA,
        )
        assert report.rows[0].same_labels == share
        if changed == 1:
            refuse_difference(report, "m.onnx", 1.0, lambda row: "")
            continue
        with pytest.raises(LeadlineError, match=r"in other (1|100)\.00% of the pixels"):
            refuse_difference(report, "m.onnx", 1.0, lambda row: "")
    plain = run_gate(
        Constant("torch", depth), [Constant("other", depth)], Given("here", (picture,)), CAMERA
    )
    assert plain.rows[0].same_labels is None


def gate_of(model, runtime):
    pictures = Given("here", (Picture("blobs", IMAGE),))
    report = run_gate(Checkpoint(model), [runtime], pictures, CAMERA)

    def explain(row: GateRow) -> str:
        return find_cause(model, runtime, IMAGE)

    refuse_difference(report, "m.onnx", 1e-3, explain)
    return report


def test_swapped_channels_are_caught_and_named(model, bgr, tmp_path):
    says_rgb = broken(bgr, tmp_path, config={})
    with pytest.raises(LeadlineError, match=r"blobs at x=.*red and blue are exchanged"):
        gate_of(model, says_rgb)


def test_a_dropped_normalisation_is_caught_and_named(model, bgr, tmp_path):
    runtime = broken(bgr, tmp_path, values={"model.mean": 0.0, "model.std": 1.0})
    with pytest.raises(LeadlineError, match=r"blobs at x=.*lacks the normalisation"):
        gate_of(model, runtime)


def test_a_file_for_bgr_takes_bgr_and_leadline_gives_it(model, bgr, tmp_path):
    write_exported(bgr, tmp_path / "m.onnx", "f32")
    with torch.inference_mode():
        expected = InferencePipeline(model)(torch.from_numpy(IMAGE[None]))["depth"].numpy()
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    reversed_colours = np.ascontiguousarray(IMAGE[None, ..., ::-1])
    [raw] = session.run(["depth"], {"image": reversed_colours})
    np.testing.assert_allclose(raw, expected, atol=1e-4)
    whole = WholeOpenVino(tmp_path / "m.onnx").run(IMAGE[None])["depth"]
    np.testing.assert_allclose(whole, expected, atol=1e-4)
    for runtime in ("onnxruntime", "openvino"):
        predictor = Predictor.load(tmp_path / "m.onnx", runtime=runtime, precision="f32")
        np.testing.assert_allclose(predictor.predict_batch(IMAGE[None]).depth, expected, atol=1e-4)
    assert gate_of(model, OnnxRuntime(tmp_path / "m.onnx")).rows[0].max_error < 1e-4


def test_pictures_are_those_of_a_folder_or_of_a_data_set(pairs, tmp_path):
    data = find_pictures(pairs, 5)
    assert len(data) == 5 and data.read(0).truth is not None
    for index in range(3):
        Image.fromarray(IMAGE).save(tmp_path / f"{index}.png")
    # What is hidden, the system's, or a result of Leadline is none of them.
    (tmp_path / "__MACOSX").mkdir()
    for name in ("._0.png", "__MACOSX/1.png"):
        (tmp_path / name).write_bytes(b"no picture")
    write_png(tmp_path / "3_color.png", IMAGE, DERIVED)
    photos = find_pictures(tmp_path, 2)
    assert [picture.name for picture in photos] == [str(tmp_path / f"{i}.png") for i in (0, 2)]
    assert len(find_pictures(None, 3)) == 3
    with pytest.raises(LeadlineError, match="no such pictures"):
        find_pictures(tmp_path / "gone", 3)


def test_a_file_that_differs_is_not_written(quick_run, tmp_path, monkeypatch):
    monkeypatch.setattr("leadline.export.parity.SIZES", ((61, 97),))
    with pytest.raises(LeadlineError, match="nothing was written"):
        export_model(quick_run, tmp_path / "m.onnx", tolerance=1e-12, image_count=1)
    assert list(tmp_path.iterdir()) == []


def test_an_export_says_in_a_file_what_it_is(quick_run, tmp_path, monkeypatch):
    monkeypatch.setattr("leadline.export.parity.SIZES", ((61, 97),))
    exported = export_model(quick_run, tmp_path / "m.onnx", image_count=2)
    about = json.loads((tmp_path / "m.onnx.json").read_text())
    assert exported.sidecar == tmp_path / "m.onnx.json"
    assert about["output"]["holds"] == "planar z, metres"
    assert about["size_policy"]["stride"] == 16 and len(about["recipe_sha256"]) == 64
    assert about["gate"]["pictures"] == 2
    assert set(about["gate"]["rows"][0]["scores"]) >= {"delta1", "abs_rel"}
    metadata = onnxruntime.InferenceSession(str(exported.files[0])).get_modelmeta()
    inside = json.loads(metadata.custom_metadata_map["leadline_export"])
    assert inside["checkpoint_sha256"] == about["checkpoint_sha256"]
    folder = shutil.copytree(quick_run / "model", tmp_path / "run" / "model")
    shutil.copy(exported.files[0], folder / "model.onnx")
    assert Predictor.load(folder.parent).runtime.name == "openvino"
    # As a training that goes on leaves it.
    network = load_model(folder)
    next(network.parameters()).data.mul_(2)
    network.save(folder)
    with pytest.raises(LeadlineError, match=r"model\.onnx: was exported from other weights"):
        Predictor.load(folder.parent)
    assert Predictor.load(folder.parent, runtime="torch").runtime.name == "torch"


def test_a_file_whose_sidecar_cannot_be_written_is_not_there_either(tmp_path, monkeypatch):
    def full(path, content):
        raise DiskError(f"{path}: no space left")

    (tmp_path / "m.onnx").write_bytes(b"earlier")
    monkeypatch.setattr("leadline.export.sidecar.write_json", full)
    with pytest.raises(LeadlineError, match=rf"{tmp_path}/m\.onnx\.json: no space left"):
        export_model("compact-nyu", tmp_path / "m.onnx", image_count=1)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_bytes() == b"earlier"


def test_metres_follow_the_camera_of_the_picture_before_they_are_scored():
    """A lens of twice the training camera's focal length doubles the metres."""
    camera = TrainingCamera(50.0, 64 * 64, 16, 64 * 64)
    truth = DepthMap.from_metres(np.full((64, 64), 4.0))
    pixels = np.zeros((64, 64, 3), np.uint8)
    half = np.full((64, 64), 2.0, np.float32)
    for focal, abs_rel in ((100.0, 0.0), (50.0, 0.5), (None, 0.5)):
        lens = None if focal is None else Intrinsics.centred(focal, 64, 64)
        comparison = Picture("a", pixels, truth, lens).compare(half, camera)
        assert comparison.metrics["abs_rel"] == pytest.approx(abs_rel, abs=1e-6)
    assert Picture("a", pixels).compare(half, camera) is None
