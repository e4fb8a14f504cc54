"""How fast a model is in every runtime, and what a lower precision costs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.evaluate import evaluate
from leadline.evaluation.predictions import ModelPredictions
from leadline.inference.precision import LOSS_KEY, Precision
from leadline.inference.predictor import Predictor, find_checkpoint, find_model
from leadline.inference.runtimes import RuntimeName
from leadline.io.atomic import write_json
from leadline.io.files import read_json

PICTURES_AT_ONCE = 8
"""How many pictures a round of the throughput predicts."""


@dataclass(frozen=True)
class Way:
    """A model in a runtime, a precision and at a size of photographs (height, width)."""

    model: str
    runtime: RuntimeName
    precision: Precision
    size: tuple[int, int]


@dataclass(frozen=True)
class BenchmarkRow:
    """What one way took.

    `median_ms` and the quartiles are of single calls, from uint8 pixels to a `DepthMap` of the
    photograph's size; `per_second` is the median rate of `predict_many`; `first_seconds` is from
    loading the model to the first depth map; `speed` is the slowest way's median over this one's.
    `abs_rel` is the score on data, where that was given.
    """

    model: str
    runtime: str
    precision: str
    height: int
    width: int
    rounds: int
    median_ms: float
    first_quartile_ms: float
    third_quartile_ms: float
    per_second: float
    first_seconds: float
    speed: float
    abs_rel: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def benchmark(
    ways: Sequence[Way],
    *,
    rounds: int = 21,
    threads: int | None = None,
    data: str | Path | None = None,
    protocol: str = "auto",
) -> list[BenchmarkRow]:
    """Time ways of prediction in alternation, so that all meet the same load of the machine.

    With `data`, each model, runtime and precision is scored on it as well, under `protocol`.
    Errors: LeadlineError for a way that cannot be loaded, fewer than 3 rounds, or no way at all.
    """
    if rounds < 3:
        raise LeadlineError(f"{rounds} rounds are too few for quartiles; give at least 3")
    if not ways:
        raise LeadlineError("no way to be timed: give at least one model, runtime and precision")
    predictors, firsts = _load(ways, threads)
    pictures = {way: _picture(way.size) for way in ways}
    calls = np.empty((len(ways), rounds))
    rates = np.empty((len(ways), rounds))
    for turn in range(rounds):
        for index, (way, predictor) in enumerate(zip(ways, predictors, strict=True)):
            calls[index, turn] = _seconds(partial(predictor, pictures[way]))
            seconds = _seconds(partial(_predict_many, predictor, pictures[way]))
            rates[index, turn] = PICTURES_AT_ONCE / seconds
    scores = {} if data is None else _scores(ways, predictors, data, protocol)
    quartiles = np.percentile(1000 * calls, [25, 50, 75], axis=1)
    return [
        BenchmarkRow(
            way.model,
            predictor.runtime.name,
            way.precision,
            *way.size,
            rounds,
            median_ms=float(quartiles[1, index]),
            first_quartile_ms=float(quartiles[0, index]),
            third_quartile_ms=float(quartiles[2, index]),
            per_second=float(np.median(rates[index])),
            first_seconds=firsts[index],
            speed=float(quartiles[1].max() / quartiles[1, index]),
            abs_rel=scores.get(_scored(way)),
        )
        for index, (way, predictor) in enumerate(zip(ways, predictors, strict=True))
    ]


def store_losses(rows: Sequence[BenchmarkRow]) -> dict[Path, dict[str, float]]:
    """Write what precisions cost into the `config.json` of the models; return {file: losses}.

    The loss is the change of abs_rel against float32 in the same runtime, as a share of it, which
    `--precision auto` reads.
    Errors: LeadlineError for a model that is no folder, or rows without both scores.
    """
    stored: dict[Path, dict[str, float]] = {}
    for row in rows:
        exact = [
            other.abs_rel
            for other in rows
            if (other.model, other.runtime, other.precision) == (row.model, row.runtime, "f32")
        ]
        if row.precision == "f32" or row.abs_rel is None or not exact or not exact[0]:
            continue
        folder = find_model(row.model)
        if Path(row.model).is_dir():  # the graph in it, if there is one, is to be exported again
            folder = find_checkpoint(row.model)
        if not folder.is_dir():
            raise LeadlineError(
                f"{folder}: its config lies inside of the file; store the loss with its model "
                "folder, then export that again"
            )
        losses = stored.setdefault(folder / "config.json", {})
        loss = round(row.abs_rel / exact[0] - 1, 5)
        # `auto` reads one number for all runtimes: that of the worst.
        losses[row.precision] = max(loss, losses.get(row.precision, loss))
    if not stored:
        raise LeadlineError("no loss to store: score f32 and bf16 of a model with --data DATA")
    for file, losses in stored.items():
        config = read_json(file, "model's configuration")
        write_json(file, {**config, LOSS_KEY: {**config.get(LOSS_KEY, {}), **losses}})
    return stored


def _load(ways: Sequence[Way], threads: int | None) -> tuple[list[Predictor], list[float]]:
    """Return a predictor for each way, warm, and how long its first depth map took."""
    predictors, seconds = [], []
    for way in ways:
        started = time.perf_counter()
        predictor = Predictor.load(
            way.model, runtime=way.runtime, precision=way.precision, threads=threads
        )
        predictor(_picture(way.size))
        seconds.append(time.perf_counter() - started)
        predictors.append(predictor)
    return predictors, seconds


def _scored(way: Way) -> tuple[str, str, str]:
    return way.model, way.runtime, way.precision


def _scores(
    ways: Sequence[Way], predictors: Sequence[Predictor], data: str | Path, protocol: str
) -> dict[tuple[str, str, str], float]:
    """Return abs_rel on data by model, runtime and precision."""
    scores: dict[tuple[str, str, str], float] = {}
    for way, predictor in zip(ways, predictors, strict=True):
        if _scored(way) not in scores:
            result = evaluate(ModelPredictions(predictor), data, protocol=protocol, baselines=False)
            scores[_scored(way)] = result.metrics["abs_rel"]
    return scores


def _predict_many(predictor: Predictor, picture: NDArray[np.uint8]) -> None:
    for _ in predictor.predict_many([picture] * PICTURES_AT_ONCE):
        pass


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _picture(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8: slopes of colour with grain. What it shows costs no time."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    soft = np.stack([rows / size[0], columns / size[1], (rows + columns) / sum(size)], axis=2)
    grain = np.random.default_rng(0).integers(-12, 13, (*size, 1))
    return np.clip(240 * soft + grain, 0, 255).astype(np.uint8)
