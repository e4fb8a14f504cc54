"""Softplus in operators that every runtime computes exactly.

OpenVINO's own is off by up to 2e-6, which is a large relative error of small results: a seventh at
-14, a factor of a hundred at -18. ZoeDepth divides by such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

TERMS = (11, 9, 7, 5, 3)
"""ln(1 + u) = 2 artanh(s) with s = u / (2 + u), at most 1/3: s + s^3/3 + ..., to 1e-7."""


def replace_softplus(model: onnx.ModelProto) -> None:
    """Replace Softplus nodes by max(x, 0) + ln(1 + exp(-|x|)), with the logarithm as a series."""
    nodes = list(model.graph.node)
    if not any(node.op_type == "Softplus" for node in nodes):
        return
    numbers = {"one": 1.0, "two": 2.0, **{f"by_{each}": 1 / each for each in TERMS}}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), f"softplus.{name}")
        for name, value in numbers.items()
    )
    replaced: list[onnx.NodeProto] = []
    for node in nodes:
        replaced += _exact(node) if node.op_type == "Softplus" else [node]
    del model.graph.node[:]
    model.graph.node.extend(replaced)


def _exact(softplus: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that replace one Softplus."""
    [given], [result] = softplus.input, softplus.output

    def name(part: str) -> str:
        return f"{result}.{part}"

    def node(kind: str, *inputs: str, to: str) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [to], name=f"softplus.{to}")

    yield node("Abs", given, to=name("abs"))
    yield node("Neg", name("abs"), to=name("neg"))
    yield node("Exp", name("neg"), to=name("u"))
    yield node("Add", name("u"), "softplus.two", to=name("u+2"))
    yield node("Div", name("u"), name("u+2"), to=name("s"))
    yield node("Mul", name("s"), name("s"), to=name("ss"))
    total = "softplus.by_11"
    for power, following in zip(TERMS, [*TERMS[1:], None], strict=True):
        yield node("Mul", total, name("ss"), to=name(f"product{power}"))
        total = name(f"sum{power}")
        number = "softplus.one" if following is None else f"softplus.by_{following}"
        yield node("Add", name(f"product{power}"), number, to=total)
    yield node("Mul", total, name("s"), to=name("artanh"))
    yield node("Mul", name("artanh"), "softplus.two", to=name("log"))
    yield node("Relu", given, to=name("relu"))
    yield node("Add", name("relu"), name("log"), to=result)
