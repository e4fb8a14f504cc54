"""Error breakdowns: at edges, by distance and by class; and the quality of predicted edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FiniteFloat

from leadline.datasets.sample import Sample
from leadline.depth.classes import MAX_CLASSES
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import PredictedMaps
from leadline.metrics import Comparison, Protocol, confusion_matrix, semantic_metrics
from leadline.metrics.boundary import boundary_score, depth_edge_mask

BreakdownName = Literal["boundary", "edges", "ranges", "classes"]
BREAKDOWNS: tuple[BreakdownName, ...] = get_args(BreakdownName)
RANGE_EDGES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0)
"""Limits in metres; those within the protocol's range are used."""


class PartScore(BaseModel):
    """The metrics of one group of pixels, pooled over all pictures; None if it has no pixel.

    Ranges have `low` and `high` metres, classes an `id`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    low: float | None = None
    high: float | None = None
    id: int | None = None
    pixels: int
    images: int = 0
    metrics: dict[str, FiniteFloat] | None


class GroupBreakdown:
    """Sums of the protocol's metrics for each group of pixels; a subclass defines the groups."""

    def __init__(self, protocol: Protocol, count: int):
        self.metrics = protocol.metric_set
        self.sums = np.zeros((count, 1 + len(self.metrics.terms)))
        self.images = np.zeros(count, dtype=int)

    def groups(
        self, comparison: Comparison, labels: NDArray[np.int32] | None
    ) -> NDArray[np.integer] | None:
        """Return the group of every scored pixel, (n,) ids from 0; None to skip the image.

        `labels` are the true class ids at the sample's own size.
        """
        raise NotImplementedError

    def add(self, sums: NDArray[np.float64]) -> None:
        """Add the sums of every group for one image."""
        self.sums += sums
        self.images += sums[:, 0] > 0

    def result(self) -> tuple[PartScore, ...]:
        """Return the scores of the groups to show."""
        raise NotImplementedError

    def part(self, group: int, name: str, **extra: Any) -> PartScore:
        """Return the score of one group; `extra` are fields of some groups only."""
        sums = self.sums[group]
        return PartScore(
            name=name,
            pixels=int(sums[0]),
            images=int(self.images[group]),
            metrics=self.metrics.values(sums) if sums[0] else None,
            **extra,
        )


class EdgeBreakdown(GroupBreakdown):
    """Pixels at the edges of the truth, and all others."""

    def __init__(self, protocol: Protocol):
        super().__init__(protocol, 2)

    def groups(
        self, comparison: Comparison, labels: NDArray[np.int32] | None
    ) -> NDArray[np.integer]:
        """Return 1 at an edge of the truth, else 0."""
        edges = depth_edge_mask(comparison.truth, comparison.scored)
        return comparison.at_scored(edges.view(np.uint8))

    def result(self) -> tuple[PartScore, ...]:
        """Return the scores of `edge` and of `interior`."""
        return self.part(1, "edge"), self.part(0, "interior")


class RangeBreakdown(GroupBreakdown):
    """Pixels by their true distance."""

    def __init__(self, protocol: Protocol, edges: Sequence[float] = RANGE_EDGES):
        inside = [edge for edge in edges if protocol.min_depth < edge < protocol.max_depth]
        self.edges = [protocol.min_depth, *inside, protocol.max_depth]
        super().__init__(protocol, len(self.edges) - 1)

    def groups(
        self, comparison: Comparison, labels: NDArray[np.int32] | None
    ) -> NDArray[np.integer]:
        """Return the index of the range that contains the true distance."""
        truth = comparison.at_scored(comparison.truth)
        reached = np.zeros(truth.shape, dtype=np.uint8)
        # Truth clipped to the maximum belongs to the last range.
        for edge in self.edges[1:-1]:
            reached += truth >= np.float32(edge)
        return reached

    def result(self) -> tuple[PartScore, ...]:
        """Return the score of every range of distance, nearest first."""
        bounds = zip(self.edges[:-1], self.edges[1:], strict=True)
        return tuple(
            self.part(group, f"{round(low, 2):g}..{high:g} m", low=low, high=high)
            for group, (low, high) in enumerate(bounds)
        )


class ClassBreakdown(GroupBreakdown):
    """Pixels by their true class."""

    def __init__(self, protocol: Protocol, void: Sequence[int] = ()):
        super().__init__(protocol, MAX_CLASSES + 1)
        self._void = set(void)
        self._seen = False

    def groups(
        self, comparison: Comparison, labels: NDArray[np.int32] | None
    ) -> NDArray[np.integer] | None:
        """Return the class ids; pixels without a class form one more group, which is not shown."""
        if labels is None:
            return None
        self._seen = True
        ids = comparison.at_scored(comparison.crop(labels))
        return np.where((ids < 0) | (ids >= MAX_CLASSES), MAX_CLASSES, ids)

    def result(self) -> tuple[PartScore, ...]:
        """Return the score of every class that occurs, except void ones."""
        if not self._seen:
            raise no_labels()
        present = np.flatnonzero(self.sums[:MAX_CLASSES, 0])
        return tuple(
            self.part(int(group), f"class {group}", id=int(group))
            for group in present
            if group not in self._void
        )


def no_labels(data: str = "the data") -> LeadlineError:
    """Return the error of a class breakdown on data without labels."""
    return LeadlineError(
        f"breakdown classes: {data} has no labels; leave it out, or add a label column"
    )


class BoundaryBreakdown:
    """Agreement of predicted edges with those of the truth: means over images that have any."""

    def __init__(self) -> None:
        self._total = np.zeros(3)
        self._images = 0

    def add(self, comparison: Comparison) -> None:
        """Add an image."""
        score = boundary_score(comparison.prediction, comparison.truth, comparison.scored)
        if score is not None:
            self._total += (score.f1, score.precision, score.recall)
            self._images += 1

    def result(self) -> dict[str, float | int | None]:
        """Return the means, None if no image has an edge."""
        names = ("f1", "precision", "recall")
        means = self._total / self._images if self._images else [None] * 3
        values = {
            name: None if mean is None else float(mean)
            for name, mean in zip(names, means, strict=True)
        }
        return {**values, "images": self._images}


class Breakdowns:
    """The breakdowns `names` of `BREAKDOWNS`; memory does not grow with the number of images."""

    def __init__(
        self, names: Sequence[BreakdownName], protocol: Protocol, void: Sequence[int] = ()
    ):
        makers: dict[str, Callable[[], GroupBreakdown | BoundaryBreakdown]] = {
            "boundary": BoundaryBreakdown,
            "edges": lambda: EdgeBreakdown(protocol),
            "ranges": lambda: RangeBreakdown(protocol),
            "classes": lambda: ClassBreakdown(protocol, void),
        }
        for name in names:
            if name not in makers:
                raise LeadlineError(f"breakdown {name!r}: choose one of {', '.join(BREAKDOWNS)}")
        self._parts = {name: makers[name]() for name in names}

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Add an image; images without a scored pixel are skipped."""
        if comparison.pixels == 0:
            return
        grouped: list[tuple[GroupBreakdown, NDArray[np.integer]]] = []
        for part in self._parts.values():
            if isinstance(part, BoundaryBreakdown):
                part.add(comparison)
            elif (ids := part.groups(comparison, sample.labels)) is not None:
                grouped.append((part, ids))
        if grouped:
            sums = comparison.protocol.metric_set.grouped_sums(
                *comparison.vectors, [(ids, len(part.sums)) for part, ids in grouped]
            )
            for (part, _), each in zip(grouped, sums, strict=True):
                part.add(each)

    def result(self) -> dict[str, Any]:
        """Return {name: result}, as stored in a `Result`."""
        return {name: part.result() for name, part in self._parts.items()}


class ClassScores:
    """Pixel accuracy and mean IoU of predicted classes; label ids in `void` do not count."""

    def __init__(self, void: Sequence[int] = ()):
        self._void = tuple(void)
        self._counts: NDArray[np.int64] | None = None

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Add an image that has true and predicted classes."""
        if predicted.labels is None or sample.labels is None:
            return
        counts = confusion_matrix(predicted.labels, sample.labels, MAX_CLASSES, self._void)
        self._counts = counts if self._counts is None else self._counts + counts

    def result(self) -> dict[str, float] | None:
        """Return both scores, None if no image had a pixel with a counted class."""
        return None if self._counts is None else semantic_metrics(self._counts, self._void)
