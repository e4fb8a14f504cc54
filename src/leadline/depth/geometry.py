"""Geometry of a depth map as points in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError

_HALF_WINDOW = 6
_BATCH = 1 << 18


def flying_pixel_mask(depth_map: DepthMap, relative_threshold: float = 0.05) -> NDArray[np.bool_]:
    """Return (H,W) bool, True where a pixel floats between the two sides of a depth edge.

    Such "flying pixels" come from resizing and from networks, which turn a jump in depth into a
    short ramp. A pixel is one if, along its row or its column, it is more than
    `relative_threshold` (a part of the nearer distance) away from both its neighbours, nearer than
    one and farther than the other, and a slanted surface does not explain either step. A surface
    explains its steps because the reciprocal depth of a plane is a linear function of the pixel:
    the median step of reciprocal depth over the thirteen around is the surface's part, so a floor
    seen at a grazing angle keeps its points while a ramp of up to five pixels loses them. The two
    sides of a clean jump belong to real surfaces and are kept.

    Raises LeadlineError if the threshold is not positive.
    """
    if not relative_threshold > 0:
        raise LeadlineError(
            f"edge threshold {relative_threshold} must be positive; give for instance 0.05"
        )
    reciprocal = np.full(depth_map.shape, np.nan, dtype=np.float32)
    np.divide(1, depth_map.depth, out=reciprocal, where=depth_map.valid)
    along_rows = _between(reciprocal, relative_threshold)
    along_columns = _between(np.ascontiguousarray(reciprocal.T), relative_threshold).T
    return along_rows | along_columns


def _between(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Flying pixels along the rows: an unexplained step in, and one out in the same direction."""
    direction = _unexplained_steps(reciprocal, threshold)
    flying = np.zeros(reciprocal.shape, dtype=bool)
    flying[:, 1:-1] = (direction[:, :-1] != 0) & (direction[:, :-1] == direction[:, 1:])
    return flying


def _unexplained_steps(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.int8]:
    """(H,W-1) int8: the sign of each step to the right that no slanted plane explains, else 0."""
    steps = np.diff(reciprocal, axis=1)
    smaller = np.minimum(reciprocal[:, :-1], reciprocal[:, 1:])
    direction = np.zeros(steps.shape, dtype=np.int8)
    rows, columns = np.nonzero(np.abs(steps) > threshold * smaller)  # False for NaN
    if rows.size == 0:
        return direction
    residual = steps[rows, columns] - _surface_steps(steps, rows, columns)
    jumps = np.abs(residual) > threshold * smaller[rows, columns]
    direction[rows[jumps], columns[jumps]] = np.sign(residual[jumps])
    return direction


def _surface_steps(
    steps: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the median step over the thirteen around each (row, column), ignoring NaN."""
    padded = np.pad(steps, ((0, 0), (_HALF_WINDOW, _HALF_WINDOW)), constant_values=np.nan)
    around = np.arange(2 * _HALF_WINDOW + 1)
    surface = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BATCH):  # a noisy map has millions: bound the memory
        part = slice(start, start + _BATCH)
        window = columns[part, None] + around
        surface[part] = np.nanmedian(padded[rows[part, None], window], axis=1)
    return surface
