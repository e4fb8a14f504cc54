"""Rewrite some operations of an exported graph so that ONNX Runtime runs them faster.

The result stays the same; OpenVINO gives the same bits either way.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper


def simplify(model: onnx.ModelProto) -> None:
    """Rewrite nodes of a model of operator set 18 or later, in place.

    `CastLike` becomes `Cast`: the exporter writes constants that are cast like an activation, which
    ONNX Runtime does not treat as constants, so that it fuses neither biases nor BatchNorm nor
    clipping into convolutions. `Softmax` along an axis other than the last becomes exponentials
    over their sum, since ONNX Runtime would transpose the array for it, and back. Zeros that a
    `Pad` adds around images before a convolution become the convolution's padding: that needs no
    copy, and after a `Pad` OpenVINO runs convolutions of signed 8-bit values in float32.
    """
    graph = model.graph
    _pad_in_convolutions(graph)
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


def _pad_in_convolutions(graph: onnx.GraphProto) -> None:
    """Move zeros of pads into the padding of the convolutions after them, and drop the pads."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    pads = {}
    for node in graph.node:
        sides = _zeros_around(node, constants) if node.op_type == "Pad" else None
        if sides is not None:
            pads[node.output[0]] = node.input[0], sides
    for node in graph.node:
        if node.op_type != "Conv" or node.input[0] not in pads or not _has_own_pads(node):
            continue
        node.input[0], sides = pads[node.input[0]]
        [own] = [entry.ints for entry in node.attribute if entry.name == "pads"] or [[0] * 4]
        kept = [entry for entry in node.attribute if entry.name != "pads"]
        del node.attribute[:]
        whole = [a + b for a, b in zip(own, sides, strict=True)]
        node.attribute.extend([*kept, helper.make_attribute("pads", whole)])
    used = {name for node in graph.node for name in node.input} | {y.name for y in graph.output}
    left = [node for node in graph.node if node.output[0] not in pads or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(left)


def _has_own_pads(convolution: NodeProto) -> bool:
    """Return whether a convolution's padding is explicit, not derived from its size."""
    return all(
        entry.s in (b"", b"NOTSET") for entry in convolution.attribute if entry.name == "auto_pad"
    )


def _zeros_around(pad: NodeProto, constants: dict[str, onnx.TensorProto]) -> list[int] | None:
    """Return the zeros (top, left, bottom, right) that a pad adds to (N,C,H,W), else None."""
    mode = next((entry.s for entry in pad.attribute if entry.name == "mode"), b"constant")
    given = [name for name in pad.input[1:] if name]
    if mode != b"constant" or any(name not in constants for name in given):
        return None
    sides, *more = [numpy_helper.to_array(constants[name]) for name in given]
    is_zero = len(pad.input) < 3 or not pad.input[2] or not more[0].any()
    if len(pad.input) > 3 or sides.size != 8 or not is_zero:  # with axes, sides differ
        return None
    before, after = sides.tolist()[:4], sides.tolist()[4:]
    if any([*before[:2], *after[:2]]) or min(*before, *after) < 0:
        return None
    return [*before[2:], *after[2:]]


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
