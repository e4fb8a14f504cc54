"""A quantised file: the same graph around an 8-bit network, near the float32 one."""

import json
import shutil

import numpy as np
import onnx
import openvino
import pytest
from openvino import opset13

from leadline.cli.export import print_written
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.export.export_model import ExportedModel, export_model
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.files import write_openvino
from leadline.export.int8 import F32, _share_of_products, quantise
from leadline.export.int8_loss import Int8Report
from leadline.export.pictures import find_pictures, smooth_pictures
from leadline.export.whole_file import WholeOpenVino
from leadline.inference import Predictor
from leadline.inference.graph_parts import cut_network, join_network
from leadline.inference.openvino_runtime import openvino_core
from leadline.models import ModelConfig, create_model
from tests.cli.helpers import fails_in_one_line, leadline_here

pytest.importorskip("nncf")


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """A network of random weights as ONNX, which only pictures like the blobs are for."""
    path = tmp_path_factory.mktemp("exact") / "m.onnx"
    losses = {"int8": 0.004, "bf16": 0.6}
    config = ModelConfig("compact", stride=16, training_area=5_120, precision_loss=losses)
    write_exported(to_onnx(create_model(config, seed=3).eval()), path, "f32")
    return path


def test_the_share_counts_a_transposed_convolution_by_its_input():
    rng = np.random.default_rng(0)

    def bits(value, low, high, levels):
        ends = [np.float32(low), np.float32(high)] * 2
        return opset13.fake_quantize(value, *ends, levels)

    def weights(*shape):
        return opset13.constant(rng.normal(size=shape).astype(np.float32))

    image = opset13.parameter([1, 8, 16, 16], np.float32)
    kernel = bits(weights(8, 8, 3, 3), -3, 3, 255)
    plain = opset13.convolution(bits(image, 0, 1, 256), kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    up = weights(8, 8, 4, 4)
    wide = opset13.convolution_backprop_data(
        opset13.relu(plain), up, [2, 2], pads_begin=[1, 1], pads_end=[1, 1]
    )
    model = openvino.Model([wide], [image])
    share = _share_of_products(openvino_core(), model, (1, 8, 16, 16))
    places, pairs = 16 * 16, 8 * 8
    assert share == (9 * places * pairs / ((9 + 16) * places * pairs), 2, 1)


@pytest.mark.slow
def test_transposed_convolutions_run_in_8_bits_too(tmp_path):
    # All but the first stand behind a LeakyReLU, whose results have both signs.
    options = {"encoder": "mobilenet_v2", "convolutions": False}
    config = ModelConfig("vgg19-fcn-a1", stride=8, training_area=2_048, options=options)
    path = tmp_path / "a1.onnx"
    write_exported(to_onnx(create_model(config, seed=3).eval()), path, "f32")
    _, report = quantise(path, find_pictures(None, 4), max_loss=10)
    assert (report.kept, report.share) == (0, 1)


def rewrite(path, losses, factor=1.0):
    """Change what precisions are said to cost, and multiply a weight by a factor."""
    graph = onnx.load(path)
    [entry] = [each for each in graph.metadata_props if each.key == "leadline"]
    entry.value = json.dumps({**json.loads(entry.value), "precision_loss": losses})
    del graph.metadata_props[:]
    graph.metadata_props.append(entry)
    weight = next(each for each in graph.graph.initializer if len(each.dims) == 4)
    values = onnx.numpy_helper.to_array(weight) * np.float32(factor)
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(graph, path)


@pytest.fixture(scope="module")
def quantised(exact, tmp_path_factory):
    """What quantising it made, not beside it, and the report."""
    model, report = quantise(exact, find_pictures(None, 8), max_loss=0.2)
    path = tmp_path_factory.mktemp("quantised") / "m-int8.xml"
    write_openvino(model, path)
    return path, report


@pytest.fixture
def pair(exact, quantised, tmp_path):
    """The float32 graph with the 8-bit one beside it."""
    for file in (exact, quantised[0], quantised[0].with_suffix(".bin")):
        shutil.copy(file, tmp_path)
    return tmp_path / "m.onnx"


def test_most_of_the_network_runs_in_8_bits_and_depth_stays(exact, quantised):
    path, report = quantised
    assert report.share > 0.9 and report.layers > 50 and report.kept < report.layers
    assert (report.has_truth, report.checked) == (False, 2)
    for size in ((61, 97), (120, 80)):
        image = smooth_pictures(2, *size, seed=5)
        exact_depth = WholeOpenVino(exact).run(image)["depth"]
        depth = WholeOpenVino(path).run(image)["depth"]
        assert depth.shape == exact_depth.shape
        assert 0 < np.abs(depth / exact_depth - 1).mean() < 0.2


def test_auto_takes_int8_where_it_lies_beside_the_file_and_costs_little(pair):
    [image] = smooth_pictures(1, 61, 97, seed=5)
    eight = Predictor.load(pair.with_name("m-int8.xml"))
    assert eight.precision.precision == "int8"
    for precision in ("auto", "int8"):
        predictor = Predictor.load(pair, precision=precision)
        assert predictor.precision.precision == "int8"
        np.testing.assert_array_equal(predictor(image).depth, eight(image).depth)
    exact = Predictor.load(pair, precision="f32")
    assert np.abs(exact(image).depth - eight(image).depth).max() > 0
    rewrite(pair, {"int8": 0.006})
    choice = Predictor.load(pair).precision
    assert choice.precision == "f32" and "int8 changes abs_rel" in choice.reason


def test_an_8_bit_file_of_other_weights_is_not_taken(pair):
    rewrite(pair, {"int8": 0.0}, factor=1.01)
    with pytest.warns(LeadlineWarning, match=r"m-int8\.xml: is not of the weights of m\.onnx"):
        assert Predictor.load(pair).precision.precision == "f32"
    with pytest.raises(LeadlineError, match=r"m-int8\.xml: is not of the weights of m\.onnx"):
        Predictor.load(pair, precision="int8")
    pair.with_name("m-int8.xml").unlink()
    with pytest.raises(LeadlineError, match=r"m\.onnx: has no m-int8\.xml beside it"):
        Predictor.load(pair, precision="int8")
    with pytest.raises(LeadlineError, match="int8 runs in openvino or onnxruntime"):
        Predictor.load("compact-nyu", precision="int8", runtime="torch")


def test_too_few_pictures_are_refused(exact):
    with pytest.raises(LeadlineError, match="too few for int8"):
        quantise(exact, find_pictures(None, 3), max_loss=0.2)


@pytest.mark.parametrize(
    ("out", "words"),
    [("m.pt2", r"give -o FILE\.xml or FILE\.onnx"), ("m.xml", "--images"), ("m.onnx", "--images")],
)
def test_int8_says_what_it_needs(out, words, tmp_path):
    with pytest.raises(LeadlineError, match=words):
        export_model("compact-nyu", tmp_path / out, precision="int8")
    assert list(tmp_path.iterdir()) == []


def test_a_quantised_file_is_not_called_a_copy(exact, capsys):
    report = Int8Report(0.99, 60, 1, 0.004, has_truth=True, checked=16, speedup=2.5)
    print_written(ExportedModel((exact,), "fp16", int8=report))
    written = capsys.readouterr().out
    assert "weights int8), quantised from float32 (a copy of the checkpoint)" in written


def test_max_loss_without_int8_is_refused(tmp_path):
    fails_in_one_line(
        leadline_here("export", "compact-nyu", "-o", tmp_path / "m.onnx", "--max-loss", "0.1"),
        "--max-loss needs --precision int8",
    )


def test_a_cut_network_is_joined_again_in_the_place_of_the_old_one(exact):
    """As it is, it changes nothing; of twice the metres, it doubles them."""
    from openvino import Model, opset13

    core = openvino_core()
    graph = core.read_model(exact)
    image = smooth_pictures(1, 61, 97)
    depth = {}
    for factor in (1.0, 2.0):
        network = cut_network(graph).model
        scaled = [
            opset13.result(opset13.multiply(result.input_value(0), np.float32(factor)))
            for result in network.get_results()
        ]
        joined = join_network(graph, Model(scaled, network.get_parameters(), "network"))
        depth[factor] = core.compile_model(joined, "CPU", F32)([image])[0]
    true = WholeOpenVino(exact).run(image)["depth"]
    np.testing.assert_allclose(depth[1.0], true, rtol=1e-6)
    np.testing.assert_allclose(depth[2.0], 2 * true, rtol=1e-6)
