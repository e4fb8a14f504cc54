"""Fitting the factors of a model's intervals, and what they cover on images that fitted none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.evaluate import evaluate
from leadline.evaluation.scoring import Tracker, no_tracker
from leadline.evaluation.sources import ModelSource
from leadline.inference.predictor import FACTORS_KEY, find_model
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.models.storage import CONFIG_FILE

PERCENTAGES = (50, 80, 95)
BLOCKS = 4


@dataclass(frozen=True)
class FittedInterval:
    """A factor, fitted on all images, and the share that factors of other images cover.

    `coverage` is that of each block of neighbouring images, under the factor of the other blocks.
    """

    percent: int
    factor: float
    coverage: tuple[float, ...]


@dataclass(frozen=True)
class Fitted:
    """What was found on validation images.

    `unlike` is the share of them that the model calls unlike its training pictures, None where it
    states no novelty.
    """

    intervals: list[FittedInterval]
    unlike: float | None


def fit_factors(ratios: Sequence[NDArray[np.floating]]) -> list[FittedInterval]:
    """Fit the factor of every percentage to images' |e|/b, (n,) each and of one length.

    Images weigh equally. They are cut into four blocks in their order, for neighbours are often of
    one scene; each is measured with the factor that the three others give.
    Errors: LeadlineError for fewer images than blocks.
    """
    if len(ratios) < BLOCKS:
        raise LeadlineError(
            f"{len(ratios)} images with truth: intervals are fitted on at least {BLOCKS}"
        )
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
    tracker: Tracker = no_tracker,
    **options: Any,
) -> Fitted:
    """Fit the interval factors of a model that states uncertainty on validation images.

    `options` are those of `evaluate` that say what is scored: split, layout, protocol, limit, ....
    With `store` the factors go into the model folder's `config.json`, as `interval_factors`.
    Errors: LeadlineError for a model without uncertainty, an exported file that is to store them,
    fewer than four images with truth, or factors of 0 or infinity.
    """
    file = _config_of(model) if store else None
    result = evaluate(ModelSource(model), data, baselines=False, tracker=tracker, **options)
    if result.uncertainty is None:
        raise LeadlineError(f"{model}: states no uncertainty, so that it has no intervals")
    fitted = fit_factors(result.ratios_in_memory)
    if not all(0 < each.factor < np.inf for each in fitted):
        raise LeadlineError(f"{data}: the model errs by nothing, or without end; check the data")
    if file is not None:
        config = read_json(file, "model's configuration")
        write_json(file, {**config, FACTORS_KEY: _by_percent(fitted)})
    return Fitted(fitted, result.uncertainty.unlike)


def _by_percent(fitted: Sequence[FittedInterval]) -> Mapping[str, float]:
    return {str(each.percent): round(each.factor, 5) for each in fitted}


def _config_of(model: str | Path) -> Path:
    folder = find_model(model)
    if not folder.is_dir():
        raise LeadlineError(
            f"{folder}: its config lies inside of the file; store the factors with its model "
            "folder, then export that again"
        )
    return folder / CONFIG_FILE
