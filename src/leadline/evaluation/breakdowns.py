"""Where a model errs: at edges, by distance, by class, and whether its edges sit right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.depth.errors import LeadlineError
from leadline.metrics import Comparison
from leadline.metrics import Protocol as ScoringProtocol
from leadline.metrics.boundary import boundary_score, edge_mask

BREAKDOWNS = ("boundary", "edges", "ranges", "classes")
RANGE_EDGES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0)
"""Metres; the part within the protocol's range is used."""
MOST_CLASSES = 1024


class Breakdown(Protocol):
    """Collects one image after the other; memory does not grow with their number."""

    def see(self, comparison: Comparison, labels: NDArray[np.int32] | None) -> None:
        """Add an image, `labels` being the true class ids at the sample's own size."""
        ...

    def result(self) -> Any:
        """Return what goes into `result.json`."""
        ...


class _Groups:
    """Sums of the protocol's metrics for each group of pixels."""

    def __init__(self, protocol: ScoringProtocol, count: int):
        self.metrics = protocol.metric_set
        self.sums = np.zeros((count, 1 + len(self.metrics.terms)))
        self.images = np.zeros(count, dtype=int)

    def add(self, comparison: Comparison, groups: NDArray[np.integer]) -> None:
        sums = self.metrics.grouped_sums(*comparison.vectors, groups, len(self.sums))
        self.sums += sums
        self.images += sums[:, 0] > 0

    def row(self, group: int, name: str, **extra: Any) -> dict[str, Any]:
        sums = self.sums[group]
        return {
            "name": name,
            **extra,
            "pixels": int(sums[0]),
            "images": int(self.images[group]),
            "metrics": self.metrics.values(sums) if sums[0] else None,
        }


class EdgeBreakdown:
    """Pixels at the truth's edges against the rest."""

    def __init__(self, protocol: ScoringProtocol):
        self._groups = _Groups(protocol, 2)

    def see(self, comparison: Comparison, labels: NDArray[np.int32] | None) -> None:
        """Add an image."""
        edges = edge_mask(comparison.truth, comparison.scored)
        self._groups.add(comparison, 1 - comparison.at_scored(edges.astype(np.intp)))

    def result(self) -> list[dict[str, Any]]:
        """Return a row for `edge` and one for `interior`."""
        return [self._groups.row(0, "edge"), self._groups.row(1, "interior")]


class RangeBreakdown:
    """Pixels by their true distance."""

    def __init__(self, protocol: ScoringProtocol, edges: Sequence[float] = RANGE_EDGES):
        inside = [edge for edge in edges if protocol.min_depth < edge < protocol.max_depth]
        self.edges = [protocol.min_depth, *inside, protocol.max_depth]
        self._groups = _Groups(protocol, len(self.edges) - 1)

    def see(self, comparison: Comparison, labels: NDArray[np.int32] | None) -> None:
        """Add an image."""
        truth = comparison.at_scored(comparison.truth)
        # Truth at the cap itself, where it is clipped, belongs to the last range.
        self._groups.add(comparison, np.searchsorted(self.edges[1:-1], truth, side="right"))

    def result(self) -> list[dict[str, Any]]:
        """Return a row for every range of distance, the nearest first."""
        bounds = zip(self.edges[:-1], self.edges[1:], strict=True)
        return [
            self._groups.row(group, f"{round(low, 2):g}..{high:g} m", low=low, high=high)
            for group, (low, high) in enumerate(bounds)
        ]


class ClassBreakdown:
    """Pixels by their true class."""

    def __init__(self, protocol: ScoringProtocol, void: Sequence[int] = ()):
        self._groups = _Groups(protocol, MOST_CLASSES + 1)
        self._void = set(void)
        self._seen = False

    def see(self, comparison: Comparison, labels: NDArray[np.int32] | None) -> None:
        """Add an image, if it has labels."""
        if labels is None:
            return
        self._seen = True
        ids = comparison.at_scored(comparison.crop(labels)).astype(np.intp)
        # What is no class is put into one group more, which is not shown.
        ids[(ids < 0) | (ids >= MOST_CLASSES)] = MOST_CLASSES
        self._groups.add(comparison, ids)

    def result(self) -> list[dict[str, Any]]:
        """Return a row for every class that occurs, void ones left out."""
        if not self._seen:
            raise LeadlineError(
                "--breakdown classes: the data has no labels; leave it out, or add a label column"
            )
        present = np.flatnonzero(self._groups.sums[:MOST_CLASSES, 0])
        return [
            self._groups.row(int(group), f"class {group}", id=int(group))
            for group in present
            if group not in self._void
        ]


class BoundaryBreakdown:
    """How well edges in the prediction agree with the truth's: means over images that have any."""

    def __init__(self) -> None:
        self._total = np.zeros(3)
        self._images = 0

    def see(self, comparison: Comparison, labels: NDArray[np.int32] | None) -> None:
        """Add an image."""
        score = boundary_score(comparison.prediction, comparison.truth, comparison.scored)
        if score is not None:
            self._total += (score.f1, score.precision, score.recall)
            self._images += 1

    def result(self) -> dict[str, float | int | None]:
        """Return the means, None where no image has an edge."""
        names = ("f1", "precision", "recall")
        means = self._total / self._images if self._images else [None] * 3
        values = {
            name: None if mean is None else float(mean)
            for name, mean in zip(names, means, strict=True)
        }
        return {**values, "images": self._images}


def make_breakdowns(
    names: Sequence[str], protocol: ScoringProtocol, void: Sequence[int] = ()
) -> dict[str, Breakdown]:
    """Return the breakdowns called `names`, of `BREAKDOWNS`, in the order given."""
    makers: dict[str, Callable[[], Breakdown]] = {
        "boundary": BoundaryBreakdown,
        "edges": lambda: EdgeBreakdown(protocol),
        "ranges": lambda: RangeBreakdown(protocol),
        "classes": lambda: ClassBreakdown(protocol, void),
    }
    for name in names:
        if name not in makers:
            raise LeadlineError(f"breakdown {name!r}: choose of {', '.join(BREAKDOWNS)}")
    return {name: makers[name]() for name in names}
