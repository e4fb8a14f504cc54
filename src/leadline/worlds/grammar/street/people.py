"""Pedestrians, facing +y."""

from __future__ import annotations

import numpy as np

from leadline.worlds.materials import Material
from leadline.worlds.primitives import ball, join, rounded_box, tube
from leadline.worlds.scene import Builder

SKINS = ("#e0bb9f", "#c99f82", "#a9785a", "#8a5b40", "#5f3d2b")
HAIRS = ("#1d1712", "#3a2a22", "#6b4a30", "#a98a5a", "#8d8d8a", "#20201f")


def person(b: Builder) -> None:
    """Adult or child, standing or walking, some with a bag."""
    rng = b.rng
    k = rng.uniform(1.5, 1.92) / 1.75 if rng.random() < 0.85 else rng.uniform(1.0, 1.4) / 1.75
    stride, wide = rng.uniform(0, 0.32), rng.uniform(0.85, 1.2)
    cloth, trousers = b.look.cloth(), b.look.cloth()
    skin = Material(b.look.tile("plaster"), b.look.pick(SKINS), (0.3, 0.3))
    for side in (-1, 1):
        step = side * stride
        knee = (side * 0.09 * k, 0.55 * step * k + 0.05 * k, 0.48 * k)
        foot = (side * 0.09 * k, (1.1 * step - 0.04) * k, 0.07 * k)
        leg = tube(
            [(side * 0.085 * k, 0, 0.9 * k), knee, foot],
            np.array([0.095, 0.07, 0.05]) * k * wide,
            8,
        )
        b.add(leg, trousers)
        shoe = rounded_box((0.09 * k, 0.26 * k, 0.09 * k), 0.035)
        b.add(shoe.moved(foot[0], foot[1] + 0.06 * k, 0.045 * k), b.look.black())
        swing = -0.8 * step
        hand = (side * 0.26 * k * wide, (swing + 0.1) * k, 0.85 * k)
        elbow = (side * 0.25 * k * wide, (0.4 * swing - 0.03) * k, 1.12 * k)
        shoulder = (side * 0.19 * k * wide, 0, 1.4 * k)
        b.add(tube([shoulder, elbow, hand], np.array([0.06, 0.05, 0.035]) * k, 7), cloth)
        b.add(ball(0.045 * k, 1.2, 10).moved(*hand), skin)
    levels = np.array([0.85, 0.95, 1.12, 1.3, 1.42, 1.48]) * k
    girth = np.array([0.15, 0.155, 0.145, 0.175, 0.15, 0.06]) * k * wide
    trunk = tube(np.stack([0 * levels, 0 * levels, levels], axis=1), girth, 14).scaled(
        1.15, 0.72, 1
    )
    b.add(trunk, cloth)
    head = join(
        ball(0.1 * k, 1.2, 14).moved(0, 0.01 * k, 1.63 * k),
        tube([(0, 0, 1.44 * k), (0, 0, 1.56 * k)], 0.05 * k, 8),
    )
    b.add(head, skin)
    hair = Material(b.look.tile("pile"), b.look.pick(HAIRS), (0.2, 0.2))
    b.add(ball(0.108 * k, 1.05, 14).moved(0, -0.02 * k, 1.675 * k), hair)
    if rng.random() < 0.3:
        bag = rounded_box((0.28 * k, 0.14 * k, 0.38 * k), 0.05, 0.01)
        b.item("bag", "bag").add(bag.moved(0, -0.2 * k, 1.18 * k), b.look.cloth())
