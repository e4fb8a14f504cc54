"""Trees, hedges and bushes."""

from __future__ import annotations

import numpy as np

from leadline.worlds.materials import Material
from leadline.worlds.primitives import blob, lathe, leaves, rounded_box, tube, unit
from leadline.worlds.scene import Builder

GREENS = ("#3c5a2a", "#4d6b30", "#5c7a3a", "#2f4a26", "#6d7f3a", "#7a7a35", "#8a7a30", "#47663f")


def foliage(b: Builder, size: float) -> Material:
    """Leaves of one tree or hedge."""
    paint = b.look.pick(GREENS)
    return Material(b.look.tile("foliage"), paint, (size, size), second=tuple_of(paint, 1.5))


def tuple_of(paint: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    """A lighter or darker paint."""
    return min(paint[0] * factor, 0.8), min(paint[1] * factor, 0.8), min(paint[2] * factor, 0.8)


def bark(b: Builder) -> Material:
    """Bark of one tree."""
    return Material(
        b.look.tile("bark"), b.look.pick(("#5a4a3a", "#6b5d4d", "#3f352b", "#8a8478")), (1, 1)
    )


def tree(b: Builder, height: float) -> None:
    """Broad-leaved tree or conifer."""
    if b.rng.random() < 0.2:
        _conifer(b, height)
        return
    rng, wood, green = b.rng, bark(b), foliage(b, b.rng.uniform(0.8, 2))
    clear = height * rng.uniform(0.22, 0.4)
    thick = 0.02 * height + 0.04
    lean = rng.normal(0, 0.04, 2) * height
    top = (lean[0], lean[1], height * 0.75)
    stem = [(0, 0, 0), (0.3 * lean[0], 0.3 * lean[1], clear), top]
    b.add(tube(stem, np.array([thick * 1.25, thick, 0.3 * thick]), 9), wood)
    crowns = []
    for k in range(int(rng.integers(5, 10))):
        a, out = rng.uniform(0, 2 * np.pi), height * rng.uniform(0.03, 0.2)
        c = np.array([out * np.cos(a) + lean[0], out * np.sin(a) + lean[1],
                      rng.uniform(clear * 1.15, height * 0.85)])  # fmt: skip
        r = height * rng.uniform(0.10, 0.19)
        x, y, z = (float(v) for v in c)
        b.add(blob(rng, 0.8 * r, 0.62 * r, 0.45).moved(x, y, z), green)
        crowns.append(
            c + unit(rng.normal(size=(60, 3))) * r * (1, 1, 0.8) * rng.uniform(0.7, 1.1, (60, 1))
        )
        if k < 3:
            b.add(
                tube(
                    [(0, 0, 0.85 * clear), (0.6 * x, 0.6 * y, 0.7 * z + 0.2 * clear), (x, y, z)],
                    np.array([0.5, 0.35, 0.15]) * thick,
                    6,
                ),
                wood,
            )
    b.add(leaves(rng, np.concatenate(crowns), height * rng.uniform(0.022, 0.034), 650), green)


def _conifer(b: Builder, height: float) -> None:
    rng, green = b.rng, foliage(b, 1.0)
    b.add(
        tube([(0, 0, 0), (0, 0, 0.95 * height)], np.array([0.02 * height + 0.05, 0.02]), 8), bark(b)
    )
    low, reach, tiers = height * rng.uniform(0.06, 0.2), height * rng.uniform(0.14, 0.24), 6
    for k in range(tiers):
        z, r = low + (height - low) * k / tiers, reach * (1 - k / tiers) + 0.15
        cone = lathe([(0.05, z + 0.02), (r, z), (0.0, z + 1.9 * (height - low) / tiers)], 10)
        b.add(cone, green)
    level = rng.uniform(low, height, 260)
    a = rng.uniform(0, 2 * np.pi, 260)
    out = reach * (1 - (level - low) / (height - low)) + 0.1
    points = np.stack([out * np.cos(a), out * np.sin(a), level], axis=1)
    b.add(leaves(rng, points, height * 0.035, 420), green)


def bush(b: Builder, height: float) -> None:
    """Round bush."""
    green = foliage(b, 0.7)
    for _ in range(int(b.rng.integers(1, 4))):
        r = height * b.rng.uniform(0.4, 0.65)
        lump = blob(b.rng, r, 0.62 * r, 0.4)
        x, y = b.rng.normal(0, 0.3 * height, 2)
        b.add(lump.moved(x, y, 0.5 * r), green)
    middle = b.rng.normal(size=(80, 3)) * (0.45 * height, 0.45 * height, 0.2 * height) + (
        0,
        0,
        0.5 * height,
    )
    b.add(leaves(b.rng, middle, 0.06 * height + 0.02, 160), green)


def hedge(b: Builder, long: float, height: float, deep: float, green: Material) -> None:
    """Clipped hedge along y."""
    body = rounded_box((deep, long, height), 0.2 * min(deep, height), 0.02)
    b.add(body.moved(0, 0, height / 2), green)
    count = int(60 * long)
    edge = b.rng.uniform(-0.5, 0.5, (count, 3)) * (deep * 1.04, long, height * 1.04)
    side = b.rng.integers(0, 2, count)
    edge[side == 0, 0] = 0.52 * deep * np.sign(edge[side == 0, 0])
    edge[side == 1, 2] = 0.52 * height
    b.add(leaves(b.rng, edge + np.array((0, 0, height / 2)), 0.045, count), green)
