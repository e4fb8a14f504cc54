"""What docs/serving.md says of Triton and OpenVINO Model Server, beside the graph that ships."""

import json
import re
from pathlib import Path

from leadline.inference.openvino_runtime import openvino_core
from leadline.weights import shipped_graph

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
TYPES = {"TYPE_UINT8": "uint8_t", "TYPE_FP32": "float", "UINT8": "uint8_t"}


def ports(ports) -> dict[str, tuple[str, list[int]]]:
    """{name: (type, axes)}, -1 for an axis of any length."""
    return {
        port.any_name: (
            port.get_element_type().to_string(),
            [axis.get_length() if axis.is_static else -1 for axis in port.get_partial_shape()],
        )
        for port in ports
    }


def test_the_configuration_and_the_request_fit_the_graph():
    graph = openvino_core().read_model(shipped_graph("crisp-nyu"))
    types = {"u8": "uint8_t", "f32": "float"}
    there = {
        name: (types.get(kind, kind), axes)
        for name, (kind, axes) in (ports(graph.inputs) | ports(graph.outputs)).items()
    }
    text = PAGE.read_text(encoding="utf-8")
    entries = re.findall(r'name: "(\w+)", data_type: (\w+), dims: \[([^]]*)\]', text)
    stated = {
        name: (TYPES[kind], [int(number) for number in dims.split(",")])
        for name, kind, dims in entries
    }
    assert stated == there
    [request] = re.findall(r"^\{\"inputs\".*?\}\]\}$", text, re.MULTILINE | re.DOTALL)
    content = json.loads(request.replace("[ ... ]", "[]"))
    [sent], [wanted] = content["inputs"], content["outputs"]
    kind, axes = there[sent["name"]]
    assert TYPES[sent["datatype"]] == kind and wanted["name"] in there
    assert all(axis in (-1, length) for axis, length in zip(axes, sent["shape"], strict=True))
