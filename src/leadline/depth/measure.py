"""How far things are: distances inside a region of a depth map, and between two of its pixels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning, size_words

Box = Sequence[float]
"""Left, top, right and bottom in pixels from the picture's outer edge, as detectors give them."""
Polygon = Sequence[tuple[float, float]]
"""Corners (x, y) in pixels from the picture's outer edge, at least three."""
Pixel = tuple[int, int]
"""Column and row, counted from 0 at the top left."""

INTERVAL = (10.0, 90.0)
"""Percentiles of the pixels of a region between which its interval lies."""
LIKELY_PERCENT = 80
"""How many of a hundred true distances an interval of the model's uncertainty is to hold."""
PROBES = 200
"""Places on each side of a polygon at which it is looked for what lies outside of the picture."""
QUANTILES = 41
"""How many depths, all alike probable, stand for what one end of a line may have."""


@dataclass(frozen=True)
class Distance:
    """The distance of the things in a region, in metres of planar z.

    `metres` is the median of the valid pixels; `low` and `high` are their 10th and 90th percentile:
    the spread of the surface, not the error of the model. `pixels` is the number of valid pixels
    and `share` their share of the region. `near` and `far` bound the error that the model's
    uncertainty predicts: 8 of 10 true medians lie between them, if all pixels of a region err
    together. They are None if the model predicts no uncertainty.
    """

    metres: float
    low: float
    high: float
    pixels: int
    share: float
    near: float | None = None
    far: float | None = None

    def __float__(self) -> float:
        return self.metres

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    def __str__(self) -> str:
        words = f"{self.metres:.2f} m{_likely(self.near, self.far)}"
        if self.pixels > 1:
            words += f" (80 % of its pixels from {self.low:.2f} to {self.high:.2f} m)"
        return words


@dataclass(frozen=True)
class Span:
    """The straight line between two pixels in space: `metres`, and its standard `error` in metres.

    `start` and `end` are (x, y, z) in camera coordinates, metres. `error` is None if nothing is
    known about the errors of the depth map. `near` and `far` follow from the model's uncertainty: 8
    of 10 true lengths lie between them, if both ends err independently. They are None if the model
    predicts no uncertainty.
    """

    metres: float
    error: float | None
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    near: float | None = None
    far: float | None = None

    def __float__(self) -> float:
        return self.metres

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    def __str__(self) -> str:
        error = "" if self.error is None else f" +- {self.error:.2f} m"
        return f"{self.metres:.2f} m{error}{_likely(self.near, self.far)}"


def _likely(near: float | None, far: float | None) -> str:
    return "" if near is None or far is None else f", likely {near:.2f} to {far:.2f} m"


def region_of(
    shape: tuple[int, int],
    box: Box | None = None,
    polygon: Polygon | None = None,
    mask: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Return the pixels, (H,W) bool, whose centres lie in a box or polygon, or where a mask is set.

    A LeadlineWarning says how much of a box or polygon lies outside of the picture.
    Errors: LeadlineError unless exactly one is given, for a shape that is none, and where no pixel
    of the picture is in it.
    """
    given = [each for each in (box, polygon, mask) if each is not None]
    if len(given) != 1:
        raise LeadlineError(f"give one of box, polygon and mask, not {len(given)} of them")
    if box is not None:
        region, what = _box_region(shape, box), f"box {','.join(f'{side:g}' for side in box)}"
    elif polygon is not None:
        region = _polygon_region(shape, polygon)
        what = f"polygon of {len(polygon)} corners from {','.join(f'{v:g}' for v in polygon[0])}"
    else:
        region, what = _mask_region(shape, np.asarray(mask)), "mask"
    if not region.any():
        raise LeadlineError(
            f"{what}: holds no pixel of the {size_words(shape)} depth map; "
            f"x runs from 0 to {shape[1]}, y from 0 to {shape[0]}"
        )
    outside = _share_outside(region, box, polygon)
    if outside > 0:
        warnings.warn(
            f"{what}: {_percent(outside)} of it lies outside of the {size_words(shape)} depth map; "
            f"only {_rest_in_words(shape, box)} is measured",
            LeadlineWarning,
            stacklevel=3,
        )
    return region


def _share_outside(region: NDArray[np.bool_], box: Box | None, polygon: Polygon | None) -> float:
    """Return the share of a box's pixels, or about that of a polygon's, that the picture lacks."""
    if box is not None:
        width, height = (math.ceil(box[i + 2] - 0.5) - math.ceil(box[i] - 0.5) for i in (0, 1))
        return 1 - int(region.sum()) / (width * height)
    if polygon is None:
        return 0.0
    corners = np.asarray(polygon, dtype=np.float64)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    height, width = region.shape
    if min(left, top) > -0.5 and right <= width + 0.5 and bottom <= height + 0.5:
        return 0.0  # no pixel's centre
    steps = (np.arange(PROBES) + 0.5) / PROBES
    x, y = left + steps * (right - left), top + steps * (bottom - top)
    inside = _inside_polygon(corners, x[None], y[:, None])
    is_picture = ((y >= 0) & (y < height))[:, None] & (x >= 0) & (x < width)
    return float((inside & ~is_picture).sum() / max(inside.sum(), 1))


def _rest_in_words(shape: tuple[int, int], box: Box | None) -> str:
    if box is None:
        return "what lies inside"
    ends = (max(box[0], 0), max(box[1], 0), min(box[2], shape[1]), min(box[3], shape[0]))
    return f"box {','.join(f'{end:g}' for end in ends)}"


def _percent(share: float) -> str:
    """Return a share, which is neither nothing nor all, in percent."""
    return "less than 1%" if share < 0.01 else f"{min(share, 0.99):.0%}"


def _box_region(shape: tuple[int, int], box: Box) -> NDArray[np.bool_]:
    if len(box) != 4 or not all(math.isfinite(side) for side in box):
        raise LeadlineError(f"box {tuple(box)}: give left, top, right, bottom in pixels")
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise LeadlineError(
            f"box {left:g},{top:g},{right:g},{bottom:g}: left must be below right, and top below "
            "bottom; give left,top,right,bottom"
        )
    rows, columns = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    inside_rows = (rows >= top) & (rows < bottom)
    region: NDArray[np.bool_] = inside_rows[:, None] & ((columns >= left) & (columns < right))
    return region


def _polygon_region(shape: tuple[int, int], polygon: Polygon) -> NDArray[np.bool_]:
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise LeadlineError("a polygon has at least three corners (x, y); give x,y x,y x,y ...")
    if not np.isfinite(corners).all():
        raise LeadlineError("a corner of the polygon is not finite; give pixels")
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])[None] + 0.5
    return _inside_polygon(corners, x, y)


def _inside_polygon(
    corners: NDArray[np.float64], x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Return which places, (H,W) bool, of columns `x` (1,W) and rows `y` (H,1) a polygon holds."""
    inside = np.zeros((y.shape[0], x.shape[1]), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:  # a level edge is crossed by no level ray
            continue
        crosses = (y0 <= y) != (y1 <= y)
        inside ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside


def _mask_region(shape: tuple[int, int], mask: NDArray[Any]) -> NDArray[np.bool_]:
    if mask.shape != shape:
        raise LeadlineError(
            f"the mask is {_shape_words(mask.shape)} and the depth map {size_words(shape)}; give "
            "one of the same size"
        )
    if not np.any(mask):
        raise LeadlineError("the mask is 0 everywhere; set the pixels of the thing to 255")
    return np.asarray(mask != 0)


def _shape_words(shape: tuple[int, ...]) -> str:
    return size_words(shape) if len(shape) == 2 else f"of shape {shape}"


def distance_of(
    depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    region: NDArray[np.bool_],
    interval: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> Distance:
    """Return how far the valid pixels of a region, (H,W) bool, are.

    `interval` are the metres (H,W) between which the true depth of each pixel lies.
    Errors: LeadlineError where none is valid.
    """
    values = depth[region & valid]
    if values.size == 0:
        raise LeadlineError("no pixel of the region has valid depth; choose another region")
    low, median, high = (
        float(each) for each in np.percentile(values, (INTERVAL[0], 50, INTERVAL[1]))
    )
    # As if all pixels erred alike: what one thing's errors mostly do.
    ends = [float(np.median(end[region & valid])) for end in interval or ()]
    return Distance(median, low, high, int(values.size), values.size / int(region.sum()), *ends)


def span_of(
    camera: Intrinsics,
    start: tuple[Pixel, float],
    end: tuple[Pixel, float],
    relative_error: float | None = None,
    log_scales: tuple[float, float] | None = None,
) -> Span:
    """Return the line between two pixels, each with its depth in metres, seen by `camera`.

    `relative_error` is the standard error of a depth as a share of it, the same at both ends and
    independent: an error of both together, as of the whole map's scale, is that share of the line.
    `log_scales` are the scales of the Laplace distributions of ln(depth) at both ends.
    Errors: LeadlineError for a `relative_error` that is not from 0 to 1.
    """
    if relative_error is not None and not 0 <= relative_error < 1:
        raise LeadlineError(f"relative error {relative_error:g}: give a share from 0 to 1, as 0.1")
    a, b = (_point(camera, pixel, depth) for pixel, depth in (start, end))
    line = b - a
    metres = float(np.linalg.norm(line))
    error = None
    if relative_error is not None:
        # An end moves along its ray, by the share of its own vector; only the part of that along
        # the line counts, and for ends that are one nothing does.
        along = [float(point @ line) / metres if metres else 0.0 for point in (a, b)]
        error = relative_error * math.hypot(*along)
    ends = () if log_scales is None else _likely_lengths(a, b, log_scales)
    return Span(metres, error, _triple(a), _triple(b), *ends)


def _likely_lengths(
    a: NDArray[np.float64], b: NDArray[np.float64], log_scales: tuple[float, float]
) -> tuple[float, float]:
    """Return between which lengths 8 of 10 lines lie whose ends move along their rays."""
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    laplace = np.sign(shares - 0.5) * -np.log(1 - np.abs(2 * shares - 1))
    starts, stops = (
        point * np.exp(scale * laplace)[:, None]
        for point, scale in zip((a, b), log_scales, strict=True)
    )
    lengths = np.linalg.norm(starts[:, None] - stops[None], axis=-1)
    near, far = (float(each) for each in np.percentile(lengths, INTERVAL))
    return near, far


def _point(camera: Intrinsics, pixel: Pixel, depth: float) -> NDArray[np.float64]:
    x, y = pixel
    return np.array([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0]) * depth


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(each) for each in point)
    return x, y, z
