"""An 8-bit file for ONNX Runtime: how it is made, and that it stays near the float32 one."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch.nn import functional

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.export import int8_onnx
from leadline.export.export_model import export_model
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.files import write_sealed
from leadline.export.int8_loss import LossMeasure, divided, find_calibration
from leadline.export.int8_onnx import _as_convolutions, quantise_onnx
from leadline.export.pictures import find_pictures, smooth_pictures
from leadline.export.whole_file import WholeOpenVino
from leadline.inference import Predictor, int8_file, onnx_runtime
from leadline.inference.camera import TrainingCamera
from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io import processors
from leadline.models import ModelConfig, create_model
from tests.cli.helpers import leadline_here
from tests.conftest import write_pairs
from tests.progress import Recorder

exact_sums = pytest.mark.skipif(
    not processors.adds_bytes_exactly(), reason="8-bit sums may overflow here"
)


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """A network of random weights, which takes BGR."""
    path = tmp_path_factory.mktemp("exact") / "m.onnx"
    config = ModelConfig("compact", stride=16, training_area=5_120, precision_loss={"int8": 0.004})
    write_exported(to_onnx(create_model(config, seed=3).eval(), input_channels="bgr"), path, "f32")
    return path


@pytest.fixture(scope="module")
def quantised(exact, tmp_path_factory):
    """What quantising it made, not beside it, and the report."""
    model, report = quantise_onnx(exact, find_pictures(None, 8), max_loss=0.2)
    path = tmp_path_factory.mktemp("quantised") / "m-int8.onnx"
    write_sealed(model.SerializeToString(), path)
    return path, report


@pytest.fixture
def photo_folder(tmp_path):
    tmp_path = tmp_path / "photos"
    tmp_path.mkdir()
    for index in range(9):
        Image.fromarray(smooth_pictures(1, 24, 32, seed=index)[0]).save(tmp_path / f"{index}.png")
    return tmp_path


@pytest.fixture
def pair(exact, quantised, tmp_path):
    """The float32 graph with the 8-bit one beside it."""
    for file in (exact, quantised[0]):
        shutil.copy(file, tmp_path)
    return tmp_path / "m.onnx"


def graph_of(nodes, weights, outputs, size=("h", "w")):
    """Return a model from `x` (1,3,h,w), or another size, to outputs."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize(
    ("kernel", "stride", "pads", "more"),
    [
        (4, 2, [1, 1, 1, 1], 0),
        (2, 2, [0, 0, 0, 0], 0),
        (3, 2, [1, 1, 1, 1], 1),
        (3, 2, [0, 0, 1, 1], 0),
        (6, 2, [2, 2, 2, 2], 0),
        (5, 3, [1, 1, 1, 1], 0),
        (8, 4, [2, 2, 2, 2], 0),
    ],
)
def test_a_transposed_convolution_is_one_convolution_for_each_place(kernel, stride, pads, more):
    rng = np.random.default_rng(kernel)
    weights = {
        "w": rng.normal(size=(3, 5, kernel, kernel)).astype(np.float32),
        "b": rng.normal(size=5).astype(np.float32),
    }
    options = {"strides": [stride] * 2, "pads": pads, "output_padding": [more] * 2}
    node = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], "net/up", **options)
    x = rng.normal(size=(1, 3, 7, 9)).astype(np.float32)
    own = dict(weights)
    parts = _as_convolutions(node, own)
    assert [part.op_type for part in parts] == ["Conv"] * stride**2 + ["Concat", "DepthToSpace"]
    used = {name for part in parts for name in part.input}
    # Of as many multiplications: each weight is in one of them.
    assert sum(own[name].size for name in used & own.keys() - {"b"}) == weights["w"].size
    expected, given = (
        onnxruntime.InferenceSession(graph_of(nodes, values, ["y"]).SerializeToString()).run(
            None, {"x": x}
        )[0]
        for nodes, values in (
            ([node], weights),
            (parts, {name: value for name, value in own.items() if name in used}),
        )
    )
    assert given.shape == (1, 5, 7 * stride, 9 * stride)
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": [2, 2]},  # one more than twice
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [1, 1], "pads": [1, 1, 1, 1]},
        {"strides": [2, 1], "pads": [0, 1, 1, 1]},
        {"strides": [2, 2], "pads": [0, 0, 1, 1], "group": 3},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ],
)
def test_other_transposed_convolutions_stay(options):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], "net/up", **options)
    assert _as_convolutions(node, {"w": np.ones((3, 3, 3, 3), np.float32)}) == [node]


class Channels:
    """A graph whose first 1x1 layer is rounded: two weights of which the smaller becomes 0."""

    WEIGHTS = (1.27, 0.004, 0.0)  # a step is 0.01
    INPUT = (0.25, 8.0, 1.0)

    def __init__(self, weights=(WEIGHTS,), biases=(0.0,)):
        count = len(weights)
        ones, nothing = np.ones((1, count, 1, 1), np.float32), np.zeros(1, np.float32)
        first = np.array(weights, np.float32).reshape(count, 3, 1, 1)
        zero = np.array(biases, np.float32)
        self.model = graph_of(
            [
                helper.make_node("Conv", ["x", "first", "zero"], ["a"], "net/first"),
                helper.make_node("Relu", ["a"], ["b"], "net/relu"),
                helper.make_node("Conv", ["b", "last", "0"], ["depth"], "net/last"),
            ],
            {"first": first, "zero": zero, "last": ones, "0": nothing},
            ["depth"],
            size=(2, 2),
        )
        self.graph = int8_onnx._Graph(self.model)
        self.x = np.ones((1, 3, 2, 2), np.float32) * np.reshape(self.INPUT, (1, 3, 1, 1))
        self.seen = {name: int8_onnx._Seen(0.0, 8.0, (1, count, 2, 2)) for name in ("a", "b")}
        self.seen["depth"] = int8_onnx._Seen(0.0, 8.0, (1, 1, 2, 2))
        self.seen["x"] = int8_onnx._Seen(0.0, 8.0, (1, 3, 2, 2))
        for _ in range(2):
            self.seen["x"].add(0, 8, (1, 3, 2, 2))
            self.seen["x"].add_mean(np.array(self.INPUT, np.float32))

    def depth(self, model):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"x": self.x.astype(np.float32)})[0]


@exact_sums
def test_a_bias_takes_back_what_rounded_weights_add():
    case = Channels()
    # 1.27 x 0.25 + 0.004 x 8 = 0.3495; without the second, 0.032 less. A step of a sum is that of
    # the input, 8 / 255, so that no more than half of one is lost besides.
    exact = 1.27 * 0.25 + 0.004 * 8
    np.testing.assert_allclose(case.depth(case.model), exact, rtol=1e-6)
    model = int8_onnx._quantised(case.model, case.graph, case.seen, ["net/last"])
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    assert constants["first_quantized"].ravel().tolist() == [127, 0, 0]
    [bias] = [value for name, value in constants.items() if name.endswith("zero_quantized")]
    assert bias.tolist() == [round(0.032 / (8 / 255 * 0.01))]
    np.testing.assert_allclose(case.depth(model), exact, atol=8 / 255 / 2 + 1e-6)


@pytest.mark.parametrize(
    ("groups", "pads", "stride", "dilation"),
    [(1, [1, 1, 1, 1], 1, 1), (2, [2, 0, 1, 3], 2, 1), (4, [2, 2, 2, 2], 1, 2), (1, [0] * 4, 2, 1)],
)
def test_what_weights_add_to_a_mean_is_that_of_even_maps(groups, pads, stride, dilation):
    rng = np.random.default_rng(groups)
    moved = rng.normal(size=(8, 4 // groups, 3, 3))
    means = rng.normal(size=4)
    maps = torch.from_numpy(np.broadcast_to(means[:, None, None], (4, 9, 11)).copy())[None]
    top, left, bottom, right = pads
    results = functional.conv2d(
        functional.pad(maps, (left, right, top, bottom)),
        torch.from_numpy(moved),
        stride=stride,
        dilation=dilation,
        groups=groups,
    )
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], "net/c",
        pads=pads, strides=[stride] * 2, dilations=[dilation] * 2, group=groups,
    )  # fmt: skip
    seen = {"x": int8_onnx._Seen(), "y": int8_onnx._Seen()}
    seen["x"].add(0, 1, (1, 4, 9, 11))
    seen["x"].add_mean(means)
    seen["y"].add(0, 1, tuple(results.shape))
    np.testing.assert_allclose(
        int8_onnx._added(moved, node, seen), results.mean(dim=(0, 2, 3)).numpy(), atol=1e-12
    )


def test_a_channel_of_zeros_keeps_its_bias_and_nothing_quantised_is_the_graph_itself():
    case = Channels(weights=np.array([Channels.WEIGHTS, (0, 0, 0)]), biases=(0.0, -1.8386))
    model = int8_onnx._quantised(case.model, case.graph, case.seen, ["net/last"])
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    [name] = [each for each in constants if each.endswith("zero_quantized")]
    stored = constants[name] * constants[f"{name}_scale"]
    assert stored[1] == pytest.approx(-1.8386, abs=1e-3)
    assert stored[0] == pytest.approx(0.032, abs=1e-3)
    kept = int8_onnx._quantised(case.model, case.graph, case.seen, ["net/first", "net/last"])
    assert kept == case.model


def test_the_last_convolution_stays_and_shares_are_counted_by_hand():
    case = Channels()
    assert case.graph.last_convolutions() == ["net/last"]
    model = int8_onnx._quantised(case.model, case.graph, case.seen, ["net/last"])
    # Three multiplications of each place in 8 bits, one in float32.
    assert int8_onnx._share_of_products(model, case.graph, case.seen) == (3 / 4, 1)


@exact_sums
def test_most_of_the_network_runs_in_8_bits_in_a_session_of_anybody(exact, quantised, tmp_path):
    path, report = quantised
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "laid-out.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "laid-out.onnx").graph.node]
    assert kinds.count("QLinearConv") == report.layers - report.kept > 50
    assert report.share > 0.9 and report.kept == 1
    assert (report.has_truth, report.checked, report.timed) == (False, 2, "the file")
    for batch, *size in ((2, 61, 97), (1, 120, 80)):
        images = smooth_pictures(batch, *size, seed=5)
        true = OnnxRuntime(exact).run(images)["depth"]
        [depth] = session.run(["depth"], {"image": images[..., ::-1]})
        assert depth.shape == true.shape
        assert 0 < np.abs(depth / true - 1).mean() < 0.1
        # OpenVINO reads it too, and rounds elsewhere.
        assert np.abs(WholeOpenVino(path).run(images)["depth"] / true - 1).mean() < 0.1


@exact_sums
def test_layers_that_cost_most_go_back_to_float32(tmp_path):
    config = ModelConfig("unet-2m", stride=16, training_area=1_024, depth_space="log")
    path = tmp_path / "m.onnx"
    write_exported(to_onnx(create_model(config, seed=3).eval()), path, "f32")
    pictures = find_pictures(None, 4)
    _, whole = quantise_onnx(path, pictures, max_loss=1)
    assert (whole.kept, whole.layers) == (1, 19)
    allowed = 0.6 * whole.loss
    progress, said, tried = Recorder(), [], whole.layers - whole.kept
    _, report = quantise_onnx(path, pictures, max_loss=allowed, track=progress, say=said.append)
    assert progress.loops == [
        ("export: calibrating", 3, 3, "pictures"),
        ("export: predicting", 1, 1, "pictures"),
        ("export: trying in float32", tried, tried, "layers"),
    ]
    assert said[-1].startswith(f"{report.kept} layers in float32: depth changes by +")
    assert 0 < report.loss <= allowed and 1 < report.kept < report.layers
    assert report.share < whole.share


def test_what_cannot_be_made_is_refused(exact):
    with pytest.raises(LeadlineError, match="3 pictures are too few for int8"):
        quantise_onnx(exact, find_pictures(None, 3), max_loss=0.2)
    [picture] = find_pictures(None, 1)
    depth = np.ones(picture.pixels.shape[:2], np.float32)
    measure = LossMeasure([picture], [depth], TrainingCamera.from_config(RuntimeConfig()))
    assert measure.loss(picture, 1.5 * depth) == 0.5
    with pytest.raises(LeadlineError, match=r"m: int8 changes .* by 3.00%, more than 2.00%"):
        measure.refuse(0.03, 0.02, "m")
    with pytest.raises(LeadlineError, match="--max-loss"):
        measure.refuse(float("nan"), 0.02, "m")


@exact_sums
def test_auto_takes_it_where_it_lies_beside_the_file_and_costs_little(pair):
    [image] = smooth_pictures(1, 61, 97, seed=5)
    eight = Predictor.load(pair.with_name("m-int8.onnx"), runtime="onnxruntime")
    assert eight.precision.precision == "int8"
    for precision in ("auto", "int8"):
        predictor = Predictor.load(pair, precision=precision, runtime="onnxruntime")
        assert predictor.precision.precision == "int8"
        np.testing.assert_array_equal(predictor(image).depth, eight(image).depth)
    exact = Predictor.load(pair, precision="f32", runtime="onnxruntime")
    assert exact.precision.precision == "f32"
    np.testing.assert_allclose(
        exact(image).depth, Predictor.load(pair, precision="f32")(image).depth, atol=1e-3
    )
    assert np.abs(exact(image).depth - eight(image).depth).max() > 0
    rewrite(pair, {"int8": 0.006})
    choice = Predictor.load(pair, runtime="onnxruntime").precision
    assert choice.precision == "f32" and "int8 changes abs_rel" in choice.reason


def rewrite(path, losses, factor=1.0, **more):
    """Change what precisions are said to cost, and multiply a weight by a factor."""
    graph = onnx.load(path)
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    config = {**json.loads(metadata["leadline"]), "precision_loss": losses, **more}
    helper.set_model_props(graph, {"leadline": json.dumps(config)})
    weight = next(each for each in graph.graph.initializer if len(each.dims) == 4)
    values = numpy_helper.to_array(weight) * np.float32(factor)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(graph, path)


def test_one_of_other_weights_is_not_taken(pair):
    rewrite(pair, {"int8": 0.0}, factor=1.01)
    with pytest.warns(LeadlineWarning, match=r"m-int8\.onnx: is not of the weights of m\.onnx"):
        assert Predictor.load(pair, runtime="onnxruntime").precision.precision == "f32"
    with pytest.raises(LeadlineError, match=r"m-int8\.onnx: is not of the weights of m\.onnx"):
        Predictor.load(pair, precision="int8", runtime="onnxruntime")
    pair.with_name("m-int8.onnx").unlink()
    with pytest.raises(LeadlineError, match=r"m\.onnx: has no m-int8\.onnx beside it"):
        Predictor.load(pair, precision="int8", runtime="onnxruntime")


def test_float32_asked_of_an_8_bit_file_is_said_to_be_none(pair):
    with pytest.warns(LeadlineWarning, match=r"m-int8\.onnx: is an 8-bit file, which runs in 8"):
        predictor = Predictor.load(
            pair.with_name("m-int8.onnx"), runtime="onnxruntime", precision="f32"
        )
    assert predictor.precision.precision == "int8"
    for model in (pair, pair.with_name("m-int8.onnx")):
        with pytest.raises(LeadlineError, match=r"device cuda: m-int8\.onnx is quantised for the"):
            OnnxRuntime(model, device="cuda", precision="int8")


@exact_sums
def test_what_the_model_says_is_that_of_the_float32_file_and_the_larger_loss_counts(pair):
    rewrite(pair, {"int8": 0.004}, interval_factors={"80": 1.5})
    runtime = OnnxRuntime(pair, precision="auto")
    assert runtime.precision.precision == "int8"
    assert runtime.config.interval_factors == {"80": 1.5}
    assert runtime.config.input_channels == "bgr"
    config = RuntimeConfig(precision_loss={"int8": 0.004})
    for own, taken in ((0.001, "int8"), (0.006, "f32"), (None, "int8")):
        twin = RuntimeConfig(
            quantised_from="d", precision_loss={} if own is None else {"int8": own}
        )
        choice = int8_file.choose_with_twin(
            pair, pair.with_name("m-int8.onnx"), "auto", config, ["f32"],
            twin_config=lambda twin=twin: twin, digest=lambda: "d",
        )  # fmt: skip
        assert choice.precision == taken
        assert "on the pictures of its export" in choice.reason


def test_data_with_splits_is_calibrated_on_one_and_scored_on_the_other(tmp_path, photo_folder):
    data = write_pairs(tmp_path / "data", 10, (24, 32))
    for split, numbers in (("train", range(6)), ("val", range(6, 10))):
        rows = [f"rgb/{number:03d}.png,depth/{number:03d}.png" for number in numbers]
        (data / f"{split}.csv").write_text("\n".join(["image,depth", *rows, ""]))
    pictures, scored = find_calibration(data)
    names = [{each.name for each in found} for found in (pictures, scored)]
    assert [len(each) for each in names] == [6, 4] and not names[0] & names[1]
    assert pictures.origin == f"{data}, split train" and scored.origin == f"{data}, split val"
    checks, calibrating = divided(pictures, scored)
    assert [{each.name for each in found} for found in (calibrating, checks)] == names
    pictures, scored = find_calibration(photo_folder)
    assert scored is None
    checks, calibrating = divided(pictures)
    names = [each.name for each in pictures]
    assert [each.name for each in checks] == names[3::4]
    assert [each.name for each in calibrating] == [n for n in names if n not in names[3::4]]


def test_a_processor_whose_sums_may_overflow_says_so(pair, monkeypatch):
    for module in (onnx_runtime, int8_file):
        monkeypatch.setattr(module, "adds_bytes_exactly", lambda: False)
    assert Predictor.load(pair, runtime="onnxruntime").precision.precision == "f32"
    for model, options in (
        (pair, {"precision": "int8", "runtime": "onnxruntime"}),
        (pair.with_name("m-int8.onnx"), {"runtime": "onnxruntime"}),
        (pair.with_name("m-int8.onnx"), {}),
    ):
        with pytest.warns(LeadlineWarning, match=r"m-int8\.onnx: this processor is not known"):
            assert Predictor.load(model, **options).precision.precision == "int8"


@pytest.mark.parametrize(
    ("machine", "flags", "exact"),
    [
        ("x86_64", "sse2 avx2 avx512_vnni", True),
        ("AMD64", "sse2 avx_vnni", True),
        ("x86_64", "sse2 avx2 avx512f", False),
        ("x86_64", None, False),
        ("arm64", None, True),
    ],
)
def test_what_a_processor_says_of_its_sums(machine, flags, exact, monkeypatch):
    def read(_path, **_options):
        if flags is None:
            raise FileNotFoundError
        return f"flags\t\t: {flags}\n"

    monkeypatch.setattr(processors.platform, "machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", read)
    assert processors.adds_bytes_exactly() is exact


@pytest.mark.slow
def test_the_shipped_model_is_exported_and_checked_in_both_runtimes(tmp_path):
    result = leadline_here(
        *("export", "compact-nyu", "--precision", "int8", "--images", "worlds"),
        *("--format", "onnx", "-o", tmp_path, "--max-loss", "0.05"),
    )
    assert "layers kept in float32" in result.stdout and "the file takes" in result.stdout
    path = tmp_path / "compact-nyu-int8.onnx"
    assert f"written: {path}" in result.stdout
    about = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert (about["weights"], about["precision"]) == ("int8", "int8")
    assert {row["runtime"] for row in about["gate"]["rows"]} == {"openvino", "onnxruntime"}
    entries = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(entries["leadline_export"])["int8"] == about["int8"]
    scores = {row["runtime"]: row["scores"]["abs_rel"] for row in about["gate"]["rows"]}
    for before, after in scores.values():
        assert abs(after / before - 1) < 0.1
    exported = export_model("compact-nyu", tmp_path, format="onnx")
    for precision in ("int8", "auto"):
        predictor = Predictor.load(exported.files[0], runtime="onnxruntime", precision=precision)
        loss = json.loads(entries["leadline"])["precision_loss"]["int8"]
        taken = "int8" if precision == "int8" or loss <= 0.005 else "f32"
        assert predictor.precision.precision == taken
