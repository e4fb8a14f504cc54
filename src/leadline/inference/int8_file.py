"""The 8-bit form of an exported model: a file of its own, `NAME-int8.xml` beside `NAME`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

QUANTISED_FROM = "quantised_from"
"""The entry of an 8-bit file's config: the `weights_digest` of the graph that it was made of."""


def int8_path(path: Path) -> Path:
    """Return where the 8-bit form of an exported model is looked for."""
    return path.with_name(f"{path.stem}-int8.xml")


def is_int8(graph: Any) -> bool:
    """Return whether layers of an OpenVINO graph are quantised."""
    return any(node.get_type_name() == "FakeQuantize" for node in graph.get_ordered_ops())


def weights_digest(graph: Any) -> str:
    """Return a SHA-256 over the weights of an OpenVINO graph, whatever their names and order.

    Files of one checkpoint with weights stored in one type have the same, in ONNX as in OpenVINO's
    own format.
    """
    sums = []
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            sums.append(hashlib.sha256(np.asarray(node.data).tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(sums))).hexdigest()
