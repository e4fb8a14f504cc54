"""Depth as a picture: colour maps over a range in metres, with a scale that says which."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.viz.scale_bar import draw_scale_bar, draw_title, nearness_labels

ColorMap = Literal["turbo", "magma", "inferno", "plasma", "viridis", "cividis", "spectral", "gray"]
COLORMAPS: tuple[ColorMap, ...] = get_args(ColorMap)
"""Names `colorize` takes."""

INVALID_COLOR = (56, 56, 56)
"""Invalid pixels are this dark grey, which none of the colour maps but "gray" contains."""

_SAMPLE = 1_000_000
# ColorBrewer "Spectral", eleven classes (Cynthia Brewer, Apache-2.0), cold to warm.
_SPECTRAL = (
    "5e4fa2 3288bd 66c2a5 abdda4 e6f598 ffffbf fee08b fdae61 f46d43 d53e4f 9e0142"
)  # fmt: skip


def robust_range(depth: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 2nd and the 98th percentile, in metres, of the valid pixels of (H,W) `depth`.

    Beyond a million pixels, an evenly spaced sample is used. A range narrower than 1 % of the
    distance is widened to 10 % around its middle, so that the ends always differ and sensor noise
    on a wall does not look like relief. Without a valid pixel the range is 0 to 1.
    """
    values = depth[valid]
    if values.size == 0:
        return 0.0, 1.0
    values = values[:: max(1, values.size // _SAMPLE)]
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    middle = low + (high - low) / 2
    if high - low < 0.01 * middle:
        return 0.95 * middle, 1.05 * middle
    return low, high


def colorize(
    depth_map: DepthMap,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: ColorMap = "turbo",
    bar: bool = False,
    title: str | None = None,
) -> NDArray[np.uint8]:
    """Return the map as a picture, (H,W',3) uint8 RGB; W' is W unless `bar` adds a scale.

    Colours are linear in metres from `vmin` to `vmax`, by default the `robust_range` of this map.
    Give both to compare pictures or frames. Near is warm or bright. Distances beyond the range take
    the colour of its nearest end, and invalid pixels are `INVALID_COLOR`. `bar` adds a scale in
    metres. `title` is written over the top left corner.

    Errors: LeadlineError for an unknown colour map, a range that is not increasing, or one in
    metres for a map without unit, whose colours cover its own inverse depth.

    >>> picture = colorize(DepthMap.from_metres([[1.0, 2.0]]), vmin=1, vmax=2, cmap="gray")
    >>> picture[0].tolist()
    [[255, 255, 255], [0, 0, 0]]
    """
    if depth_map.kind != "metric":
        if vmin is not None or vmax is not None:
            raise LeadlineError(
                f"vmin and vmax are metres, and this depth map is {depth_map.kind}, without unit; "
                "leave them out"
            )
        return _colorize_inverse(depth_map, color_table(cmap), bar, title)
    check_range(vmin, vmax)
    found = (0.0, 1.0) if None not in (vmin, vmax) else (
        robust_range(depth_map.depth, depth_map.valid)
    )  # fmt: skip
    low, high = fill_range(vmin, vmax, *found)
    table = color_table(cmap)[::-1]
    picture = _paint(depth_map.depth, depth_map.valid, low, high, table)
    if title:
        picture = draw_title(picture, title)
    return draw_scale_bar(picture, table, low, high) if bar else picture


def _paint(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    low: float,
    high: float,
    table: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8: the colours of `table` (256,3) for `values` from `low` to `high`."""
    import cv2

    share = np.clip(values, np.float32(low), np.float32(high))
    share -= np.float32(low)
    share /= np.float32(high - low)
    share *= np.float32(255)
    places = np.rint(share, out=share).astype(np.uint8)
    # A tenth of the time of table[places].
    picture = np.asarray(cv2.applyColorMap(places, table.reshape(256, 1, 3)), np.uint8)
    if not valid.all():
        picture[~valid] = INVALID_COLOR
    return picture


def colorize_uncertainty(depth_map: DepthMap) -> NDArray[np.uint8]:
    """Return how uncertain a map is as a picture, (H,W',3) uint8 RGB with a metre scale.

    What is drawn is depth * b, the Laplace scale in metres, from 0 (dark) to its 98th percentile.
    Errors: LeadlineError for a map without uncertainty.
    """
    if depth_map.uncertainty is None:
        raise LeadlineError("the depth map has no uncertainty to be drawn")
    metres = depth_map.depth * depth_map.uncertainty
    _, high = robust_range(metres, depth_map.valid)
    table = color_table("magma")
    picture = _paint(metres, depth_map.valid, 0.0, high, table)
    return draw_scale_bar(picture, table, 0.0, high)


def _colorize_inverse(
    depth_map: DepthMap, table: NDArray[np.uint8], bar: bool, title: str | None
) -> NDArray[np.uint8]:
    """Return a map without unit as a picture: linear in inverse depth, over its own range."""
    inverse = depth_map.inverse
    low, high = robust_range(inverse, depth_map.valid)
    picture = _paint(inverse, depth_map.valid, low, high, table)
    if title:
        picture = draw_title(picture, title)
    return draw_scale_bar(picture, table, low, high, nearness_labels) if bar else picture


@lru_cache(maxsize=len(COLORMAPS))
def color_table(cmap: ColorMap) -> NDArray[np.uint8]:
    """Return the 256 colours of a map, (256,3) uint8 RGB, from its cold or dark end.

    `cmap` is one of `COLORMAPS`; raises LeadlineError for another name.
    """
    import cv2

    ramp = np.arange(256, dtype=np.uint8)
    if cmap not in COLORMAPS:
        raise LeadlineError(f"unknown colour map {cmap!r}; choose one of {', '.join(COLORMAPS)}")
    if cmap == "gray":
        table = np.repeat(ramp[:, None], 3, axis=1)
    elif cmap == "spectral":
        table = blended_table(_SPECTRAL)
    else:
        bgr = cv2.applyColorMap(ramp[:, None], getattr(cv2, f"COLORMAP_{cmap.upper()}"))
        table = np.ascontiguousarray(bgr[:, 0, ::-1])
    table.setflags(write=False)  # the cache hands out the same array every time
    return table


def blended_table(colors: str) -> NDArray[np.uint8]:
    """Return 256 colours, (256,3) uint8, blended evenly between `colors`, hexadecimal words."""
    ramp = np.arange(256)
    anchors = np.array([list(bytes.fromhex(color)) for color in colors.split()])
    stops = np.linspace(0, 255, len(anchors))
    channels = [np.interp(ramp, stops, anchors[:, channel]) for channel in range(3)]
    table: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return table


def check_range(vmin: float | None, vmax: float | None) -> None:
    """Raise LeadlineError for ends of a colour range that are no distances or not increasing."""
    for name, value in (("vmin", vmin), ("vmax", vmax)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise LeadlineError(f"{name} = {value} is not a distance; give metres, 0 or more")
    if vmin is not None and vmax is not None and not vmin < vmax:
        raise LeadlineError(f"vmin = {vmin:g} m is not below vmax = {vmax:g} m; swap them")
    if vmax == 0:
        raise LeadlineError("vmax = 0 leaves no colour range; give a distance above 0")


def parse_range(text: str, *words: str) -> tuple[float, float]:
    """Return the two ends, in metres, that a text such as 0.5,8 gives.

    Errors: LeadlineError for anything else, which names the `words` that might stand there too.
    """
    try:
        low, high = (float(end) for end in text.split(","))
    except ValueError:
        choices = " or ".join([", ".join(words), "A,B"] if words else ["A,B"])
        raise LeadlineError(
            f"colour range {text!r}: give {choices} in metres, for instance 0.5,8"
        ) from None
    return low, high


def fill_range(
    vmin: float | None, vmax: float | None, low: float, high: float
) -> tuple[float, float]:
    """Return the ends of a colour range: those given, and `low` and `high` in place of None.

    All in metres. An end that is given wins: where the other one does not lie beyond it, that
    becomes a metre (or a tenth of the distance) more, or 0.
    """
    if vmin is not None and vmax is not None:
        return vmin, vmax
    if vmin is not None:
        return vmin, high if high > vmin else vmin + max(1.0, 0.1 * vmin)
    if vmax is not None:
        return (low if low < vmax else 0.0), vmax
    return low, high
