"""Scoring: a model, or anybody's prediction files, on a data set under a named protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from leadline.datasets.sample import DepthDataset
from leadline.evaluation.breakdowns import Breakdowns, ClassScores
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.predictions import Predictions
from leadline.evaluation.scoring import ImageScore, Observer, Scores, Track, resolve_protocol, score
from leadline.metrics import Protocol

VOID = (255,)


@dataclass
class Evaluation:
    """A score that says how it was made."""

    scores: Scores
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

    @property
    def protocol(self) -> Protocol:
        """The protocol that the numbers were made under."""
        return self.scores.protocol

    @property
    def images(self) -> tuple[ImageScore, ...]:
        """The score of every image."""
        return self.scores.images

    @property
    def extent(self) -> str:
        """How many images were scored, in words."""
        return extent_in_words(len(self.scores.scored), len(self.images), self.first_of)

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric under the protocol's aggregation."""
        return self.scores.metrics


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
    chosen = resolve_protocol(protocol, data)
    parts = Breakdowns(breakdowns, chosen, void)
    classes = ClassScores(void)
    observers: list[Observer] = [*([] if cases is None else [cases]), parts, classes]
    scores = score(predictions, data, chosen, observers=observers, track=track)
    # Raises where no image has a pixel.
    scores.metrics  # noqa: B018
    return Evaluation(scores, semantic=classes.result(), breakdowns=parts.result() or None)


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
