"""The exported softplus has the digits of the closed form, in every runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from leadline.export.softplus import replace_softplus
from leadline.inference.openvino_runtime import openvino_core

X = np.concatenate([np.linspace(-80, 80, 641), [-1e30, 1e30]]).astype(np.float32)


def run_openvino(model):
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    core = openvino_core()
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", options)
    return np.array(compiled([X])[0])


def run_onnxruntime(model):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": X})[0]


@pytest.mark.parametrize("run", [run_openvino, run_onnxruntime])
def test_small_numbers_keep_their_digits(run):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, X.shape) for name in "xz"]
    nodes = [helper.make_node("Softplus", ["x"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 18)], ir_version=8,
    )  # fmt: skip
    replace_softplus(model)
    onnx.checker.check_model(model)
    assert "Softplus" not in {node.op_type for node in model.graph.node}
    expected = np.logaddexp(0, X.astype(np.float64))
    np.testing.assert_allclose(run(model), expected, rtol=3e-6, atol=1e-36)
