"""Kitchen units and machines."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar import clutter, things
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box, cylinder, lathe, rounded_box, slab, tube
from leadline.worlds.scene import Builder

DEEP, TOP = 0.60, 0.91  # of a worktop, metres


def _unit_fronts(b: Builder, front: Material, pull: Material, w: float, z0: float, z1: float,
                 y: float) -> None:  # fmt: skip
    """Doors and drawers along a row of units whose front stands at `y`."""
    count = max(1, round(w / 0.6))
    for k in range(count):
        x0, x1 = -w / 2 + k * w / count + 0.003, -w / 2 + (k + 1) * w / count - 0.003
        rows = 3 if b.rng.random() < 0.25 and z1 - z0 > 0.6 else 1
        for j in range(rows):
            low, high = z0 + j * (z1 - z0) / rows + 0.003, z0 + (j + 1) * (z1 - z0) / rows - 0.003
            b.add(block((x0, y - 0.018, low), (x1, y, high)), front)
            handle = box((0.16, 0.022, 0.012))
            top = high - 0.05 if z0 < 0.5 else low + 0.05
            b.add(handle.moved((x0 + x1) / 2, y - 0.029, top), pull)


def counter(b: Builder, size: Size) -> None:
    """Row of base units with worktop, sink or hob, splash-back and wall units above."""
    rng, place = b.rng, b.look.rng
    w, back = size.width, size.depth / 2
    front, pull = b.look.lacquer() if rng.random() < 0.6 else b.look.wood(), b.look.metal()
    y = back - DEEP + 0.03
    base = b.part_of("cabinet")
    base.add(block((-w / 2, y, 0.1), (w / 2, back, TOP - 0.04)), front)
    base.add(block((-w / 2, y + 0.05, 0), (w / 2, back, 0.1)), b.look.black())
    _unit_fronts(base, front, pull, w, 0.11, TOP - 0.05, y)
    top = b.look.floor("sheet") if rng.random() < 0.5 else b.look.wood()
    b.add(slab((-w / 2 - 0.01, back - DEEP, TOP - 0.04), (w / 2 + 0.01, back, TOP), 0.006), top)
    if w > 1.1:
        spot = b.placed(rng.uniform(-0.25, 0.25) * w, back - DEEP / 2, TOP)
        (_sink if rng.random() < 0.6 else _hob)(spot)
    for x in np.arange(-w / 2 + 0.2, w / 2, 0.42):
        if place.random() < 0.75:
            at = b.placed(float(x) + place.normal(0, 0.05), back - 0.28, TOP)
            clutter.scatter(at, 0.3, 0.35, int(place.integers(1, 4)), clutter.KITCHEN)
    if size.height > 2.2 and rng.random() < 0.7:
        _wall_units(b.item("wall units", "cabinet"), front, pull, w, back)
    if rng.random() < 0.7:
        b.item("splash-back", "wall").add(block((-w / 2, back - 0.012, TOP), (w / 2, back, 1.45)),
                                          b.look.tiled())  # fmt: skip


def _wall_units(b: Builder, front: Material, pull: Material, w: float, back: float) -> None:
    low, high = 1.42, b.rng.uniform(1.95, 2.15)
    b.add(block((-w / 2, back - 0.33, low), (w / 2, back, high)), front)
    _unit_fronts(b, front, pull, w, low, high, back - 0.33)


def _sink(b: Builder) -> None:
    """Steel bowl with a tap, set into the worktop."""
    s = b.item("sink", "sink")
    steel = b.look.metal()
    s.add(block((-0.42, -0.22, 0.0), (0.42, 0.22, 0.006)), steel)
    s.add(rounded_box((0.36, 0.34, 0.012), 0.005).moved(-0.18, 0, 0.006), b.look.black())
    spout = [(0.0, 0.2, 0), (0.0, 0.2, 0.24), (0, 0.14, 0.3), (0, 0.05, 0.26)]
    s.add(tube(spout, 0.012, 8), steel)


def _hob(b: Builder) -> None:
    """Glass hob with four plates."""
    h = b.item("hob", "counter")
    h.add(block((-0.29, -0.25, 0), (0.29, 0.25, 0.008)), b.look.glass())
    for x in (-0.14, 0.14):
        for y in (-0.12, 0.12):
            h.add(cylinder(0.085, 0.004, 18).moved(x, y, 0.008), b.look.black())
    if b.look.rng.random() < 0.6:
        things.pot(b.placed(0.14, 0.12, 0.012).item("pot", "object"))


def refrigerator(b: Builder, size: Size) -> None:
    """Fridge with a freezer compartment."""
    h = b.rng.choice([0.85, 1.5, 1.75, 1.9])
    w, d = size.width, size.depth - 0.04
    paint = b.look.white() if b.rng.random() < 0.7 else b.look.metal()
    body = rounded_box((w, d - 0.06, h - 0.04), 0.012).moved(0, 0.03, h / 2 + 0.02)
    b.add(body, paint)
    split = h * b.rng.choice([0.3, 0.65, 0.7])
    for low, high in ((0.05, split - 0.004), (split + 0.004, h)):
        door = rounded_box((w, 0.055, high - low), 0.014)
        b.add(door.moved(0, -d / 2 + 0.03, (low + high) / 2), paint)
        b.add(box((0.02, 0.03, min(0.4, 0.6 * (high - low)))).moved(
            w / 2 - 0.05, -d / 2 - 0.012, (low + high) / 2), b.look.metal())  # fmt: skip
    for _ in range(int(b.look.rng.integers(0, 5))):
        note = box((b.look.rng.uniform(0.06, 0.2), 0.002, b.look.rng.uniform(0.06, 0.25)))
        x, z = b.look.rng.uniform(-0.3, 0.3) * w, b.look.rng.uniform(0.55, 0.9) * h
        b.item("note", "paper").add(note.moved(x, -d / 2 + 0.001, z),
                                    b.look.printed("photograph", 0.15, 0.2))  # fmt: skip
    if h > 1.2 and h < size.height - 0.4:
        clutter.scatter(b.placed(0, 0, h), w * 0.7, d * 0.5, int(b.look.rng.integers(0, 4)))


def cooker(b: Builder, size: Size) -> None:
    """Free-standing cooker, or a washing machine, with its round or square window."""
    w, d, h = 0.6, min(size.depth, 0.6), 0.87
    body = b.look.white() if b.rng.random() < 0.75 else b.look.metal()
    b.add(rounded_box((w, d, h), 0.012).moved(0, 0, h / 2), body)
    glass = b.look.glass()
    if b.rng.random() < 0.5:
        b.add(box((0.46, 0.012, 0.3)).moved(0, -d / 2 - 0.004, 0.42), glass)
        b.add(
            tube([(-0.2, -d / 2 - 0.04, 0.62), (0.2, -d / 2 - 0.04, 0.62)], 0.01, 8), b.look.metal()
        )
        _hob(b.placed(0, 0, h))
    else:
        ring = lathe(
            [(0.0, 0.0), (0.15, 0), (0.19, 0.0), (0.19, 0.03), (0.15, 0.035), (0, 0.02)], 24
        )
        b.add(ring.turned(90, "x").moved(0, -d / 2, 0.42), b.look.metal())
        b.add(cylinder(0.14, 0.024, 20).turned(90, "x").moved(0, -d / 2, 0.42), glass)
        clutter.scatter(b.placed(0, 0, h), w * 0.7, d * 0.6, int(b.look.rng.integers(0, 5)))
    for k in range(5):
        knob = cylinder(0.018, 0.02, 10).turned(90, "x")
        b.add(knob.moved(-0.2 + 0.1 * k, -d / 2, h - 0.07), b.look.black())


def bin_(b: Builder, size: Size) -> None:
    """Waste bin, open or with a lid."""
    r, h = b.rng.uniform(0.11, 0.2), b.rng.uniform(0.28, 0.65)
    look = b.look.paint() if b.rng.random() < 0.6 else b.look.metal()
    if b.rng.random() < 0.5:
        b.add(
            lathe([(0, 0), (0.8 * r, 0), (r, h), (0.95 * r, h), (0.77 * r, 0.02), (0, 0.02)]), look
        )
    else:
        b.add(
            lathe([(0, 0), (r, 0), (r, h), (1.04 * r, h), (1.02 * r, h + 0.04), (0, h + 0.09)]),
            look,
        )
