"""Depth metrics as pure functions over one image's valid pixels (numpy, no files, no torch)."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

METRICS = (
    "delta1",
    "delta2",
    "delta3",
    "abs_rel",
    "sq_rel",
    "rmse",
    "rmse_log",
    "log10",
    "silog",
)
"""Names in the order they are printed."""

DOCUMENT_METRICS = ("depth_accuracy", "rmse_log1p")
"""What single documents report beside them: kept in files, not in tables."""

HIGHER_IS_BETTER = frozenset({"delta1", "delta2", "delta3", "depth_accuracy"})


def depth_metrics(
    prediction: NDArray[np.floating], truth: NDArray[np.floating]
) -> dict[str, float]:
    """Return every metric of `METRICS` for one image's valid pixels.

    Shapes: two vectors (n,) of metres, all positive, n >= 1; computed in float64.

    delta_k is the share with max(p/g, g/p) < 1.25**k; sq_rel divides by g (Eigen et al., 2014);
    silog is 100 sqrt(mean d^2 - (mean d)^2) with d = ln p - ln g (KITTI's site, not the devkit).
    """
    p, g = prediction.astype(np.float64), truth.astype(np.float64)
    if p.shape != g.shape or p.ndim != 1 or p.size == 0:
        raise ValueError(f"expected two equal non-empty vectors, got {p.shape} and {g.shape}")
    difference = p - g
    squared = difference * difference
    log_difference = np.log(p / g)
    log_squared_mean = float(np.mean(log_difference * log_difference))
    log_mean = float(np.mean(log_difference))
    ratio = np.maximum(p / g, g / p)
    return {
        "delta1": float(np.mean(ratio < 1.25)),
        "delta2": float(np.mean(ratio < 1.25**2)),
        "delta3": float(np.mean(ratio < 1.25**3)),
        "abs_rel": float(np.mean(np.abs(difference) / g)),
        "sq_rel": float(np.mean(squared / g)),
        "rmse": float(np.sqrt(np.mean(squared))),
        "rmse_log": float(np.sqrt(log_squared_mean)),
        "log10": float(np.mean(np.abs(log_difference)) / np.log(10)),
        "silog": float(100 * np.sqrt(max(0.0, log_squared_mean - log_mean**2))),
    }


def document_metrics(
    prediction: NDArray[np.floating], truth: NDArray[np.floating]
) -> dict[str, float]:
    """Return the metrics of `DOCUMENT_METRICS` for one image's valid pixels, (n,) metres each.

    `depth_accuracy` is 1 - sum|p - g| / sum g, kept in 0..1: our reading of Gulve and Gupta's
    "custom L1-distance" accuracy, which they do not define; 1 - MAE/10 m would contradict their
    own RMSE. `rmse_log1p` is the root mean square of ln(1 + p) - ln(1 + g): what Sciuto's code
    computes where his text says RMSE log.
    """
    p, g = prediction.astype(np.float64), truth.astype(np.float64)
    accuracy = 1 - np.abs(p - g).sum() / g.sum()
    return {
        "depth_accuracy": float(np.clip(accuracy, 0, 1)),
        "rmse_log1p": float(np.sqrt(np.mean((np.log1p(p) - np.log1p(g)) ** 2))),
    }


def mean_over_images(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over per-image rows (every image counts the same)."""
    listed = list(rows)
    if not listed:
        raise ValueError("no image was scored")
    return {name: float(np.mean([row[name] for row in listed])) for name in listed[0]}
