"""Other words for some operations of an exported graph, which ONNX Runtime then runs faster.

What it computes stays the same; OpenVINO gives the same bits either way.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper


def simplify(model: onnx.ModelProto) -> None:
    """Rewrite nodes of a model of operator set 18 or later, in place.

    `CastLike` becomes `Cast`: the exporter writes constants that are cast like an activation, and
    ONNX Runtime takes such a constant for none, so that it merges neither biases nor BatchNorm nor
    clipping into convolutions. `Softmax` along another axis than the last becomes exponentials over
    their sum, since ONNX Runtime would turn the whole array around for it, and back.
    """
    graph = model.graph
    inferred = onnx.shape_inference.infer_shapes(model).graph
    types = {
        value.name: value.type.tensor_type for value in [*inferred.input, *inferred.value_info]
    }
    types |= {
        tensor.name: helper.make_tensor_type_proto(tensor.data_type, tensor.dims).tensor_type
        for tensor in graph.initializer
    }
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == "CastLike":
            kind = types[node.input[1]].elem_type
            nodes.append(helper.make_node("Cast", node.input[:1], node.output, node.name, to=kind))
        elif node.op_type == "Softmax" and not _is_last(
            axis := _axis(node), len(types[node.input[0]].shape.dim)
        ):
            name = f"{node.output[0]}/axis"
            graph.initializer.append(numpy_helper.from_array(np.array([axis]), name))
            nodes += _exponentials_over_sum(node, name)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _axis(softmax: NodeProto) -> int:
    return next((entry.i for entry in softmax.attribute if entry.name == "axis"), -1)


def _is_last(axis: int, rank: int) -> bool:
    return axis in (-1, rank - 1)


def _exponentials_over_sum(softmax: NodeProto, axis: str) -> list[NodeProto]:
    (x,), (y,) = softmax.input, softmax.output

    def node(kind: str, inputs: list[str], output: str) -> NodeProto:
        return helper.make_node(kind, inputs, [output], output)

    return [
        node("ReduceMax", [x, axis], f"{y}/most"),
        node("Sub", [x, f"{y}/most"], f"{y}/below_most"),
        node("Exp", [f"{y}/below_most"], f"{y}/exponentials"),
        node("ReduceSum", [f"{y}/exponentials", axis], f"{y}/sum"),
        node("Div", [f"{y}/exponentials", f"{y}/sum"], y),
    ]
