"""`Metric`: a formula over means of terms, which can be called with a prediction and the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from inspect import signature

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.metrics.terms import TERMS, Array, Groupings, sum_terms, sum_terms_by_group

Formula = Callable[..., float]
"""A function of means; its parameters are names of `TERMS`."""


class Metric:
    """A metric of a vector of predictions and of true depths; made by `metric` from its formula.

    `terms` are the names of the means that the formula takes.
    """

    def __init__(self, formula: Formula, name: str = "", higher_is_better: bool = False):
        update_wrapper(self, formula)
        self.name = name or formula.__name__
        self.terms = tuple(signature(formula).parameters)
        self.higher_is_better = higher_is_better
        self._formula = formula
        if unknown := set(self.terms) - TERMS.keys():
            raise ValueError(f"metric {self.name}: no term is called {', '.join(sorted(unknown))}")

    def __call__(self, prediction: ArrayLike, truth: ArrayLike) -> float:
        """Return the metric of one image's valid pixels.

        Shapes: two vectors (n,) of metres, n >= 1; computed in float64.
        Errors: ValueError for other shapes, or a depth that is not positive and finite.
        """
        predicted, true = check_vectors(prediction, truth)
        chosen = MetricSet({self.name: self}, self.terms)
        return chosen.values(chosen.sums(predicted, true))[self.name]

    def of_means(self, means: Mapping[str, float]) -> float:
        """Return the metric where the terms have these means over the pixels."""
        return float(self._formula(*(means[term] for term in self.terms)))


def metric(*, name: str = "", higher_is_better: bool = False) -> Callable[[Formula], Metric]:
    """Return a decorator that makes a formula a `Metric`, called `name` or as the function is."""
    return lambda formula: Metric(formula, name, higher_is_better)


@dataclass(frozen=True)
class MetricSet:
    """The metrics that are computed together, and the terms they need, in a fixed order."""

    metrics: dict[str, Metric]
    terms: tuple[str, ...]

    def sums(self, prediction: Array, truth: Array) -> NDArray[np.float64]:
        """Return (1 + terms,) float64 for vectors (n,) of positive metres: n, then each sum."""
        return sum_terms(self.terms, prediction, truth)

    def grouped_sums(
        self, prediction: Array, truth: Array, groupings: Groupings
    ) -> list[NDArray[np.float64]]:
        """Return (groups, 1 + terms) for each grouping: `sums` of the pixels of each group."""
        return sum_terms_by_group(self.terms, prediction, truth, groupings)

    def values(self, sums: NDArray[np.float64]) -> dict[str, float]:
        """Return every metric for `sums` of at least one pixel."""
        means = dict(zip(self.terms, (sums[1:] / sums[0]).tolist(), strict=True))
        return {name: metric.of_means(means) for name, metric in self.metrics.items()}


def check_vectors(prediction: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    """Return both as arrays.

    Errors: ValueError unless they are two vectors (n,), n >= 1, of positive, finite metres.
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
    return predicted, true
