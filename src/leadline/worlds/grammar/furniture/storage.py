"""Storage furniture."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.grammar import clutter, things
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box, lathe, repeated, rounded_box, slab
from leadline.worlds.scene import Builder


def carcass(
    b: Builder, wood: Material, w: float, d: float, h: float, floors: Array, back: bool = True
) -> None:
    """Sides, back and boards of an open shelf; boards at heights `floors`, 22 mm thick."""
    for x in (-w / 2, w / 2 - 0.022):
        b.add(slab((x, -d / 2, 0), (x + 0.022, d / 2, h)), wood)
    if back:
        b.add(block((-w / 2 + 0.01, d / 2 - 0.01, 0), (w / 2 - 0.01, d / 2 - 0.002, h)), wood)
    inside = w / 2 - 0.022
    for z in floors:
        low, high = (-inside, -d / 2 + 0.004, z), (inside, d / 2 - 0.01, z + 0.022)
        b.add(slab(low, high), wood)


def book_row(
    b: Builder,
    looks: list[Material],
    start: float,
    end: float,
    tallest: float,
    *,
    backs: float = -0.12,
    deep: tuple[float, float] = (0.13, 0.19),
) -> None:
    """Row of upright books along x from `start` to `end`, their backs at y = `backs`."""
    rng, x = b.rng, start
    while x < end - 0.015:
        wide, tall = rng.uniform(0.014, 0.045), tallest * rng.uniform(0.68, 0.97)
        far, recess = rng.uniform(*deep), rng.uniform(0, 0.012)
        look = looks[int(rng.integers(len(looks)))]
        book = box((wide, far, tall))
        b.add(book.moved(x + wide / 2, backs + far / 2 + recess, tall / 2), look)
        x += wide + 0.001


def leaning_book(b: Builder, look: Material, x: float, tall: float) -> None:
    """Book that leans to the left against the row that ends at `x`."""
    lean = rounded_box((0.025, 0.16, tall), 0.002).moved(0.0125, -0.04, tall / 2).turned(-14, "y")
    b.add(lean.moved(x), look)


def bookshelf(b: Builder, size: Size) -> None:
    """Open shelf with rows of books and other objects."""
    rng, place = b.rng, b.look.rng
    w, d = size.width, size.depth
    h = min(size.height - 0.1, rng.uniform(0.9, 2.25))
    levels = max(2, round(h / rng.uniform(0.29, 0.4)))
    floors = np.linspace(0.05, h - 0.022, levels + 1)
    carcass(b, b.look.wood(), w, d, h, floors, rng.random() < 0.8)
    gap = float(floors[1] - floors[0]) - 0.022
    books = b.item("books", "books")
    looks = [b.look.book(gap * 0.85) for _ in range(5)]
    for z in floors[:-1]:
        level = float(z) + 0.022
        _fill_shelf(b, books, looks, level, w - 0.06, d, gap)
    top = b.placed(0, 0, h)
    if place.random() < 0.6:
        room = size.height - h
        clutter.scatter(top, w * 0.8, d * 0.6, int(place.integers(1, 5)), clutter.SHELF, room)


def _fill_shelf(
    b: Builder, books: Builder, looks: list[Material], z: float, w: float, d: float, gap: float
) -> None:
    """Books, objects, boxes or nothing on one board."""
    place, kind = b.look.rng, b.look.rng.random()
    if kind < 0.6:
        a, c = sorted(place.uniform(-w / 2, w / 2, 2))
        if place.random() < 0.6:
            a, c = -w / 2, max(c, -w / 2 + 0.4 * w)
        deep = (min(0.13, d - 0.08), min(0.2, d - 0.05))
        book_row(books.placed(0, 0, z), looks, a, c, min(gap, 0.34), backs=-d / 2 + 0.03, deep=deep)
        if place.random() < 0.4 and c < w / 2 - 0.25:
            side = b.placed((c + w / 2) / 2, 0, z)
            clutter.scatter(side, (w / 2 - c) * 0.6, d * 0.4, 2, clutter.SHELF, gap)
    elif kind < 0.85:
        clutter.scatter(b.placed(0, 0, z), w * 0.85, d * 0.5, int(place.integers(1, 6)),
                        clutter.SHELF, gap)  # fmt: skip
    elif kind < 0.95:
        bins = b.item("box", "box")
        count = max(1, int(w / 0.4))
        for k in range(count):
            x = (k + 0.5) * w / count - w / 2
            bin_ = rounded_box((w / count - 0.03, d - 0.05, gap * 0.75), 0.015)
            bins.add(bin_.moved(x, 0, z + gap * 0.375 + 0.002), b.look.cloth())


def _fronts(b: Builder, w: float, d: float, z0: float, z1: float, columns: int, rows: int) -> None:
    """Doors (one row) or drawers with handles on the front of a body."""
    front, pull = b.look.lacquer() if b.rng.random() < 0.4 else b.look.wood(), b.look.metal()
    knob = b.rng.random() < 0.4
    for i in range(columns):
        x0, x1 = -w / 2 + i * w / columns + 0.004, -w / 2 + (i + 1) * w / columns - 0.004
        for j in range(rows):
            low = z0 + j * (z1 - z0) / rows + 0.004
            high = z0 + (j + 1) * (z1 - z0) / rows - 0.004
            b.add(block((x0, -d / 2 - 0.018, low), (x1, -d / 2, high)), front)
            upright = rows == 1
            x = (x1 - 0.05 if i % 2 == 0 else x0 + 0.05) if upright else (x0 + x1) / 2
            z = (low + high) / 2
            if knob:
                handle = box((0.025, 0.025, 0.025))
            else:
                handle = box((0.012, 0.022, 0.15) if upright else (0.13, 0.022, 0.012))
            b.add(handle.moved(x, -d / 2 - 0.029, z), pull)


def _body(b: Builder, wood: Material, w: float, d: float, h: float, foot: float = 0.06) -> None:
    b.add(block((-w / 2, -d / 2, foot), (w / 2, d / 2, h)), wood)
    low, high = (-w / 2 + 0.03, -d / 2 + 0.04, 0), (w / 2 - 0.03, d / 2, foot)
    b.add(block(low, high), b.look.black())


def wardrobe(b: Builder, size: Size) -> None:
    """Tall cupboard with doors."""
    h = min(size.height - 0.08, b.rng.uniform(1.7, 2.4))
    w, d = size.width, size.depth - 0.02
    _body(b, b.look.wood(), w, d, h)
    _fronts(b, w, d, 0.07, h - 0.01, max(1, round(w / b.rng.uniform(0.4, 0.6))), 1)
    if b.look.rng.random() < 0.4 and h < size.height - 0.3:
        clutter.boxes(b.placed(0, 0, h), w * 0.8, d * 0.6, size.height - h)


def chest(b: Builder, size: Size) -> None:
    """Chest of drawers with objects on top."""
    h = b.rng.uniform(0.6, 1.15)
    w, d = size.width, size.depth - 0.02
    _body(b, b.look.wood(), w, d, h)
    _fronts(b, w, d, 0.07, h - 0.03, max(1, round(w / 0.6)), int(b.rng.integers(2, 6)))
    top = slab((-w / 2 - 0.01, -d / 2 - 0.02, h), (w / 2 + 0.01, d / 2, h + 0.025))
    b.add(top, b.look.wood())
    clutter.scatter(b.placed(0, 0, h + 0.025), w * 0.85, d * 0.6, int(b.look.rng.integers(2, 8)))


def sideboard(b: Builder, size: Size) -> None:
    """Long low cupboard, often with a television on it."""
    h = b.rng.uniform(0.38, 0.75)
    w, d = size.width, size.depth - 0.02
    _body(b, b.look.wood(), w, d, h, b.rng.choice([0.05, 0.15]))
    _fronts(b, w, d, 0.17, h - 0.02, max(2, round(w / 0.5)), int(b.rng.integers(1, 3)))
    place = b.look.rng
    if place.random() < 0.65:
        wide = min(w * 0.8, place.uniform(0.7, 1.4))
        things.television(b.placed(0, 0.04, h), wide)
        for side in (-1, 1):
            if w - wide > 0.4:
                clutter.scatter(b.placed(side * (w + wide) / 4, 0, h), 0.2, d * 0.5, 2)
    else:
        clutter.scatter(b.placed(0, 0, h), w * 0.85, d * 0.6, int(place.integers(2, 9)))


def night_stand(b: Builder, size: Size) -> None:
    """Small chest beside a bed, usually with a lamp on it."""
    from leadline.worlds.grammar.furniture.lamps import random_table_lamp

    h, w, d = b.rng.uniform(0.4, 0.6), size.width, size.depth - 0.02
    _body(b, b.look.wood(), w, d, h)
    _fronts(b, w, d, 0.08, h - 0.02, 1, int(b.rng.integers(1, 4)))
    if b.look.rng.random() < 0.7:
        random_table_lamp(b.placed(0, 0.05, h))
    clutter.scatter(b.placed(0, -0.05, h), w * 0.7, d * 0.4, int(b.look.rng.integers(0, 4)))


def metal_cabinet(b: Builder, size: Size) -> None:
    """Office cupboard or lockers of sheet steel."""
    h = min(size.height - 0.1, b.rng.uniform(1.1, 2.0))
    w, d = size.width, size.depth
    paint = b.look.paint(0.4)
    b.add(block((-w / 2, -d / 2, 0.05), (w / 2, d / 2, h)), paint)
    columns, rows = max(1, round(w / b.rng.uniform(0.3, 0.5))), int(b.rng.choice([1, 2, 4]))
    slots = [(0, 0, 0.02 * k) for k in range(4)]
    for i in range(columns):
        for j in range(rows):
            x0, z0 = -w / 2 + i * w / columns, 0.06 + j * (h - 0.07) / rows
            x1, z1 = x0 + w / columns - 0.008, z0 + (h - 0.07) / rows - 0.008
            b.add(block((x0 + 0.008, -d / 2 - 0.012, z0), (x1, -d / 2, z1)), paint)
            b.add(box((0.02, 0.02, 0.1)).moved(x1 - 0.05, -d / 2 - 0.02, (z0 + z1) / 2),
                  b.look.metal())  # fmt: skip
            if rows > 1:
                vent = repeated(box((0.12, 0.004, 0.006)), slots)
                b.add(vent.moved((x0 + x1) / 2, -d / 2 - 0.013, z1 - 0.12), b.look.black())
    if b.look.rng.random() < 0.5:
        clutter.boxes(b.placed(0, 0, h), w * 0.7, d * 0.6, size.height - h)


def rack(b: Builder, size: Size) -> None:
    """Bare metal shelves full of boxes, in stores and offices."""
    h = min(size.height - 0.1, b.rng.uniform(1.5, 2.2))
    w, d, metal = size.width, size.depth, b.look.metal()
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        for y in (-d / 2 + 0.02, d / 2 - 0.02):
            b.add(box((0.035, 0.035, h)).moved(x, y, h / 2), metal)
    levels = int(b.rng.integers(3, 6))
    for z in np.linspace(0.1, h - 0.05, levels):
        b.add(box((w, d, 0.025)).moved(0, 0, float(z)), metal)
        clutter.boxes(b.placed(0, 0, float(z) + 0.013), w * 0.8, d * 0.6, h / levels)


def coat_stand(b: Builder, size: Size) -> None:
    """Pole with hooks and a few coats."""
    h, metal = b.rng.uniform(1.6, 1.85), b.look.metal()
    b.add(lathe([(0, 0), (0.2, 0), (0.18, 0.03), (0.02, 0.05), (0.017, h), (0, h)], 14), metal)
    for k in range(int(b.look.rng.integers(1, 5))):
        a = 1.6 * k + 0.4
        at = b.placed(0.13 * np.cos(a), 0.13 * np.sin(a), h - 0.06, turn=np.degrees(a) + 90)
        things.coat(at, b.look.rng.uniform(0.6, 1.0))


def cardboard_boxes(b: Builder, size: Size) -> None:
    """Pile of moving boxes."""
    clutter.boxes(b, size.width * 0.8, size.depth * 0.7, size.height, most=6)
