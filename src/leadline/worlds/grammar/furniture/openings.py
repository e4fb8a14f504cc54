"""Doors, windows, curtains, blinds and radiators."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.materials import Material
from leadline.worlds.primitives import Mesh, block, box, repeated, rounded_box, sheet, tube
from leadline.worlds.scene import Builder


def door_leaf(b: Builder, paint: Material, metal: Material, width: float, height: float) -> None:
    """Panelled door from its hinges at x = 0 along +x; its front is at y = 0."""
    style, leaf = b.rng.random(), 0.042
    b.add(block((0.003, 0, 0.008), (width - 0.003, leaf - 0.012, height - 0.003)), paint)
    if style < 0.65:
        stile, rows = 0.105, int(b.rng.choice([1, 2, 3, 4]))
        middle = b.rng.random() < 0.5
        for x0, x1 in ((0.003, stile), (width - stile, width - 0.003),
                       *(((width / 2 - 0.05, width / 2 + 0.05),) if middle else ())):  # fmt: skip
            b.add(block((x0, -0.012, 0.008), (x1, 0, height - 0.003)), paint)
        for k in range(rows + 1):
            z = 0.008 + k * (height - 0.15) / rows
            b.add(block((stile, -0.012, z), (width - stile, -0.0005, z + 0.12)), paint)
    b.add(rounded_box((0.04, 0.006, 0.20), 0.003).moved(width - 0.055, -0.015, 1.0), metal)
    x = width - 0.055
    b.add(tube([(x, -0.015, 1.03), (x, -0.06, 1.03), (x - 0.115, -0.06, 1.03)], 0.009, 8), metal)


def door_frame(b: Builder, paint: Material, width: float, height: float, deep: float) -> None:
    """Casing around an opening along x, centred; `deep` metres of reveal towards +y."""
    casing = 0.075
    for x in (-width / 2 - casing, width / 2):
        b.add(block((x, -0.022, 0), (x + casing, 0, height + casing)), paint)
    b.add(block((-width / 2, -0.022, height), (width / 2, 0, height + casing)), paint)
    for x in (-width / 2, width / 2 - 0.02):
        b.add(block((x, 0, 0), (x + 0.02, deep, height)), paint)
    b.add(block((-width / 2, 0, height - 0.02), (width / 2, deep, height)), paint)


def panel_door(b: Builder, paint: Material, brass: Material) -> None:
    """Painted four-panel door with casing in the plane y = 0, protruding towards -y."""
    width, height, casing = 0.82, 2.03, 0.075
    frame = b.item("door frame", "door")
    for x in (-width / 2 - casing, width / 2):
        frame.add(block((x, -0.022, 0), (x + casing, 0.02, height + casing)), paint)
    frame.add(block((-width / 2, -0.022, height), (width / 2, 0.02, height + casing)), paint)
    leaf, half, stile = b.item("door", "door"), width / 2 - 0.003, 0.105
    leaf.add(block((-half, -0.002, 0.008), (half, 0.02, height - 0.003)), paint)
    for x0, x1 in ((-half, -half + stile), (-0.05, 0.05), (half - stile, half)):
        leaf.add(block((x0, -0.012, 0.008), (x1, 0.0, height - 0.003)), paint)
    for z0, z1 in ((0.008, 0.22), (0.93, 1.07), (height - 0.12, height - 0.003)):
        for x0, x1 in ((-half + stile, -0.05), (0.05, half - stile)):
            leaf.add(block((x0, -0.012, z0), (x1, 0.0, z1)), paint)
    plate = rounded_box((0.04, 0.006, 0.20), 0.003).moved(-half + 0.055, -0.015, 1.0)
    leaf.add(plate, brass)
    x = -half + 0.055
    leaf.add(tube([(x, -0.015, 1.03), (x, -0.06, 1.03), (x + 0.115, -0.06, 1.03)], 0.009), brass)


def window(
    b: Builder, frame: Material, view: Material, size: tuple[float, float], *, bars: int = 1
) -> None:
    """Window along x, centred, standing on z = 0 in a wall whose inside is y = 0.

    The view is a picture on its pane, 10 cm into the wall: depth is the distance of the
    pane. `size` is width and height, `view` the material of the pane.
    """
    w, h, rim = size[0], size[1], 0.05
    b.add(_pane(w, h).moved(0, 0.1, h / 2), view)
    for k in range(bars + 2):
        x = -w / 2 + k * (w - rim) / (bars + 1)
        b.add(block((x, 0.05, 0), (x + rim, 0.098, h)), frame)
    for z in (0.0, h - rim):
        b.add(block((-w / 2 + rim, 0.051, z), (w / 2 - rim, 0.097, z + rim)), frame)
    if b.rng.random() < 0.4:
        z = h * b.rng.uniform(0.5, 0.75)
        b.add(block((-w / 2 + rim, 0.052, z), (w / 2 - rim, 0.096, z + 0.035)), frame)
    b.add(rounded_box((w + 0.1, 0.24, 0.03), 0.006).moved(0, -0.02, -0.013), frame)


def _pane(w: float, h: float) -> Mesh:
    """Rectangle in the plane y = 0, facing -y."""
    x, z = np.meshgrid((-w / 2, w / 2), (-h / 2, h / 2))
    return sheet(np.stack([x, 0 * x, z], axis=-1), np.stack([x, z], axis=-1))


def daylight(b: Builder, size: tuple[float, float], radiance: Colour) -> None:
    """Light of a window of a size; the builder is the window's."""
    w, h = size
    b.panel((0, 0.045, h / 2), (w / 2 - 0.03, 0, 0), (0, 0, h / 2 - 0.03), radiance)


def curtain(b: Builder, cloth: Material, width: float, top: float, phase: float,
            bottom: float = 0.03) -> None:  # fmt: skip
    """Gathered curtain in the plane y = 0, hanging from `top` to `bottom` metres."""
    s = np.linspace(0, 1, max(40, int(170 * width)))
    drop = np.linspace(0, 1, 10)[::-1]
    folds = max(2, round(width / 0.085))
    wave = np.sin(2 * np.pi * folds * s + phase + 0.8 * np.sin(5 * s + phase))
    depth = 0.030 + 0.018 * (1 - drop)[:, None] * np.cos(9 * s + phase)[None]
    sway = 0.012 * (1 - drop)[:, None] * np.sin(7 * s + 2 * phase)[None]
    x = width * (s - 0.5)[None] + sway
    z = np.broadcast_to(bottom + (top - bottom) * drop[:, None], x.shape)
    uv = np.stack(np.broadcast_arrays(1.6 * x, z), axis=-1)
    b.add(sheet(np.stack([x, depth * wave[None], z], axis=-1)[::-1], uv[::-1]), cloth)


def blinds(b: Builder, look: Material, width: float, top: float, drop: float, tilt: float) -> None:
    """Venetian blind in the plane y = 0, hanging from `top` by `drop` metres."""
    slat = box((width, 0.045, 0.002)).turned(tilt, "x")
    heights = np.arange(top - 0.05, top - drop, -0.04)
    b.add(repeated(slat, [(0, 0, z) for z in heights]), look)
    b.add(box((width, 0.04, 0.04)).moved(0, 0, top - 0.01), look)
    b.add(box((width, 0.03, 0.015)).moved(0, 0, top - drop - 0.01), look)


def roller_blind(b: Builder, look: Material, width: float, top: float, drop: float) -> None:
    """Roller blind in the plane y = 0."""
    b.add(box((width, 0.004, drop)).moved(0, 0, top - drop / 2), look)
    b.add(tube([(-width / 2, 0, top), (width / 2, 0, top)], 0.02, 10), look)
    b.add(box((width, 0.012, 0.02)).moved(0, 0, top - drop), look)


def radiator(b: Builder, white: Material, width: float) -> None:
    """Column radiator 0.58 m high, its back at y = 0."""
    count = max(2, int(width / 0.055))
    places = [((k - (count - 1) / 2) * 0.055, -0.09, 0.38) for k in range(count)]
    b.add(repeated(rounded_box((0.046, 0.09, 0.52), 0.011), places), white)
    for z in (0.17, 0.60):
        b.add(rounded_box((width, 0.03, 0.03), 0.01).moved(0, -0.09, z), white)
