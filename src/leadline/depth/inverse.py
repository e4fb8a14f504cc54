"""Inverse depth of unknown scale and shift, as the depth that its reciprocal would be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST_PART = 1e-6
"""Of the largest inverse depth of a map, below which none is: its reciprocal must be a number."""


def depth_of_inverse(inverse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reciprocals of a map, which mean something only after alignment.

    Nothing is below `SMALLEST_PART` of the largest value; what is not finite is NaN.

    >>> depth_of_inverse(np.array([0.5, 0.0, np.nan], np.float32)).tolist()
    [2.0, 2000000.0, nan]
    """
    known = np.isfinite(inverse)
    largest = float(inverse.max(where=known, initial=0.0)) or 1.0
    smallest = np.float32(largest * SMALLEST_PART)
    return np.reciprocal(np.where(known, np.maximum(inverse, smallest), np.float32(np.nan)))


def from_zero(inverse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map shifted so that its smallest finite value is 0: for values below it.

    Standardised maps have some. Only where a shift is fitted later do both mean the same.

    >>> from_zero(np.array([-1.5, 0.5], np.float32)).tolist()
    [0.0, 2.0]
    """
    smallest = inverse.min(where=np.isfinite(inverse), initial=np.float32(np.inf))
    return inverse - smallest if smallest < np.inf else inverse
