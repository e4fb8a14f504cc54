"""A street under construction: its cross-section, and the occupied ground."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadline.worlds.grammar.street.road import Course
from leadline.worlds.scene import Ball, Builder

BEHIND, AHEAD = 30.0, 190.0  # extent of the road, metres
DESIGNS = 30  # per split, of a house, tree, vehicle, ...


@dataclass(frozen=True)
class Profile:
    """Cross-section of a street in metres: lanes per direction, parking, pavement, setback."""

    kind: str
    lanes: int
    lane: float
    parking: bool
    pavement: float
    setback: float

    @property
    def half(self) -> float:
        """Middle of the road to the kerb."""
        return max(self.lanes * self.lane, 2.6) + (2.2 if self.parking else 0.3)

    @property
    def edge(self) -> float:
        """Middle of the road to the far side of the pavement."""
        return self.half + self.pavement


@dataclass(eq=False)
class Site:
    """The street's parts; `taken` ground is rows of s, side and reach."""

    b: Builder
    rng: np.random.Generator
    course: Course
    profile: Profile
    crossing: float | None
    lamps: list[Ball] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def is_free(self, s: float, side: float, reach: float) -> bool:
        """Whether the ground within reach is free."""
        return all(abs(s - a) > reach + r or abs(side - c) > 1.1 + min(r, 1.2)
                   for a, c, r in self.taken)  # fmt: skip

    def crosses(self, s: float, margin: float = 0.0) -> bool:
        """Whether the side road crosses here."""
        return self.crossing is not None and abs(s - self.crossing) < 4.5 + margin


def stretches(site: Site, start: float = -BEHIND, end: float = AHEAD) -> list[tuple[float, float]]:
    """Return the stretches of road without the side road."""
    if site.crossing is None:
        return [(start, end)]
    return [(start, site.crossing - 4), (site.crossing + 4, end)]
