"""The course of a road: a curved and sloping line, the reference of all placement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.primitives import Mesh, sheet
from leadline.worlds.scene import Builder


@dataclass(frozen=True, eq=False)
class Course:
    """Points every metre along the middle of a road.

    `run` (N,) metres along it, from behind the first camera on; `points` (N,3); `heading` (N,) in
    radians, 0 along +y, positive to the left.
    """

    run: Array
    points: Array
    heading: Array

    def at(self, s: float, side: float, up: float = 0.0) -> tuple[float, float, float, float]:
        """Place `side` metres right of the middle at `s`: x, y, z, heading in degrees."""
        x, y, z = (float(np.interp(s, self.run, self.points[:, k])) for k in range(3))
        turn = float(np.interp(s, self.run, self.heading))
        return x + side * np.cos(turn), y + side * np.sin(turn), z + up, float(np.degrees(turn))

    def builder(self, b: Builder, s: float, side: float, up: float = 0.0) -> Builder:
        """Return a builder at a place along the road; its +y runs along the road."""
        x, y, z, turn = self.at(s, side, up)
        return b.placed(x, y, z, turn)

    def strip(self, start: float, end: float, low: float, high: float, up: float | Array,
              step: float = 2.0) -> Mesh:  # fmt: skip
        """Ribbon along the road from `start` to `end`, `low` to `high` metres right of its middle.

        `up` is its height above the road, one number or two (at `low` and at `high`).
        """
        count = max(2, int(np.ceil((end - start) / step)) + 1)
        s = np.linspace(start, end, count)
        middle = np.stack([np.interp(s, self.run, self.points[:, k]) for k in range(3)], axis=1)
        turn = np.interp(s, self.run, self.heading)
        right = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
        heights = np.broadcast_to(np.asarray(up, dtype=float), 2)
        edges = [middle + right * side + np.array([0, 0, z])
                 for side, z in zip((low, high), heights, strict=True)]  # fmt: skip
        uv = np.stack([np.stack([np.full(count, side), s], axis=1) for side in (low, high)], axis=1)
        return sheet(np.stack(edges, axis=1), uv)

    def wall(self, start: float, end: float, side: float, low: float, high: float,
             outward: float, step: float = 2.0) -> Mesh:  # fmt: skip
        """Upright ribbon along the road at `side`, facing right (`outward` 1) or left (-1)."""
        count = max(2, int(np.ceil((end - start) / step)) + 1)
        s = np.linspace(start, end, count)
        middle = np.stack([np.interp(s, self.run, self.points[:, k]) for k in range(3)], axis=1)
        turn = np.interp(s, self.run, self.heading)
        right = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
        line = middle + right * side
        rows = [line + np.array([0, 0, z]) for z in (low, high)]
        uv = np.stack([np.stack([s, np.full(count, z)], axis=1) for z in (low, high)], axis=1)
        grid = np.stack(rows, axis=1)
        if outward < 0:
            grid, uv = grid[::-1], uv[::-1]
        return sheet(grid, uv)


def draw_course(rng: np.random.Generator, behind: float, ahead: float) -> Course:
    """Draw a road from `behind` metres before the origin to `ahead` metres beyond it."""
    run = np.arange(-behind, ahead + 1.0)
    bend = np.zeros_like(run)
    if rng.random() < 0.65:
        for _ in range(int(rng.integers(1, 4))):
            centre, width = rng.uniform(10, ahead), rng.uniform(15, 60)
            bend += rng.normal(0, 0.009) * np.exp(-(((run - centre) / width) ** 2))
    heading = np.cumsum(bend)
    heading -= heading[int(behind)]
    slope = np.zeros_like(run)
    if rng.random() < 0.5:
        phase, length = rng.uniform(0, 6.3), rng.uniform(90, 260)
        slope = rng.normal(0, 0.035) * np.sin(2 * np.pi * run / length + phase)
        slope += rng.normal(0, 0.015)
    x, y, z = np.cumsum(-np.sin(heading)), np.cumsum(np.cos(heading)), np.cumsum(slope)
    points = np.stack([x, y, z], axis=1)
    points -= points[int(behind)]
    return Course(run, points, heading)
