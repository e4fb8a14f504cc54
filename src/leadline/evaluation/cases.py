"""Which images are kept to look at: some evenly spaced, the worst, the best."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.io.atomic import atomic_path
from leadline.metrics import Comparison

EVEN = 8
EXTREME = 8
RANKED_BY = "abs_rel"


@dataclass(frozen=True)
class Case:
    """One kept image: `prediction` (H,W) float16 metres as it was scored.

    It is 0 where there is none, infinite where it was too far to say.
    """

    index: int
    id: str
    prediction: NDArray[np.float16]
    value: float
    """`RANKED_BY` of this image; NaN where no pixel counts."""
    roles: tuple[str, ...] = ()


@dataclass
class CaseCollector:
    """Keeps `even` images of `total` and the `extreme` worst and best; memory is bounded."""

    total: int
    even: int = EVEN
    extreme: int = EXTREME
    _chosen: frozenset[int] = field(init=False)
    _spaced: dict[int, Case] = field(default_factory=dict)
    # Heaps of (rank, -index, case): the smallest rank is the first to go.
    _worst: list[tuple[float, int, Case]] = field(default_factory=list)
    _best: list[tuple[float, int, Case]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chosen = evenly_spaced(self.total, self.even)

    def see(self, index: int, id: str, comparison: Comparison) -> None:
        """Consider image `index`."""
        metrics = comparison.metrics
        value = metrics[RANKED_BY] if metrics is not None else float("nan")
        spaced = index in self._chosen
        ranked = metrics is not None and self.extreme > 0
        wanted = [
            (heap, rank)
            for heap, rank in ((self._worst, value), (self._best, -value))
            if ranked and (len(heap) < self.extreme or (rank, -index) > heap[0][:2])
        ]
        if not spaced and not wanted:
            return
        case = Case(index, id, _half(comparison.full), value)
        if spaced:
            self._spaced[index] = case
        for heap, rank in wanted:
            heapq.heappush(heap, (rank, -index, case))
            if len(heap) > self.extreme:
                heapq.heappop(heap)

    def cases(self) -> list[Case]:
        """Return every kept image with its roles, in the data's order."""
        groups = {
            "even": list(self._spaced.values()),
            "worst": [entry[2] for entry in self._worst],
            "best": [entry[2] for entry in self._best],
        }
        kept = {case.index: case for cases in groups.values() for case in cases}
        return [
            Case(
                case.index, case.id, case.prediction, case.value,
                tuple(
                    role
                    for role, cases in groups.items()
                    if any(each.index == index for each in cases)
                ),
            )
            for index, case in sorted(kept.items())
        ]  # fmt: skip

    def worst(self) -> list[Case]:
        """Return the worst images, the worst first."""
        return [entry[2] for entry in sorted(self._worst, key=lambda entry: entry[:2])[::-1]]


def evenly_spaced(total: int, count: int) -> frozenset[int]:
    """Return `count` indices (all, if there are fewer) spread over range(total)."""
    return frozenset(int(index) for index in np.linspace(0, total - 1, min(count, total)))


def write_cases(cases: list[Case], folder: Path) -> None:
    """Write `<index>.npz` for each case into `folder`, in place of what an earlier score left."""
    for case in cases:
        with atomic_path(folder / f"{case.index}.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, prediction=case.prediction, id=case.id, role=",".join(case.roles)
            )
    kept = {f"{case.index}.npz" for case in cases}
    for path in folder.glob("*.npz"):
        if path.stem.isdigit() and path.name not in kept:
            path.unlink()


def _half(depth: NDArray[np.float32]) -> NDArray[np.float16]:
    largest = np.float32(np.finfo(np.float16).max)
    half = np.where(depth > 0, np.minimum(depth, largest), 0).astype(np.float16)
    half[depth == np.inf] = np.inf  # which is too far, not missing
    return half
