"""Street furniture: lamps, signs, traffic lights, fences, bins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.grammar.furniture.lamps import kelvin, times
from leadline.worlds.materials import Material
from leadline.worlds.primitives import (
    Mesh,
    ball,
    block,
    box,
    cylinder,
    lathe,
    repeated,
    rounded_box,
    tube,
)
from leadline.worlds.scene import Ball, Builder


def street_lamp(b: Builder, height: float, arm: float, metal: Material) -> Ball:
    """Lamp whose arm reaches `arm` metres towards +x; returns the light it gives when lit."""
    b.add(tube([(0, 0, 0), (0, 0, 0.8), (0, 0, height)], np.array([0.1, 0.075, 0.05]), 10), metal)
    if arm > 0.2:
        b.add(
            tube(
                [(0, 0, height), (0.5 * arm, 0, height + 0.25), (arm, 0, height + 0.25)], 0.035, 7
            ),
            metal,
        )
        top = height + 0.25
    else:
        top = height
    b.add(rounded_box((0.5, 0.2, 0.1), 0.04).moved(arm, 0, top), metal)
    head = b.item("lamp head", "pole")
    glass = replace(b.look.white(), night=12.0)
    head.add(box((0.4, 0.16, 0.03)).moved(arm, 0, top - 0.06), glass)
    warm = kelvin(float(b.rng.choice([2200.0, 3000.0, 4500.0])))
    return Ball(b.where(arm, 0, top - 0.35), 0.16, times(warm, 130.0))


def sign(b: Builder) -> None:
    """Traffic sign on a post, facing -y."""
    rng = b.rng
    high, metal = rng.uniform(2.0, 2.7), b.look.metal()
    b.part_of("pole").add(cylinder(0.032, high + 0.3, 8), metal)
    size, shape = rng.uniform(0.5, 0.85), PLATES[int(rng.integers(len(PLATES)))]
    rim = Material(b.look.tile("plain"), b.look.pick(shape.rims), gloss=0.03, rough=0.1)
    face = Material(
        b.look.tile("sign_face"), (0.95, 0.95, 0.93), (size, size), 0.03, 0.1, fitted=True
    )
    b.add(_plate(shape, size).moved(0, -0.045, high), rim)
    b.add(_plate(shape, 0.8 * size).moved(0, -0.05, high), face)


class Plate(NamedTuple):
    """A sign's plate: number of corners, angle of the first, possible colours of its rim."""

    corners: int
    first: float
    rims: tuple[str, ...]


PLATES = (
    Plate(28, 0.0, ("#9c1218", "#9c1218", "#e8e8e4", "#1c4f9c")),
    Plate(3, 90.0, ("#9c1218",)),
    Plate(3, -90.0, ("#9c1218",)),
    Plate(8, 22.5, ("#9c1218", "#e8e8e4")),
    Plate(4, 45.0, ("#e8e8e4", "#1c4f9c", "#1f6b3a")),
    Plate(4, 0.0, ("#1c1c1e", "#e8e8e4")),
)
"""Shapes of traffic signs; a new one needs a row."""


def _plate(shape: Plate, size: float) -> Mesh:
    """Upright plate `size` metres high or a little more, facing -y, its picture upright."""
    radius = size / 2 if shape.corners > 8 else 0.6 * size
    plate = cylinder(radius, 0.02, shape.corners).turned(shape.first, "z").turned(90, "x")
    return replace(plate, uv=plate.vertices[:, [0, 2]])


def direction_sign(b: Builder) -> None:
    """Board on two posts."""
    w, h = b.rng.uniform(1.4, 2.8), b.rng.uniform(0.8, 1.6)
    for x in (-0.35 * w, 0.35 * w):
        b.part_of("pole").add(cylinder(0.045, 2.2 + h, 8).moved(x, 0.06), b.look.metal())
    paint = b.look.pick(("#1f4a8a", "#1f6b3a", "#e8e8e4", "#c9a22a"))
    look = Material(b.look.tile("paper"), paint, (w, h), 0.03, 0.1, fitted=True)
    b.add(box((w, 0.04, h)).moved(0, 0, 2.2 + h / 2), look)


def traffic_light(b: Builder) -> None:
    """Signal on a post, facing -y."""
    b.part_of("pole").add(cylinder(0.06, 3.3, 10), b.look.metal())
    body = Material(b.look.tile("plain"), (0.02, 0.025, 0.022))
    b.add(rounded_box((0.3, 0.22, 0.95), 0.04).moved(0, -0.12, 3.0), body)
    lit = int(b.look.rng.integers(3))
    colours: tuple[Colour, ...] = ((0.1, 0.9, 0.3), (0.9, 0.5, 0.03), (0.9, 0.03, 0.03))
    for k, paint in enumerate(colours):
        glow = 3.0 if k == lit else 0.0
        look = Material(b.look.tile("plain"), times(paint, 1.0 if k == lit else 0.15), glow=glow)
        b.add(ball(0.09, 1, 12).moved(0, -0.22, 2.7 + 0.3 * k), look)


def bin_(b: Builder) -> None:
    """Litter bin or wheeled bin."""
    look = b.look.paint(0.7)
    if b.rng.random() < 0.5:
        b.add(lathe([(0, 0), (0.2, 0), (0.24, 0.8), (0.26, 0.85), (0, 0.95)], 16), look)
    else:
        b.add(rounded_box((0.56, 0.65, 0.95), 0.05).moved(0, 0, 0.53), look)
        b.add(rounded_box((0.6, 0.72, 0.08), 0.03).moved(0, 0, 1.03), look)


def junction_box(b: Builder) -> None:
    """Grey cabinet of the telephone or power company."""
    b.add(block((-0.5, -0.2, 0), (0.5, 0.2, b.rng.uniform(0.8, 1.4))), b.look.wall("concrete"))


def bollards(b: Builder) -> None:
    """Row of posts along y."""
    post = cylinder(0.07, 0.9, 10)
    b.add(
        repeated(post, [(0, 1.5 * k, 0) for k in range(int(b.rng.integers(3, 7)))]), b.look.metal()
    )


def bench(b: Builder) -> None:
    """Park bench facing -x."""
    wood, metal = b.look.wood(), b.look.metal()
    for k in range(3):
        b.add(box((0.12, 1.6, 0.03)).moved(-0.15 + 0.14 * k, 0, 0.44), wood)
        b.add(box((0.03, 1.6, 0.1)).moved(0.26 + 0.03 * k, 0, 0.55 + 0.14 * k), wood)
    for y in (-0.6, 0.6):
        b.add(block((-0.2, y - 0.03, 0), (0.25, y + 0.03, 0.42)), metal)


def bus_stop(b: Builder) -> None:
    """Shelter with a glazed back, open towards -x."""
    metal = b.look.metal()
    glass = Material(b.look.tile("plain"), (0.12, 0.14, 0.15), gloss=0.1, rough=0.02)
    b.add(block((0.9, -1.8, 0.25), (0.93, 1.8, 2.2)), glass)
    b.add(block((-0.5, -2.0, 2.3), (1.0, 2.0, 2.38)), metal)
    for x, y in ((0.92, -1.85), (0.92, 1.85), (-0.4, 1.85)):
        b.add(box((0.07, 0.07, 2.3)).moved(x, y, 1.15), metal)
    poster = b.look.printed("poster", 1.2, 1.7)
    b.add(box((0.1, 1.3, 1.8)).turned(90).moved(0.2, 1.86, 1.3), metal)
    b.add(box((1.2, 0.02, 1.7)).moved(0.2, 1.79, 1.3), poster)


class Fixture(NamedTuple):
    """A pavement object: builder function, class, reach, frequency on pavements."""

    build: Callable[[Builder], None]
    cls: str
    reach: float
    weight: float


FIXTURES: dict[str, Fixture] = {
    "sign": Fixture(sign, "traffic sign", 0.4, 4),
    "direction sign": Fixture(direction_sign, "traffic sign", 1.4, 0.6),
    "bin": Fixture(bin_, "object", 0.4, 3),
    "junction box": Fixture(junction_box, "object", 0.6, 1),
    "bollards": Fixture(bollards, "pole", 0.5, 1),
    "bench": Fixture(bench, "object", 0.9, 1),
    "bus stop": Fixture(bus_stop, "structure", 2.0, 0.6),
}
"""Objects on pavements; a new one needs a function and a row."""
