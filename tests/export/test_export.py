"""Exported files equal the checkpoint, at odd sizes, in both runtimes and both formats."""

import copy
import shutil
from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.export import export_model as export_module
from leadline.export.export_model import export_model
from leadline.export.exporter import rounded_like, to_onnx, write_exported
from leadline.export.parity import check_parity, smooth_pictures
from leadline.inference import Predictor
from leadline.io.checksums import verify_weights
from leadline.models import ModelConfig, create_model, load_model
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline, resize_bilinear
from leadline.models.size_policy import processing_size, shrink_sizes
from leadline.weights import shipped_checkpoint

SIZES = ((480, 640), (375, 1242), (97, 61), (1, 300))


@pytest.fixture(scope="module")
def model():
    """The compact network with BatchNorm statistics that are not the trivial ones."""
    network = create_model(
        # A quarter of the usual area: every larger picture is shrunk to it.
        ModelConfig("compact", stride=16, normalization="symmetric", training_area=20_480),
        seed=3,
    )
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(1.0, 2.0, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def graph(model):
    return to_onnx(model, description="a test")


@pytest.mark.parametrize("suffix", [".onnx", ".xml"])
@pytest.mark.parametrize("weights", ["f32", "fp16"])
def test_the_file_equals_the_checkpoint(model, graph, tmp_path, suffix, weights):
    path = tmp_path / f"m{suffix}"
    write_exported(graph, path, weights)
    rows = check_parity(rounded_like(model, weights), path, SIZES)
    assert {row.runtime for row in rows} == (
        {"openvino", "onnxruntime"} if suffix == ".onnx" else {"openvino"}
    )
    assert len(rows) == len(SIZES) * 2 * (2 if suffix == ".onnx" else 1)
    assert max(row.max_error for row in rows) < 1e-4
    # The comparison is not of constants: predictions differ from pixel to pixel.
    depth = Predictor.load(path).predict_batch(smooth_pictures(1, 480, 640)).depth
    assert depth.std() > 1e-3


def test_fp16_halves_the_size_and_costs_little(model, graph, tmp_path):
    for weights in ("f32", "fp16"):
        write_exported(graph, tmp_path / f"{weights}.onnx", weights)
    sizes = [(tmp_path / f"{weights}.onnx").stat().st_size for weights in ("fp16", "f32")]
    assert sizes[0] < 0.6 * sizes[1]
    rows = check_parity(model, tmp_path / "fp16.onnx", [(240, 320)])
    assert 0 < max(row.max_error for row in rows) < 0.02


def test_bf16_is_near_and_not_the_default(graph, tmp_path):
    write_exported(graph, tmp_path / "m.xml", "f32")
    image = smooth_pictures(1, 240, 320)
    exact = Predictor.load(tmp_path / "m.xml").predict_batch(image).depth
    coarse = Predictor.load(tmp_path / "m.xml", precision="bf16").predict_batch(image).depth
    assert np.abs(coarse / exact - 1).max() < 0.05


def test_nothing_of_this_machine_is_in_the_file(graph):
    text = onnx.ModelProto.SerializeToString(graph)
    assert b"site-packages" not in text
    assert b"/src/" not in text


def test_the_file_asks_for_no_newer_format_than_it_needs(graph):
    [opset] = graph.opset_import
    assert opset.version == 18
    assert graph.ir_version == 8  # that of opset 18; with 10, ONNX Runtime 1.17 refuses the file
    onnx.checker.check_model(graph, full_check=True)


def test_a_wrong_name_or_type_is_refused(graph, tmp_path):
    with pytest.raises(LeadlineError, match=r"\.onnx .*\.xml"):
        write_exported(graph, tmp_path / "m.bin", "f32")
    with pytest.raises(LeadlineError, match="choose one of f32, fp16"):
        write_exported(graph, tmp_path / "m.onnx", "int3")


@pytest.mark.parametrize("format", ["checkpoint", "onnx", "openvino"])
def test_an_unknown_type_of_weights_is_refused_in_every_format(format, tmp_path):
    with pytest.raises(LeadlineError, match="weights 'int8': choose one of f32, fp16"):
        export_model("compact-nyu", tmp_path, format=format, weights="int8")
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"tolerance": 1e-3}, "--tolerance"),
        ({"images": "worlds"}, "--images"),
        ({"image_count": 3}, "--image-count"),
    ],
)
def test_options_of_a_check_are_refused_where_a_copy_cannot_be_checked(
    options, named, tmp_path, monkeypatch
):
    monkeypatch.setattr(export_module, "is_installed", lambda _module: False)
    with pytest.raises(LeadlineError, match=f"{named}: a copied model folder is checked in torch"):
        export_model("compact-nyu", tmp_path / "m", format="checkpoint", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["checkpoint", "onnx"])
def test_a_weight_that_float16_cannot_hold_is_refused(model, tmp_path, format):
    wild = copy.deepcopy(model)
    name, weight = next((n, p) for n, p in wild.named_parameters() if p.numel() >= 1024)
    weight.data.view(-1)[5] = -65_504.0  # the last that it holds
    wild.save(tmp_path / "wild", "fp16")
    assert load_model(tmp_path / "wild").get_parameter(name).view(-1)[5] == -65_504.0
    weight.data.view(-1)[5] = -1e5
    wild.save(tmp_path / "wild")
    with pytest.raises(LeadlineError, match=rf"'{name}' holds -100000, .*65504; store .* f32"):
        export_model(tmp_path / "wild", tmp_path / "out", format=format, weights="fp16")
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 640), (240, 320)),
        ((640, 480), (320, 240)),
        ((375, 1242), (160, 512)),
        ((4000, 6000), (224, 336)),
        ((240, 320), (240, 320)),
        ((1, 300), (16, 4800)),
    ],
)
def test_the_processing_size_keeps_the_aspect_ratio(size, expected):
    assert processing_size(*size, training_area=76_800, stride=16) == expected


def test_shrinking_never_skips_a_pixel():
    sizes = [(4000, 6000), *shrink_sizes((4000, 6000), (224, 336))]
    for (h0, w0), (h1, w1) in pairwise(sizes):
        assert h0 / h1 <= 2 and w0 / w1 <= 2
    assert sizes[-1] == (224, 336)
    assert shrink_sizes((100, 100), (240, 240)) == [(240, 240)]
    assert shrink_sizes((240, 240), (240, 240)) == []


def test_halving_is_the_mean_of_four():
    x = torch.rand(1, 3, 8, 10)
    mean = x.reshape(1, 3, 4, 2, 5, 2).mean(dim=(3, 5))
    torch.testing.assert_close(resize_bilinear(x, (4, 5)), mean)


def test_the_pipeline_in_torch_is_what_forward_does_at_the_training_size(model):
    image = torch.randint(0, 256, (2, 128, 160, 3), dtype=torch.uint8)
    with torch.inference_mode():
        whole = InferencePipeline(model)(image)["depth"]
        small = model(image.permute(0, 3, 1, 2).float() / 255)["depth"]
    assert whole.shape == (2, 128, 160)
    torch.testing.assert_close(whole, resize_bilinear(small, (128, 160))[:, 0])


class Classes(DepthModel):
    """Depth and class scores of one convolution each: exported in a moment."""

    def __init__(self, config, classes):
        super().__init__(config)
        self.depth = nn.Conv2d(3, 1, 3, padding=1)
        self.scores = nn.Conv2d(3, classes, 5, padding=2)

    def network(self, images):
        return {"target": self.depth(images), "logits": self.scores(images)}


@pytest.mark.parametrize(("classes", "kind"), [(40, np.uint8), (300, np.int32)])
def test_class_maps_of_the_file_are_those_of_the_checkpoint(tmp_path, classes, kind):
    torch.manual_seed(0)
    network = Classes(ModelConfig("classes", stride=16, training_area=5_120), classes).eval()
    write_exported(to_onnx(network), tmp_path / "m.onnx", "f32")
    image = smooth_pictures(1, 97, 131)
    with torch.inference_mode():
        expected = InferencePipeline(network)(torch.from_numpy(image))["labels"].numpy()
    found = Predictor.load(tmp_path / "m.onnx").predict_batch(image).labels
    assert found.dtype == expected.dtype == kind
    assert np.unique(expected).size > 3
    assert (found == expected).mean() > 0.999


@pytest.mark.parametrize("tolerance", [float("nan"), 0.0, -1.0])
def test_a_tolerance_that_is_none_is_refused(tolerance, tmp_path):
    with pytest.raises(LeadlineError, match=r"tolerance .*: give metres above 0"):
        export_model("compact-nyu", tmp_path / "m.onnx", tolerance=tolerance)
    assert not list(tmp_path.iterdir())


def test_a_configuration_that_is_none_is_one_line(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("[]")
    shutil.copy(shipped_checkpoint("compact-nyu") / "model.safetensors", tmp_path / "m")
    with pytest.raises(LeadlineError, match=r"config\.json: not a Leadline model configuration"):
        export_model(tmp_path / "m", tmp_path / "m.onnx")


def test_a_link_in_the_place_of_a_file_is_written_through(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real.onnx").write_text("old")
    (tmp_path / "m.onnx").symlink_to(tmp_path / "disk" / "real.onnx")
    exported = export_model("compact-nyu", tmp_path / "m.onnx", image_count=1)
    assert exported.files == (tmp_path / "m.onnx",) and (tmp_path / "m.onnx").is_symlink()
    assert verify_weights(tmp_path / "disk" / "real.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "m.onnx", "m.onnx.json"]
