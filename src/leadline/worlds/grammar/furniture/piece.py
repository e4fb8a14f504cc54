"""A piece of furniture for the grammar: a function and a table row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from leadline.worlds.scene import Builder


class Size(NamedTuple):
    """Space for a piece in metres: width, depth, and height up to the ceiling."""

    width: float
    depth: float
    height: float


class Piece(NamedTuple):
    """One row of the catalogue.

    `build` puts the piece on z = 0 around the builder's origin, its front towards -y and its back
    at y = depth / 2. `front` metres before it are kept free. `low` pieces may stand under a window.
    """

    build: Callable[[Builder, Size], None]
    cls: str
    width: tuple[float, float]
    depth: tuple[float, float]
    front: float = 0.4
    low: bool = False
    place: Literal["wall", "corner", "centre"] = "wall"
