"""Fit the factors of a model's intervals, and measure their coverage on other images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.evaluate import evaluate_opened
from leadline.evaluation.model_config import config_to_store_in
from leadline.evaluation.opening import open_evaluation
from leadline.evaluation.sources import ModelSource
from leadline.inference.runtime_config import FACTORS_KEY
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.progress import Track, untracked

PERCENTAGES = (50, 80, 95)
BLOCKS = 4


@dataclass(frozen=True)
class FittedInterval:
    """A factor fitted on all images, and its cross-validated coverage.

    `coverage` is that of each block of neighbouring images, with the factor of the other blocks.
    """

    percent: int
    factor: float
    coverage: tuple[float, ...]


@dataclass(frozen=True)
class Fitted:
    """The result on validation images.

    `unlike` is the share of images that the model considers unlike its training pictures, None if
    it does not predict novelty.
    """

    intervals: list[FittedInterval]
    unlike: float | None


def fit_factors(ratios: Sequence[NDArray[np.floating]]) -> list[FittedInterval]:
    """Fit the factor of every percentage to the |e|/b of images, all (n,).

    Images weigh equally. They are divided into four blocks in order, since neighbours often show
    one scene; the coverage of each block is measured with the factor of the other three.
    Errors: LeadlineError for fewer images than blocks.
    """
    check_enough(len(ratios), "images with truth and a prediction")
    every = np.stack(ratios)
    blocks = np.array_split(np.arange(len(every)), BLOCKS)
    fitted = []
    for percent in PERCENTAGES:
        covered = []
        for block in blocks:
            factor = np.quantile(np.delete(every, block, axis=0), percent / 100)
            covered.append(float((every[block] <= factor).mean()))
        whole = float(np.quantile(every, percent / 100))
        fitted.append(FittedInterval(percent, whole, tuple(covered)))
    return fitted


def fit_intervals(
    model: str | Path,
    data: str | Path,
    *,
    store: bool = False,
    track: Track = untracked,
    **options: Any,
) -> Fitted:
    """Fit the interval factors of a model with uncertainty on validation images.

    `options` are those of `evaluate` that select what is scored: split, layout, protocol, limit,
    etc. With `store` the factors are written to the model folder's `config.json`, as
    `interval_factors`.
    Errors: LeadlineError for a model without uncertainty, one that cannot store them, fewer than
    four images with truth, or factors of 0 or infinity.
    """
    file = config_to_store_in(model, "factors") if store else None
    opened = open_evaluation(ModelSource(model), data, **options)
    if not opened.source.states_uncertainty:
        raise _no_uncertainty(model)
    check_enough(len(opened.samples), "images")
    result = evaluate_opened(opened, baselines=False, track=track)
    if result.uncertainty is None:
        raise _no_uncertainty(model)
    fitted = fit_factors(result.ratios_in_memory)
    if not all(0 < interval.factor < np.inf for interval in fitted):
        raise LeadlineError(f"{data}: the model errs by nothing, or without end; check the data")
    if file is not None:
        config = read_json(file, "model's configuration")
        write_json(file, {**config, FACTORS_KEY: _by_percent(fitted)})
    return Fitted(fitted, result.uncertainty.unlike)


def check_enough(count: int, images: str) -> None:
    """Raise LeadlineError if there are fewer `images` than blocks."""
    if count < BLOCKS:
        raise LeadlineError(
            f"{count} {images}: intervals are fitted on at least {BLOCKS}; give more data, or a "
            "larger --limit"
        )


def _no_uncertainty(model: str | Path) -> LeadlineError:
    return LeadlineError(
        f"{model}: states no uncertainty, so that it has no intervals; give a model that was "
        "trained with model.options.uncertainty=true"
    )


def _by_percent(fitted: Sequence[FittedInterval]) -> Mapping[str, float]:
    return {str(interval.percent): round(interval.factor, 5) for interval in fitted}
