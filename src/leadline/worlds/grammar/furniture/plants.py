"""House plants."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import cylinder, lathe, leaf_blade, leaves, tube
from leadline.worlds.scene import Builder

POT = [(0, 0), (0.11, 0), (0.15, 0.24), (0.165, 0.24), (0.165, 0.29), (0.14, 0.29),
       (0.135, 0.25), (0, 0.25)]  # fmt: skip


def rubber_plant(
    b: Builder, height: float, pot: Material, soil: Material, bark: Material, greens: list[Material]
) -> None:
    """Three stems with large leaves, in a pot."""
    b.item("plant pot", "object").add(lathe(POT), pot)
    b.add(cylinder(0.134, 0.01, 16).moved(0, 0, 0.25), soil)
    for stem in range(3):
        heading = np.radians(120 * stem + 25)
        top = height * (1.0, 0.86, 0.72)[stem]
        s = np.linspace(0, 1, 8)
        out = 0.03 + 0.13 * s**1.6
        path = np.stack([out * np.cos(heading), out * np.sin(heading), 0.24 + (top - 0.24) * s], 1)
        b.add(tube(path, np.linspace(0.011, 0.004, 8), 7), bark)
        count = max(3, round((top - 0.40) / 0.055))
        for k in range(count):
            share = 0.25 + 0.75 * k / (count - 1)
            x, y, z = (float(np.interp(share, s, path[:, i])) for i in range(3))
            long = b.rng.uniform(0.20, 0.29) * (1.15 - 0.4 * share)
            leaf = leaf_blade(long, 0.46 * long, b.rng.uniform(25, 60)).turned(
                b.rng.normal(0, 20), "x"
            )
            rise = -(15 + 45 * share) + b.rng.normal(0, 10)
            leaf = leaf.turned(rise, "y").turned(137.5 * k + 40 * stem + b.rng.normal(0, 15))
            look = greens[int(b.rng.integers(len(greens)))]
            b.add(leaf.moved(x, y, z), look)


def plant(b: Builder, size: Size) -> None:
    """Any house plant on the floor."""
    rng, height = b.rng, float(b.rng.uniform(0.5, min(1.9, size.height - 0.3)))
    pot, soil = b.look.ceramic(), Material(b.look.tile("gravel"), (0.03, 0.02, 0.014), (0.2, 0.2))
    if rng.random() < 0.4 and height > 0.8:
        bark = Material(b.look.tile("wood"), b.look.pick(("#5a4a35", "#6a5a45")), (0.3, 0.1))
        greens = [_leaf_look(b) for _ in range(3)]
        rubber_plant(b, height, pot, soil, bark, greens)
        return
    scale = rng.uniform(0.6, 1.1)
    b.item("plant pot", "object").add(lathe(np.array(POT) * scale), pot)
    b.add(cylinder(0.134 * scale, 0.01, 16).moved(0, 0, 0.25 * scale), soil)
    bush(b.placed(0, 0, 0.26 * scale), height - 0.26 * scale, rng.uniform(0.05, 0.12))


def _leaf_look(b: Builder) -> Material:
    paint = b.look.green().paint
    return Material(b.look.tile("leaf"), paint, (0.27, 0.13), 0.03, 0.2, fitted=True)


def bush(b: Builder, height: float, leaf: float) -> None:
    """Leaves on a few thin stems from z = 0 up."""
    rng, green = b.rng, b.look.green()
    count = int(rng.integers(60, 160))
    spread = height * rng.uniform(0.14, 0.26)
    middle = rng.normal(size=(50, 3)) * (spread, spread, height * 0.2) + (0, 0, height * 0.6)
    middle[:, 2] = np.clip(middle[:, 2], 0.03, height)
    b.add(leaves(rng, middle, leaf, count), green)
    for k in range(4):
        x, y, z = middle[k]
        b.add(tube([(0, 0, 0), (0.4 * x, 0.4 * y, 0.6 * z), (x, y, z)], 0.006, 6), green)
