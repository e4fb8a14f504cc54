"""Distances that somebody measured, at pixels of a depth map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError, size_words


class KnownPoint(NamedTuple):
    """A pixel, column `x` and row `y` from the top left, and its distance in metres."""

    x: int
    y: int
    metres: float


@dataclass(frozen=True, eq=False)
class KnownPoints:
    """Known distances: pixel columns and rows, (n,) integers, and metres, (n,) float64."""

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    metres: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.metres)

    @classmethod
    def from_points(cls, points: Iterable[KnownPoint | tuple[int, int, float]]) -> KnownPoints:
        """Collect one or more points (column, row, metres)."""
        x, y, metres = zip(*points, strict=True)
        return cls(np.array(x, np.intp), np.array(y, np.intp), np.array(metres, np.float64))

    of = from_points  # its earlier name

    @classmethod
    def from_depth_map(cls, depth_map: DepthMap) -> KnownPoints:
        """Take every valid pixel, row by row."""
        y, x = np.nonzero(depth_map.valid)
        return cls(x, y, depth_map.depth[depth_map.valid].astype(np.float64))

    def select(self, chosen: NDArray[np.bool_]) -> KnownPoints:
        """Return the points where `chosen`, (n,), is True."""
        return KnownPoints(self.x[chosen], self.y[chosen], self.metres[chosen])

    def depth_at(self, depth_map: DepthMap) -> NDArray[np.float64]:
        """Return the metres of a depth map at the points, (n,) float64, 0 where invalid.

        Errors: LeadlineError for a point outside the map.
        """
        inside = (self.x >= 0) & (self.x < depth_map.width)
        inside &= (self.y >= 0) & (self.y < depth_map.height)
        if not inside.all():
            x, y = self.x[~inside][0], self.y[~inside][0]
            raise LeadlineError(
                f"point ({x}, {y}) is outside the {size_words(depth_map.shape)} depth "
                "map; give pixels of the picture at its own size"
            )
        return depth_map.depth[self.y, self.x].astype(np.float64)
