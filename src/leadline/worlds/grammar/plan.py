"""The plan of a room: its outline, walls and occupied ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from leadline.worlds.scene import Builder

Rect = tuple[float, float, float, float]
"""Ground rectangle in metres: x from, x to, y from, y to."""


@dataclass(frozen=True)
class Opening:
    """Hole in a wall: along it from `x0` to `x1`, from `z0` to `z1`; kind window, door or arch."""

    kind: str
    x0: float
    x1: float
    z0: float
    z1: float


@dataclass
class Wall:
    """A straight wall. Local x runs along it from `start`, local -y points into the room.

    `turn` is the heading of the local frame in degrees; `sealed` ends meet another wall in an
    inner corner, where the wall may be longer than the room.
    """

    start: tuple[float, float]
    turn: float
    length: float
    sealed: tuple[bool, bool]
    outside: bool
    openings: list[Opening] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)  # x0, x1, up to z

    def builder(self, b: Builder) -> Builder:
        """Return a builder in the wall's frame."""
        return b.placed(*self.start, turn=self.turn)

    def ground(self, x0: float, x1: float, deep: float) -> Rect:
        """Ground between `x0` and `x1` along the wall, `deep` metres into the room."""
        c, s = self._heading
        corners = [(self.start[0] + c * x - s * y, self.start[1] + s * x + c * y)
                   for x in (x0, x1) for y in (0.0, -deep)]  # fmt: skip
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        return min(xs), max(xs), min(ys), max(ys)

    @cached_property
    def _heading(self) -> tuple[int, int]:
        """Cosine and sine of `turn`, a multiple of 90 degrees."""
        return round(np.cos(np.radians(self.turn))), round(np.sin(np.radians(self.turn)))

    def is_open(self, x0: float, x1: float, top: float, kinds: tuple[str, ...]) -> bool:
        """Whether an object from x0 to x1, up to `top`, would cover an opening of the kinds."""
        return any(
            o.kind in kinds and x0 < o.x1 + 0.08 and x1 > o.x0 - 0.08 and o.z0 < top
            for o in self.openings
        )


@dataclass
class Plan:
    """A room of `width` (x) by `depth` (y) by `height`, less the `notch` of an L shape."""

    width: float
    depth: float
    height: float
    notch: Rect | None
    walls: list[Wall]
    taken: list[Rect] = field(default_factory=list)

    @property
    def surface(self) -> float:
        """Floor, ceiling and walls in square metres."""
        around = sum(wall.length for wall in self.walls)
        return 2 * self.width * self.depth + around * self.height

    def inside(self, rect: Rect) -> bool:
        """Whether a ground rectangle lies within the outline."""
        x0, x1, y0, y1 = rect
        if x0 < -1e-6 or y0 < -1e-6 or x1 > self.width + 1e-6 or y1 > self.depth + 1e-6:
            return False
        return self.notch is None or not overlap(rect, self.notch)

    def is_free(self, rect: Rect) -> bool:
        """Whether a ground rectangle lies within the outline and is free."""
        return self.inside(rect) and not any(overlap(rect, other) for other in self.taken)


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles overlap."""
    return a[0] < b[1] and a[1] > b[0] and a[2] < b[3] and a[3] > b[2]


def draw_plan(
    rng: np.random.Generator, width: float, depth: float, height: float, notched: bool
) -> Plan:
    """Lay out the walls of a rectangular or L-shaped room whose corner is the origin."""
    notch: Rect | None = None
    corners = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)]
    if notched:
        w, d = rng.uniform(0.25, 0.5) * width, rng.uniform(0.25, 0.5) * depth
        notch = (width - w, width, depth - d, depth)
        corners[2:3] = [(width, depth - d), (width - w, depth - d), (width - w, depth)]
    walls = []
    for k, (px, py) in enumerate(corners):
        qx, qy = corners[(k + 1) % len(corners)]
        length = abs(qx - px) + abs(qy - py)
        ex, ey = (qx - px) / length, (qy - py) / length
        # The outline runs counter-clockwise; the room's outside is to the right of it.
        turn = float(np.degrees(np.arctan2(-ey, -ex)))
        reflex = [(px, py) == (width - w, depth - d), (qx, qy) == (width - w, depth - d)] \
            if notched else [False, False]  # fmt: skip
        on_rim = (px == qx and px in (0.0, width)) or (py == qy and py in (0.0, depth))
        walls.append(Wall((qx, qy), turn, length, (not reflex[1], not reflex[0]), bool(on_rim)))
    return Plan(width, depth, height, notch, walls)
