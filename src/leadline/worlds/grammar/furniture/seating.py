"""Seats. Sizes follow ordinary furniture catalogues, in metres."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import box, cylinder, pillow, rounded_box, tube
from leadline.worlds.scene import Builder


def sofa(
    b: Builder,
    cloth: Material,
    legs: Material,
    *,
    width: float,
    seats: int,
    depth: float = 0.86,
    arm: float = 0.19,
    arm_height: float = 0.60,
    back: float = 0.56,
    roundness: float = 0.075,
    puff: float = 0.022,
) -> None:
    """Upholstered sofa or, with one seat, armchair; seat at 0.44 m."""
    half, deep = width / 2, depth / 2
    for x in (-half + 0.07, half - 0.07):
        for y in (-deep + 0.09, deep - 0.07):
            b.add(cylinder(0.025, 0.09, 8).moved(x, y), legs)
    b.add(rounded_box((width - 0.02, depth - 0.04, 0.22), 0.03).moved(0, 0, 0.19), cloth)
    rear = rounded_box((width - 0.04, 0.20, back), roundness, 0.01).turned(-8, "x")
    b.add(rear.moved(0, deep - 0.11, 0.25 + back / 2), cloth)
    for side in (-1, 1):
        rest = rounded_box((arm, depth - 0.02, arm_height - 0.1), min(roundness, arm / 2.2), 0.012)
        b.add(rest.moved(side * (half - arm / 2), -0.01, 0.05 + arm_height / 2), cloth)
    seat = (width - 2 * arm) / seats
    for k in range(seats):
        x = -half + arm + (k + 0.5) * seat
        cushion = rounded_box((seat - 0.008, depth - 0.24, 0.15), 0.045, puff)
        b.add(cushion.moved(x, -0.12, 0.375), cloth)
        rest = rounded_box((seat - 0.012, 0.17, back * 0.75), 0.065, 1.6 * puff).turned(-14, "x")
        b.add(rest.moved(x, deep - 0.255, 0.43 + back * 0.375), cloth)


def throw_pillow(b: Builder, cloth: Material, lean: float, size: float = 0.42) -> None:
    """Square cushion standing on its edge at the origin, leaning back by `lean` degrees."""
    # Standing on its lower seam, sunk two centimetres into the seat.
    up = size / 2 * np.cos(np.radians(lean)) - 0.02
    b.add(pillow(size, 0.17).turned(-lean, "x").moved(0, 0, up), cloth)


def random_sofa(b: Builder, size: Size) -> None:
    """Sofa of the given width, with cushions on it."""
    rng = b.rng
    arm = rng.uniform(0.1, 0.24)
    seats = max(1, round((size.width - 2 * arm) / 0.68))
    sofa(b, b.look.cloth(), b.look.wood(), width=size.width, seats=seats, depth=size.depth,
         arm=arm, arm_height=rng.uniform(0.5, 0.68), back=rng.uniform(0.42, 0.64),
         roundness=rng.uniform(0.03, 0.09), puff=rng.uniform(0.0, 0.03))  # fmt: skip
    for _ in range(int(b.look.rng.integers(0, 2 + seats))):
        x = b.look.rng.uniform(-0.5, 0.5) * (size.width - 2 * arm - 0.35)
        spot = b.placed(x, -0.03, 0.455, turn=b.look.rng.normal(0, 15))
        cushion = spot.item("cushion", "pillow")
        throw_pillow(cushion, b.look.linen(), rng.uniform(15, 32), rng.uniform(0.34, 0.48))


def chair(
    b: Builder,
    wood: Material,
    pad: Material | None,
    *,
    width: float = 0.43,
    height: float = 0.92,
    slats: int = 3,
    lean: float = 8.0,
) -> None:
    """Ladder-back dining chair, seat at 0.45 m."""
    half, top = width / 2 - 0.03, height
    for x in (-half, half):
        front = tube([(x, -0.19, 0), (x, -0.19, 0.44)], [0.014, 0.019])
        away = 0.19 + (top - 0.44) * np.tan(np.radians(lean))
        post = [(x, 0.215, 0), (x, 0.19, 0.44), (x, 0.5 * (0.19 + away), (0.44 + top) / 2 - 0.03),
                (x, away, top)]  # fmt: skip
        b.add(front, wood)
        b.add(tube(post, [0.014, 0.019, 0.018, 0.013]), wood)
        b.add(tube([(x, -0.19, 0.2), (x, 0.20, 0.2)], 0.009), wood)
    b.add(rounded_box((width, 0.43, 0.03), 0.012, grain=True).moved(0, 0, 0.455), wood)
    if pad is not None:
        cushion = rounded_box((width - 0.04, 0.38, 0.04), 0.018, 0.012)
        b.add(cushion.moved(0, -0.01, 0.49), pad)
    for k in range(slats):
        share = (k + 0.8) / (slats - 0.1)
        z = 0.46 + (top - 0.055 - 0.46) * min(share, 1.0)
        y = 0.197 + (z - 0.6) * np.tan(np.radians(lean)) * 0.95
        slat = rounded_box((width - 0.06, 0.016, 0.055), 0.006, grain=True).turned(-lean, "x")
        b.add(slat.moved(0, y, z), wood)


def random_chair(b: Builder, size: Size) -> None:
    """Dining chair, with rungs or with a solid back, or a moulded shell on thin legs."""
    rng, style = b.rng, b.rng.random()
    wood, cloth = b.look.wood(), b.look.cloth()
    if style < 0.45:
        pad = cloth if rng.random() < 0.5 else None
        chair(b, wood, pad, width=rng.uniform(0.38, 0.48), height=rng.uniform(0.8, 1.05),
              slats=int(rng.integers(2, 5)), lean=rng.uniform(5, 13))  # fmt: skip
    elif style < 0.75:
        _shell_chair(b, b.look.paint(), wood if rng.random() < 0.5 else b.look.metal())
    else:
        _upholstered_chair(b, cloth, wood)


def _legs(b: Builder, look: Material, half: float, top: float, splay: float = 0.03) -> None:
    for x in (-half, half):
        for y in (-half, half):
            k = 1 + splay / half
            b.add(tube([(k * x, k * y, 0), (x, y, top)], [0.011, 0.016], 7), look)


def _shell_chair(b: Builder, shell: Material, legs: Material) -> None:
    _legs(b, legs, 0.16, 0.44, b.rng.uniform(0.01, 0.06))
    wide = b.rng.uniform(0.40, 0.48)
    b.add(rounded_box((wide, 0.42, 0.035), 0.016).moved(0, 0, 0.455), shell)
    high = b.rng.uniform(0.28, 0.42)
    back = rounded_box((wide * 0.95, 0.025, high), 0.011).turned(-b.rng.uniform(6, 16), "x")
    b.add(back.moved(0, 0.23, 0.46 + high / 2), shell)


def _upholstered_chair(b: Builder, cloth: Material, legs: Material) -> None:
    _legs(b, legs, 0.17, 0.40)
    wide = b.rng.uniform(0.42, 0.52)
    b.add(rounded_box((wide, 0.46, 0.12), 0.04, 0.01).moved(0, 0, 0.44), cloth)
    high = b.rng.uniform(0.35, 0.55)
    back = rounded_box((wide, 0.09, high), 0.035, 0.012).turned(-8, "x")
    b.add(back.moved(0, 0.22, 0.48 + high / 2), cloth)


def office_chair(b: Builder, size: Size) -> None:
    """Swivel chair on castors."""
    rng = b.rng
    black, cloth = b.look.black(), b.look.cloth() if rng.random() < 0.5 else b.look.black()
    for k in range(5):
        a = 2 * np.pi * k / 5
        foot = (0.28 * np.cos(a), 0.28 * np.sin(a), 0.07)
        b.add(tube([(0, 0, 0.11), foot], [0.025, 0.016], 7), black)
        b.add(cylinder(0.03, 0.05, 10).moved(foot[0], foot[1], 0.0), black)
    high = rng.uniform(0.42, 0.52)
    b.add(cylinder(0.028, high - 0.1, 12).moved(0, 0, 0.1), b.look.metal())
    b.add(rounded_box((0.48, 0.46, 0.09), 0.035, 0.012).moved(0, 0, high), cloth)
    back = rounded_box((0.44, 0.07, rng.uniform(0.4, 0.68)), 0.03, 0.015).turned(-10, "x")
    b.add(back.moved(0, 0.25, high + 0.38), cloth)
    b.add(tube([(0, 0.1, high), (0, 0.26, high - 0.02), (0, 0.27, high + 0.25)], 0.02, 8), black)
    if rng.random() < 0.6:
        for x in (-0.27, 0.27):
            b.add(tube([(x, 0.1, high), (x, 0.08, high + 0.2)], 0.014, 7), black)
            b.add(rounded_box((0.06, 0.25, 0.03), 0.012).moved(x, 0.03, high + 0.21), black)


def stool(b: Builder, size: Size) -> None:
    """Round stool or bar stool."""
    high = b.rng.choice([0.45, 0.5, 0.65, 0.75])
    legs = b.look.wood() if b.rng.random() < 0.6 else b.look.metal()
    for k in range(4):
        a = np.pi / 4 + np.pi / 2 * k
        foot = (0.18 * np.cos(a), 0.18 * np.sin(a), 0)
        b.add(tube([foot, (0.11 * np.cos(a), 0.11 * np.sin(a), high)], 0.014, 7), legs)
    seat = b.look.cloth() if b.rng.random() < 0.3 else legs
    b.add(cylinder(0.17, 0.035).moved(0, 0, high - 0.02), seat)


def pouf(b: Builder, size: Size) -> None:
    """Soft round seat."""
    radius = size.width / 2
    b.add(cylinder(radius, 0.1).moved(0, 0, 0), b.look.cloth())
    b.add(rounded_box((1.9 * radius, 1.9 * radius, 0.36), 0.14, 0.02).moved(0, 0, 0.2),
          b.look.cloth())  # fmt: skip


def bench(b: Builder, size: Size) -> None:
    """Bench of boards on two trestles, as in changing rooms and corridors."""
    wood, metal = b.look.wood(), b.look.metal()
    w, d = size.width, min(size.depth, 0.42)
    for k in range(3):
        y = (k - 1) * d / 3
        b.add(box((w, d / 3 - 0.015, 0.03), grain=True).moved(0, y, 0.43), wood)
    for x in (-w / 2 + 0.15, w / 2 - 0.15):
        b.add(box((0.04, d - 0.04, 0.04)).moved(x, 0, 0.395), metal)
        for y in (-d / 2 + 0.05, d / 2 - 0.05):
            b.add(box((0.04, 0.04, 0.38)).moved(x, y, 0.19), metal)
