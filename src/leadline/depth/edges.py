"""Steps of depth from pixel to pixel that no slanted surface explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

HALF_WINDOW = 6
THRESHOLD = 0.05
"""A step of reciprocal depth beyond the surface's own, as a part of the smaller of the two."""
_BATCH = 1 << 18


def check_threshold(relative_threshold: float) -> None:
    """Raise LeadlineError for a threshold that is not positive."""
    if not relative_threshold > 0:
        raise LeadlineError(
            f"edge threshold {relative_threshold} must be positive; give for instance 0.05"
        )


def reciprocal_of(depth: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return 1 / depth, (H,W) float32, NaN where invalid: linear in the pixel on a plane."""
    reciprocal = np.full(depth.shape, np.nan, dtype=np.float32)
    np.divide(1, depth, out=reciprocal, where=valid)
    return reciprocal


def unexplained_steps(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.int8]:
    """(H,W-1) int8: the sign of each step to the right that no slanted plane explains, else 0.

    `reciprocal` (H,W) is 1 / depth, NaN where unknown. The median step of the thirteen around is
    the surface's part; what is left counts where it is more than `threshold` of the smaller value.
    """
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
    padded = np.pad(steps, ((0, 0), (HALF_WINDOW, HALF_WINDOW)), constant_values=np.nan)
    around = np.arange(2 * HALF_WINDOW + 1)
    surface = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BATCH):  # a noisy map has millions: bound the memory
        part = slice(start, start + _BATCH)
        window = columns[part, None] + around
        surface[part] = np.nanmedian(padded[rows[part, None], window], axis=1)
    return surface
