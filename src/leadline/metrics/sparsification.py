"""Sparsification: whether the error goes where the uncertainty is (Ilg et al. 2018, 5.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

REMOVED = np.linspace(0.0, 1.0, 51)
"""Shares of the pixels that are taken away, the most uncertain first."""


def sparsification_curve(error: ArrayLike, order: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of `error` (n,) that is left after each share of `REMOVED` is taken away.

    Those with the largest `order` (n,) go first; with nothing left, the mean counts as 0. The curve
    of the error itself as its order is the lowest there is.

    >>> sparsification_curve([1.0, 3.0], order=[0.0, 1.0])[[0, 25, 50]].tolist()
    [2.0, 1.0, 0.0]
    """
    errors = np.asarray(error, np.float64)
    kept = np.rint((1 - REMOVED) * len(errors)).astype(np.intp)
    smallest_first = errors[np.argsort(np.asarray(order), kind="stable")]
    sums = np.concatenate([[0.0], np.cumsum(smallest_first)])
    return np.asarray(sums[kept] / np.maximum(kept, 1))


def area_between(curve: NDArray[np.float64], oracle: NDArray[np.float64]) -> float:
    """Return the area between a sparsification curve and that of the error itself (AUSE)."""
    between = curve - oracle
    # By hand: np.trapezoid came with numpy 2, np.trapz went with it.
    return float((between[1:] + between[:-1]) / 2 @ np.diff(REMOVED))
