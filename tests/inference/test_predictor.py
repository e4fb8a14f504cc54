"""The predictor: any runtime, any picture, metres at the picture's own size."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import leadline
from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineError
from leadline.export.exporter import to_onnx, write_exported
from leadline.inference import Predictor, find_model
from leadline.inference.find_model import model_name
from leadline.io import read_photo
from leadline.io.checksums import seal_onnx
from leadline.models.build import load_model


@pytest.fixture(scope="module")
def exported(quick_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "quick.onnx"
    write_exported(to_onnx(load_model(quick_run / "model")), path, "f32")
    return path


def test_three_runtimes_agree(quick_run, exported, pairs):
    photo = read_photo(pairs / "rgb" / "000.png")
    results = [
        Predictor.load(quick_run)(photo),
        Predictor.load(exported)(photo),
        Predictor.load(exported, runtime="onnxruntime")(photo),
    ]
    for result in results:
        assert result.shape == (96, 128)
        np.testing.assert_allclose(result.depth, results[0].depth, atol=1e-3)
    assert results[0].depth.std() > 0


def test_a_batch_gives_what_single_images_give(exported):
    images = np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3), dtype=np.uint8)
    predictor = Predictor.load(exported)
    together = predictor.predict_batch(images).depth
    for image, depth in zip(images, together, strict=True):
        np.testing.assert_allclose(predictor(image).depth, depth, atol=1e-5)


def test_the_result_says_where_it_comes_from(exported, pairs):
    camera = Intrinsics.from_fov(60, 128, 96)
    result = Predictor.load(exported)(pairs / "rgb" / "000.png", camera)
    assert isinstance(result, DepthMap)
    assert result.intrinsics == camera
    assert result.provenance == {
        "model": "quick",
        "runtime": "openvino",
        "source": "000.png",
        "camera": "declared",
        "camera_use": "no training camera",
        "camera_scale": "1",
        "precision": "f32",
    }


def test_another_processing_area_changes_the_prediction_alike_in_both_runtimes(
    quick_run, exported, pairs
):
    photo = read_photo(pairs / "rgb" / "001.png")
    plain = Predictor.load(exported)(photo).depth
    larger = Predictor.load(exported, processing_area=24_576)(photo).depth
    in_torch = Predictor.load(quick_run, processing_area=24_576)(photo).depth
    assert np.abs(larger - plain).max() > 1e-3
    np.testing.assert_allclose(larger, in_torch, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no-such-model", {}, "no such file or folder, nor a shipped model"),
        ("{run}/recipe.yaml", {}, "not a model file"),
        ("{run}/samples", {}, "no model in this folder"),
        ("{run}", {"runtime": "openvino"}, "a model folder does not run in openvino"),
        ("{file}", {"runtime": "torch"}, "an exported file does not run in torch"),
        ("{file}", {"precision": "bf16", "runtime": "onnxruntime"}, "has no precision bf16"),
        ("{file}", {"device": "cuda"}, "openvino runtime runs on the cpu"),
        ("{file}", {"device": "toaster"}, "choose one of cpu, cuda"),
        ("{run}", {"hint": "throughput"}, "torch has none"),
        ("{run}", {"hint": "latency"}, "torch has none"),
        ("{file}", {"compiled": True}, "leave --compile out"),
        ("{file}", {"threads": 0}, "at least 1"),
        ("{file}", {"precision": "f64"}, "choose one of auto, f32, bf16"),
        ("{file}", {"processing_area": 0}, "1 to 178,956,970"),
        ("{file}", {"processing_area": 10**12}, "1 to 178,956,970"),
    ],
)
def test_a_wrong_choice_is_one_line(quick_run, exported, name, options, message):
    path = name.format(run=quick_run, file=exported)
    with pytest.raises(LeadlineError, match=message):
        Predictor.load(path, **options)


def test_damaged_model_files_are_one_line(tmp_path, quick_run, exported):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(exported.read_bytes()[:5000])
    for runtime in ("openvino", "onnxruntime"):
        with pytest.raises(LeadlineError, match=r"broken\.onnx") as caught:
            Predictor.load(broken, runtime=runtime)
        assert "\n" not in str(caught.value)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text((quick_run / "model" / "config.json").read_text())
    with pytest.raises(LeadlineError, match=r"model\.safetensors"):
        Predictor.load(folder)
    (folder / "model.safetensors").write_bytes(b"\x08" * 200)
    with pytest.raises(LeadlineError, match="not a safetensors file, or damaged"):
        Predictor.load(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_weight_that_is_not_finite_is_refused(exported, tmp_path, runtime, value):
    onnx.save(_with_bias(exported, value), tmp_path / "bad.onnx")
    with pytest.raises(LeadlineError, match=r"bad\.onnx: .*head\.bias' .* not finite"):
        Predictor.load(tmp_path / "bad.onnx", runtime=runtime)
    onnx.save(_with_bias(exported, 0.5), tmp_path / "good.onnx")
    Predictor.load(tmp_path / "good.onnx", runtime=runtime)


def _with_bias(exported, value):
    """The exported model without its checksum, with another bias of its head."""
    model = onnx.load(exported)
    del model.metadata_props[:]
    [weight] = [each for each in model.graph.initializer if "head.bias" in each.name]
    weight.CopyFrom(numpy_helper.from_array(np.full(1, value, np.float32), weight.name))
    return model


def _foreign(path, name="image", kind=TensorProto.UINT8, output="depth", shape=(1, 4, 18)):
    """Write a graph that makes of any picture a map of one shape."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [name], ["values"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["values", "shape"], [output]),
        ],
        "foreign",
        [helper.make_tensor_value_info(name, kind, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, list(shape))],
        [numpy_helper.from_array(np.array(shape, np.int64), "shape")],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_graph_of_others_is_one_line(tmp_path, runtime):
    for difference in ({"name": "pixels"}, {"kind": TensorProto.FLOAT}, {"output": "metres"}):
        path = _foreign(tmp_path / "foreign.onnx", **difference)
        with pytest.raises(LeadlineError, match=r"foreign\.onnx: not a graph exported by Leadline"):
            Predictor.load(path, runtime=runtime)
    predictor = Predictor.load(_foreign(path), runtime=runtime)
    assert predictor.predict_batch(np.ones((1, 4, 6, 3), np.uint8)).depth.shape == (1, 4, 18)
    with pytest.raises(LeadlineError, match=r"failed on 1 image\(s\) of 8x6"):
        predictor.predict_batch(np.ones((1, 6, 8, 3), np.uint8))


def test_nan_from_a_network_is_an_error_not_a_map(exported, pairs, tmp_path):
    content = _with_bias(exported, np.nan).SerializeToString()
    (tmp_path / "nan.onnx").write_bytes(seal_onnx(content))
    predictor = Predictor.load(tmp_path / "nan.onnx", runtime="onnxruntime")
    with pytest.raises(LeadlineError, match=r"000\.png: nan gives depth .* not finite at 100 %"):
        predictor(pairs / "rgb" / "000.png")


def test_a_checkpoint_with_nan_is_refused_when_it_is_loaded(quick_run, tmp_path):
    model = load_model(quick_run / "model")
    next(model.parameters()).data.view(-1)[7] = torch.nan
    model.save(tmp_path)
    with pytest.raises(LeadlineError, match=r"model\.safetensors: tensor .* not finite"):
        Predictor.load(tmp_path)


def test_a_foreign_array_is_refused(exported):
    predictor = Predictor.load(exported)
    with pytest.raises(LeadlineError, match="uint8 RGB"):
        predictor(np.zeros((4, 4), np.uint8))
    with pytest.raises(LeadlineError, match="uint8 RGB"):
        predictor.predict_batch(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(LeadlineError, match="uint8 RGB"):
        predictor.predict_batch(np.zeros((1, 0, 4, 3), np.uint8))


def test_run_and_model_folder_are_the_same_model(quick_run):
    assert find_model(quick_run) == find_model(quick_run / "model") == quick_run / "model"


@pytest.mark.parametrize("place", ["kitchen-v1.2", "kitchen-v1.2/model", "kitchen-v1.2.onnx"])
def test_a_model_is_called_by_the_whole_name_of_its_folder(tmp_path, place):
    path = tmp_path / place
    if path.suffix == ".onnx":
        path.touch()
    else:
        path.mkdir(parents=True)
    assert model_name(path, path) == "kitchen-v1.2"
    graph = path / "model.onnx"
    if path.is_dir():
        graph.touch()
        assert model_name(path, graph) == "kitchen-v1.2"


def test_importing_and_predicting_import_no_torch():
    code = (
        "import sys, numpy, leadline;"
        "d = leadline.load()(numpy.full((48, 64, 3), 90, numpy.uint8));"
        "assert d.shape == (48, 64) and d.valid.all();"
        "heavy = {'torch', 'torchvision', 'onnx', 'matplotlib', 'scipy'} & set(sys.modules);"
        "heavy |= {'openvino.tools.ovc', 'absl'} & set(sys.modules);"
        "assert not heavy, heavy;"
        "import openvino;"  # as for others in this process, its converter is there
        "assert openvino.convert_model is openvino.tools.ovc.convert_model;"
        "assert not hasattr(openvino, 'nothing')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_names_at_the_top(capsys):
    assert leadline.load().name == "crisp-nyu"
    with pytest.raises(AttributeError, match="no_such"):
        leadline.no_such  # noqa: B018
