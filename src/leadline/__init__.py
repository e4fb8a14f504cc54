"""Leadline: one photograph in, metres out.

import leadline
depth_map = leadline.load()("photo.jpg")    # metres, at the photograph's size
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.depth import DepthMap, Intrinsics
    from leadline.errors import LeadlineError
    from leadline.inference import Predictor, load

__version__ = "0.1.0"

_HOME = {
    "DepthMap": "leadline.depth",
    "Intrinsics": "leadline.depth",
    "LeadlineError": "leadline.errors",
    "Predictor": "leadline.inference",
    "load": "leadline.inference",
}
"""Public name: the module that holds it. Heavy rooms open on first use: this import is cheap."""

__all__ = ["DepthMap", "Intrinsics", "LeadlineError", "Predictor", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
