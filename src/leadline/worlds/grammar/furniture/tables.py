"""Tables and desks, with chairs around and objects on them."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar import clutter, things
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.grammar.furniture.seating import office_chair, random_chair
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box, cylinder, lathe, rounded_box, slab
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Builder


def table(
    b: Builder, size: tuple[float, float, float], wood: Material, *, leg: float = 0.055
) -> None:
    """Four-legged table with an apron; `size` is width, depth, height."""
    w, d, h = size
    b.add(slab((-w / 2, -d / 2, h - 0.028), (w / 2, d / 2, h)), wood)
    inset = 0.03
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (w / 2 - inset - leg / 2), sy * (d / 2 - inset - leg / 2)
            foot = rounded_box((leg, leg, h - 0.028), 0.004, grain=True)
            b.add(foot.moved(x, y, (h - 0.028) / 2), wood)
    apron = 0.08 if h > 0.6 else 0.05
    low, high, e = h - 0.028 - apron, h - 0.028, inset + 0.012
    for sy in (-1, 1):
        y = sy * (d / 2 - e - 0.01)
        b.add(slab((-w / 2 + 0.08, y - 0.01, low), (w / 2 - 0.08, y + 0.01, high)), wood)
    for sx in (-1, 1):
        x = sx * (w / 2 - e - 0.01)
        b.add(slab((x - 0.01, -d / 2 + 0.08, low), (x + 0.01, d / 2 - 0.08, high)), wood)


def coffee_table(b: Builder, wood: Material) -> None:
    """Low table 1.0 x 0.55 x 0.42 m with a shelf underneath."""
    table(b, (1.0, 0.55, 0.42), wood)
    b.add(slab((-0.45, -0.225, 0.12), (0.45, 0.225, 0.138)), wood)


def side_table(b: Builder, wood: Material) -> None:
    """Round pedestal table, 0.40 m across and 0.54 m high."""
    b.add(lathe([(0, 0), (0.15, 0), (0.14, 0.025), (0.03, 0.05), (0.022, 0.25), (0.03, 0.50),
                 (0.19, 0.515), (0.20, 0.525), (0.20, 0.54), (0, 0.54)]), wood)  # fmt: skip


def round_table(b: Builder, radius: float, height: float, top: Material, foot: Material) -> None:
    """Disc on one column."""
    b.add(cylinder(radius, 0.03).moved(0, 0, height - 0.03), top)
    b.add(cylinder(0.04, height - 0.05).moved(0, 0, 0.02), foot)
    b.add(cylinder(0.55 * radius, 0.025), foot)


def metal_table(b: Builder, size: tuple[float, float, float], top: Material, leg: Material) -> None:
    """Board on a frame of square tube, as in offices and schools."""
    w, d, h = size
    b.add(slab((-w / 2, -d / 2, h - 0.025), (w / 2, d / 2, h), 0.004), top)
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        b.add(block((x - 0.02, -d / 2 + 0.04, h - 0.065), (x + 0.02, d / 2 - 0.04, h - 0.025)), leg)
        for y in (-d / 2 + 0.06, d / 2 - 0.06):
            b.add(block((x - 0.02, y - 0.02, 0), (x + 0.02, y + 0.02, h - 0.065)), leg)
    b.add(
        block((-w / 2 + 0.08, d / 2 - 0.08, h - 0.3), (w / 2 - 0.08, d / 2 - 0.06, h - 0.03)), leg
    )


def random_table(b: Builder, size: Size, height: float) -> None:
    """Wooden, round or metal table of given height."""
    style = b.rng.random()
    if style < 0.55:
        table(b, (size.width, size.depth, height), b.look.wood(), leg=b.rng.uniform(0.04, 0.09))
    elif style < 0.75:
        radius = min(size.width, size.depth) / 2
        round_table(b, radius, height, b.look.wood(), b.look.metal())
    else:
        metal_table(b, (size.width, size.depth, height), b.look.wood(), b.look.metal())


def dining_set(b: Builder, size: Size) -> None:
    """Table with chairs around it, some pulled out, and objects on top."""
    rng, place = b.rng, b.look.rng
    w, d = max(size.width - 1.2, 0.7), max(size.depth - 1.2, 0.6)
    height = rng.uniform(0.71, 0.77)
    random_table(b.item("table", "table"), Size(w, d, size.height), height)
    clutter.scatter(b.placed(0, 0, height), w * 0.75, d * 0.75, int(place.integers(2, 10)))
    design = int(rng.integers(1 << 30))
    for x, y, turn in _around_table(w, d):
        if place.random() < 0.85:
            out = abs(place.normal(0.0, 0.12))
            spot = b.placed(x * (1 + out), y * (1 + out), turn=turn + place.normal(0, 9))
            again = spot.shaped(stream("chair at a table", design)).item("chair", "chair")
            random_chair(again, size)


def _around_table(w: float, d: float) -> list[tuple[float, float, float]]:
    """Places for chairs: x, y and heading; a chair's front is towards the table."""
    count = max(1, int(w / 0.62))
    places = []
    for k in range(count):
        x = (k + 0.5) * w / count - w / 2
        places += [(x, d / 2 + 0.12, 0.0), (x, -d / 2 - 0.12, 180.0)]
    if d > 0.75:
        places += [(w / 2 + 0.12, 0.0, -90.0), (-w / 2 - 0.12, 0.0, 90.0)]
    return places


def random_coffee_table(b: Builder, size: Size) -> None:
    """Low table with clutter."""
    height = b.rng.uniform(0.34, 0.5)
    random_table(b, size, height)
    top = b.placed(0, 0, height)
    clutter.scatter(top, size.width * 0.8, size.depth * 0.8, int(b.look.rng.integers(2, 9)))


def random_side_table(b: Builder, size: Size) -> None:
    """Small round table, often with a lamp or a plant pot on it."""
    side_table(b, b.look.wood())
    clutter.scatter(b.placed(0, 0, 0.54), 0.24, 0.24, int(b.look.rng.integers(1, 4)))


def desk(b: Builder, size: Size) -> None:
    """Desk with a computer or papers, a chair before it; back to the wall."""
    rng, place = b.rng, b.look.rng
    w, h = size.width, rng.uniform(0.70, 0.77)
    d = min(size.depth, 0.8)
    at = b.placed(0, size.depth / 2 - d / 2)
    if rng.random() < 0.5:
        table(at, (w, d, h), b.look.wood(), leg=0.05)
    else:
        metal_table(at, (w, d, h), b.look.wood(), b.look.metal())
    if rng.random() < 0.5:
        _drawers(at.placed(rng.choice([-1, 1]) * (w / 2 - 0.3), 0.02), h - 0.1, d - 0.12)
    top = at.placed(0, 0, h)
    for k in range(int(place.integers(0, 3))):
        x = place.uniform(-0.1, 0.1) * w + 0.6 * k - 0.2
        if abs(x) < w / 2 - 0.3:
            things.monitor(top.placed(x, d / 2 - 0.2, turn=place.normal(0, 8)))
    clutter.scatter(top.placed(0, -0.12), w * 0.85, d * 0.5, int(place.integers(3, 12)),
                    clutter.DESK)  # fmt: skip
    seat = b.placed(
        place.normal(0, 0.15), size.depth / 2 - d - 0.12, turn=180 + place.normal(0, 25)
    )
    (office_chair if rng.random() < 0.6 else random_chair)(seat.item("chair", "chair"), size)


def _drawers(b: Builder, h: float, d: float) -> None:
    """Pedestal of three drawers under a desk."""
    body, pull = b.look.lacquer(), b.look.metal()
    b.add(block((-0.2, -d / 2, 0.03), (0.2, d / 2, h)), body)
    for k in range(3):
        z0, z1 = 0.05 + k * (h - 0.06) / 3, 0.04 + (k + 1) * (h - 0.06) / 3
        b.add(block((-0.19, -d / 2 - 0.015, z0), (0.19, -d / 2, z1)), body)
        b.add(box((0.12, 0.02, 0.012)).moved(0, -d / 2 - 0.025, z1 - 0.05), pull)


def school_desk(b: Builder, size: Size) -> None:
    """School table with one or two chairs behind it (towards +y)."""
    rng, place = b.rng, b.look.rng
    w, d, h = size.width, 0.5, 0.72
    metal_table(b.item("desk", "desk"), (w, d, h), b.look.wood(), b.look.metal())
    if place.random() < 0.6:
        clutter.scatter(
            b.placed(0, 0, h), w * 0.8, d * 0.7, int(place.integers(1, 4)), clutter.DESK
        )
    design = int(rng.integers(1 << 30))
    for x in (-w / 4, w / 4) if w > 1.0 else (0.0,):
        spot = b.placed(x, d / 2 + place.uniform(0.1, 0.4), turn=place.normal(0, 8))
        random_chair(spot.shaped(stream("school chair", design)).item("chair", "chair"), size)


def lectern(b: Builder, size: Size) -> None:
    """Teacher's table with papers and a computer."""
    at = b.placed(0, 0.35 - size.depth / 2)
    metal_table(at, (size.width, 0.7, 0.74), b.look.wood(), b.look.metal())
    clutter.scatter(at.placed(0, 0, 0.74), size.width * 0.8, 0.5, 5, clutter.DESK)
    turn = np.degrees(b.rng.uniform(-0.3, 0.3))
    random_chair(at.placed(0, 0.6, turn=turn).item("chair", "chair"), size)
