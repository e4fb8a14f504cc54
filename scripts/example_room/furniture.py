"""Large pieces. Each stands on z = 0 around the builder's origin, faces -y and has its back at +y.

Sizes follow ordinary furniture catalogues, in metres.
"""

from __future__ import annotations

import numpy as np

from example_room.geometry import (
    FloatArray,
    Mesh,
    ball,
    box,
    cylinder,
    join,
    lathe,
    pillow,
    rounded_box,
    sheet,
    tube,
)
from example_room.scene import Builder, Material

WALNUT = Material("wood", "#6b4630", (0.9, 0.35), gloss=0.035, rough=0.12)
OAK = Material("wood", "#a97c50", (0.9, 0.35), gloss=0.035, rough=0.14)
PINE = Material("wood", "#b98d5c", (0.9, 0.35), gloss=0.03, rough=0.2)
WHITE = Material("plain", "#dcd8cf", gloss=0.03, rough=0.2)
BLACK = Material("plain", "#1d1c1d", gloss=0.04, rough=0.08)
BRASS = Material("plain", "#9a7a45", gloss=0.35, rough=0.15)
STEEL = Material("plain", "#8f9194", gloss=0.45, rough=0.15)


def slab(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    """Wooden board filling the block from ``low`` to ``high``, grain along its longest side."""
    a, b = np.array(low), np.array(high)
    return rounded_box(b - a, 0.003, grain=True).moved(*(a + b) / 2)


def block(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    """Plain block from ``low`` to ``high``."""
    a, b = np.array(low), np.array(high)
    return box(b - a).moved(*(a + b) / 2)


def sofa(b: Builder, cloth: Material, width: float, seats: int, label: str) -> None:
    """Upholstered sofa or, with one seat, armchair; 0.86 m deep, seat at 0.44 m."""
    arm, half = 0.19, width / 2
    for x in (-half + 0.07, half - 0.07):
        for y in (-0.34, 0.36):
            b.add(cylinder(0.025, 0.09, 12).moved(x, y), WALNUT, label)
    b.add(rounded_box((width - 0.02, 0.82, 0.22), 0.03).moved(0, 0.0, 0.19), cloth, label)
    back = rounded_box((width - 0.04, 0.20, 0.56), 0.07, 0.01).turned(-8, "x")
    b.add(back.moved(0, 0.32, 0.53), cloth, label)
    for side in (-1, 1):
        rest = rounded_box((arm, 0.84, 0.50), 0.075, 0.012)
        b.add(rest.moved(side * (half - arm / 2), -0.01, 0.35), cloth, label)
    seat = (width - 2 * arm) / seats
    for k in range(seats):
        x = -half + arm + (k + 0.5) * seat
        cushion = rounded_box((seat - 0.008, 0.62, 0.15), 0.045, 0.022)
        b.add(cushion.moved(x, -0.12, 0.375), cloth, label)
        rest = rounded_box((seat - 0.012, 0.17, 0.42), 0.065, 0.035).turned(-14, "x")
        b.add(rest.moved(x, 0.175, 0.64), cloth, label)


def throw_pillow(b: Builder, cloth: Material, lean: float, size: float = 0.42) -> None:
    """Square cushion standing on its edge at the origin, leaning back by ``lean`` degrees."""
    tilt = np.radians(lean)
    # Standing on its lower seam, sunk two centimetres into the seat.
    cushion = pillow(size, 0.17).turned(-lean, "x")
    b.add(cushion.moved(0, 0, size / 2 * np.cos(tilt) - 0.02), cloth, "cushion")


def table(b: Builder, size: tuple[float, float, float], wood: Material, label: str) -> None:
    """Four-legged table with an apron; ``size`` is width, depth, height."""
    w, d, h = size
    b.add(slab((-w / 2, -d / 2, h - 0.028), (w / 2, d / 2, h)), wood, label)
    leg, inset = 0.055, 0.03
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (w / 2 - inset - leg / 2), sy * (d / 2 - inset - leg / 2)
            foot = rounded_box((leg, leg, h - 0.028), 0.004, grain=True)
            b.add(foot.moved(x, y, (h - 0.028) / 2), wood, label)
    apron = 0.08 if h > 0.6 else 0.05
    low, high, e = h - 0.028 - apron, h - 0.028, inset + 0.012
    for sy in (-1, 1):
        y = sy * (d / 2 - e - 0.01)
        b.add(slab((-w / 2 + 0.08, y - 0.01, low), (w / 2 - 0.08, y + 0.01, high)), wood, label)
    for sx in (-1, 1):
        x = sx * (w / 2 - e - 0.01)
        b.add(slab((x - 0.01, -d / 2 + 0.08, low), (x + 0.01, d / 2 - 0.08, high)), wood, label)


def coffee_table(b: Builder, wood: Material) -> None:
    """Low table 1.0 x 0.55 x 0.42 m with a shelf underneath."""
    table(b, (1.0, 0.55, 0.42), wood, "coffee table")
    b.add(slab((-0.45, -0.225, 0.12), (0.45, 0.225, 0.138)), wood, "coffee table")


def chair(b: Builder, wood: Material) -> None:
    """Ladder-back dining chair, seat at 0.45 m, back to 0.92 m."""
    for x in (-0.185, 0.185):
        front = tube([(x, -0.19, 0), (x, -0.19, 0.44)], [0.014, 0.019])
        post = [(x, 0.215, 0), (x, 0.19, 0.44), (x, 0.20, 0.62), (x, 0.25, 0.92)]
        b.add(front, wood, "chair")
        b.add(tube(post, [0.014, 0.019, 0.018, 0.013]), wood, "chair")
        b.add(tube([(x, -0.19, 0.2), (x, 0.20, 0.2)], 0.009), wood, "chair")
    b.add(rounded_box((0.43, 0.43, 0.03), 0.012, grain=True).moved(0, 0, 0.455), wood, "chair")
    pad = Material("weave", "#8c7a5e", (0.3, 0.3))
    b.add(rounded_box((0.39, 0.38, 0.04), 0.018, 0.012).moved(0, -0.01, 0.49), pad, "chair")
    for z, y, tall in ((0.60, 0.197, 0.05), (0.73, 0.216, 0.05), (0.865, 0.240, 0.075)):
        slat = rounded_box((0.37, 0.016, tall), 0.006, grain=True).turned(-8, "x")
        b.add(slat.moved(0, y, z), wood, "chair")


def _books(b: Builder, start: float, end: float, tallest: float) -> None:
    """Row of upright books along x from ``start`` to ``end``, backs at y = -0.12."""
    inks = ("#5c3634", "#333c49", "#465043", "#75634a", "#aaa18e", "#3a3734", "#684837",
            "#5b656d", "#88857d", "#4d3d47", "#8f8160", "#7d5044", "#c2bba9",
            "#26282c")  # fmt: skip
    x = start
    while x < end - 0.015:
        wide = b.rng.uniform(0.014, 0.045)
        tall = tallest * b.rng.uniform(0.68, 0.97)
        deep = b.rng.uniform(0.13, 0.19)
        ink = inks[b.rng.integers(len(inks))]
        look = Material("spine", ink, (0.06, tall), 0.02, 0.25, fitted=True)
        book = rounded_box((wide, deep, tall), 0.002)
        recess = b.rng.uniform(0, 0.012)
        b.add(book.moved(x + wide / 2, -0.12 + deep / 2 + recess, tall / 2), look, "books")
        x += wide + 0.001


def _leaning_book(b: Builder, x: float, tall: float) -> None:
    """Book that leans to the left against the row that ends at ``x``."""
    look = Material("spine", "#7b5a46", (0.06, tall), 0.02, 0.25, fitted=True)
    lean = rounded_box((0.025, 0.16, tall), 0.002).moved(0.0125, -0.04, tall / 2).turned(-14, "y")
    b.add(lean.moved(x), look, "books")


def bookshelf(b: Builder, wood: Material) -> None:
    """Bookcase 0.90 x 0.30 x 1.90 m, filled."""
    w, d, h, levels = 0.90, 0.30, 1.90, 5
    for x in (-w / 2, w / 2 - 0.022):
        b.add(slab((x, -d / 2, 0), (x + 0.022, d / 2, h)), wood, "bookshelf")
    b.add(block((-w / 2 + 0.01, d / 2 - 0.01, 0), (w / 2 - 0.01, d / 2 - 0.002, h)), wood,
          "bookshelf")  # fmt: skip
    floors = np.linspace(0.06, h - 0.022, levels + 1)
    inside = w / 2 - 0.022
    for z in floors:
        board = slab((-inside, -d / 2 + 0.004, z), (inside, d / 2 - 0.01, z + 0.022))
        b.add(board, wood, "bookshelf")
    gap = floors[1] - floors[0] - 0.022
    rows = ((-0.42, 0.02, 0.95), (-0.42, 0.34, 0.88), (-0.10, 0.42, 0.85), (-0.42, 0.18, 0.9))
    for z, (start, end, share) in zip(floors[1:5], rows, strict=True):
        level = b.placed(0, 0, z + 0.022)
        _books(level, start, end, gap * share)
        if end < 0.4:
            _leaning_book(level, end + 0.006, gap * 0.62)
    for x in (-0.215, 0.215):
        wicker = Material("basket", "#a88556", (0.25, 0.25))
        hamper = rounded_box((0.38, 0.26, 0.25), 0.02, 0.006)
        b.add(hamper.moved(x, -0.01, floors[0] + 0.022 + 0.127), wicker, "basket")
    _shelf_trinkets(b, floors + 0.022)


def _shelf_trinkets(b: Builder, floors: FloatArray) -> None:
    """Things that share the shelves with the books."""
    vase = lathe([(0, 0), (0.05, 0), (0.075, 0.07), (0.06, 0.14), (0.028, 0.19), (0.036, 0.22),
                  (0.026, 0.215), (0.0, 0.12)])  # fmt: skip
    glaze = Material("plain", "#51707a", gloss=0.05, rough=0.06)
    b.add(vase.moved(0.29, -0.02, floors[1]), glaze, "vase")
    b.add(block((-0.40, -0.08, floors[3]), (-0.16, 0.08, floors[3] + 0.15)),
          Material("pile", "#8a8378", (0.4, 0.4)), "box")  # fmt: skip
    frame = box((0.16, 0.015, 0.21)).turned(-10, "x")
    b.add(frame.moved(0.30, 0.02, floors[4] + 0.107), BLACK, "photograph")
    photo = box((0.13, 0.004, 0.18)).turned(-10, "x")
    b.add(photo.moved(0.30, 0.0115, floors[4] + 0.106),
          Material("landscape", "#e0d8c8", (0.13, 0.18), fitted=True), "photograph")  # fmt: skip
    for k, (w, d) in enumerate(((0.30, 0.20), (0.27, 0.19), (0.24, 0.17))):
        ink = ("#4b5a63", "#a5977a", "#74382f")[k]
        book = rounded_box((w, d, 0.03), 0.002).moved(-0.2, 0, floors[5] + 0.015 + 0.031 * k)
        b.add(book, Material("plain", ink, gloss=0.02, rough=0.25), "books")
    b.add(lathe([(0, 0), (0.07, 0), (0.11, 0.06), (0.115, 0.10), (0.107, 0.10), (0.08, 0.02),
                 (0, 0.015)]).moved(0.2, 0, floors[5]),
          Material("plain", "#b9a78a", gloss=0.04, rough=0.12), "bowl")  # fmt: skip


def panel_door(b: Builder, width: float = 0.82, height: float = 2.03) -> None:
    """Painted four-panel door with casing, in the plane y = 0, protruding towards -y."""
    casing = 0.075
    for x in (-width / 2 - casing, width / 2):
        b.add(block((x, -0.022, 0), (x + casing, 0.02, height + casing)), WHITE, "door frame")
    b.add(block((-width / 2, -0.022, height), (width / 2, 0.02, height + casing)), WHITE,
          "door frame")  # fmt: skip
    b.add(block((-width / 2 + 0.003, -0.002, 0.008), (width / 2 - 0.003, 0.02, height - 0.003)),
          WHITE, "door")  # fmt: skip
    stile, half = 0.105, width / 2 - 0.003
    rails = [(0.008, 0.22), (0.93, 1.07), (height - 0.12, height - 0.003)]
    for x0, x1 in ((-half, -half + stile), (-0.05, 0.05), (half - stile, half)):
        b.add(block((x0, -0.012, 0.008), (x1, 0.0, height - 0.003)), WHITE, "door")
    for z0, z1 in rails:
        for x0, x1 in ((-half + stile, -0.05), (0.05, half - stile)):
            b.add(block((x0, -0.012, z0), (x1, 0.0, z1)), WHITE, "door")
    plate = rounded_box((0.04, 0.006, 0.20), 0.003).moved(-half + 0.055, -0.015, 1.0)
    b.add(plate, BRASS, "door handle")
    lever = [
        (-half + 0.055, -0.015, 1.03),
        (-half + 0.055, -0.06, 1.03),
        (-half + 0.17, -0.06, 1.03),
    ]
    b.add(tube(lever, 0.009), BRASS, "door handle")


def side_table(b: Builder, wood: Material) -> None:
    """Round pedestal table, 0.40 m across and 0.54 m high."""
    b.add(lathe([(0, 0), (0.15, 0), (0.14, 0.025), (0.03, 0.05), (0.022, 0.25), (0.03, 0.50),
                 (0.19, 0.515), (0.20, 0.525), (0.20, 0.54), (0, 0.54)], 40), wood,
          "side table")  # fmt: skip


def table_lamp(b: Builder, glow: float) -> None:
    """Ceramic table lamp 0.55 m high with a lit linen shade."""
    base = Material("plain", "#5d7472", gloss=0.05, rough=0.06)
    b.add(lathe([(0, 0), (0.075, 0), (0.075, 0.015), (0.05, 0.03), (0.085, 0.11), (0.08, 0.17),
                 (0.03, 0.25), (0.014, 0.28), (0.012, 0.36), (0, 0.36)]), base, "lamp")  # fmt: skip
    linen = Material("weave", "#f2d3a0", (0.3, 0.3), glow=glow)
    b.add(lathe([(0.165, 0.31), (0.11, 0.55)], 40), linen, "lamp shade")
    inner = lathe([(0.108, 0.55), (0.163, 0.31)], 40)
    b.add(inner, Material("plain", "#f0dfc0"), "lamp shade")
    bulb = Material("plain", "#ffdfae", glow=25 * glow)
    b.add(ball(0.03, sides=12).moved(0, 0, 0.42), bulb, "bulb")


def curtain(b: Builder, cloth: Material, width: float, height: float, phase: float) -> None:
    """Gathered curtain in the plane y = 0, hanging from ``height`` to just above the floor."""
    s = np.linspace(0, 1, 140)
    drop = np.linspace(0, 1, 24)[::-1]
    folds = round(width / 0.085)
    wave = np.sin(2 * np.pi * folds * s + phase + 0.8 * np.sin(5 * s + phase))
    depth = 0.030 + 0.018 * (1 - drop)[:, None] * np.cos(9 * s + phase)[None]
    sway = 0.012 * (1 - drop)[:, None] * np.sin(7 * s + 2 * phase)[None]
    x = width * (s - 0.5)[None] + sway
    y = depth * wave[None]
    z = np.broadcast_to(0.03 + (height - 0.03) * drop[:, None], x.shape)
    uv = np.stack(np.broadcast_arrays(1.6 * x, z), axis=-1)
    b.add(sheet(np.stack([x, y, z], axis=-1)[::-1], uv[::-1]), cloth, "curtain")


def radiator(b: Builder, width: float) -> None:
    """White column radiator 0.58 m high, its back at y = 0."""
    count = int(width / 0.055)
    for k in range(count):
        x = (k - (count - 1) / 2) * 0.055
        b.add(rounded_box((0.046, 0.09, 0.52), 0.015).moved(x, -0.09, 0.38), WHITE, "radiator")
    for z in (0.17, 0.60):
        b.add(rounded_box((width, 0.03, 0.03), 0.01).moved(0, -0.09, z), WHITE, "radiator")


def framed(b: Builder, picture: str, width: float, height: float, wood: Material) -> None:
    """Picture with mount and frame, centred at the origin, its back at y = 0."""
    rim = 0.028
    for x in (-width / 2, width / 2 - rim):
        b.add(block((x, -0.026, -height / 2), (x + rim, -0.001, height / 2)), wood, "picture")
    for z in (-height / 2, height / 2 - rim):
        b.add(block((-width / 2 + rim, -0.026, z), (width / 2 - rim, -0.001, z + rim)), wood,
              "picture")  # fmt: skip
    mount = Material("plain", "#d9d3c5")
    b.add(box((width - 2 * rim, 0.008, height - 2 * rim)).moved(0, -0.008, 0), mount, "picture")
    w, h = width - 2 * rim - 0.10, height - 2 * rim - 0.10
    art = Material(picture, "#e6e2d8", (w, h), gloss=0.03, rough=0.02, fitted=True)
    b.add(box((w, 0.004, h)).moved(0, -0.0135, 0), art, "picture")


def plant(b: Builder, height: float) -> None:
    """Rubber plant in a terracotta pot."""
    pot = lathe([(0, 0), (0.11, 0), (0.15, 0.24), (0.165, 0.24), (0.165, 0.29), (0.14, 0.29),
                 (0.135, 0.25), (0, 0.25)])  # fmt: skip
    b.add(pot, Material("plaster", "#9a5b3f", (0.3, 0.3)), "plant pot")
    b.add(cylinder(0.134, 0.01).moved(0, 0, 0.25), Material("pile", "#2c2119", (0.2, 0.2)), "plant")
    bark = Material("wood", "#5a4a35", (0.3, 0.1))
    green = ("#2f4a2a", "#3c5a33", "#486b38", "#35522f")
    for stem in range(3):
        heading = np.radians(120 * stem + 25)
        top = height * (1.0, 0.86, 0.72)[stem]
        s = np.linspace(0, 1, 12)
        out = 0.03 + 0.13 * s**1.6
        path = np.stack([out * np.cos(heading), out * np.sin(heading), 0.24 + (top - 0.24) * s], 1)
        b.add(tube(path, np.linspace(0.011, 0.004, 12), 8), bark, "plant")
        count = round((top - 0.40) / 0.048)
        for k in range(count):
            share = 0.25 + 0.75 * k / (count - 1)
            at = [np.interp(share, s, path[:, i]) for i in range(3)]
            long = b.rng.uniform(0.20, 0.29) * (1.15 - 0.4 * share)
            leaf = _leaf(long, 0.46 * long, b.rng.uniform(25, 60)).turned(b.rng.normal(0, 20), "x")
            rise = -(15 + 45 * share) + b.rng.normal(0, 10)
            leaf = leaf.turned(rise, "y").turned(137.5 * k + 40 * stem + b.rng.normal(0, 15))
            look = Material("leaf", green[b.rng.integers(4)], (long, 0.46 * long), 0.03, 0.2,
                            fitted=True)  # fmt: skip
            b.add(leaf.moved(*at), look, "plant")


def _leaf(length: float, width: float, droop: float) -> Mesh:
    """Leaf along +x from a short stalk at the origin, its tip bent down by ``droop`` degrees."""
    s, t = np.linspace(0, 1, 12)[None], np.linspace(-1, 1, 7)[:, None]
    bend = np.radians(droop) * s
    x = 0.03 + length * np.sin(bend + 1e-3) / np.radians(droop)
    z = -length * (1 - np.cos(bend)) / np.radians(droop) * 1.6
    y = width / 2 * t * np.sin(np.pi * s**0.85) ** 0.75
    fold = 0.10 * width * np.abs(t) * np.sin(np.pi * s)
    points = np.stack(np.broadcast_arrays(x, y, z + fold), axis=-1)
    uv = np.stack(np.broadcast_arrays(length * (s - 0.5), width / 2 * t), axis=-1)
    return join(sheet(points, uv), tube([(0, 0, 0), (0.034, 0, 0)], 0.002, 5))


def ceiling_lamp(b: Builder, glow: float) -> None:
    """Round opal ceiling lamp; its top touches z = 0."""
    opal = Material("plain", "#ffe2b8", glow=glow)
    b.add(ball(0.19, 0.32).moved(0, 0, -0.065), opal, "ceiling lamp")
