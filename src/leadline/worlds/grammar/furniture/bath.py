"""Sanitary ware."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar import clutter
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import Mesh, block, box, cylinder, lathe, rounded_box, sheet, tube
from leadline.worlds.scene import Builder


def _bowl(rx: float, ry: float, h: float, wall: float = 0.02) -> Mesh:
    """Open oval vessel."""
    profile = [(0, 0), (0.5, 0), (0.8, 0.35 * h), (1.0, h), (1.0 - wall, h), (0.72, 0.4 * h),
               (0.3, 0.12 * h), (0, 0.1 * h)]  # fmt: skip
    return lathe(profile, 24).scaled(rx, ry, 1.0)


def toilet(b: Builder, size: Size) -> None:
    """Bowl with seat and cistern, lid up or down."""
    white, back = b.look.ceramic(), size.depth / 2
    b.add(_bowl(0.18, 0.24, 0.39).moved(0, back - 0.44), white)
    b.add(block((-0.1, back - 0.35, 0), (0.1, back - 0.1, 0.36)), white)
    seat = rounded_box((0.37, 0.44, 0.03), 0.013)
    b.add(seat.moved(0, back - 0.43, 0.405), white)
    if b.look.rng.random() < 0.4:
        b.add(seat.turned(82, "x").moved(0, back - 0.22, 0.62), white)
    b.add(rounded_box((0.38, 0.17, 0.36), 0.03).moved(0, back - 0.09, 0.6), white)
    b.add(cylinder(0.02, 0.012, 10).moved(0, back - 0.09, 0.78), b.look.metal())
    roll = cylinder(0.055, 0.1, 14).turned(90, "y").moved(0.32, back - 0.2, 0.7)
    b.item("toilet paper", "paper").add(roll, b.look.white())


def wash_basin(b: Builder, size: Size) -> None:
    """Basin on a pedestal or a cupboard, with tap and mirror above."""
    from leadline.worlds.grammar.furniture.walls import mirror

    w, back, h = size.width, size.depth / 2, b.rng.uniform(0.8, 0.87)
    white = b.look.ceramic()
    if b.rng.random() < 0.5:
        b.part_of("cabinet").add(
            block((-w / 2 + 0.02, back - 0.42, 0.08), (w / 2 - 0.02, back, h - 0.1)),
            b.look.lacquer(),
        )
    else:
        b.add(lathe([(0, 0), (0.13, 0), (0.09, 0.1), (0.08, 0.5), (0.12, h - 0.1)]).moved(
            0, back - 0.2), white)  # fmt: skip
    b.add(rounded_box((w, 0.46, 0.14), 0.05).moved(0, back - 0.23, h - 0.07), white)
    hollow = rounded_box((w - 0.14, 0.3, 0.012), 0.005)
    b.add(hollow.moved(0, back - 0.26, h - 0.002), b.look.ceramic())
    spout = [(0, back - 0.06, h), (0, back - 0.06, h + 0.14), (0, back - 0.16, h + 0.13)]
    b.add(tube(spout, 0.013, 8), b.look.metal())
    clutter.scatter(b.placed(-w / 2 + 0.1, back - 0.12, h), 0.12, 0.1, 2, clutter.BATH)
    clutter.scatter(b.placed(w / 2 - 0.1, back - 0.12, h), 0.12, 0.1, 2, clutter.BATH)
    if size.height > 2:
        wide, high = b.rng.uniform(0.45, 0.8), b.rng.uniform(0.55, 0.9)
        mirror(b.placed(0, back, 1.25 + high / 2).item("mirror", "mirror"), wide, high)
        if b.rng.random() < 0.6:
            lamp = b.placed(0, back - 0.06, 1.33 + high).item("mirror lamp", "lamp")
            glow = b.look.rng.uniform(2, 8)
            lamp.add(rounded_box((0.4, 0.06, 0.05), 0.02), _lit(b, glow))
            lamp.panel((0, -0.05, -0.03), (0.2, 0, 0), (0, -0.025, -0.02), (3 * glow,) * 3)


def _lit(b: Builder, glow: float) -> Material:
    return Material(b.look.tile("plain"), (0.9, 0.88, 0.82), glow=glow)


def bathtub(b: Builder, size: Size) -> None:
    """Tub along the wall, perhaps with a shower curtain."""
    w, d, h = size.width, min(size.depth, 0.8), 0.56
    back = size.depth / 2
    white, y = b.look.ceramic(), back - d / 2
    t = 0.06
    for low, high in (
        ((-w / 2, y - d / 2, 0), (w / 2, y - d / 2 + t, h)),
        ((-w / 2, y + d / 2 - t, 0), (w / 2, y + d / 2, h)),
        ((-w / 2, y - d / 2 + t, 0), (-w / 2 + t, y + d / 2 - t, h)),
        ((w / 2 - t, y - d / 2 + t, 0), (w / 2, y + d / 2 - t, h)),
        ((-w / 2 + t, y - d / 2 + t, 0), (w / 2 - t, y + d / 2 - t, 0.18)),
    ):
        b.add(block(low, high), white)
    b.add(
        tube([(0, back, 0.75), (0, back - 0.12, 0.75), (0, back - 0.14, 0.7)], 0.014, 8),
        b.look.metal(),
    )
    clutter.scatter(b.placed(w / 2 - 0.2, back - 0.1, h), 0.3, 0.02, 3, clutter.BATH)
    if b.look.rng.random() < 0.5 and size.height > 2.05:
        _shower_curtain(b.item("shower curtain", "curtain"), -w / 2, y - d / 2 + 0.02, w)


def _shower_curtain(b: Builder, x0: float, y: float, w: float) -> None:
    rail = tube([(x0, y, 2.0), (x0 + w, y, 2.0)], 0.012, 8)
    b.add(rail, b.look.metal())
    long = w * b.look.rng.uniform(0.25, 0.6)
    s, z = np.linspace(0, 1, 50)[None], np.linspace(0.3, 1.98, 4)[:, None]
    folds = 0.04 * np.sin(2 * np.pi * round(long / 0.12) * s)
    points = np.stack(np.broadcast_arrays(x0 + long * s, y + folds, z), axis=-1)
    uv = np.stack(np.broadcast_arrays(1.5 * long * s, z), axis=-1)
    b.add(sheet(points, uv), b.look.linen())


def shower(b: Builder, size: Size) -> None:
    """Shower tray with a frosted screen and a rail on the wall."""
    w, back = size.width, size.depth / 2
    d = size.depth
    b.add(rounded_box((w, d, 0.1), 0.03).moved(0, 0, 0.05), b.look.ceramic())
    pane = Material(b.look.tile("plain"), (0.62, 0.68, 0.68), gloss=0.08, rough=0.06)
    if b.rng.random() < 0.7:
        b.add(block((-w / 2, -d / 2, 0.1), (-w / 2 + 0.012, d / 2, 1.95)), pane)
    metal = b.look.metal()
    b.add(
        tube([(0, back - 0.02, 1.0), (0, back - 0.02, 2.05), (0, back - 0.25, 2.1)], 0.011, 8),
        metal,
    )
    b.add(cylinder(0.08, 0.02, 16).moved(0, back - 0.25, 2.06), metal)
    clutter.scatter(b.placed(w / 2 - 0.2, back - 0.2, 0.1), 0.2, 0.15, 2, clutter.BATH)


def towel_rail(b: Builder, size: Size) -> None:
    """Rail with towels, or a ladder-shaped radiator."""
    w, back, metal = size.width, size.depth / 2, b.look.metal()
    top = b.rng.uniform(1.0, 1.6)
    for z in np.arange(0.35, top, 0.09) if b.rng.random() < 0.5 else (top,):
        b.add(tube([(-w / 2, back - 0.08, z), (w / 2, back - 0.08, z)], 0.011, 7), metal)
    for x in (-w / 2, w / 2):
        b.add(tube([(x, back - 0.08, 0.3), (x, back - 0.08, top)], 0.014, 7), metal)
        b.add(tube([(x, back, top), (x, back - 0.08, top)], 0.01, 7), metal)
    count = int(b.look.rng.integers(1, 3))
    for k in range(count):
        wide = min(b.look.rng.uniform(0.22, 0.4), 0.85 * w / count)
        drop, x = b.look.rng.uniform(0.35, 0.6), (k - (count - 1) / 2) * w / count
        towel = b.placed(x, back - 0.08, top + 0.012).item("towel", "towel")
        cloth = b.look.linen()
        towel.add(rounded_box((wide, 0.05, 0.03), 0.012), cloth)
        towel.add(rounded_box((wide, 0.018, drop), 0.008).moved(0, -0.022, -drop / 2), cloth)


def laundry_basket(b: Builder, size: Size) -> None:
    """Wicker basket with clothes."""
    h, w = b.rng.uniform(0.4, 0.6), size.width
    look = Material(
        b.look.tile("basket"), b.look.pick(("#a88556", "#c9b48a", "#6d5a45")), (0.25, 0.25)
    )
    b.add(rounded_box((w, w * 0.8, h), 0.04).moved(0, 0, h / 2), look)
    heap = rounded_box((w * 0.85, w * 0.65, 0.14), 0.06, 0.03).moved(0, 0, h + 0.02)
    b.item("clothes", "clothes").add(heap, b.look.linen())
    b.add(box((w * 0.9, w * 0.7, 0.01)).moved(0, 0, h + 0.001), look)
