"""Graphs that are written in other words: the same numbers, and constants that are constants."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.special import softmax

from leadline.export.simplify import simplify


def model_of(nodes, shape, *constants):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    values = [numpy_helper.from_array(value, name) for name, value in constants]
    graph = helper.make_graph(nodes, "graph", [x], [y], values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model, x):
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(["y"], {"x": x})[0]


@pytest.mark.parametrize("axis", [0, 1, -2, 2, -1])
def test_softmax_along_any_axis_keeps_its_values(axis):
    model = model_of([helper.make_node("Softmax", ["x"], ["y"], axis=axis)], ["n", 5, 3])
    simplify(model)
    x = np.random.default_rng(3).normal(0, 40, (2, 5, 3)).astype(np.float32)
    assert run(model, x) == pytest.approx(softmax(x.astype(float), axis=axis), abs=1e-6)
    is_last = axis in (2, -1)
    assert ("Softmax" in {node.op_type for node in model.graph.node}) == is_last


def test_a_cast_like_an_activation_becomes_a_cast():
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("CastLike", ["seven", "square"], ["as_float"]),
        helper.make_node("Add", ["square", "as_float"], ["y"]),
    ]
    model = model_of(nodes, [2], ("seven", np.array(7)))
    simplify(model)
    assert [node.op_type for node in model.graph.node] == ["Mul", "Cast", "Add"]
    assert run(model, np.array([1, 2], np.float32)).tolist() == [8, 11]


def padded_convolution(pads, value=0.0, mode="constant", own=(0, 0, 0, 0)):
    """y of a 2x2 kernel over a padded image (1,1,h,w): x is the image."""
    nodes = [
        helper.make_node("Constant", [], ["pads"], value=numpy_helper.from_array(np.array(pads))),
        helper.make_node("Pad", ["x", "pads", "value"], ["wide"], mode=mode),
        helper.make_node("Conv", ["wide", "kernel"], ["y"], kernel_shape=[2, 2], pads=own),
    ]
    kernel = np.array([[[[1, 2], [4, 8]]]], np.float32)
    return model_of(nodes, [1, 1, "h", "w"], ("kernel", kernel), ("value", np.float32(value)))


def test_zeros_around_an_image_become_padding_of_its_convolution():
    # Above and to the left, as an up-projection pads; one more row below by the convolution.
    model = padded_convolution([0, 0, 1, 1, 0, 0, 0, 0], own=(0, 0, 1, 0))
    simplify(model)
    assert [node.op_type for node in model.graph.node if node.op_type != "Constant"] == ["Conv"]
    x = np.array([[[[1, 10], [100, 1000]]]], np.float32)
    expected = [[8, 84], [802, 8421], [200, 2100]]
    assert run(model, x)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("pads", "value", "mode"),
    [
        ([0, 0, 1, 1, 0, 0, 0, 0], 1.0, "constant"),
        ([0, 0, 1, 1, 0, 0, 0, 0], 0.0, "edge"),
        ([0, 0, -1, 1, 0, 0, 2, 0], 0.0, "constant"),
    ],
)
def test_other_padding_stays(pads, value, mode):
    x = np.array([[[[1, 10], [100, 1000]]]], np.float32)
    model = padded_convolution(pads, value, mode)
    expected = run(model, x)
    simplify(model)
    assert "Pad" in {node.op_type for node in model.graph.node}
    assert np.array_equal(run(model, x), expected)
