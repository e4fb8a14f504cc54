"""Objects on walls. The builder's origin is the object's middle, its back is at y = 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from leadline.worlds.grammar import clutter, things
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box, cylinder, lathe, repeated, rounded_box, slab
from leadline.worlds.scene import Builder


def framed(
    b: Builder, art: Material, mount: Material, wood: Material, width: float, height: float,
    margin: float = 0.05,
) -> None:  # fmt: skip
    """Picture with mount and frame; `art` is fitted to the picture inside the mount."""
    rim = 0.028
    for x in (-width / 2, width / 2 - rim):
        b.add(block((x, -0.026, -height / 2), (x + rim, -0.001, height / 2)), wood)
    for z in (-height / 2, height / 2 - rim):
        low, high = (-width / 2 + rim, -0.026, z), (width / 2 - rim, -0.001, z + rim)
        b.add(block(low, high), wood)
    b.add(box((width - 2 * rim, 0.008, height - 2 * rim)).moved(0, -0.008, 0), mount)
    w, h = width - 2 * rim - 2 * margin, height - 2 * rim - 2 * margin
    b.add(box((w, 0.004, h)).moved(0, -0.0135, 0), art)


def random_picture(b: Builder, width: float, height: float) -> None:
    """Framed picture, bare canvas or poster."""
    rng = b.rng
    kinds = ("landscape", "abstract", "photograph", "poster")
    kind = kinds[int(rng.integers(4))]
    if rng.random() < 0.7:
        margin = rng.choice([0.0, 0.03, 0.06])
        inside = (width - 0.056 - 2 * margin, height - 0.056 - 2 * margin)
        if min(inside) < 0.05:
            margin, inside = 0.0, (width - 0.056, height - 0.056)
        framed(b, b.look.printed(kind, *inside, gloss=0.03), b.look.white(), b.look.wood(),
               width, height, margin)  # fmt: skip
    else:
        thick = rng.choice([0.002, 0.03])
        b.add(box((width, thick, height)).moved(0, -thick / 2 - 0.0005, 0),
              b.look.printed(kind, width, height))  # fmt: skip


def mirror(b: Builder, width: float, height: float) -> None:
    """Mirror; its depth is that of its glass."""
    silver = Material(b.look.tile("plain"), (0.02, 0.02, 0.02), gloss=0.88, rough=0.0)
    b.add(box((width, 0.004, height)).moved(0, -0.012, 0), silver)
    if b.rng.random() < 0.6:
        rim, wood = b.rng.uniform(0.015, 0.05), b.look.wood()
        for x in (-width / 2 - rim, width / 2):
            b.add(block((x, -0.025, -height / 2 - rim), (x + rim, -0.001, height / 2 + rim)), wood)
        for z in (-height / 2 - rim, height / 2):
            b.add(block((-width / 2, -0.025, z), (width / 2, -0.001, z + rim)), wood)


def wall_clock(b: Builder, rim: Material, face: Material, radius: float = 0.14) -> None:
    """Round clock showing ten past ten."""
    r = radius
    case = lathe([(0, 0), (r, 0), (r, 0.03), (r - 0.012, 0.036), (r - 0.015, 0.02), (0, 0.02)], 28)
    b.add(case.turned(90, "x"), rim)
    b.add(cylinder(r - 0.015, 0.002, 28).turned(90, "x").moved(0, -0.0195), face)
    for hour in range(12):
        mark = box((0.006, 0.002, 0.02)).moved(0, 0, 0.77 * r).turned(30 * hour, "y")
        b.add(mark.moved(0, -0.022), rim)
    for angle, long in ((-55, 0.5 * r), (60, 0.71 * r)):
        hand = box((0.006, 0.002, long)).moved(0, 0, long / 2).turned(angle, "y")
        b.add(hand.moved(0, -0.024), rim)


def whiteboard(b: Builder, width: float, height: float) -> None:
    """Whiteboard or blackboard in a metal frame, with a tray."""
    dark = b.rng.random() < 0.3
    paint = (0.03, 0.05, 0.04) if dark else (0.82, 0.83, 0.83)
    ink = (0.7, 0.7, 0.68) if dark else b.look.any_colour(0.9, (0.05, 0.5))
    board = Material(b.look.tile("scribbles"), paint, (width, height), 0.0 if dark else 0.04, 0.1,
                     fitted=True, second=ink)  # fmt: skip
    b.add(box((width, 0.012, height)).moved(0, -0.012, 0), board)
    metal = b.look.metal()
    for x in (-width / 2 - 0.02, width / 2):
        b.add(block((x, -0.026, -height / 2 - 0.02), (x + 0.02, -0.001, height / 2 + 0.02)), metal)
    for z in (-height / 2 - 0.02, height / 2):
        b.add(block((-width / 2, -0.026, z), (width / 2, -0.001, z + 0.02)), metal)
    b.add(
        block((-width / 4, -0.09, -height / 2 - 0.03), (width / 4, -0.026, -height / 2 - 0.02)),
        metal,
    )


def wall_shelf(b: Builder, width: float, height: float) -> None:
    """Board on the wall with objects on it."""
    deep = b.rng.uniform(0.18, 0.28)
    b.add(
        slab((-width / 2, -deep, -height / 2), (width / 2, -0.001, -height / 2 + 0.025)),
        b.look.wood(),
    )
    top = b.placed(0, -deep / 2, -height / 2 + 0.025)
    narrow = tuple(name for name in clutter.SHELF if clutter.THINGS[name].reach < deep / 2 + 0.02)
    count = int(b.look.rng.integers(3, 9))
    clutter.scatter(top, width * 0.85, 0.02, count, narrow, height)


def coat_hooks(b: Builder, width: float, height: float) -> None:
    """Rail of hooks with coats and bags."""
    b.add(
        slab((-width / 2, -0.02, height / 2 - 0.1), (width / 2, -0.001, height / 2)), b.look.wood()
    )
    count = max(2, int(width / 0.22))
    for k in range(count):
        x = (k + 0.5) * width / count - width / 2
        b.add(box((0.02, 0.06, 0.02)).moved(x, -0.045, height / 2 - 0.05), b.look.metal())
        if b.look.rng.random() < 0.6:
            long = b.look.rng.uniform(0.35, 0.95)
            things.coat(b.placed(x, -0.12, height / 2 - 0.05), long)


def notice_board(b: Builder, width: float, height: float) -> None:
    """Cork board with notes pinned to it."""
    cork = Material(
        b.look.tile("gravel"), b.look.pick(("#a8794a", "#7d8f7a", "#5a6a80")), (0.3, 0.3)
    )
    b.add(box((width, 0.015, height)).moved(0, -0.008, 0), cork)
    for k in range(int(b.look.rng.integers(3, 14))):
        w, h = b.look.rng.uniform(0.08, 0.22), b.look.rng.uniform(0.1, 0.3)
        x, z = b.look.rng.uniform(-0.5, 0.5, 2) * (width - w, height - h)
        note = box((w, 0.001, h)).turned(b.look.rng.normal(0, 4), "y")
        kind = ("paper", "photograph", "poster")[int(b.look.rng.integers(3))]
        b.item("note", "paper").add(
            note.moved(x, -0.0165 - 0.0012 * k, z), b.look.printed(kind, w, h)
        )


def wall_map(b: Builder, width: float, height: float) -> None:
    """Map or chart."""
    b.add(
        box((width, 0.004, height)).moved(0, -0.003, 0), b.look.printed("map_sheet", width, height)
    )


def wall_television(b: Builder, width: float, height: float) -> None:
    """Flat screen on the wall."""
    b.add(rounded_box((width, 0.05, height), 0.008).moved(0, -0.06, 0), b.look.black())
    b.add(box((width - 0.03, 0.004, height - 0.03)).moved(0, -0.086, 0),
          things.screen_look(b, width - 0.03, height - 0.03))  # fmt: skip


def air_conditioner(b: Builder, width: float, height: float) -> None:
    """Rounded white case with a slot."""
    b.add(rounded_box((width, 0.2, height), 0.04).moved(0, -0.1, 0), b.look.white())
    b.add(box((width * 0.9, 0.02, 0.04)).moved(0, -0.195, -height / 2 + 0.05), b.look.black())


def switch(b: Builder, width: float, height: float) -> None:
    """Light switch or socket."""
    b.add(rounded_box((0.08, 0.012, 0.08), 0.004).moved(0, -0.006, 0), b.look.white())


def extinguisher(b: Builder, width: float, height: float) -> None:
    """Fire extinguisher."""
    red = Material(b.look.tile("plain"), (0.42, 0.02, 0.02), gloss=0.05, rough=0.1)
    b.add(lathe([(0, 0), (0.07, 0), (0.075, 0.02), (0.075, 0.38), (0.03, 0.46), (0.02, 0.5),
                 (0, 0.5)], 16).moved(0, -0.09, -0.25), red)  # fmt: skip
    b.add(box((0.1, 0.03, 0.03)).moved(0.02, -0.09, 0.26), b.look.black())


def vent(b: Builder, width: float, height: float) -> None:
    """Ventilation grille."""
    slots = [(0, -0.012, z) for z in np.arange(-height / 2 + 0.02, height / 2, 0.025)]
    b.add(box((width, 0.012, height)).moved(0, -0.006, 0), b.look.white())
    b.add(repeated(box((width * 0.9, 0.004, 0.008)), slots), b.look.black())


class WallPiece(NamedTuple):
    """A wall object: builder function, class, ranges of width, height and middle height."""

    build: Callable[[Builder, float, float], None]
    cls: str
    width: tuple[float, float]
    height: tuple[float, float]
    middle: tuple[float, float]


def _random_clock(b: Builder, width: float, height: float) -> None:
    wall_clock(b, b.look.paint(), b.look.white(), width / 2)


WALL_PIECES: dict[str, WallPiece] = {
    "picture": WallPiece(random_picture, "picture", (0.3, 1.2), (0.25, 1.0), (1.4, 1.9)),
    "small pictures": WallPiece(random_picture, "picture", (0.18, 0.4), (0.18, 0.45), (1.3, 2.0)),
    "mirror": WallPiece(mirror, "mirror", (0.35, 0.8), (0.5, 1.4), (1.3, 1.55)),
    "clock": WallPiece(_random_clock, "object", (0.22, 0.4), (0.22, 0.4), (1.7, 2.1)),
    "whiteboard": WallPiece(whiteboard, "whiteboard", (0.9, 3.2), (0.8, 1.2), (1.4, 1.55)),
    "wall shelf": WallPiece(wall_shelf, "shelves", (0.5, 1.6), (0.25, 0.4), (1.45, 1.8)),
    "coat hooks": WallPiece(coat_hooks, "structure", (0.5, 1.6), (0.3, 0.4), (1.55, 1.7)),
    "notice board": WallPiece(notice_board, "picture", (0.6, 1.8), (0.5, 1.1), (1.45, 1.6)),
    "map": WallPiece(wall_map, "picture", (0.8, 1.8), (0.6, 1.2), (1.45, 1.65)),
    "wall television": WallPiece(wall_television, "television", (0.7, 1.4), (0.4, 0.8), (1.2, 1.7)),
    "air conditioner": WallPiece(air_conditioner, "object", (0.7, 1.0), (0.26, 0.32), (2.05, 2.2)),
    "switch": WallPiece(switch, "object", (0.08, 0.1), (0.08, 0.1), (0.3, 1.3)),
    "extinguisher": WallPiece(extinguisher, "object", (0.2, 0.25), (0.5, 0.55), (0.9, 1.1)),
    "vent": WallPiece(vent, "structure", (0.25, 0.6), (0.15, 0.4), (0.3, 2.3)),
}
"""Objects on walls; a new one needs a function and a row."""
