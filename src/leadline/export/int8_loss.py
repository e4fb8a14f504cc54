"""The loss of an 8-bit network, by which layers are kept in float32, and the report on it.

It is the same for all engines; `int8.py` quantises for OpenVINO, `int8_onnx.py` for ONNX Runtime.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.export.pictures import Picture, Pictures, find_pictures, scored_split
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime_config import LOSS_KEY, QUANTISED_FROM

CALIBRATION = 64
CHECKED = 16
SCORED = 64
"""Pictures for measuring the loss if the data has a split for that."""
RANKED = 4
"""Pictures on which each layer is tried if the loss is too large."""
FEWEST = 4

Depth = NDArray[np.float32]
_Given = TypeVar("_Given")


@dataclass(frozen=True)
class Int8Report:
    """The result of quantisation: the share of the network's multiplications in 8 bits.

    `kept` layers of `layers` stay in float32. `loss` is the relative change of abs_rel over the
    pictures with truth (`has_truth`), else the mean relative difference of depth, over `checked`
    pictures. `speedup` is the ratio of the times in float32 and in 8 bits, medians of alternated
    calls; `timed` is "the network", or "the file" including the resizing.
    """

    share: float
    layers: int
    kept: int
    loss: float
    has_truth: bool
    checked: int
    speedup: float
    timed: str = "the network"

    def noted_in(self, config: Mapping[str, Any], digest: str) -> dict[str, Any]:
        """Return a model's `config` for its 8-bit file, with its loss and its source weights.

        `digest` is the `weights_digest` of the float32 graph.
        """
        losses = dict(config.get(LOSS_KEY) or {})
        losses.pop("int8", None)
        if self.has_truth:
            losses["int8"] = round(self.loss, 5)
        return {**config, LOSS_KEY: losses, QUANTISED_FROM: digest}


def find_calibration(place: str | Path) -> tuple[Pictures, Pictures | None]:
    """Return the pictures at `place` for calibration, and those for measuring the loss.

    If a data set has a train split and another to score, each has its own; else the second is
    None, and `divided` takes some of the first. See `find_pictures`.
    """
    split = scored_split(place)
    if split is None:
        return find_pictures(place, CALIBRATION + CHECKED, for_training=True), None
    return find_pictures(place, CALIBRATION, "train"), find_pictures(place, SCORED, split)


def divided(
    pictures: Pictures, scored: Pictures | None = None
) -> tuple[list[Picture], Iterator[Picture]]:
    """Return the pictures that measure the loss, `scored` or every fourth, and the others.

    The others, for calibration, are read one at a time.
    Errors: LeadlineError for fewer than four.
    """
    if len(pictures) < FEWEST:
        raise LeadlineError(
            f"{pictures.origin}: {len(pictures)} pictures are too few for int8; give at least "
            f"{FEWEST}, better {CALIBRATION + CHECKED}"
        )
    if scored is not None:
        return list(scored), iter(pictures)
    checked = range(3, len(pictures), 4)[:CHECKED]
    others = (index for index in range(len(pictures)) if index not in checked)
    return [pictures.read(index) for index in checked], map(pictures.read, others)


class LossMeasure:
    """The loss of accuracy if the depth of `pictures` changes from `before`.

    Depth maps are (H,W) in metres for the model's own `camera`, at the size of their picture.
    """

    def __init__(
        self, pictures: Sequence[Picture], before: Sequence[Depth], camera: TrainingCamera
    ):
        self.camera = camera
        self._before = {id(each): depth for each, depth in zip(pictures, before, strict=True)}
        errors = [self._abs_rel(each, depth) for each, depth in zip(pictures, before, strict=True)]
        known = [error for error in errors if error is not None]
        self.has_truth = len(known) == len(pictures)
        self._mean_error = float(np.mean(known)) if self.has_truth else 0.0

    @property
    def noun(self) -> str:
        """Name of the quantity that changes."""
        return "abs_rel" if self.has_truth else "depth"

    def loss(self, picture: Picture, depth: Depth) -> float:
        """Return one picture's contribution to the mean loss: above 0 if `depth` is worse."""
        before = self._before[id(picture)]
        error = self._abs_rel(picture, depth) if self.has_truth else None
        if error is None:
            return float((np.abs(depth - before) / before).mean())
        return (error - (self._abs_rel(picture, before) or 0.0)) / self._mean_error

    def _abs_rel(self, picture: Picture, depth: Depth) -> float | None:
        comparison = picture.compare(depth, self.camera)
        metrics = None if comparison is None else comparison.metrics
        return None if metrics is None else metrics["abs_rel"]

    def refuse(self, loss: float, max_loss: float, name: str) -> None:
        """Raise LeadlineError for a loss that is above `max_loss` or not a number."""
        if not loss <= max_loss:
            raise LeadlineError(
                f"{name}: int8 changes {self.noun} by {loss:.2%}, more than {max_loss:.2%}; "
                "give more pictures like those it will see, or allow more with --max-loss"
            )


def speedup(
    slow: Callable[[_Given], object], fast: Callable[[_Given], object], given: Sequence[_Given]
) -> float:
    """Return how many times as fast `fast` is as `slow`, called alternately on each of `given`."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for value in [*given[:1], *given]:
        for run, taken in zip((slow, fast), seconds, strict=True):
            started = time.perf_counter()
            run(value)
            taken.append(time.perf_counter() - started)
    return median(seconds[0][1:]) / median(seconds[1][1:])
