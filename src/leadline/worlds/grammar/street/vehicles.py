"""Cars, vans, trucks, buses and two-wheelers; +y is forward, wheels stand on z = 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.materials import Material
from leadline.worlds.primitives import Mesh, ball, block, box, cylinder, rounded_box, sheet, tube
from leadline.worlds.scene import Builder

CAR_PAINTS = (
    "#e8e8e6",
    "#d5d6d8",
    "#9a9c9f",
    "#55585c",
    "#1d1e21",
    "#15161a",
    "#7a1f22",
    "#1f3a63",
    "#4a6a8a",
    "#7d7567",
    "#2f4a3a",
    "#c9b48a",
    "#a33b22",
)
RIMS = ("#a8aaab", "#8f9194", "#c7c8c8", "#5a5c5e")


def _loft(stations: list[tuple[float, float, float, float, float]], roundness: float) -> Mesh:
    """Closed body through cross-sections: y, half width at bottom and top, lower and upper z."""
    angle = np.linspace(0, 2 * np.pi, 21)
    c, s = np.cos(angle), np.sin(angle)
    across = np.sign(c) * np.abs(c) ** roundness
    up = 0.5 + 0.5 * np.sign(s) * np.abs(s) ** roundness
    rows = [_section(y, low + (high - low) * up, z0 + (z1 - z0) * up, across)
            for y, low, high, z0, z1 in stations]  # fmt: skip
    ends = [np.tile(rows[k].mean(axis=0), (len(angle), 1)) for k in (0, -1)]
    grid = np.stack([ends[0], *rows, ends[1]])
    uv = np.stack([grid[..., 1], grid[..., 2]], axis=-1)
    return sheet(grid, uv)


def _section(y: float, half: Array, z: Array, across: Array) -> Array:
    # The ring's direction makes the outside the front face.
    return np.stack([-half * across, np.full_like(z, y), z], axis=1)


def _wheels(b: Builder, radius: float, half: float, axles: tuple[float, ...]) -> None:
    tyre = Material(b.look.tile("plain"), (0.015, 0.015, 0.016), rough=0.3)
    rim = Material(b.look.tile("metal"), b.look.pick(RIMS), (0.4, 0.4), 0.2, 0.15)
    for y in axles:
        for side in (-1, 1):
            wheel = (
                cylinder(radius, 0.2, 18)
                .turned(90, "y")
                .moved(side * (half - 0.1) - 0.1, y, radius)
            )
            b.add(wheel, tyre)
            hub = cylinder(0.62 * radius, 0.02, 14).turned(90, "y")
            b.add(hub.moved(side * half + (0.0 if side > 0 else -0.02), y, radius), rim)


def _paint(b: Builder) -> Material:
    return Material(b.look.tile("plain"), b.look.pick(CAR_PAINTS), (2, 2), 0.06, 0.02)


def _pane(b: Builder) -> Material:
    return Material(b.look.tile("plain"), (0.02, 0.024, 0.028), (1, 1), 0.1, 0.0)


def _lights(b: Builder, front: float, rear: float, half: float, z: float) -> None:
    shine, glimmer = (9.0, 1.5) if b.driven else (0.0, 0.0)
    lamp = Material(b.look.tile("plain"), (0.8, 0.8, 0.76), gloss=0.08, rough=0.05, night=shine)
    red = Material(b.look.tile("plain"), (0.45, 0.01, 0.01), gloss=0.06, rough=0.05, night=glimmer)
    plate = Material(b.look.tile("label"), (0.9, 0.9, 0.88), (0.5, 0.11), fitted=True)
    for side in (-1, 1):
        b.add(ball(0.09, 0.7, 12).moved(side * 0.76 * half, front - 0.03, z), lamp)
        b.add(box((0.12, 0.05, 0.2)).moved(side * 0.85 * half, rear + 0.02, z + 0.12), red)
    b.add(box((0.5, 0.02, 0.11)).moved(0, rear - 0.012, z - 0.12), plate)
    b.add(box((0.5, 0.02, 0.11)).moved(0, front + 0.012, z - 0.25), plate)


def car(b: Builder) -> None:
    """Saloon, hatchback, estate or off-roader."""
    rng = b.rng
    long, half = rng.uniform(3.6, 4.9), rng.uniform(0.82, 0.93)
    high, style = rng.uniform(1.42, 1.62), rng.random()
    if style > 0.8:
        high = rng.uniform(1.65, 1.85)
    f, r = long / 2, -long / 2
    clear, belt = rng.uniform(0.17, 0.24), 0.55 * high + rng.uniform(-0.03, 0.04)
    bonnet, boot = rng.uniform(0.9, 1.25), rng.choice([0.1, 0.25, 0.85])
    paint, glass = _paint(b), _pane(b)
    nose, tail = belt - rng.uniform(0.12, 0.22), belt - rng.uniform(0.02, 0.1)
    body = _loft([
        (r + 0.0, 0.72 * half, 0.70 * half, clear + 0.12, tail - 0.06),
        (r + 0.1, 0.95 * half, 0.86 * half, clear, tail),
        (r + 0.8, half, 0.92 * half, clear, belt),
        (f - bonnet - 0.3, half, 0.92 * half, clear, belt),
        (f - bonnet, half, 0.90 * half, clear, belt - 0.03),
        (f - 0.25, 0.96 * half, 0.84 * half, clear, nose),
        (f - 0.05, 0.86 * half, 0.76 * half, clear + 0.08, nose - 0.12),
        (f, 0.7 * half, 0.66 * half, clear + 0.16, nose - 0.2)], 0.42)  # fmt: skip
    b.add(body, paint)
    back = r + boot
    slope = 0.25 if boot < 0.5 else 0.6
    cabin = _loft([
        (back, 0.84 * half, 0.80 * half, belt - 0.12, belt - 0.05),
        (back + slope, 0.86 * half, 0.66 * half, belt - 0.12, high - 0.05),
        (back + slope + 0.35, 0.88 * half, 0.68 * half, belt - 0.12, high - 0.01),
        (f - bonnet - 0.85, 0.88 * half, 0.68 * half, belt - 0.12, high - 0.02),
        (f - bonnet - 0.55, 0.87 * half, 0.66 * half, belt - 0.12, high - 0.09),
        (f - bonnet + 0.2, 0.84 * half, 0.80 * half, belt - 0.14, belt - 0.04)], 0.42)  # fmt: skip
    b.add(cabin, glass)
    y0, y1 = back + slope - 0.02, f - bonnet - 0.6
    b.add(
        rounded_box((1.3 * half, y1 - y0, 0.06), 0.025).moved(0, (y0 + y1) / 2, high - 0.015), paint
    )
    for y, lean in ((y0 + 0.06, 6.0), ((y0 + y1) / 2, 0.0), (y1 + 0.28, 38.0)):
        for side in (-1, 1):
            post = box((0.05, 0.07, 1.12 * (high - belt))).turned(lean, "x").turned(-side * 17, "y")
            b.add(post.moved(side * 0.785 * half, y, (high + belt) / 2 - 0.02), paint)
    _lights(b, f, r, half, 0.5 * (clear + nose) + 0.1)
    for side in (-1, 1):
        mirror = rounded_box((0.18, 0.1, 0.13), 0.03)
        b.add(mirror.moved(side * (half + 0.06), f - bonnet - 0.12, belt + 0.04), paint)
    radius = rng.uniform(0.29, 0.35)
    _wheels(b, radius, half, (r + 0.2 * long, f - 0.19 * long))


def van(b: Builder) -> None:
    """Delivery van."""
    rng = b.rng
    long, half, high = rng.uniform(4.6, 6.0), rng.uniform(0.95, 1.02), rng.uniform(1.9, 2.6)
    f, r, clear = long / 2, -long / 2, 0.25
    paint, glass = _paint(b), _pane(b)
    body = _loft(
        [
            (r, 0.93 * half, 0.86 * half, clear, high - 0.04),
            (r + 0.08, half, 0.92 * half, clear, high),
            (f - 1.6, half, 0.92 * half, clear, high),
            (f - 1.2, half, 0.88 * half, clear, high - 0.25),
            (f - 0.7, half, 0.9 * half, clear, 1.25),
            (f - 0.12, 0.95 * half, 0.85 * half, clear, 1.0),
            (f, 0.8 * half, 0.75 * half, clear + 0.12, 0.85),
        ],
        0.28,
    )
    b.add(body, paint)
    lean = np.degrees(np.arctan2(0.5, high - 1.5))
    screen = box((1.6 * half, 0.05, 0.85 * (high - 1.2))).turned(lean, "x")
    b.add(screen.moved(0, f - 0.93, (high + 1.2) / 2 - 0.06), glass)
    for side in (-1, 1):
        b.add(
            box((0.03, 0.85, 0.5))
            .turned(-side * 4, "y")
            .moved(side * (0.955 * half), f - 1.65, 1.5),
            glass,
        )
        b.add(box((0.55, 0.03, 0.45)).moved(side * 0.42 * half, r - 0.005, high - 0.6), glass)
    _lights(b, f, r, half, 0.75)
    _wheels(b, 0.35, half, (r + 0.9, f - 0.85))


def truck(b: Builder) -> None:
    """Lorry with a box, or a tanker."""
    rng = b.rng
    long, half, high = rng.uniform(6.5, 10.0), rng.uniform(1.1, 1.25), rng.uniform(2.9, 3.7)
    f, r, paint = long / 2, -long / 2, _paint(b)
    b.add(block((-0.4, r, 0.6), (0.4, f - 0.3, 0.85)), b.look.black())
    box_look = Material(
        b.look.tile("metal", "panelling", "plain"), b.look.any_colour(0.6, (0.5, 0.95)), (3, 3)
    )
    if rng.random() < 0.8:
        b.add(block((-half, r, 0.9), (half, f - 2.2, high)), box_look)
    else:
        tank = cylinder(0.95 * half, long - 2.5, 24).turned(-90, "x")
        b.add(tank.moved(0, r, 0.95 + 0.95 * half), b.look.metal())
    cab = rounded_box((2 * half, 1.9, 0.82 * high - 0.6), 0.14)
    middle = 0.6 + (0.82 * high - 0.6) / 2
    b.add(cab.moved(0, f - 1.0, middle), paint)
    b.add(box((1.75 * half, 0.04, 0.8)).moved(0, f - 0.04, 0.82 * high - 0.75), _pane(b))
    for side in (-1, 1):
        b.add(box((0.04, 0.8, 0.65)).moved(side * half, f - 0.75, 0.82 * high - 0.75), _pane(b))
        b.add(
            box((0.12, 0.08, 0.4)).moved(side * (half + 0.15), f - 0.3, 0.82 * high - 0.7),
            b.look.black(),
        )
    _lights(b, f, r, half, 0.8)
    _wheels(b, 0.48, half, (r + 1.0, r + 2.2, f - 1.2))


def bus(b: Builder) -> None:
    """City bus."""
    long, half, high = b.rng.uniform(9.0, 12.0), 1.25, b.rng.uniform(2.9, 3.2)
    f, r, paint = long / 2, -long / 2, _paint(b)
    body = rounded_box((2 * half, long, high - 0.3), 0.16)
    b.add(body.moved(0, 0, 0.3 + (high - 0.3) / 2), paint)
    glass = _pane(b)
    for side in (-1, 1):
        for y in np.arange(r + 0.7, f - 1.2, 1.35):
            b.add(box((0.03, 1.2, 0.95)).moved(side * half, float(y) + 0.6, high - 1.0), glass)
    b.add(box((2.1, 0.04, 1.5)).moved(0, f, high - 1.2), glass)
    b.add(box((1.9, 0.04, 0.9)).moved(0, r, high - 1.0), glass)
    _lights(b, f, r, half, 0.75)
    _wheels(b, 0.48, half, (r + 2.2, f - 2.4))


def bicycle(b: Builder) -> None:
    """Free-standing bicycle."""
    look, black = b.look.paint(0.9), b.look.black()
    for y in (-0.52, 0.52):
        a = np.linspace(0, 2 * np.pi, 21)
        ring = np.stack([0 * a, y + 0.33 * np.cos(a), 0.34 + 0.33 * np.sin(a)], axis=1)
        b.add(tube(ring, 0.018, 6), black)
    for p, q in (
        ((0, -0.52, 0.34), (0, -0.12, 0.3)),
        ((0, -0.12, 0.3), (0, 0.38, 0.82)),
        ((0, -0.12, 0.3), (0, -0.28, 0.88)),
        ((0, -0.25, 0.78), (0, 0.38, 0.8)),
        ((0, 0.52, 0.34), (0, 0.36, 0.98)),
        ((0, -0.52, 0.34), (0, -0.24, 0.75)),
    ):
        b.add(tube([p, q], 0.016, 6), look)
    b.add(tube([(-0.27, 0.3, 1.0), (0, 0.36, 0.98), (0.27, 0.3, 1.0)], 0.013, 6), black)
    b.add(rounded_box((0.15, 0.26, 0.06), 0.025).moved(0, -0.3, 0.91), black)


class Vehicle(NamedTuple):
    """A vehicle type: builder function, class, half length, frequency."""

    build: Callable[[Builder], None]
    cls: str
    reach: float
    weight: float


VEHICLES: dict[str, Vehicle] = {
    "car": Vehicle(car, "car", 2.5, 0.78),
    "van": Vehicle(van, "van", 3.0, 0.12),
    "truck": Vehicle(truck, "truck", 5.0, 0.07),
    "bus": Vehicle(bus, "bus", 6.0, 0.03),
}
"""Driving and parked vehicles; a new one needs a function and a row."""
