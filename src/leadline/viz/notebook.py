"""A depth map as notebooks, Pillow and matplotlib show it: colours, a scale, and the unit."""

from __future__ import annotations

import base64
import html
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.viz.color import (
    ColorMap,
    check_range,
    color_table,
    colorize,
    fill_range,
    robust_range,
)

LONGEST_SIDE = 720
"""Pixels of a map as notebooks show it: a larger one is shown at this size."""


def depth_picture(
    depth_map: DepthMap,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: ColorMap = "turbo",
    bar: bool = True,
) -> Image.Image:
    """Return the map in colours as a Pillow picture; see `DepthMap.picture`."""
    return Image.fromarray(colorize(depth_map, vmin=vmin, vmax=vmax, cmap=cmap, bar=bar))


def depth_png(depth_map: DepthMap) -> bytes:
    """Return what a notebook shows, as the bytes of a PNG."""
    buffer = BytesIO()
    depth_picture(_shown(depth_map)).save(buffer, "png")
    return buffer.getvalue()


def depth_html(depth_map: DepthMap) -> str:
    """Return what a notebook shows, as HTML that holds its picture: colours, scale, and words."""
    encoded = base64.b64encode(depth_png(depth_map)).decode("ascii")
    words = html.escape(repr(depth_map))
    facts = [f"{name}: {value}" for name, value in sorted(depth_map.provenance.items())]
    camera = depth_map.intrinsics
    unit = "unit: metres, planar z" if depth_map.kind == "metric" else f"{depth_map.kind}: no unit"
    facts.insert(0, unit + (f"; fx {camera.fx:.4g} px" if camera else ""))
    return (
        f'<figure style="margin:0"><img alt="{words}" src="data:image/png;base64,{encoded}">'
        f"<figcaption>{words}<br><small>{html.escape('; '.join(facts))}</small></figcaption>"
        "</figure>"
    )


def plot_depth(
    depth_map: DepthMap,
    ax: Any = None,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: ColorMap = "turbo",
    title: str | None = None,
) -> Any:
    """Draw the map into matplotlib axes; see `DepthMap.plot`."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise LeadlineError(
            "plot needs matplotlib: pip install matplotlib; depth_map.picture() does without"
        ) from error
    depth_map.require_metres()
    check_range(vmin, vmax)
    color_table(cmap)  # refuses what is no name of ours
    axes = plt.subplots()[1] if ax is None else ax
    low, high = fill_range(vmin, vmax, *robust_range(depth_map.depth, depth_map.valid))
    name = {"spectral": "Spectral", "gray": "gray_r"}.get(cmap, f"{cmap}_r")
    drawn = axes.imshow(
        np.ma.masked_array(depth_map.depth, ~depth_map.valid),
        vmin=low,
        vmax=high,
        cmap=name,
    )
    axes.figure.colorbar(drawn, ax=axes, label="depth (m)")
    axes.set_axis_off()
    if title:
        axes.set_title(title)
    return axes


def _shown(depth_map: DepthMap) -> DepthMap:
    """Return the map no larger than notebooks show it: every n-th pixel, nothing blended."""
    step = -(-max(depth_map.shape) // LONGEST_SIDE)
    if step <= 1:
        return depth_map
    depth: NDArray[np.float32] = np.ascontiguousarray(depth_map.depth[::step, ::step])
    return replace(DepthMap.from_metres(depth), kind=depth_map.kind)
