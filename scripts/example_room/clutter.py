"""Small things lying about. Each rests on z = 0 at the builder's origin."""

from __future__ import annotations

import numpy as np

from example_room.furniture import BLACK, STEEL
from example_room.geometry import ball, box, cylinder, lathe, rounded_box, sheet, tube
from example_room.scene import Builder, Material


def mug(b: Builder, paint: str) -> None:
    """Mug of coffee, handle towards +x."""
    glaze = Material("plain", paint, gloss=0.05, rough=0.05)
    b.add(lathe([(0, 0), (0.034, 0), (0.040, 0.01), (0.041, 0.095), (0.037, 0.095),
                 (0.036, 0.075)]), glaze, "mug")  # fmt: skip
    coffee = Material("plain", "#2a1810", gloss=0.04)
    b.add(cylinder(0.0362, 0.002).moved(0, 0, 0.074), coffee, "mug")
    a = np.radians(np.linspace(-80, 80, 14))
    loop = np.stack([0.040 + 0.026 * np.cos(a), 0 * a, 0.05 + 0.028 * np.sin(a)], 1)
    b.add(tube(loop, 0.0055, 8), glaze, "mug")


def fruit_bowl(b: Builder) -> None:
    """Wooden bowl with oranges and apples."""
    wood = Material("wood", "#77502f", (0.5, 0.2), gloss=0.03, rough=0.15)
    b.add(lathe([(0, 0), (0.06, 0), (0.11, 0.03), (0.145, 0.075), (0.138, 0.078), (0.10, 0.04),
                 (0.05, 0.015), (0, 0.012)], 40), wood, "fruit bowl")  # fmt: skip
    for x, y, z, r, paint in (
        (-0.045, -0.02, 0.06, 0.040, "#c8782c"),
        (0.045, -0.03, 0.058, 0.038, "#8f3026"),
        (0.0, 0.055, 0.06, 0.040, "#c8782c"),
        (0.005, 0.0, 0.112, 0.038, "#b9a03f"),
    ):
        skin = Material("plaster", paint, (0.2, 0.2), gloss=0.035, rough=0.18)
        b.add(ball(r, 0.93).moved(x, y, z), skin, "fruit")


def sheet_of_paper(b: Builder, picture: str, thick: float = 0.0015) -> None:
    """Sheet, leaflet or magazine of A4 size."""
    look = Material(picture, "#f0ece2", (0.21, 0.297), gloss=0.02, rough=0.2, fitted=True)
    b.add(box((0.21, 0.297, thick)).moved(0, 0, thick / 2), look, "magazine")


def pile_of_books(b: Builder, inks: tuple[str, ...]) -> None:
    """Books lying on top of each other, not quite aligned."""
    z = 0.0
    for ink in inks:
        w, d, h = b.rng.uniform(0.15, 0.21), b.rng.uniform(0.21, 0.28), b.rng.uniform(0.018, 0.04)
        heading = b.rng.normal(0, 9)
        jacket = Material("cover" if z == 0 else "plain", ink, (w, d), 0.03, 0.2, fitted=True)
        pages = Material("weave", "#cfc5ae", (0.2, 0.2))
        b.add(
            box((w - 0.008, d - 0.008, h - 0.006)).turned(heading).moved(0, 0, z + h / 2),
            pages,
            "books",
        )
        for level in (0.0015, h - 0.0015):
            b.add(box((w, d, 0.003)).turned(heading).moved(0, 0, z + level), jacket, "books")
        b.add(
            box((0.003, d, h)).moved(-w / 2 + 0.0015).turned(heading).moved(0, 0, z + h / 2),
            jacket,
            "books",
        )
        z += h


def laptop(b: Builder) -> None:
    """Open laptop seen from its user's side; the user sits at -y."""
    shell = Material("plain", "#77797c", gloss=0.06, rough=0.15)
    b.add(rounded_box((0.33, 0.23, 0.016), 0.004).moved(0, 0, 0.008), shell, "laptop")
    for row in range(5):
        for key in range(13):
            x, y = -0.138 + 0.0225 * key + 0.003 * (row % 2), 0.085 - 0.021 * row
            b.add(box((0.018, 0.017, 0.002)).moved(x, y, 0.0168), BLACK, "laptop")
    b.add(box((0.10, 0.06, 0.001)).moved(0, -0.07, 0.0164), Material("plain", "#66686b"), "laptop")
    lid = rounded_box((0.33, 0.008, 0.222), 0.003).moved(0, 0, 0.111)
    screen = box((0.306, 0.002, 0.19)).moved(0, -0.0045, 0.114)
    picture = Material(
        "paper", "#e4ebf5", (0.306, 0.19), gloss=0.03, rough=0.03, glow=1.1, fitted=True
    )
    b.add(lid.turned(-20, "x").moved(0, 0.108, 0.014), shell, "laptop")
    b.add(screen.turned(-20, "x").moved(0, 0.108, 0.014), picture, "laptop screen")


def bottle(b: Builder) -> None:
    """Green glass bottle, opaque here."""
    glass = Material("plain", "#2c4431", gloss=0.07, rough=0.03)
    b.add(lathe([(0, 0), (0.036, 0), (0.037, 0.01), (0.037, 0.17), (0.030, 0.21), (0.014, 0.25),
                 (0.013, 0.30), (0.016, 0.30), (0.016, 0.315), (0, 0.315)]), glass,
          "bottle")  # fmt: skip
    label = Material("paper", "#e8dcc0", (0.23, 0.09))
    b.add(lathe([(0.0376, 0.06), (0.0376, 0.14)]), label, "bottle")


def remote_control(b: Builder) -> None:
    """Television remote."""
    b.add(rounded_box((0.048, 0.17, 0.018), 0.006).moved(0, 0, 0.009), BLACK, "remote control")
    for k in range(12):
        x, y = -0.013 + 0.013 * (k % 3), -0.05 + 0.022 * (k // 3)
        b.add(
            box((0.008, 0.010, 0.003)).moved(x, y, 0.0185),
            Material("plain", "#8a8a88"),
            "remote control",
        )


def slipper(b: Builder, cloth: Material) -> None:
    """One felt slipper, toe towards +y."""
    sole = rounded_box((0.095, 0.27, 0.02), 0.009)
    b.add(sole.moved(0, 0, 0.01), Material("plain", "#3a2f28"), "slipper")
    s, t = np.linspace(0, 1, 10)[:, None], np.radians(np.linspace(-90, 90, 13))[None]
    width = 0.046 * np.sqrt(np.clip(1 - (0.75 * s) ** 4, 0, 1))
    height = 0.060 - 0.030 * s
    points = np.stack(
        np.broadcast_arrays(width * np.sin(t), -0.01 + 0.135 * s, 0.015 + height * np.cos(t)), -1
    )
    b.add(sheet(points, points[..., :2]), cloth, "slipper")


def cardboard_box(b: Builder) -> None:
    """Open moving box 0.40 x 0.30 x 0.28 m with folded-out flaps."""
    board = Material("plaster", "#9c7a52", (0.5, 0.5))
    w, d, h, t = 0.40, 0.30, 0.28, 0.005
    b.add(box((w, d, t)).moved(0, 0, t / 2), board, "box")
    for sy in (-1, 1):
        b.add(box((w, t, h)).moved(0, sy * (d - t) / 2, h / 2), board, "box")
        flap = box((w - 0.01, 0.15, t)).moved(0, sy * 0.075).turned(sy * -38, "x")
        b.add(flap.moved(0, sy * d / 2, h), board, "box")
    for sx in (-1, 1):
        b.add(box((t, d, h)).moved(sx * (w - t) / 2, 0, h / 2), board, "box")
        flap = box((0.15, d - 0.01, t)).moved(sx * 0.075).turned(sx * 30, "y")
        b.add(flap.moved(sx * w / 2, 0, h), board, "box")
    b.add(
        box((0.05, 0.002, h)).moved(0, -d / 2 - 0.001, h / 2),
        Material("plain", "#b59a6c", gloss=0.03),
        "box",
    )
    wool = Material("pile", "#5d6b7a", (0.25, 0.25))
    b.add(rounded_box((0.37, 0.27, 0.16), 0.06, 0.03).moved(0, 0, 0.15), wool, "box")


def throw(
    b: Builder, cloth: Material, *, width: float, thick: float, front: float, back: float
) -> None:
    """Cloth over a rail along x, ``thick`` deep, its top at z = 0, hanging down on both sides."""
    bend = np.radians(np.linspace(0, 180, 12))
    half = thick / 2 + 0.008
    down = np.linspace(1, 0, 16)[:-1]
    y = np.concatenate([np.full(15, -half), -half * np.cos(bend), np.full(15, half)])
    z = np.concatenate([-front * down, 0.45 * half * np.sin(bend) + 0.006, -back * down[::-1]])
    x = np.linspace(-width / 2, width / 2, 40)[:, None]
    hang = np.clip(-z, 0, None)[None]
    ripple = 0.05 * hang * (1 + np.sin(31 * x + 2) * np.cos(6 * hang)) * np.sign(y)[None]
    skew = x * (1 - 0.10 * hang) + 0.04 * hang
    points = np.stack(np.broadcast_arrays(skew, y[None] + ripple, z[None] + 0.02 * x * hang), -1)
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(y), np.diff(z)))])
    uv = np.stack(np.broadcast_arrays(x, run[None]), -1)
    b.add(sheet(points[::-1], uv[::-1]), cloth, "throw")


def wall_clock(b: Builder) -> None:
    """Round clock 0.28 m across, back at y = 0, showing ten past ten."""
    rim = lathe([(0, 0), (0.14, 0), (0.14, 0.03), (0.128, 0.036), (0.125, 0.02), (0, 0.02)]).turned(
        90, "x"
    )
    b.add(rim, BLACK, "clock")
    b.add(
        cylinder(0.125, 0.002).turned(90, "x").moved(0, -0.0195),
        Material("plain", "#d8d4c8"),
        "clock",
    )
    for hour in range(12):
        mark = box((0.006, 0.002, 0.02)).moved(0, 0, 0.108).turned(30 * hour, "y")
        b.add(mark.moved(0, -0.022), BLACK, "clock")
    for angle, long in ((-55, 0.07), (60, 0.10)):
        b.add(
            box((0.006, 0.002, long)).moved(0, 0, long / 2).turned(angle, "y").moved(0, -0.024),
            BLACK,
            "clock",
        )


def pencil_cup(b: Builder) -> None:
    """Steel cup with pencils."""
    b.add(
        lathe([(0, 0), (0.038, 0), (0.038, 0.10), (0.036, 0.10), (0.036, 0.004), (0, 0.004)]),
        STEEL,
        "cup",
    )
    for k, paint in enumerate(("#a8402f", "#c59b38", "#34506d", "#3f6146")):
        a = 1.3 + 1.7 * k
        foot, tip = (
            (0.012 * np.cos(a), 0.012 * np.sin(a), 0.006),
            (0.034 * np.cos(a), 0.034 * np.sin(a), 0.17 - 0.008 * k),
        )
        b.add(tube([foot, tip], 0.0038, 6), Material("plain", paint), "pencil")


def toy_ball(b: Builder, radius: float) -> None:
    """Rubber ball with a painted pattern."""
    b.add(
        ball(radius).turned(35, "x").moved(0, 0, radius),
        Material("stripes", "#d8c8b0", (0.5, 0.5), 0.03, 0.2),
        "ball",
    )
