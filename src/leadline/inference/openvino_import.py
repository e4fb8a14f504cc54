"""Importing OpenVINO without its converter of models, which takes two thirds of that time."""

from __future__ import annotations

import importlib
import sys
from typing import Any

CONVERTER = "openvino.tools.ovc"
_WITH_CONVERTER = frozenset({"convert_model", "tools"})


def import_openvino() -> Any:
    """Return the module `openvino`, which imports its converter when that is first asked for.

    OpenVINO goes on without the converter where that cannot be imported, so it is made so for the
    moment. A process that has imported `openvino` already keeps it as it is.
    """
    if sys.modules.keys() & {"openvino", CONVERTER}:
        return importlib.import_module("openvino")
    sys.modules[CONVERTER] = None  # type: ignore[assignment]  # the import system's "not there"
    try:
        module: Any = importlib.import_module("openvino")
    finally:
        del sys.modules[CONVERTER]
    module.__getattr__ = _import_converter
    return module


def _import_converter(name: str) -> Any:
    """Return what `openvino` would have had, had it imported its converter."""
    module: Any = sys.modules["openvino"]
    if name not in _WITH_CONVERTER:
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    module.convert_model = importlib.import_module(CONVERTER).convert_model
    return getattr(module, name)
