"""Scoring: a model, or anybody's prediction files, on a data set under a named protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset
from leadline.depth.classes import MAX_CLASSES
from leadline.errors import LeadlineError
from leadline.evaluation.breakdowns import Breakdowns
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.predictions import Predictions
from leadline.metrics import (
    Comparison,
    Protocol,
    bootstrap_interval,
    confusion_matrix,
    mean_over_images,
    protocol_for,
    semantic_metrics,
)

Track = Callable[[Iterable[int]], Iterable[int]]
VOID = (255,)


@dataclass(frozen=True)
class ImageScore:
    """One image's metrics, None where no pixel counted.

    `missing` counts the scored pixels without a prediction; `sums` are the protocol's sums over
    its pixels, which add up to the pooled metrics.
    """

    id: str
    pixels: int
    metrics: dict[str, float] | None
    missing: int = 0
    sums: NDArray[np.float64] | None = None


@dataclass
class Evaluation:
    """A score that says how it was made."""

    protocol: Protocol
    images: list[ImageScore]
    model: str = ""
    model_path: str | None = None
    units: str | None = None
    data: str = ""
    split: str | None = None
    data_options: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    first_of: int | None = None
    """How many images the data has, where only the first of them were taken."""
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    semantic: dict[str, float] | None = None
    breakdowns: dict[str, Any] | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @cached_property
    def scored(self) -> list[ImageScore]:
        """The images with at least one counted pixel."""
        return [image for image in self.images if image.metrics is not None]

    @property
    def extent(self) -> str:
        """How many images were scored, in words."""
        return extent_in_words(len(self.scored), len(self.images), self.first_of)

    @property
    def missing_share(self) -> float:
        """Share of the scored pixels that had no prediction."""
        pixels = sum(image.pixels for image in self.images)
        return sum(image.missing for image in self.images) / max(1, pixels)

    @cached_property
    def per_image(self) -> dict[str, float]:
        """The mean over images of every metric."""
        return mean_over_images(image.metrics for image in self.scored if image.metrics)

    @cached_property
    def pooled(self) -> dict[str, float]:
        """Every metric over all pixels of all images together."""
        return self.protocol.metric_set.values(self._sums.sum(axis=0))

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric under the protocol's aggregation."""
        return self.pooled if self.protocol.aggregation == "pooled" else self.per_image

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95 % bootstrap interval over images of every one of `metrics`."""
        names = list(self.metrics)
        if self.protocol.aggregation == "pooled":
            bounds = bootstrap_interval(self._sums, self._pooled_values)
        else:
            rows = [list(image.metrics.values()) for image in self.scored if image.metrics]
            bounds = bootstrap_interval(np.array(rows))
        return {
            name: (float(low), float(high)) for name, low, high in zip(names, *bounds, strict=True)
        }

    @property
    def _sums(self) -> NDArray[np.float64]:
        return np.stack([image.sums for image in self.scored if image.sums is not None])

    def _pooled_values(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        values = self.protocol.metric_set.values
        return np.array([list(values(row).values()) for row in sums])


def evaluate(
    predictions: Predictions,
    data: DepthDataset,
    *,
    protocol: str | Protocol = "auto",
    breakdowns: Sequence[str] = (),
    void: Sequence[int] = VOID,
    cases: CaseCollector | None = None,
    track: Track = iter,
) -> Evaluation:
    """Score `predictions` on every sample; memory for maps does not grow with their number.

    `breakdowns` are names of `BREAKDOWNS`; label ids in `void` count in no class score; `cases`
    collects maps to look at; `track` wraps the iteration over indices, for a progress bar.
    Errors: LeadlineError where the protocol does not fit or no image can be scored.
    """
    settled: Protocol | None = None if isinstance(protocol, str) else protocol
    parts: Breakdowns | None = None
    images: list[ImageScore] = []
    confusion: NDArray[np.int64] | None = None
    for index in track(range(len(data))):
        sample = data[index]
        if settled is None:
            size = (sample.depth.shape[0], sample.depth.shape[1])
            settled = protocol_for(str(protocol), size)
        if parts is None:
            parts = Breakdowns(breakdowns, settled, void)
        answer = predictions.answer(sample)
        mirrored = predictions.mirrored(sample) if settled.flip_averaging else None
        compared = settled.compare(answer.depth, sample.depth, sample.valid, mirrored)
        images.append(_image_score(sample.id, compared))
        if cases is not None:
            cases.see(index, sample.id, compared)
        if compared.pixels:
            parts.see(compared, sample.labels)
        if answer.labels is not None and sample.labels is not None:
            counts = confusion_matrix(answer.labels, sample.labels, MAX_CLASSES, void)
            confusion = counts if confusion is None else confusion + counts
    if settled is None or not any(image.pixels for image in images):
        raise LeadlineError("no image has a pixel to score; check the depth scale and the protocol")
    return Evaluation(
        settled,
        images,
        semantic=None if confusion is None else semantic_metrics(confusion),
        breakdowns=None if parts is None else parts.result() or None,
    )


def extent_in_words(scored: int, images: int, first_of: int | None) -> str:
    """Say how many images were scored, and of how many they are the first where that was asked."""
    limited = "" if first_of is None else f", the first of {first_of} (--limit {images})"
    return f"{scored} of {images} images scored{limited}"


def holes_in_words(protocol: Protocol) -> str:
    """Say what scored pixels without a prediction count as."""
    if protocol.holes != "smallest depth":
        return protocol.holes
    low, high = protocol.clamp_range
    return f"{protocol.holes}, {low:g} m, or as {high:g} m where they are infinite"


def _image_score(id: str, compared: Comparison) -> ImageScore:
    metrics = compared.metrics
    sums = compared.sums if metrics is not None else None
    return ImageScore(id, compared.pixels, metrics, compared.missing, sums)
