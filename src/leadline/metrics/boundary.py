"""Are depth's edges where the truth has them: boundary F1, and the pixels that lie at an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(1.05, 1.25, 10)
"""Ratios of neighbouring depths from which on an edge is there; each weighs by its size."""

EDGE_RATIO = 1.1
EDGE_RADIUS = 2


@dataclass(frozen=True)
class BoundaryScore:
    """Precision, recall and F1 of depth edges, weighted over `THRESHOLDS`, 0..1."""

    precision: float
    recall: float
    f1: float


def boundary_score(
    prediction: NDArray[np.float32], truth: NDArray[np.float32], scored: NDArray[np.bool_]
) -> BoundaryScore | None:
    """Return how well occluding edges agree; None if the truth has no edge at any threshold.

    Shapes: (H,W) positive metres, and a mask of the pixels that count. A pair of neighbours counts
    if both do. An edge lies between two neighbours whose depth ratio exceeds the threshold. It is
    found if the prediction has an edge of the same direction at the same place. Scale does not
    matter. Precision and recall are means over the four directions, and F1 is their harmonic mean.
    The thresholds are averaged, each weighted by its value: Bochkovskii et al. 2024 (Depth Pro),
    equation 3, without their thinning. A threshold or direction without an edge in the truth counts
    as 0, as in their code, so that even the truth itself may score below 1.
    """
    counts = np.zeros((4, 3, len(THRESHOLDS)), dtype=np.int64)
    for axis in (0, 1):
        predicted, true = _log_steps(prediction, axis), _log_steps(truth, axis)
        counted = _pairs(scored, axis)
        # Only steps above the lowest threshold in either map matter: few, so the rest is fast.
        lowest = np.float32(np.log(THRESHOLDS[0]) * (1 - 1e-6))
        kept = np.flatnonzero(counted & ((np.abs(predicted) > lowest) | (np.abs(true) > lowest)))
        predicted, true = predicted.ravel()[kept], true.ravel()[kept]
        for direction, sign in enumerate((1, -1)):
            counts[2 * axis + direction] = _count(sign * predicted, sign * true)
    both, in_prediction, in_truth = counts.transpose(1, 0, 2)
    if not in_truth.any():
        return None
    precision = (both / np.maximum(in_prediction, 1)).mean(axis=0)
    recall = (both / np.maximum(in_truth, 1)).mean(axis=0)
    total = precision + recall
    f1 = np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0)
    weights = THRESHOLDS / THRESHOLDS.sum()
    return BoundaryScore(float(weights @ precision), float(weights @ recall), float(weights @ f1))


def depth_edge_mask(truth: NDArray[np.float32], scored: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask (H,W) of the pixels at an edge of the truth (Leadline's own definition).

    Two scored neighbours form an edge if their depth ratio exceeds `EDGE_RATIO`. Every pixel within
    `EDGE_RADIUS` rows and columns of such a neighbour belongs to the edge.
    """
    import cv2

    edges = np.zeros(truth.shape, dtype=np.uint8)
    for axis in (0, 1):
        step = np.abs(_log_steps(truth, axis)) > np.float32(np.log(EDGE_RATIO))
        step &= _pairs(scored, axis)
        first, second = _neighbours(edges, axis)
        np.maximum(first, step, out=first, casting="unsafe")
        np.maximum(second, step, out=second, casting="unsafe")
    side = 2 * EDGE_RADIUS + 1
    return cv2.dilate(edges, np.ones((side, side), np.uint8)).astype(bool)


def _neighbours(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if axis == 0:
        return array[:-1], array[1:]
    return array[:, :-1], array[:, 1:]


def _log_steps(depth: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.diff(np.log(depth), axis=axis), dtype=np.float32)


def _pairs(scored: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    first, second = _neighbours(scored, axis)
    return np.asarray(first & second, dtype=np.bool_)


def _count(predicted: NDArray[np.float32], true: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return (3, thresholds): edges in both maps, in the prediction, in the truth."""
    levels = np.log(THRESHOLDS).astype(np.float32)
    p, t = np.searchsorted(levels, predicted), np.searchsorted(levels, true)
    rows = [np.bincount(each, minlength=len(levels) + 1) for each in (np.minimum(p, t), p, t)]
    # An edge that passes k thresholds is one at each of the k lowest.
    return np.stack([row[::-1].cumsum()[::-1][1:] for row in rows])
