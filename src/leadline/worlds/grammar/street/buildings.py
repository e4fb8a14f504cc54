"""Houses: fronts with recessed windows, roofs, shops, doors, balconies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.materials import Material
from leadline.worlds.primitives import Mesh, block, box, extruded, repeated, tube
from leadline.worlds.scene import Builder

FRONT_PAINTS = (
    "#d9cfbb",
    "#c9b48a",
    "#b8a890",
    "#e6dfd0",
    "#a89a88",
    "#c7a58a",
    "#b0796a",
    "#8f9aa0",
    "#d8c07a",
    "#c4c9c4",
    "#9a8f80",
    "#b9c4b0",
    "#e0b8a0",
)
BRICKS = ("#8f4a35", "#a8644a", "#7a4032", "#9a6a50", "#6b4a3f")
ROOFS = ("#8a4a35", "#6b3a2c", "#55565a", "#3f4145", "#7a5a48")


@dataclass(frozen=True)
class Style:
    """Division of a house front: floors, bays, and the window's share of its bay."""

    floors: int
    bays: int
    floor: float
    window: tuple[float, float]
    sill: float


def front_wall(b: Builder) -> Material:
    """Render, brick or concrete."""
    rng = b.look.rng
    if rng.random() < 0.35:
        return Material(
            b.look.tile("brick"), b.look.pick(BRICKS), (1.2, 1.2), second=(0.5, 0.47, 0.43)
        )
    kind = b.look.tile("old_plaster", "plaster", "concrete")
    return Material(kind, b.look.pick(FRONT_PAINTS), (3.5, 3.5), second=(0.35, 0.33, 0.3))


def _quads(corners: Array, uv: Array, normal: tuple[float, float, float]) -> Mesh:
    """Rectangles (N,4,3), counter-clockwise seen from the front, as one mesh."""
    count = len(corners)
    faces = 4 * np.arange(count)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(corners.reshape(-1, 3), np.tile(normal, (4 * count, 1)), uv.reshape(-1, 2),
                faces.reshape(-1, 3))  # fmt: skip


def _in_plane(x0: Array, x1: Array, z0: Array, z1: Array, y: float) -> Mesh:
    """Rectangles in the plane at `y` that face -y."""
    y_ = np.full_like(x0, y)
    corners = np.stack(
        [np.stack(c, axis=1) for c in ((x0, y_, z0), (x1, y_, z0), (x1, y_, z1), (x0, y_, z1))],
        axis=1,
    )
    return _quads(corners, corners[..., [0, 2]], (0.0, -1.0, 0.0))


def _reveals(x0: Array, x1: Array, z0: Array, z1: Array, deep: float) -> list[Mesh]:
    """The four sides of window openings that go `deep` metres into the wall."""
    a, d = np.zeros_like(x0), np.full_like(x0, deep)
    sides = (
        ([(x0, a, z0), (x0, d, z0), (x0, d, z1), (x0, a, z1)], (1.0, 0.0, 0.0)),
        ([(x1, d, z0), (x1, a, z0), (x1, a, z1), (x1, d, z1)], (-1.0, 0.0, 0.0)),
        ([(x0, a, z0), (x1, a, z0), (x1, d, z0), (x0, d, z0)], (0.0, 0.0, 1.0)),
        ([(x0, d, z1), (x1, d, z1), (x1, a, z1), (x0, a, z1)], (0.0, 0.0, -1.0)),
    )
    meshes = []
    for points, normal in sides:
        corners = np.stack([np.stack(p, axis=1) for p in points], axis=1)
        meshes.append(_quads(corners, corners[..., [1, 2]] + corners[..., :1], normal))
    return meshes


def front(b: Builder, width: float, base: float, style: Style, wall: Material, lit: float) -> None:
    """Front in the plane y = 0 facing -y, x from -width/2, floors above z = `base`.

    `lit` is the share of windows with light behind them, visible at night.
    """
    bay = width / style.bays
    columns, rows = np.meshgrid(np.arange(style.bays), np.arange(style.floors))
    left, low = columns.ravel() * bay - width / 2, base + rows.ravel() * style.floor
    right, high = left + bay, low + style.floor
    half = style.window[0] * bay / 2
    x0, x1 = (left + right) / 2 - half, (left + right) / 2 + half
    z0 = low + style.sill * style.floor
    z1 = np.minimum(z0 + style.window[1] * style.floor, high - 0.15)
    for a, c, d, e in (
        (left, x0, low, high),
        (x1, right, low, high),
        (x0, x1, low, z0),
        (x0, x1, z1, high),
    ):
        b.add(_in_plane(a, c, d, e, 0.0), wall)
    deep = 0.16
    frame = b.look.white() if b.look.rng.random() < 0.7 else b.look.wood()
    for mesh in _reveals(x0, x1, z0, z1, deep):
        b.add(mesh, wall)
    on = b.look.rng.random(len(x0)) < lit
    _panes(b, (x0, x1, z0, z1), deep, frame, on)
    sills = repeated(
        box((2 * half + 0.16, 0.22, 0.06)), np.stack([(x0 + x1) / 2, 0 * x0 - 0.04, z0 - 0.03], 1)
    )
    b.add(sills, frame)


def _panes(b: Builder, edges: tuple[Array, ...], deep: float, frame: Material, on: Array) -> None:
    """Add dark and lit panes, cross bars, and some curtains behind the glass."""
    x0, x1, z0, z1 = edges
    glass = Material(
        b.look.tile("plain"), b.look.pick(("#20262b", "#2b343a", "#15191c")), (1, 1), 0.09, 0.01
    )
    warm = Material(b.look.tile("plain"), (0.85, 0.62, 0.32), (1, 1), night=0.9)
    veiled = ~on & (b.look.rng.random(len(x0)) < 0.35)
    veil = Material(
        b.look.tile("weave"), b.look.pick(("#d9d2c3", "#c4bfb4", "#e8e4da")), (0.5, 0.5)
    )
    # Panes lit at night are an object of their own, to be switched on at night.
    for mask, look in ((~on & ~veiled, glass), (on, warm), (veiled, veil)):
        if mask.any():
            item = b if look is not warm else b.item("lit windows", "building")
            item.add(_in_plane(x0[mask], x1[mask], z0[mask], z1[mask], deep), look)
    middle = (x0 + x1) / 2
    bar = [(m, deep - 0.02, (a + c) / 2) for m, a, c in zip(middle, z0, z1, strict=True)]
    b.add(repeated(box((0.05, 0.03, float((z1 - z0).mean()))), bar), frame)
    cross = [(m, deep - 0.019, a + 0.68 * (c - a)) for m, a, c in zip(middle, z0, z1, strict=True)]
    b.add(repeated(box((float((x1 - x0).mean()), 0.03, 0.045)), cross), frame)


def house(
    b: Builder, width: float, deep: float, floors: int, *, detailed: bool, lit: float
) -> float:
    """Build a house with its front at y = 0, facing -y; return its height."""
    rng = b.rng
    floor = rng.uniform(2.7, 3.5)
    ground = rng.uniform(3.2, 4.2) if floors > 2 and rng.random() < 0.55 else 0.0
    count = max(1, floors - (1 if ground else 0))
    style = Style(
        count,
        max(1, round(width / rng.uniform(2.0, 3.4))),
        floor,
        (rng.uniform(0.35, 0.68), rng.uniform(0.42, 0.62)),
        rng.uniform(0.22, 0.34),
    )
    wall = front_wall(b)
    base = ground if ground else 0.35
    top = base + count * floor
    if detailed:
        front(b, width, base, style, wall, lit)
    else:
        look = Material(
            b.look.tile("facade"), wall.paint, (width / style.bays, floor), second=(1, 1, 1)
        )
        plane = _in_plane(
            np.array([-width / 2]), np.array([width / 2]), np.array([base]), np.array([top]), 0
        )
        uv = plane.uv - np.array([-width / 2, base]) - 0.5 * np.array(look.scale)
        b.add(Mesh(plane.vertices, plane.normals, uv, plane.faces), _fitted(look))
    b.add(block((-width / 2, 0.17, 0), (width / 2, deep, top)), wall)
    for side in (-1, 1):
        low, high = sorted((side * width / 2, side * (width / 2 - 0.02)))
        b.add(block((low, 0.0, 0), (high, 0.17, top)), wall)
    if ground:
        _shop(b, width, ground)
    else:
        b.add(block((-width / 2, -0.03, 0), (width / 2, 0.17, base)), b.look.wall("concrete"))
        _front_door(b, rng.uniform(-0.3, 0.3) * width)
    if detailed and rng.random() < 0.4:
        _balconies(b, width, base, style)
    return _roof(b, width, deep, top, wall)


def _fitted(look: Material) -> Material:
    return replace(look, fitted=True)


def _shop(b: Builder, width: float, high: float) -> None:
    bays = max(1, round(width / 4.5))
    for k in range(bays):
        look = Material(
            b.look.tile("shop"), (0.9, 0.9, 0.88), (width / bays, high), 0.05, 0.03, fitted=True
        )
        pane = box((width / bays, 0.17, high)).moved(
            (k + 0.5) * width / bays - width / 2, 0.085, high / 2
        )
        b.add(pane, look)
    if b.rng.random() < 0.35:
        awning = box((0.8 * width, 1.3, 0.05)).turned(14, "x").moved(0, -0.6, 0.78 * high)
        b.add(awning, b.look.linen())


def _front_door(b: Builder, x: float) -> None:
    door = b.part_of("door")
    door.add(block((x - 0.5, -0.05, 0), (x + 0.5, 0.0, 2.2)), b.look.wood())
    b.add(block((x - 0.62, -0.09, 2.2), (x + 0.62, 0.0, 2.35)), b.look.white())
    b.add(block((x - 0.7, -0.9, 0), (x + 0.7, -0.05, 0.16)), b.look.wall("concrete"))


def _balconies(b: Builder, width: float, base: float, style: Style) -> None:
    look, rail = b.look.wall("concrete"), b.look.metal()
    wide, step = min(2.2, 0.8 * width / style.bays), int(b.rng.integers(1, 3))
    bars = [(x, -1.0, 0.5) for x in np.arange(-wide / 2, wide / 2 + 0.01, 0.12)]
    for floor in range(1, style.floors):
        for bay in range(0, style.bays, step):
            at = b.placed(
                (bay + 0.5) * width / style.bays - width / 2, 0, base + floor * style.floor
            )
            at.add(block((-wide / 2, -1.05, -0.1), (wide / 2, 0, 0.05)), look)
            at.add(repeated(box((0.018, 0.018, 0.95)), bars), rail)
            at.add(box((wide, 0.05, 0.05)).moved(0, -1.0, 1.0), rail)


def _roof(b: Builder, width: float, deep: float, top: float, wall: Material) -> float:
    """Build a gable roof along the street or a flat roof with parapet; return the height."""
    rng = b.rng
    if rng.random() < 0.55:
        rise = rng.uniform(1.4, 3.6)
        look = Material(b.look.tile("roof_tiles"), b.look.pick(ROOFS), (2.4, 2.4))
        prism = extruded([(-deep / 2 - 0.35, 0), (deep / 2 + 0.35, 0), (0, rise)], width + 0.3)
        b.add(prism.turned(90).moved(0, deep / 2, top), look)
        if rng.random() < 0.5:
            x = rng.uniform(-0.35, 0.35) * width
            b.add(
                block((x - 0.35, deep / 2, top), (x + 0.35, deep / 2 + 0.6, top + rise + 0.7)), wall
            )
        return float(top + rise)
    high = rng.uniform(0.2, 0.9)
    b.add(block((-width / 2 - 0.12, -0.12, top), (width / 2 + 0.12, deep, top + high)), wall)
    if rng.random() < 0.3:
        b.add(tube([(0, 1, top), (0, 1, top + 2.5)], 0.03, 6), b.look.metal())
    return float(top + high)
