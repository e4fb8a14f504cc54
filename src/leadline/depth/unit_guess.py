"""In which unit are depth values? Every known unit is scored, and the best must stand out.

The evidence is the caller's: the truth of the same photographs, or what scenes usually look like.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from leadline.depth.units import units_stored_as

Storage = Literal["u1", "u2", "f"]
"""How values are stored: whole numbers of 8 bits, of more bits, or floating point."""


def storage_of(dtype: Any) -> Storage:
    """Return how values of a numpy type are stored."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return "f"
    return "u1" if dtype.kind in "iu" and dtype.itemsize == 1 else "u2"


@dataclass(frozen=True)
class UnitScores:
    """The scores of units per metre, natural logarithms of a likelihood, best first."""

    ranked: tuple[tuple[float, float], ...]

    @property
    def best(self) -> float:
        """The units per metre that fit best."""
        return self.ranked[0][0]

    @property
    def lead(self) -> float:
        """By how much the best leads the second, 0 where there is no second."""
        return self.ranked[0][1] - self.ranked[1][1] if len(self.ranked) > 1 else 0.0

    def of(self, units_per_metre: float) -> float | None:
        """Return the score of a unit, within 3 %, None where it was not a candidate."""
        for units, score in self.ranked:
            if math.isclose(units, units_per_metre, rel_tol=0.03):
                return score
        return None

    def close_to_best(self, margin: float) -> list[float]:
        """Return the units whose score is less than `margin` below the best."""
        return [units for units, score in self.ranked if self.ranked[0][1] - score < margin]


def score_units(
    storage: Storage, log_likelihood: Callable[[float], float], also: Iterable[float] = ()
) -> UnitScores:
    """Score every unit in which values of this storage are published, and those of `also`.

    `log_likelihood` takes units per metre. Of units that fit equally well the more usual is first.

    >>> score_units("u2", lambda units: -abs(math.log(2500 / units / 2.4))).best
    1000.0
    """
    candidates = dict.fromkeys((*units_stored_as(storage), *also))
    scores = ((units, log_likelihood(units)) for units in candidates)
    return UnitScores(tuple(sorted(scores, key=lambda each: -each[1])))
