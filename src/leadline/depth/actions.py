"""What a depth map does with files, pictures and torch: each function is named as text.

The packages that draw and write stand above this one, which imports neither; whoever calls
`depth_map.save` opens the one that is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ACTIONS = {
    "save": "leadline.io.formats:save_depth",
    "picture": "leadline.viz.notebook:depth_picture",
    "plot": "leadline.viz.notebook:plot_depth",
    "png": "leadline.viz.notebook:depth_png",
    "html": "leadline.viz.notebook:depth_html",
    "rerun": "leadline.viz.rerun_log:log_depth",
}


def act(name: str, *arguments: Any, **options: Any) -> Any:
    """Call the function that an action of `DepthMap` stands for."""
    module, _, function = _ACTIONS[name].partition(":")
    return getattr(import_module(module), function)(*arguments, **options)
