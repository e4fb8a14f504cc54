"""The speed of a model in every runtime, and the loss of accuracy in lower precisions."""

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
from leadline.evaluation.ceiling import ConvolutionCeiling, multiplications_of
from leadline.evaluation.evaluate import evaluate_opened
from leadline.evaluation.model_config import config_to_store_in
from leadline.evaluation.opening import OpenedEvaluation, open_evaluation
from leadline.evaluation.predictions import ModelPredictions
from leadline.inference.find_model import find_model
from leadline.inference.first_result import first_result
from leadline.inference.graph_parts import cut_network
from leadline.inference.int8_file import int8_path, is_int8
from leadline.inference.load_options import LoadOptions
from leadline.inference.openvino_runtime import openvino_core, read_graph
from leadline.inference.precision import Precision
from leadline.inference.predictor import Predictor
from leadline.inference.runtime import RuntimeName
from leadline.inference.runtime_config import LOSS_KEY
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.io.atomic import write_json
from leadline.io.files import read_json

PICTURES_AT_ONCE = 8
"""Pictures per round of the throughput measurement."""


@dataclass(frozen=True)
class BenchmarkCase:
    """A model in a runtime, a precision and at a size of photographs (height, width).

    `batch` photographs are predicted in one call.
    """

    model: str
    runtime: RuntimeName
    precision: Precision
    size: tuple[int, int]
    batch: int = 1


@dataclass(frozen=True)
class BenchmarkRow:
    """The measurements of one case.

    `median_ms` and the quartiles are of single calls, from uint8 pixels to a `DepthMap` at the
    photograph's size, or from a batch to metres at that size; `per_second` is the median rate of
    pictures, of `predict_many` if `batch` is 1. `speed` is the slowest case's median per picture
    over this one's. `first_seconds` is from the start of a process to its first depth, and
    `memory_mb` the peak memory of that process (None if the system does not tell).
    `ceiling_share` is the network's multiplications per second, over those of wide convolutions in
    the same precision and rounds (None if unknown). `abs_rel` is the score on data, if given.
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
    batch: int = 1
    memory_mb: float | None = None
    ceiling_share: float | None = None
    abs_rel: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-serialisable values."""
        return asdict(self)


def benchmark(
    cases: Sequence[BenchmarkCase],
    *,
    rounds: int = 21,
    threads: int | None = None,
    data: str | Path | None = None,
    protocol: str = "auto",
) -> list[BenchmarkRow]:
    """Time cases in alternation, so that all of them see the same load of the machine.

    With `data`, each model, runtime and precision is also scored on it, under `protocol`.
    Errors: LeadlineError for a case that cannot be loaded, fewer than 3 rounds, no case at all, or,
    before anything is timed, for data, a protocol or a model that give no score.
    """
    if rounds < 3:
        raise LeadlineError(f"{rounds} rounds are too few for quartiles; give at least 3")
    if not cases:
        raise LeadlineError("nothing to time: give at least one model, runtime and precision")
    timed = [_TimedCase(case, threads) for case in cases]
    opened = {} if data is None else _open(timed, data, protocol)
    ceilings: dict[Precision, ConvolutionCeiling] = {}
    for each in timed:
        each.start()
        if each.precision not in ceilings:
            ceilings[each.precision] = ConvolutionCeiling(each.precision, threads)
    for _ in range(rounds):
        rates = {precision: ceiling.rate() for precision, ceiling in ceilings.items()}
        for each in timed:
            each.take_turn(rates[each.precision])
    scores = {
        case: evaluate_opened(each, baselines=False).metrics["abs_rel"]
        for case, each in opened.items()
    }
    slowest = max(each.median_of_picture for each in timed)
    return [each.row(slowest, scores.get(_scored(each.case))) for each in timed]


class _TimedCase:
    """A case that takes turns with others, and its measurements."""

    def __init__(self, case: BenchmarkCase, threads: int | None):
        self.case = case
        self._options = LoadOptions(case.runtime, case.precision, threads)
        self.predictor = Predictor.load_with(case.model, self._options)
        choice = self.predictor.precision
        self.precision: Precision = case.precision if choice is None else choice.precision
        self._picture = _picture(case.size)
        self._calls: list[float] = []
        self._rates: list[float] = []
        self._shares: list[float] = []

    def start(self) -> None:
        """Warm up, then time a new process, which finds the models compiled here in the cache."""
        case = self.case
        self._call()
        self._first = first_result(case.model, self._options, (case.batch, *case.size))
        self._products = multiplications_of(self.predictor, case.model, case.size, case.batch)

    def take_turn(self, ceiling: float) -> None:
        """Time one call and many pictures; `ceiling` is the current rate of multiplications."""
        call = _seconds(self._call)
        self._calls.append(call)
        if self.case.batch > 1:
            self._rates.append(self.case.batch / call)
        else:
            many = partial(_predict_many, self.predictor, self._picture)
            self._rates.append(PICTURES_AT_ONCE / _seconds(many))
        if self._products is not None:
            self._shares.append(self._products / call / ceiling)

    @property
    def median_of_picture(self) -> float:
        """Median seconds of a call, per picture."""
        return float(np.median(self._calls)) / self.case.batch

    def row(self, slowest: float, abs_rel: float | None) -> BenchmarkRow:
        """Return the measurements; `slowest` are the seconds per picture of the slowest case."""
        first, median, third = (float(q) for q in np.percentile(self._calls, [25, 50, 75]))
        return BenchmarkRow(
            self.case.model,
            self.predictor.runtime.name,
            self.precision,
            *self.case.size,
            len(self._calls),
            median_ms=1000 * median,
            first_quartile_ms=1000 * first,
            third_quartile_ms=1000 * third,
            per_second=float(np.median(self._rates)),
            first_seconds=self._first.seconds,
            speed=slowest / self.median_of_picture,
            batch=self.case.batch,
            memory_mb=self._first.memory_mb,
            ceiling_share=float(np.median(self._shares)) if self._shares else None,
            abs_rel=abs_rel,
        )

    def _call(self) -> None:
        if self.case.batch == 1:
            self.predictor(self._picture)
        else:
            self.predictor.predict_batch(np.stack([self._picture] * self.case.batch))


def usual_precisions(model: str, runtime: RuntimeName) -> list[Precision]:
    """Return the precisions in which to time a model; int8 if its 8-bit file exists.

    Errors: LeadlineError if the model does not exist.
    """
    path = find_model(model)
    if path.is_dir() and is_of_transformers(path):
        return ["f32"]
    if runtime == "torch" or not path.is_file():
        return ["f32", "bf16"]
    graph = read_graph(openvino_core(), path)
    if is_int8(graph):
        return ["int8"]
    if runtime == "onnxruntime":
        return ["f32", "int8"] if int8_path(path, ".onnx").is_file() else ["f32"]
    precisions: list[Precision] = ["f32"] if cut_network(graph) is None else ["f32", "bf16"]
    return [*precisions, "int8"] if int8_path(path).is_file() else precisions


def check_losses(cases: Sequence[BenchmarkCase]) -> None:
    """Raise LeadlineError if `store_losses` would have nothing to store, or nowhere to store it.

    This is checked before anything is timed.
    """
    timed: dict[str, set[str]] = {}
    for case in cases:
        timed.setdefault(case.model, set()).add(case.precision)
    for model in timed:
        config_to_store_in(model, "loss")
    if not any("f32" in precisions and len(precisions) > 1 for precisions in timed.values()):
        raise _no_loss()


def store_losses(rows: Sequence[BenchmarkRow]) -> dict[Path, dict[str, float]]:
    """Write the losses of precisions into the `config.json` of the models; return {file: losses}.

    The loss is the relative change of abs_rel against float32 in the same runtime; `--precision
    auto` reads it.
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
        losses = stored.setdefault(config_to_store_in(row.model, "loss"), {})
        loss = round(row.abs_rel / exact[0] - 1, 5)
        # `auto` reads one number for all runtimes, so the worst is stored.
        losses[row.precision] = max(loss, losses.get(row.precision, loss))
    if not stored:
        raise _no_loss()
    for file, losses in stored.items():
        config = read_json(file, "model's configuration")
        write_json(file, {**config, LOSS_KEY: {**config.get(LOSS_KEY, {}), **losses}})
    return stored


def _no_loss() -> LeadlineError:
    return LeadlineError(
        "no loss to store: score f32 and another precision of a model with --data DATA"
    )


def _scored(case: BenchmarkCase) -> tuple[str, str, str]:
    return case.model, case.runtime, case.precision


def _open(
    timed: Sequence[_TimedCase], data: str | Path, protocol: str
) -> dict[tuple[str, str, str], OpenedEvaluation]:
    """Return the evaluations by model, runtime and precision, opened but not yet scored."""
    opened: dict[tuple[str, str, str], OpenedEvaluation] = {}
    for each in timed:
        if _scored(each.case) not in opened:
            predictions = ModelPredictions(each.predictor)
            opened[_scored(each.case)] = open_evaluation(predictions, data, protocol=protocol)
    return opened


def _predict_many(predictor: Predictor, picture: NDArray[np.uint8]) -> None:
    for _ in predictor.predict_many([picture] * PICTURES_AT_ONCE):
        pass


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _picture(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8: colour gradients with noise. The content does not affect the speed."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    soft = np.stack([rows / size[0], columns / size[1], (rows + columns) / sum(size)], axis=2)
    grain = np.random.default_rng(0).integers(-12, 13, (*size, 1))
    return np.clip(240 * soft + grain, 0, 255).astype(np.uint8)
