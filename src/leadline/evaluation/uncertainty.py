"""The quality of a model's predicted uncertainty: coverage of its intervals, and its ordering."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from leadline.datasets.sample import Sample
from leadline.evaluation.predictions import PredictedMaps
from leadline.inference.novelty import is_novel
from leadline.metrics import Comparison
from leadline.metrics.resize import resize_to
from leadline.metrics.sparsification import REMOVED, area_between, sparsification_curve

RATIOS = 1000
"""Number of quantiles of |e|/b kept per image, so that images weigh equally."""

MOST_SORTED = 100_000
"""Largest number of pixels per image in the sparsification, evenly spaced."""


class UncertaintyScores(BaseModel):
    """Means over the images of the quality of their predicted uncertainty.

    Pixels without a prediction do not count, since they have no interval. `coverage` and `width`
    hold, by percentage, the share of the counted pixels whose truth lies in the interval, and its
    width in metres; {} if the model has no factors. `ause` is the area between the sparsification
    curve of abs_rel and that of the error itself, for the ordering by `uncertainty`, by `depth`
    (farthest first) and for a `constant`, which orders nothing. `sparsification` are these curves
    at the shares `removed`, and `oracle`. `unlike` is the share of the images whose novelty is
    above 1, None if the model does not predict novelty.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    factors: dict[str, float]
    coverage: dict[str, float]
    width: dict[str, float]
    ause: dict[str, float]
    sparsification: dict[str, tuple[float, ...]]
    unlike: float | None = None


class UncertaintyObserver:
    """Processes every scored image of a model with uncertainty.

    `ratios` are, for each image, `RATIOS` quantiles of |e|/b, where e is the error of ln(metres).
    """

    def __init__(self, factors: Mapping[str, float]):
        self.factors = dict(factors)
        self.ratios: list[NDArray[np.float32]] = []
        self._is_novel: list[bool] = []
        self._coverage: list[list[float]] = []
        self._width: list[list[float]] = []
        self._curves: list[list[NDArray[np.float64]]] = []

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Add an image, unless it has no predicted, scored pixel or no uncertainty."""
        if predicted.uncertainty is None or not comparison.has_prediction.any():
            return
        if predicted.novelty is not None:
            self._is_novel.append(is_novel(predicted.novelty))
        full = resize_to(predicted.uncertainty, comparison.full.shape, comparison.protocol.resize)
        uncertainty, depth, truth = (
            plane[comparison.has_prediction].astype(np.float64)
            for plane in (full[comparison.window], comparison.prediction, comparison.truth)
        )
        ratio = np.abs(np.log(depth / truth)) / uncertainty
        places = (np.arange(RATIOS) + 0.5) / RATIOS
        self.ratios.append(np.quantile(ratio, places).astype(np.float32))
        factors = list(self.factors.values())
        self._coverage.append([float((ratio <= factor).mean()) for factor in factors])
        self._width.append(
            [float((2 * depth * np.sinh(factor * uncertainty)).mean()) for factor in factors]
        )
        step = max(1, len(depth) // MOST_SORTED)
        depth, truth, uncertainty = depth[::step], truth[::step], uncertainty[::step]
        error = np.abs(depth - truth) / truth
        orders = (error, uncertainty, depth)
        self._curves.append([sparsification_curve(error, order) for order in orders])

    def result(self) -> UncertaintyScores | None:
        """Return the means over the images, None if none has an uncertainty."""
        if not self._curves:
            return None
        oracle, stated, far = np.mean(np.array(self._curves), axis=0)
        # Removal at random keeps the mean; with nothing left it counts as 0.
        flat = np.where(REMOVED < 1, oracle[0], 0.0)
        curves = {"uncertainty": stated, "depth": far, "constant": flat}
        coverage = np.mean(np.array(self._coverage), axis=0)
        width = np.mean(np.array(self._width), axis=0)
        return UncertaintyScores(
            images=len(self._curves),
            factors=self.factors,
            coverage=dict(zip(self.factors, coverage.tolist(), strict=True)),
            width=dict(zip(self.factors, width.tolist(), strict=True)),
            unlike=float(np.mean(self._is_novel)) if self._is_novel else None,
            ause={name: area_between(curve, oracle) for name, curve in curves.items()},
            sparsification={
                "removed": tuple(REMOVED.tolist()),
                "oracle": tuple(oracle.tolist()),
                **{name: tuple(curve.tolist()) for name, curve in curves.items()},
            },
        )
