"""Borders between pavement and gardens: fences, walls, hedges, guard rails."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar.street.plants import foliage, hedge
from leadline.worlds.grammar.street.road import Course
from leadline.worlds.primitives import Mesh, box, join
from leadline.worlds.scene import Builder


def _along(course: Course, piece: Mesh, start: float, end: float, step: float, side: float) -> Mesh:
    """Place copies of a piece every `step` metres along the road, turned with it."""
    placed = []
    for s in np.arange(start, end, step):
        x, y, z, turn = course.at(float(s), side)
        placed.append(piece.turned(turn).moved(x, y, z))
    return join(*placed)


def picket_fence(b: Builder, course: Course, start: float, end: float, side: float) -> None:
    """Fence of boards or bars."""
    high, look = b.rng.uniform(0.8, 1.5), b.look.wood() if b.rng.random() < 0.6 else b.look.metal()
    dense = b.rng.random() < 0.5
    item = b.item("fence", "fence")
    width, step = (0.09, 0.16) if dense else (0.03, 0.13)
    item.add(
        _along(
            course, box((0.02, width, high)).moved(0, 0, high / 2 + 0.05), start, end, step, side
        ),
        look,
    )
    for z in (0.3, high - 0.15):
        for out in (-0.02, 0.02):
            item.add(course.wall(start, end, side + out, z, z + 0.07, np.sign(out)), look)


def garden_wall(b: Builder, course: Course, start: float, end: float, side: float) -> None:
    """Low wall of brick or render."""
    high, look = (
        b.rng.uniform(0.5, 1.8),
        b.look.wall("brick" if b.rng.random() < 0.6 else "concrete"),
    )
    item = b.item("wall", "fence")
    for out in (-0.11, 0.11):
        item.add(course.wall(start, end, side + out, -0.1, high, np.sign(out)), look)
    item.add(course.strip(start, end, side - 0.14, side + 0.14, high), b.look.wall("concrete"))


def clipped_hedge(b: Builder, course: Course, start: float, end: float, side: float) -> None:
    """Hedge in pieces along the road."""
    high, deep, green = b.rng.uniform(0.7, 1.9), b.rng.uniform(0.5, 0.9), foliage(b, 1.2)
    item = b.item("hedge", "vegetation")
    step = 4.0
    for s in np.arange(start, end, step):
        hedge(course.builder(item, float(s) + step / 2, side), step + 0.15, high, deep, green)


def guard_rail(b: Builder, course: Course, start: float, end: float, side: float) -> None:
    """Steel rail on posts."""
    item, metal = b.item("guard rail", "guard rail"), b.look.metal()
    for out in (-0.03, 0.03):
        item.add(course.wall(start, end, side + out, 0.45, 0.75, np.sign(out)), metal)
    item.add(course.strip(start, end, side - 0.03, side + 0.03, 0.75), metal)
    post = box((0.06, 0.12, 0.7)).moved(0.06 * np.sign(side), 0, 0.35)
    item.add(_along(course, post, start, end, 3.0, side), metal)


BORDERS = {
    "picket fence": picket_fence,
    "garden wall": garden_wall,
    "hedge": clipped_hedge,
    "guard rail": guard_rail,
}
"""Borders of a road; a new one needs a function and a row."""
