"""One sample, read and boiled down to the numbers that the checks need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.grid import Plane, depth_edges, image_edges, thumbnail
from leadline.data_checks.pairs import ListedPair, RawPair
from leadline.data_checks.planes import planarity
from leadline.errors import LeadlineError

POOL = 1024  # values kept of every depth map, for ranges and histograms over the whole set
_FOCAL = 0.75  # of the image's width: 0.58 (KITTI) to 0.81 (Kinect), so right within a third


@dataclass(frozen=True)
class DepthFacts:
    """The numbers of one depth map, in the units of its file; shares are of all its pixels.

    `pool` is an even sample of the valid values. `top` is the share of pixels at the largest
    number that the type holds. `step` divides every value (0: not whole numbers). `row_slope` is
    the correlation of value and row, negative where near things are at the bottom. `planarity` is
    positive for depth and negative for disparity, as a rule, and NaN where it is not known. `drop`
    is how far the lowest points lie below the camera, NaN where nothing does.
    """

    size: tuple[int, int]
    dtype: str
    pool: NDArray[np.float32]
    lowest: float
    highest: float
    valid: float
    nan: float
    infinite: float
    negative: float
    top: float
    step: int
    row_slope: float
    planarity: float
    drop: float
    units_per_metre: float | None = None


@dataclass(frozen=True)
class LabelFacts:
    """The ids of one label image: the lowest, the highest but 255, if 255 occurs, its size."""

    size: tuple[int, int]
    lowest: int
    highest: int
    has_255: bool


@dataclass(frozen=True)
class PairFacts:
    """One sample. `problem` says why it could not be read; then everything else is None."""

    entry: ListedPair
    problem: str = ""
    image_size: tuple[int, int] | None = None
    image_spread: float = 0.0
    thumb: Plane | None = None
    image_edges: NDArray[np.float16] | None = None
    depth_edges: NDArray[np.float16] | None = None
    likeness: float = 0.0
    depth: DepthFacts | None = None
    labels: LabelFacts | None = None

    @property
    def id(self) -> str:
        """The sample's name."""
        return self.entry.id


def measure(entry: ListedPair, grid: tuple[int, int]) -> PairFacts:
    """Read one sample and measure it; a sample that cannot be read is measured as that."""
    try:
        raw = entry.read()
    except LeadlineError as problem:
        return PairFacts(entry, problem=str(problem))
    values, valid = _valid(raw.values)
    labels = raw.labels
    return PairFacts(
        entry,
        image_size=(raw.image.shape[1], raw.image.shape[0]),
        image_spread=float(np.std(raw.image[::4, ::4])),
        thumb=thumbnail(raw.image),
        image_edges=image_edges(raw.image, grid).astype(np.float16),
        depth_edges=depth_edges(values, valid, grid).astype(np.float16),
        likeness=_likeness(raw),
        depth=_depth_facts(raw, values, valid),
        labels=None if labels is None else _label_facts(labels),
    )


def _valid(values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    with np.errstate(over="ignore", invalid="ignore"):
        plain = values.astype(np.float32)
    valid = (plain > 0) & np.isfinite(plain)
    return plain, valid


def _depth_facts(raw: RawPair, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> DepthFacts:
    known = values[valid]
    pool = known[np.linspace(0, known.size - 1, min(POOL, known.size)).astype(np.intp)]
    whole = raw.values.dtype.kind in "iu"
    top = np.iinfo(raw.values.dtype).max if whole else np.inf
    count = values.size
    slope, drop = _geometry(values, valid)
    return DepthFacts(
        size=(values.shape[1], values.shape[0]),
        dtype=raw.values.dtype.name,
        pool=pool,
        lowest=float(known.min()) if known.size else np.nan,
        highest=float(known.max()) if known.size else np.nan,
        valid=known.size / count,
        nan=np.count_nonzero(np.isnan(values)) / count,
        infinite=np.count_nonzero(np.isinf(values)) / count,
        negative=np.count_nonzero(values < 0) / count,
        top=np.count_nonzero(raw.values == top) / count if whole else 0.0,
        step=int(np.gcd.reduce(known[:: max(1, known.size // 8192)].astype(np.int64)))
        if whole and known.size
        else 0,
        row_slope=slope,
        planarity=planarity(values, valid),
        drop=drop,
        units_per_metre=raw.units_per_metre,
    )


def _geometry(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return `row_slope` and `drop` of a depth map, from every fourth pixel each way."""
    stride = max(1, min(values.shape) // 100)
    rows, columns = np.nonzero(valid[::stride, ::stride])
    known = values[::stride, ::stride][rows, columns]
    if known.size < 50:
        return 0.0, float("nan")
    height, width = values.shape
    below = (rows * stride - height / 2) / (_FOCAL * width) * known
    drop = float(np.percentile(below, 98))
    order = np.empty(known.size, np.float64)
    order[np.argsort(known, kind="stable")] = np.arange(known.size)
    flat = known.min() == known.max() or rows.min() == rows.max()
    slope = 0.0 if flat else float(np.corrcoef(rows, order)[0, 1])
    return slope, drop if drop > 0 else float("nan")


def _likeness(raw: RawPair) -> float:
    """Return the correlation of the depth values with the photograph's brightness, signed."""
    import cv2

    if raw.values.shape != raw.image.shape[:2]:
        return 0.0
    grey = cv2.cvtColor(raw.image[::4, ::4].copy(), cv2.COLOR_RGB2GRAY).ravel()
    values = raw.values[::4, ::4].ravel().astype(np.float64)
    if not np.isfinite(values).all() or np.ptp(values) == 0 or np.ptp(grey) == 0:
        return 0.0
    return float(np.corrcoef(grey, values)[0, 1])


def _label_facts(labels: NDArray[np.int32]) -> LabelFacts:
    counted = labels[labels != 255]
    return LabelFacts(
        (labels.shape[1], labels.shape[0]),
        int(labels.min()),
        int(counted.max()) if counted.size else 0,
        counted.size < labels.size,
    )
