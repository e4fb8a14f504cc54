"""Import OpenVINO without its model converter, which takes two thirds of the import time."""

from __future__ import annotations

import importlib
import sys
from typing import Any

CONVERTER = "openvino.tools.ovc"
_WITH_CONVERTER = frozenset({"convert_model", "tools"})


def import_openvino() -> Any:
    """Return the module `openvino`, which imports its converter only on first use.

    OpenVINO works without the converter if that cannot be imported, so its import is blocked for
    the moment. If the process has already imported `openvino`, it is left as it is.
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
    """Return an attribute that `openvino` would have if it had imported its converter."""
    module: Any = sys.modules["openvino"]
    if name not in _WITH_CONVERTER:
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    module.convert_model = importlib.import_module(CONVERTER).convert_model
    return getattr(module, name)
