"""Depth metrics as pure functions over valid pixels (numpy, no files, no torch).

Every metric is a formula over means of terms that are summed over pixels. The sums of several
images may be added: the formula over them is the metric pooled over all their pixels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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

DEVKIT_METRICS = ("mae", "imae", "irmse", "log_mae")
"""What KITTI's development kit reports beside them; inverse depth in 1/m."""

DEVKIT_TABLE = ("silog", "sq_rel", "abs_rel", "irmse", "imae", "rmse", "mae", "log_mae", "delta1")
"""What a table shows where those are reported; the KITTI site ranks by the first four."""

HIGHER_IS_BETTER = frozenset({"delta1", "delta2", "delta3", "depth_accuracy"})

CHUNK = 1 << 14
"""Pixels at a time: every intermediate array stays in the processor's cache."""

Array = NDArray[Any]
Means = Mapping[str, float]


class _Pixels:
    """Some pixels' prediction `p` and truth `g` (float64), and what several terms share."""

    def __init__(self, p: Array, g: Array):
        self.p, self.g = p, g

    @cached_property
    def difference(self) -> Array:
        return self.p - self.g

    @cached_property
    def ratio(self) -> Array:
        return self.p / self.g

    @cached_property
    def relative(self) -> Array:
        return self.ratio - 1

    @cached_property
    def log(self) -> Array:
        return np.log(self.ratio)

    @cached_property
    def abs_log(self) -> Array:
        return np.abs(self.log)

    @cached_property
    def inverse(self) -> Array:
        return 1 / self.p - 1 / self.g

    @cached_property
    def log1p(self) -> Array:
        return np.asarray(np.log((1 + self.p) / (1 + self.g)))

    def within(self, factor: float) -> Array:
        # A ratio of two float32 values is exactly the factor or at least 2**-26 off: rounding must
        # not decide the one case, and the margin cannot touch the other.
        return np.asarray(self.abs_log < np.log(factor) - 1e-12)


TERMS: dict[str, Callable[[_Pixels], tuple[Array, ...]]] = {
    "delta1": lambda x: (x.within(1.25),),
    "delta2": lambda x: (x.within(1.25**2),),
    "delta3": lambda x: (x.within(1.25**3),),
    "abs/g": lambda x: (np.abs(x.relative),),
    "sq/g": lambda x: (x.difference, x.relative),
    "sq/g2": lambda x: (x.relative, x.relative),
    "abs": lambda x: (np.abs(x.difference),),
    "sq": lambda x: (x.difference, x.difference),
    "g": lambda x: (x.g,),
    "log": lambda x: (x.log,),
    "abs log": lambda x: (x.abs_log,),
    "sq log": lambda x: (x.log, x.log),
    "sq log1p": lambda x: (x.log1p, x.log1p),
    "abs inverse": lambda x: (np.abs(x.inverse),),
    "sq inverse": lambda x: (x.inverse, x.inverse),
}
"""What is summed over pixels: one factor, or the product of two."""


@dataclass(frozen=True)
class Metric:
    """A formula over the means of some `TERMS`."""

    terms: tuple[str, ...]
    formula: Callable[[Means], float]


def _mean(term: str, factor: float = 1.0) -> Metric:
    return Metric((term,), lambda m: m[term] * factor)


def _root(term: str, epsilon: float = 0.0) -> Metric:
    return Metric((term,), lambda m: float(np.sqrt(m[term] + epsilon)))


TABLE: dict[str, Metric] = {
    "delta1": _mean("delta1"),
    "delta2": _mean("delta2"),
    "delta3": _mean("delta3"),
    "abs_rel": _mean("abs/g"),
    "sq_rel": _mean("sq/g"),
    "rmse": _root("sq"),
    "rmse_log": _root("sq log"),
    "log10": _mean("abs log", 1 / np.log(10)),
    "silog": Metric(
        ("sq log", "log"),
        # np.maximum: the built-in would turn NaN into a perfect 0.
        lambda m: float(100 * np.sqrt(np.maximum(0.0, m["sq log"] - m["log"] ** 2))),
    ),
    "depth_accuracy": Metric(("abs", "g"), lambda m: float(np.clip(1 - m["abs"] / m["g"], 0, 1))),
    "rmse_log1p": _root("sq log1p"),
    "mae": _mean("abs"),
    "imae": _mean("abs inverse"),
    "irmse": _root("sq inverse"),
    "log_mae": _mean("abs log"),
}
"""Every metric. delta_k: share with max(p/g, g/p) < 1.25**k. sq_rel: divided by g (Eigen et al.,
2014). silog: 100 sqrt(mean d^2 - (mean d)^2), d = ln p - ln g (KITTI's site; its development kit
leaves out the 100). depth_accuracy: 1 - sum|p - g| / sum g, kept in 0..1, our reading of Gulve and
Gupta's "custom L1-distance" accuracy, which they do not define (1 - MAE/10 m would contradict their
RMSE). rmse_log1p: root mean square of ln(1 + p) - ln(1 + g), what Sciuto's code computes where his
text says RMSE log."""

VARIANTS: dict[str, dict[str, Metric]] = {
    "sq_rel / g^2": {"sq_rel": _mean("sq/g2")},
    "rmse + 1e-5 under the root": {"rmse": _root("sq", 1e-5)},
}
"""Other definitions of metrics of `TABLE`, by the name that a protocol declares."""


@dataclass(frozen=True)
class MetricSet:
    """The metrics that are computed together, and the terms they need, in a fixed order."""

    metrics: dict[str, Metric]
    terms: tuple[str, ...]

    def sums(self, prediction: Array, truth: Array) -> NDArray[np.float64]:
        """Return (1 + terms,) float64 for vectors (n,) of positive metres: n, then each sum."""
        total = np.zeros(1 + len(self.terms))
        for start in range(0, prediction.size, CHUNK):
            pixels = _pixels(prediction, truth, slice(start, start + CHUNK))
            total += [pixels.p.size, *(_sum(TERMS[name](pixels)) for name in self.terms)]
        return total

    def grouped_sums(
        self,
        prediction: Array,
        truth: Array,
        groupings: Sequence[tuple[NDArray[np.integer], int]],
    ) -> list[NDArray[np.float64]]:
        """Return (groups, 1 + terms) for each grouping: `sums` of the pixels of each group.

        A grouping is the group of every pixel, (n,) ids from 0, and the number of groups.
        Neighbours are mostly in one group: runs of pixels are added up first, once for all.
        """
        columns = 1 + len(self.terms)
        totals = [np.zeros((count, columns)) for _, count in groupings]
        for start in range(0, prediction.size, CHUNK):
            part = slice(start, start + CHUNK)
            pixels = _pixels(prediction, truth, part)
            first = _first_of_runs([ids[part] for ids, _ in groupings])
            terms = [_product(TERMS[name](pixels)) for name in self.terms]
            sums = [np.add.reduceat(term, first, dtype=np.float64) for term in terms]
            runs = np.stack([np.diff(first, append=pixels.p.size), *sums], axis=1)
            for total, (ids, _) in zip(totals, groupings, strict=True):
                cells = ids[part][first].astype(np.intp)[:, None] * columns + np.arange(columns)
                added = np.bincount(cells.ravel(), runs.ravel(), minlength=total.size)
                total[:] += added.reshape(total.shape)
        return totals

    def values(self, sums: NDArray[np.float64]) -> dict[str, float]:
        """Return every metric for `sums` of at least one pixel."""
        means = dict(zip(self.terms, (sums[1:] / sums[0]).tolist(), strict=True))
        return {name: float(metric.formula(means)) for name, metric in self.metrics.items()}


@lru_cache
def metric_set(names: Sequence[str], variants: Sequence[str] = ()) -> MetricSet:
    """Return the metrics called `names`, some of them in the definition of `variants`.

    Both are tuples of names of `TABLE` and `VARIANTS`; KeyError for an unknown one.
    """
    table = dict(TABLE)
    for variant in variants:
        table.update(VARIANTS[variant])
    metrics = {name: table[name] for name in names}
    terms = dict.fromkeys(term for metric in metrics.values() for term in metric.terms)
    return MetricSet(metrics, tuple(terms))


def depth_metrics(
    prediction: ArrayLike,
    truth: ArrayLike,
    names: Sequence[str] = METRICS,
    variants: Sequence[str] = (),
) -> dict[str, float]:
    """Return the metrics of `TABLE` called `names` for one image's valid pixels.

    Shapes: two vectors (n,) of metres (arrays, or tensors on the CPU), n >= 1; computed in float64.
    Errors: ValueError for other shapes, a name that is no metric, or a depth that is not positive
    and finite: choose the valid pixels first, as `Protocol.score` does.
    """
    predicted, true = np.asarray(prediction), np.asarray(truth)
    if predicted.shape != true.shape or predicted.ndim != 1 or predicted.size == 0:
        raise ValueError(
            "expected two one-dimensional arrays of the same length, the valid pixels of an image; "
            f"got shapes {predicted.shape} and {true.shape}"
        )
    for name, values in (("prediction", predicted), ("truth", true)):
        wrong = np.flatnonzero(~((values > 0) & (values < np.inf)))
        if wrong.size:
            raise ValueError(
                f"{name} holds {values[wrong[0]]} at {wrong[0]} ({wrong.size} such of "
                f"{values.size}); expected positive, finite metres: the valid pixels alone"
            )
    if unknown := [name for name in names if name not in TABLE]:
        raise ValueError(f"{unknown[0]!r} is no metric; choose from {', '.join(TABLE)}")
    chosen = metric_set(tuple(names), tuple(variants))
    return chosen.values(chosen.sums(predicted, true))


def mean_over_images(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over per-image rows (every image counts the same)."""
    listed = list(rows)
    if not listed:
        raise ValueError("no image was scored")
    return {name: float(np.mean([row[name] for row in listed])) for name in listed[0]}


def _pixels(prediction: Array, truth: Array, part: slice) -> _Pixels:
    return _Pixels(prediction[part].astype(np.float64), truth[part].astype(np.float64))


def _sum(factors: tuple[Array, ...]) -> float:
    first = factors[0]
    if len(factors) == 2:
        # Not `@`: BLAS starts threads for so many numbers, which costs far more than it saves.
        return float(np.einsum("i,i", *factors))
    return float(np.count_nonzero(first) if first.dtype == bool else first.sum())


def _product(factors: tuple[Array, ...]) -> Array:
    return factors[0] if len(factors) == 1 else np.asarray(factors[0] * factors[1])


def _first_of_runs(groupings: Sequence[NDArray[np.integer]]) -> NDArray[np.intp]:
    """Return where pixels begin that are in the same group of every grouping, at least [0]."""
    change = np.zeros(groupings[0].size, dtype=bool)
    change[0] = True
    for ids in groupings:
        change[1:] |= ids[1:] != ids[:-1]
    return np.flatnonzero(change)
