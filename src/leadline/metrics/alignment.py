"""Fitting a prediction's unknown scale (and shift) to the truth before it is scored."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Alignment = Literal["median", "scale", "scale-shift"]
AlignmentSpace = Literal["depth", "log", "inverse"]
ALIGNMENTS: tuple[str, ...] = ("none", *get_args(Alignment))
ALIGNMENT_SPACES: tuple[str, ...] = get_args(AlignmentSpace)
SMALLEST = 1e-12
"""What an aligned value that is not positive becomes, in its space: farther than anything there."""


def align(
    depth: NDArray[np.float32],
    prediction: NDArray[np.float32],
    truth: NDArray[np.float32],
    method: str,
    space: str = "depth",
) -> NDArray[np.float32]:
    """Return `depth` (any shape, metres) after the alignment that fits `prediction` to `truth`.

    `prediction` and `truth` are vectors (n,) of positive finite metres, n >= 1: the scored pixels.
    Let x be the prediction and y the truth in `space` (metres, their logarithm, or their
    reciprocal):

    - median: the ratio of the medians (depth, inverse) or the median of y - x (log);
    - scale: the least-squares factor (depth, inverse) or the mean of y - x (log);
    - scale-shift: the least-squares line a x + b; if x is constant, the mean of y - x or y alone.

    Pixels of `depth` that are not positive and finite are unchanged.
    """
    a, b = _fit(_to_space(prediction, space), _to_space(truth, space), method, space)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        aligned = a * _to_space(depth, space) + b
        if space == "log":
            aligned = np.exp(aligned)
        elif space == "inverse":
            aligned = 1 / np.maximum(aligned, SMALLEST)
        present = (depth > 0) & (depth < np.inf)
        return np.where(present, aligned, depth).astype(np.float32)


def _to_space(depth: NDArray[np.floating], space: str) -> NDArray[np.float64]:
    values = depth.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if space == "log":
            return np.log(values)
        return 1 / values if space == "inverse" else values


def _fit(
    x: NDArray[np.float64], y: NDArray[np.float64], method: str, space: str
) -> tuple[float, float]:
    """Return a and b of y = a x + b."""
    if method == "scale-shift":
        centred = x - x.mean()
        spread = float(centred @ centred)
        # A constant prediction has no slope to fit: rounding noise must not make one up.
        flat = spread <= 1e-12 * max(1e-300, float(x @ x))
        a = 0.0 if flat else float(centred @ (y - y.mean())) / spread
        return a, float(y.mean() - a * x.mean())
    if space == "log":
        return 1.0, float(np.median(y - x) if method == "median" else np.mean(y - x))
    if method == "median":
        return float(np.median(y) / np.median(x)), 0.0
    return float(x @ y) / float(x @ x), 0.0
