"""Where everything stands: the shell, the furniture, the lights, the camera, the named points.

The room measures 4.3 m across (x) and 5.2 m along (y, from -0.8 behind the camera to 4.4), and is
2.5 m high. Its window is in the left wall; the camera stands at the origin of y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from example_room import clutter, furniture
from example_room.furniture import BLACK, OAK, PINE, WALNUT, WHITE, block
from example_room.geometry import rounded_box, sheet, tube
from example_room.scene import Builder, Camera, Material, Scene

WIDTH, NEAR, FAR, HEIGHT = 4.3, -0.8, 4.4, 2.5
WINDOW = (2.45, 3.65, 0.85, 2.15)  # y from, y to, z from, z to

# The intrinsics of the NYU Depth v2 colour camera, which many indoor networks have learnt.
CAMERA = Camera(518.86, 519.47, 325.58, 253.74, 640, 480, (2.35, 0.0, 1.42), 7.0, -11.0)


@dataclass(frozen=True)
class NamedPoint:
    """A pixel on a recognisable surface; ``part`` is the label the scene must show there."""

    name: str
    x: int
    y: int
    part: str


NAMED_POINTS = (
    NamedPoint("table top, left of the papers", 433, 403, "table"),
    NamedPoint("seat of the armchair", 146, 353, "armchair"),
    NamedPoint("rug, in front of the coffee table", 353, 438, "rug"),
    NamedPoint("coffee table, near its front edge", 282, 350, "coffee table"),
    NamedPoint("left seat of the sofa", 300, 297, "sofa"),
    NamedPoint("upper right panel of the door", 592, 140, "door"),
)


def _shell(b: Builder) -> None:
    """Floor, ceiling, walls with the window opening, skirting boards."""
    oak = Material("floorboards", "#8a5f3c", (1.0, 0.88), gloss=0.035, rough=0.16)
    paint = Material("plaster", "#c9bfa9", (2.2, 2.2))
    white = Material("plaster", "#e2ded4", (2.2, 2.2))
    y0, y1, z0, z1 = WINDOW
    t = 0.18
    b.add(block((-t, NEAR - t, -0.1), (WIDTH + t, FAR + t, 0)), oak, "floor")
    b.add(block((-t, NEAR - t, HEIGHT), (WIDTH + t, FAR + t, HEIGHT + 0.1)), white, "ceiling")
    b.add(block((-t, FAR, 0), (WIDTH + t, FAR + t, HEIGHT)), paint, "wall")
    b.add(block((-t, NEAR - t, 0), (WIDTH + t, NEAR, HEIGHT)), paint, "wall")
    b.add(block((WIDTH, NEAR, 0), (WIDTH + t, FAR, HEIGHT)), paint, "wall")
    for low, high in (((NEAR, 0), (y0, HEIGHT)), ((y1, 0), (FAR, HEIGHT)),
                      ((y0, 0), (y1, z0)), ((y0, z1), (y1, HEIGHT))):  # fmt: skip
        b.add(block((-t, low[0], low[1]), (0, high[0], high[1])), paint, "wall")
    h, d = 0.09, 0.014
    b.add(block((0, FAR - d, 0), (3.26, FAR, h)), WHITE, "skirting")
    b.add(block((0, NEAR, 0), (d, FAR - d, h)), WHITE, "skirting")
    b.add(block((WIDTH - d, NEAR, 0), (WIDTH, FAR - d, h)), WHITE, "skirting")


def _window(b: Builder) -> None:
    """Frame, sill, glazing that shows the garden and lets daylight in, curtains, radiator."""
    y0, y1, z0, z1 = WINDOW
    view = Material("outside", "#ffffff", (y1 - y0, z1 - z0), glow=12.0, fitted=True)
    across, up = np.meshgrid((y0, y1), (z0, z1))
    corners = np.stack([np.full_like(across, -0.16), across, up], axis=-1)
    centred = np.stack([across - (y0 + y1) / 2, up - (z0 + z1) / 2], axis=-1)
    b.add(sheet(corners, centred), view, "window")
    bar = 0.05
    for y in (y0, (y0 + y1 - bar) / 2, y1 - bar):
        b.add(block((-0.15, y, z0), (-0.10, y + bar, z1)), WHITE, "window frame")
    for z in (z0, z1 - bar, z0 + 0.62 * (z1 - z0)):
        b.add(block((-0.149, y0, z), (-0.101, y1, z + bar)), WHITE, "window frame")
    b.add(rounded_box((0.26, y1 - y0 + 0.1, 0.03), 0.006).moved(-0.02, (y0 + y1) / 2, z0), WHITE,
          "window sill")  # fmt: skip
    linen = Material("weave", "#b8ab98", (0.35, 0.35))
    wall = b.placed(0.10, (y0 + y1) / 2, turn=90)
    rod = tube([(-0.95, 0, 2.26), (0.95, 0, 2.26)], 0.013)
    wall.add(rod, BLACK, "curtain rod")
    furniture.curtain(wall.placed(-0.74, 0), linen, 0.42, 2.27, 0.4)
    furniture.curtain(wall.placed(0.74, 0), linen, 0.38, 2.27, 1.9)
    furniture.radiator(b.placed(0.0, (y0 + y1) / 2, turn=90), 0.9)


def _back_wall(b: Builder) -> None:
    """Bookcase, sofa, side table with lamp, door, pictures, clock, switch."""
    furniture.bookshelf(b.placed(0.68, FAR - 0.155), WALNUT)
    cloth = Material("weave", "#5f6670", (0.35, 0.35))
    couch = b.placed(2.06, FAR - 0.50)
    furniture.sofa(couch, cloth, 1.72, 2, "sofa")
    rust = Material("weave", "#84594a", (0.3, 0.3))
    cream = Material("pile", "#bcae93", (0.3, 0.3))
    furniture.throw_pillow(couch.placed(-0.47, -0.06, 0.455, turn=14), rust, 24)
    furniture.throw_pillow(couch.placed(0.42, -0.05, 0.455, turn=-10), cream, 26)
    blanket = Material("stripes", "#cfc6b4", (0.5, 0.5))
    arm = couch.placed(0.86 - 0.095, -0.16, 0.612, turn=90)
    clutter.throw(arm, blanket, width=0.46, thick=0.20, front=0.34, back=0.12)
    furniture.framed(b.placed(1.72, FAR, 1.55), "landscape", 0.66, 0.50, OAK)
    furniture.framed(b.placed(2.41, FAR, 1.58), "abstract", 0.42, 0.54, BLACK)
    stand = b.placed(3.17, FAR - 0.32)
    furniture.side_table(stand, WALNUT)
    furniture.table_lamp(stand.placed(0.02, 0.03, 0.54), 4.0)
    furniture.panel_door(b.placed(3.78, FAR))
    clutter.wall_clock(b.placed(2.92, FAR, 1.72))
    switch = rounded_box((0.08, 0.012, 0.08), 0.004)
    b.add(switch.moved(3.215, FAR - 0.006, 1.28), WHITE, "light switch")


def _middle(b: Builder) -> None:
    """Rug, coffee table, armchair, plant and what lies between them."""
    carpet = Material("rug", "#ffffff", (2.1, 1.45), fitted=True)
    rug = b.placed(1.95, 2.75, turn=2)
    rug.add(rounded_box((2.1, 1.45, 0.012), 0.005).moved(0, 0, 0.0062), carpet, "rug")
    low = b.placed(2.05, 2.72, 0.0125, turn=3)
    furniture.coffee_table(low, OAK)
    top = low.placed(0, 0, 0.4205)
    clutter.fruit_bowl(top.placed(0.10, 0.06))
    clutter.mug(top.placed(-0.16, -0.12, turn=20), "#b8b2a4")
    clutter.sheet_of_paper(top.placed(-0.33, 0.06, turn=24), "cover", 0.006)
    clutter.sheet_of_paper(top.placed(-0.30, 0.03, 0.0062, turn=-12), "cover", 0.005)
    clutter.remote_control(top.placed(0.16, -0.17, turn=65))
    clutter.pile_of_books(top.placed(0.36, 0.03, turn=-15), ("#5d3a34", "#3d4f5c", "#a3966f"))
    clutter.pile_of_books(low.placed(-0.2, 0, 0.139, turn=80), ("#44525e", "#7d6a44", "#6e3b31"))
    tweed = Material("pile", "#7a6b50", (0.25, 0.25))
    seat = b.placed(0.74, 2.62, turn=68)
    furniture.sofa(seat, tweed, 0.82, 1, "armchair")
    furniture.throw_pillow(
        seat.placed(0.02, -0.02, 0.455, turn=6), Material("weave", "#4d6068", (0.3, 0.3)), 26, 0.38
    )
    furniture.plant(b.placed(0.42, 3.72), 1.35)
    felt = Material("pile", "#6d5a52", (0.2, 0.2))
    clutter.slipper(b.placed(1.32, 2.22, 0.013, turn=-20), felt)
    clutter.slipper(b.placed(1.47, 2.14, 0.013, turn=15), felt)
    clutter.toy_ball(b.placed(1.80, 2.20, 0.0125), 0.075)


def _foreground(b: Builder) -> None:
    """Dining table in the right foreground, a chair behind it, a box on the floor."""
    desk = b.placed(2.98, 1.62, turn=-4)
    furniture.table(desk, (1.05, 0.78, 0.74), PINE, "table")
    top = desk.placed(0, 0, 0.7405)
    clutter.laptop(top.placed(-0.06, 0.08, turn=14))
    clutter.mug(top.placed(-0.38, 0.02, turn=140), "#4a6478")
    clutter.sheet_of_paper(top.placed(-0.30, -0.22, turn=-18), "paper")
    clutter.sheet_of_paper(top.placed(-0.24, -0.17, 0.0016, turn=7), "paper")
    clutter.pencil_cup(top.placed(-0.34, 0.27))
    clutter.bottle(top.placed(0.2, 0.28))
    seat = b.placed(3.02, 2.28, turn=4)
    furniture.chair(seat, WALNUT)
    clutter.cardboard_box(b.placed(1.02, 1.72, turn=28))


def build() -> Scene:
    """Furnish the room."""
    b = Builder()
    _shell(b)
    _window(b)
    _back_wall(b)
    _middle(b)
    _foreground(b)
    furniture.ceiling_lamp(b.placed(2.2, 1.5, HEIGHT), 42.0)
    return b.finished()
