"""Leadline: one photograph in, metres out.

import leadline
depth_map = leadline.load()("photo.jpg")    # metres, at the photograph's size
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.depth import DepthMap, Intrinsics
    from leadline.errors import LeadlineError
    from leadline.inference import Predictor, load

__version__ = "0.1.0"

__all__ = ["DepthMap", "Intrinsics", "LeadlineError", "Predictor", "__version__", "load"]


def __getattr__(name: str) -> Any:
    # Heavy rooms open on first use: `import leadline` stays cheap.
    if name in {"Predictor", "load"}:
        from leadline import inference

        return getattr(inference, name)
    if name in {"DepthMap", "Intrinsics", "LeadlineError"}:
        from leadline import depth

        return getattr(depth, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
