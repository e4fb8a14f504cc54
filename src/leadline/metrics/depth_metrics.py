"""Depth metrics, a function each, over an image's valid pixels (numpy, no files, no torch).

p is the prediction and g the truth (ground truth) at a pixel, metres; "mean" is over the pixels. A
metric is a formula over such means: its parameters name the `TERMS` that are averaged. Called with
two vectors it computes them; `metric_set` computes those of several metrics together.
A new metric is a function here and its name in `ALL_METRICS`.

>>> abs_rel([2.0, 1.0, 3.0], [1.0, 1.0, 4.0])
0.4166666666666667
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from leadline.metrics.metric import Metric, MetricSet, check_vectors, metric


@metric(higher_is_better=True)
def delta1(within_delta1: float) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25, from 0 to 1.

    Ladicky, Shi and Pollefeys 2014; the threshold is strict, as in Eigen et al. 2014.
    """
    return within_delta1


@metric(higher_is_better=True)
def delta2(within_delta2: float) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25^2, from 0 to 1; see `delta1`."""
    return within_delta2


@metric(higher_is_better=True)
def delta3(within_delta3: float) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25^3, from 0 to 1; see `delta1`."""
    return within_delta3


@metric()
def abs_rel(relative: float) -> float:
    """Absolute relative error, mean |p - g| / g, without a unit. Eigen et al. 2014, section 4."""
    return relative


@metric()
def sq_rel(squared_by_truth: float) -> float:
    """Squared relative error, mean (p - g)^2 / g, metres. Eigen et al. 2014, section 4."""
    return squared_by_truth


@metric(name="sq_rel")
def sq_rel_without_unit(squared_relative: float) -> float:
    """Squared relative error, mean ((p - g) / g)^2, without a unit. KITTI's development kit."""
    return squared_relative


@metric()
def rmse(squared: float) -> float:
    """Root mean square error, sqrt(mean (p - g)^2), metres. Eigen et al. 2014, section 4."""
    return float(np.sqrt(squared))


@metric(name="rmse")
def rmse_with_epsilon(squared: float) -> float:
    """Root mean square error, sqrt(mean (p - g)^2 + 1e-5), metres. Sciuto's released code."""
    return float(np.sqrt(squared + 1e-5))


@metric()
def rmse_log(squared_log: float) -> float:
    """Root mean square of ln p - ln g, without a unit. Eigen et al. 2014, section 4."""
    return float(np.sqrt(squared_log))


@metric()
def log10(abs_log: float) -> float:
    """Mean |log10 p - log10 g|, without a unit. Saxena, Sun and Ng 2009."""
    return abs_log * float(1 / np.log(10))


@metric()
def silog(squared_log: float, log: float) -> float:
    """Scale-invariant error, 100 sqrt(mean d^2 - (mean d)^2) with d = ln p - ln g.

    As on the KITTI depth benchmark's site, whose development kit leaves out the 100; Eigen et al.
    2014, equation 1, without the root and the 100.
    """
    # np.maximum: the built-in would turn NaN into a perfect 0.
    return float(100 * np.sqrt(np.maximum(0.0, squared_log - log**2)))


@metric(higher_is_better=True)
def depth_accuracy(absolute: float, truth: float) -> float:
    """1 - sum |p - g| / sum g, kept in 0..1.

    Our reading of Gulve and Gupta's "custom L1-distance" accuracy, which they do not define
    (1 - MAE / 10 m would contradict their RMSE).
    """
    return float(np.clip(1 - absolute / truth, 0, 1))


@metric()
def rmse_log1p(squared_log1p: float) -> float:
    """Root mean square of ln(1 + p) - ln(1 + g), without a unit.

    What Sciuto's released code computes where the text says RMSE log.
    """
    return float(np.sqrt(squared_log1p))


@metric()
def mae(absolute: float) -> float:
    """Mean absolute error, mean |p - g|, metres. KITTI's development kit."""
    return absolute


@metric()
def imae(abs_inverse: float) -> float:
    """Mean absolute error of inverse depth, mean |1/p - 1/g|, 1/m. KITTI's development kit."""
    return abs_inverse


@metric()
def irmse(squared_inverse: float) -> float:
    """Root mean square error of inverse depth, 1/m. KITTI's development kit."""
    return float(np.sqrt(squared_inverse))


@metric()
def log_mae(abs_log: float) -> float:
    """Mean |ln p - ln g|, without a unit. KITTI's development kit."""
    return abs_log


ALL_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        delta1, delta2, delta3, abs_rel, sq_rel, rmse, rmse_log, log10, silog,
        depth_accuracy, rmse_log1p, mae, imae, irmse, log_mae,
    )
}  # fmt: skip
"""Every metric by its name, which a protocol may list in `extra_metrics`."""

VARIANTS: dict[str, Metric] = {
    "sq_rel / g^2": sq_rel_without_unit,
    "rmse + 1e-5 under the root": rmse_with_epsilon,
}
"""Other definitions of metrics of `ALL_METRICS`, by the name that a protocol declares."""

HIGHER_IS_BETTER = frozenset(
    name for name, metric in ALL_METRICS.items() if metric.higher_is_better
)

METRICS = (
    "delta1", "delta2", "delta3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog",
)  # fmt: skip
"""The nine of every protocol, in the order they are printed."""

DOCUMENT_METRICS = ("depth_accuracy", "rmse_log1p")
"""What single documents report beside them: kept in files, not in tables."""

DEVKIT_METRICS = ("mae", "imae", "irmse", "log_mae")
"""What KITTI's development kit reports beside them."""

DEVKIT_COLUMNS = ("silog", "sq_rel", "abs_rel", "irmse", "imae", "rmse", "mae", "log_mae", "delta1")
"""What a table shows where those are reported; the KITTI site ranks by the first four."""


@lru_cache
def metric_set(names: tuple[str, ...], variants: tuple[str, ...] = ()) -> MetricSet:
    """Return the metrics called `names`, some of them in the definition of `variants`.

    Names are those of `ALL_METRICS`, variants those of `VARIANTS`; KeyError for an unknown one.
    """
    table = ALL_METRICS | {VARIANTS[variant].name: VARIANTS[variant] for variant in variants}
    metrics = {name: table[name] for name in names}
    terms = dict.fromkeys(term for metric in metrics.values() for term in metric.terms)
    return MetricSet(metrics, tuple(terms))


def depth_metrics(
    prediction: ArrayLike,
    truth: ArrayLike,
    names: Sequence[str] = METRICS,
    variants: Sequence[str] = (),
) -> dict[str, float]:
    """Return the metrics `names` (of `ALL_METRICS`) for the valid pixels of one image.

    Shapes: two vectors (n,) of metres (arrays, or tensors on the CPU), n >= 1; computed in float64.
    Errors: ValueError for other shapes, an unknown metric or variant, or a depth that is not
    positive and finite. Select the valid pixels first, as `Protocol.score` does.
    """
    predicted, true = check_vectors(prediction, truth)
    for given, kind, known in ((names, "metric", ALL_METRICS), (variants, "variant", VARIANTS)):
        if unknown := [name for name in given if name not in known]:
            raise ValueError(f"{unknown[0]!r} is no {kind}; choose from {', '.join(known)}")
    chosen = metric_set(tuple(names), tuple(variants))
    return chosen.values(chosen.sums(predicted, true))


def mean_over_images(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over per-image rows (all images weigh the same)."""
    listed = list(rows)
    if not listed:
        raise ValueError("no image was scored")
    return {name: float(np.mean([row[name] for row in listed])) for name in listed[0]}
