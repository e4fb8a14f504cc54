"""What a hole in a prediction counts as."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOLE_RULES = ("smallest depth", "nearer neighbour in the row")


def fill_holes(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (H,W) with every hole filled along its row, then along its column.

    A hole (not positive or not finite) between two values takes the smaller one, at the border of
    a row the only one; rows without any value take the nearest row's. A map of holes stays. Source:
    KITTI's development kit (interpolateBackground), which leaves empty rows between others open.
    """
    present = (depth > 0) & (depth < np.inf)
    if present.all() or not present.any():
        return depth
    filled = _fill_rows(np.where(present, depth, np.nan).astype(np.float32))
    empty = np.isnan(filled[:, 0])
    rows = np.flatnonzero(~empty)
    position = np.searchsorted(rows, np.arange(len(depth))).clip(0, len(rows) - 1)
    before = (position - 1).clip(0)
    here = np.arange(len(depth))
    nearer = np.abs(rows[before] - here) < np.abs(rows[position] - here)
    chosen = np.where(nearer, rows[before], rows[position])
    return np.asarray(filled[chosen], dtype=np.float32)


def _fill_rows(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    left, right = _last_seen(depth), _last_seen(depth[:, ::-1])[:, ::-1]
    return np.where(np.isnan(depth), np.fmin(left, right), depth).astype(np.float32)


def _last_seen(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for every pixel the last value at or before it in its row, NaN before the first."""
    columns = np.where(np.isnan(depth), -1, np.arange(depth.shape[1]))
    last = np.maximum.accumulate(columns, axis=1)
    seen = np.take_along_axis(depth, last.clip(0), axis=1)
    return np.where(last < 0, np.float32(np.nan), seen).astype(np.float32)
