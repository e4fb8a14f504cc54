"""The gate on pictures: an exported file is compared with its checkpoint, pixel by pixel.

`parity.py` compares sizes and batches, on generated pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.export.pictures import Picture, Pictures
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime import NOVELTY, UNCERTAINTY, VALIDITY, Outputs, Runtime
from leadline.metrics import boundary_score
from leadline.progress import Track, untracked

SAMPLED = 200_000
"""Number of pixels per picture for the 99th percentile; maximum and mean use all pixels."""

LABELS = "labels"
SAME_LABELS = 0.999
"""Share of the pixels that must keep their class; where two classes are close, rounding decides."""

SCORES = ("delta1", "abs_rel", "boundary_f1")

Run = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""Maps images (N,H,W,3) uint8 RGB to depth (N,H,W) in metres."""


@dataclass(frozen=True)
class WorstPixel:
    """Where a file differs most from its checkpoint: the picture, the pixel, both depths."""

    picture: str
    x: int
    y: int
    exported: float
    checkpoint: float

    def __str__(self) -> str:
        return (
            f"{self.picture} at x={self.x}, y={self.y}: {self.exported:.4g} m instead of "
            f"{self.checkpoint:.4g} m"
        )


@dataclass(frozen=True)
class GateRow:
    """The exported file in one runtime against the checkpoint, over all pictures.

    Errors are in metres; `relative_error` is the mean of |difference| / depth of the checkpoint,
    where that is above 0. `scores` hold (checkpoint, exported) of delta1, abs_rel and boundary_f1,
    means over the pictures with truth, {} without. `stated_error` is the largest value of the
    function `stated_error`, None for a model with depth alone; `same_labels` is the share of pixels
    with the checkpoint's class, None for a model without classes. `seconds` are medians of one
    call, alternated with the checkpoint's `checkpoint_seconds`.
    """

    runtime: str
    max_error: float
    p99_error: float
    mean_error: float
    relative_error: float
    worst: WorstPixel
    seconds: float
    checkpoint_seconds: float
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    stated_error: float | None = None
    same_labels: float | None = None


@dataclass(frozen=True)
class GateReport:
    """The comparison of an exported file on `pictures` pictures from `origin`, by runtime.

    `reference` is the runtime of the checkpoint.
    """

    origin: str
    pictures: int
    reference: str
    rows: tuple[GateRow, ...]

    @property
    def worst(self) -> GateRow:
        """The row with the largest error."""
        return max(self.rows, key=lambda row: row.max_error)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable values."""
        return asdict(self)


class _Row:
    """The measurements of one runtime, collected picture by picture."""

    def __init__(self) -> None:
        self.samples: list[NDArray[np.float32]] = []
        self.sum = self.relative = 0.0
        self.pixels = self.positive = 0
        self.largest = -1.0
        self.worst = WorstPixel("", 0, 0, 0.0, 0.0)
        self.stated: list[float] = []
        self.same_labels: list[float] = []
        self.seconds: list[float] = []
        self.scores: list[tuple[dict[str, float], dict[str, float]]] = []

    def add(self, name: str, exported: NDArray[np.float32], true: NDArray[np.float32]) -> None:
        """Add one picture's depth maps (H,W), in metres."""
        error = np.abs(exported - true)
        error[~np.isfinite(error)] = np.inf
        flat = error.ravel()
        self.samples.append(flat[:: max(1, flat.size // SAMPLED)])
        self.sum += float(flat.sum(dtype=np.float64))
        is_positive = true.ravel() > 0
        self.positive += int(is_positive.sum())
        self.relative += float((flat[is_positive] / true[true > 0]).sum(dtype=np.float64))
        self.pixels += flat.size
        place = int(flat.argmax())
        if flat[place] > self.largest:
            y, x = divmod(place, error.shape[1])
            self.largest = float(flat[place])
            self.worst = WorstPixel(name, x, y, float(exported[y, x]), float(true[y, x]))

    def result(self, runtime: str, checkpoint_seconds: float) -> GateRow:
        """Return the row."""
        both = [pair for pair in self.scores if pair[0] and pair[1]]
        scores = {
            name: (
                float(np.mean([one[name] for one, _ in both if name in one])),
                float(np.mean([two[name] for _, two in both if name in two])),
            )
            for name in SCORES
            if any(name in one for one, _ in both)
        }
        return GateRow(
            runtime,
            self.largest,
            float(np.percentile(np.concatenate(self.samples), 99)),
            self.sum / self.pixels,
            self.relative / max(1, self.positive),
            self.worst,
            median(self.seconds),
            checkpoint_seconds,
            scores,
            max(self.stated, default=None),
            float(np.mean(self.same_labels)) if self.same_labels else None,
        )


def run_gate(
    checkpoint: Runtime,
    runtimes: Sequence[Runtime],
    pictures: Pictures,
    camera: TrainingCamera,
    *,
    track: Track = untracked,
) -> GateReport:
    """Run every picture through the checkpoint and each runtime, alternately.

    `camera` is the model's, by which metres are adapted to the camera of a picture with truth.
    `track` shows progress over pictures.
    Errors: LeadlineError if a picture cannot be read, or a runtime cannot run it.
    """
    if len(pictures) == 0:
        raise LeadlineError(f"{pictures.origin}: no picture to check the export on")
    rows = {runtime.name: _Row() for runtime in runtimes}
    seconds: list[float] = []
    sizes: set[tuple[int, ...]] = set()
    shown = track(pictures, "export: comparing", len(pictures), unit="pictures")
    for picture in shown:
        images = np.ascontiguousarray(picture.pixels)[None]
        if images.shape not in sizes:  # exclude compiling or loading for a new size from the times
            sizes.add(images.shape)
            for runtime in (checkpoint, *runtimes):
                runtime.run(images)
        reference, taken = _timed(checkpoint, images)
        true = _depth_of(reference)
        seconds.append(taken)
        before = _scores(picture, true, camera)
        for runtime in runtimes:
            row = rows[runtime.name]
            outputs, taken = _timed(runtime, images)
            depth, stated = _depth_of(outputs), stated_error(outputs, reference)
            row.seconds.append(taken)
            row.stated += [] if stated is None else [stated]
            if LABELS in reference:
                row.same_labels.append(share_alike(outputs.get(LABELS), reference[LABELS]))
            row.add(picture.name, depth, true)
            row.scores.append((before, _scores(picture, depth, camera)))
    results = tuple(row.result(name, median(seconds)) for name, row in rows.items())
    return GateReport(pictures.origin, len(pictures), checkpoint.name, results)


def share_alike(given: NDArray[Any] | None, true: NDArray[Any]) -> float:
    """Return the share of pixels with the same class, 0 if classes are missing."""
    if given is None or given.shape != true.shape:
        return 0.0
    return float((given == true).mean())


def _timed(runtime: Runtime, images: NDArray[np.uint8]) -> tuple[Outputs, float]:
    started = time.perf_counter()
    outputs = runtime.run(images)
    taken = time.perf_counter() - started
    return {name: np.array(value) for name, value in outputs.items()}, taken


def _depth_of(outputs: Outputs) -> NDArray[np.float32]:
    return np.asarray(outputs["depth"][0], dtype=np.float32)


def stated_error(given: Outputs, true: Outputs) -> float | None:
    """Return the largest difference of the outputs beside depth, weighted by depth.

    For the uncertainty that is metres per Laplace scale, for the validity the metres that may or
    may not exist. For the novelty it is the difference alone, relative above 1. None if `true` has
    no such output; infinite if `given` lacks one, or has NaN.
    """
    errors = []
    for name in (UNCERTAINTY, VALIDITY, NOVELTY):
        if name in true and name not in given:
            return float("inf")
        if name in true:
            weight = 1 / np.maximum(1, true[name]) if name == NOVELTY else true["depth"]
            errors.append(weight * np.abs(given[name] - true[name]))
    if not errors:
        return None
    return max(float(error.max()) if np.isfinite(error).all() else float("inf") for error in errors)


def _scores(
    picture: Picture, depth: NDArray[np.float32], camera: TrainingCamera
) -> dict[str, float]:
    """Return delta1, abs_rel and boundary_f1 of one picture, {} without truth."""
    comparison = picture.compare(depth, camera)
    metrics = None if comparison is None else comparison.metrics
    if comparison is None or metrics is None:
        return {}
    scores = {name: metrics[name] for name in SCORES if name in metrics}
    edges = boundary_score(comparison.prediction, comparison.truth, comparison.scored)
    return scores if edges is None else {**scores, "boundary_f1": edges.f1}


def refuse_difference(
    report: GateReport,
    file: str,
    tolerance: float,
    explain: Callable[[GateRow], str],
    same_labels: float = SAME_LABELS,
) -> None:
    """Raise LeadlineError, with the place, for a runtime that differs by more than `tolerance` m.

    A share of `same_labels` of the pixels must have the same class. `explain` returns the cause, ""
    if unknown.
    """
    for row in report.rows:
        if row.same_labels is not None and row.same_labels < same_labels:
            raise LeadlineError(
                f"{file}: in {row.runtime} {1 - row.same_labels:.2%} of the pixels have another "
                f"class than the checkpoint gives, more than {1 - same_labels:.2%}; nothing was "
                "written"
            )
        if not (row.stated_error or 0.0) <= tolerance:
            raise LeadlineError(
                f"{file}: in {row.runtime} the uncertainty, validity or novelty differs from the "
                f"checkpoint's by up to {row.stated_error:.2e} m, more than {tolerance:g} m; "
                "nothing was written"
            )
    row = report.worst
    if row.max_error <= tolerance:  # NaN must fail
        return
    cause = explain(row)
    raise LeadlineError(
        f"{file}: in {row.runtime} it differs from the checkpoint by up to {row.max_error:.2e} m "
        f"(mean {row.mean_error:.2e}), more than {tolerance:g} m; most in {row.worst}"
        f"{'; ' + cause if cause else ''}; nothing was written"
    )
