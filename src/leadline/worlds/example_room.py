"""The furnished room of the demo: the shell, the furniture, the lights, the camera, named points.

It is laid out by hand from the pieces that the grammar uses, and rendered in `picture` quality by
`scripts/render_example_room.py`. It measures 4.3 m across (x) and 5.2 m along (y, from -0.8 behind
the camera to 4.4), and is 2.5 m high. Its window is in the left wall; the camera stands at the
origin of y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.depth.intrinsics import Intrinsics
from leadline.worlds.camera import Camera
from leadline.worlds.develop import Sensor
from leadline.worlds.grammar import things
from leadline.worlds.grammar.furniture import (
    lamps,
    openings,
    plants,
    seating,
    storage,
    tables,
    walls,
)
from leadline.worlds.grammar.lighting import ambient_of
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box, lathe, rounded_box, tube
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Builder, Scene
from leadline.worlds.textures import colour

WIDTH, NEAR, FAR, HEIGHT = 4.3, -0.8, 4.4, 2.5
WINDOW = (2.45, 3.65, 0.85, 2.15)  # y from, y to, z from, z to
SEED = 20

# The intrinsics of the NYU Depth v2 colour camera, which many indoor networks have learnt.
CAMERA = Camera(Intrinsics(518.86, 519.47, 325.58, 253.74, 640, 480), (2.35, 0.0, 1.42), 7.0, -11.0)
SENSOR = Sensor(exposure=2.7, white_balance=(1.0, 1.0, 1.06), vignette=0.22, blur=0.45,
                contrast=0.45)  # fmt: skip


@dataclass(frozen=True)
class NamedPoint:
    """A pixel on a recognisable surface; `part` is the thing the scene must show there."""

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


def _look(kind: str, paint: str = "#ffffff", scale: tuple[float, float] = (1.0, 1.0),
          gloss: float = 0.0, rough: float = 0.15, glow: float = 0.0, *, fitted: bool = False,
          second: str | None = None) -> Material:  # fmt: skip
    """Material of a texture in the room's own variant, in sRGB colours."""
    return Material(f"{kind}/picture/0", colour(paint), scale, gloss, rough, glow, fitted,
                    colour(second) if second else None)  # fmt: skip


WALNUT = _look("wood", "#6b4630", (0.9, 0.35), 0.035, 0.12)
OAK = _look("wood", "#a97c50", (0.9, 0.35), 0.035, 0.14)
PINE = _look("wood", "#b98d5c", (0.9, 0.35), 0.03, 0.2)
WHITE = _look("plain", "#dcd8cf", gloss=0.03, rough=0.2)
BLACK = _look("plain", "#1d1c1d", gloss=0.04, rough=0.08)
BRASS = _look("plain", "#9a7a45", gloss=0.35, rough=0.15)
STEEL = _look("plain", "#8f9194", gloss=0.45, rough=0.15)


def _shell(b: Builder) -> None:
    """Floor, ceiling, walls with the window opening, skirting boards."""
    oak = _look("floorboards", "#8a5f3c", (1.0, 0.88), 0.035, 0.16)
    paint, white = _look("plaster", "#c9bfa9", (2.2, 2.2)), _look("plaster", "#e2ded4", (2.2, 2.2))
    y0, y1, z0, z1 = WINDOW
    t = 0.18
    b.item("floor", "floor").add(block((-t, NEAR - t, -0.1), (WIDTH + t, FAR + t, 0)), oak)
    top = block((-t, NEAR - t, HEIGHT), (WIDTH + t, FAR + t, HEIGHT + 0.1))
    b.item("ceiling", "ceiling").add(top, white)
    wall = b.item("wall", "wall")
    wall.add(block((-t, FAR, 0), (WIDTH + t, FAR + t, HEIGHT)), paint)
    wall.add(block((-t, NEAR - t, 0), (WIDTH + t, NEAR, HEIGHT)), paint)
    wall.add(block((WIDTH, NEAR, 0), (WIDTH + t, FAR, HEIGHT)), paint)
    for low, high in (((NEAR, 0), (y0, HEIGHT)), ((y1, 0), (FAR, HEIGHT)),
                      ((y0, 0), (y1, z0)), ((y0, z1), (y1, HEIGHT))):  # fmt: skip
        wall.add(block((-t, low[0], low[1]), (0, high[0], high[1])), paint)
    h, d = 0.09, 0.014
    skirting = b.item("skirting", "wall")
    skirting.add(block((0, FAR - d, 0), (3.26, FAR, h)), WHITE)
    skirting.add(block((0, NEAR, 0), (d, FAR - d, h)), WHITE)
    skirting.add(block((WIDTH - d, NEAR, 0), (WIDTH, FAR - d, h)), WHITE)


def _window(b: Builder) -> None:
    """Frame, sill, glazing that shows the garden and lets daylight in, curtains, radiator."""
    y0, y1, z0, z1 = WINDOW
    size = (y1 - y0, z1 - z0)
    view = _look("outside", "#ffffff", size, glow=12.0, fitted=True)
    at = b.placed(0.0, (y0 + y1) / 2, z0, turn=90).item("window", "window")
    openings.window(at.shaped(stream("window", 1)), WHITE, view, size, bars=1)
    openings.daylight(at, size, (6.6, 7.2, 7.6))
    linen = _look("weave", "#b8ab98", (0.35, 0.35))
    wall = b.placed(0.10, (y0 + y1) / 2, turn=90)
    rod = tube([(-0.95, 0, 2.26), (0.95, 0, 2.26)], 0.013)
    wall.item("curtain rod", "curtain").add(rod, BLACK)
    for x, width, phase in ((-0.74, 0.42, 0.4), (0.74, 0.38, 1.9)):
        curtain = wall.placed(x, 0).item("curtain", "curtain")
        openings.curtain(curtain, linen, width, 2.27, phase)
    heater = b.placed(0.0, (y0 + y1) / 2, turn=90).item("radiator", "object")
    openings.radiator(heater, WHITE, 0.9)


def _bookshelf(b: Builder) -> None:
    """Bookcase 0.90 x 0.30 x 1.90 m, filled."""
    w, d, h, levels = 0.90, 0.30, 1.90, 5
    floors = np.linspace(0.06, h - 0.022, levels + 1)
    storage.carcass(b.item("bookshelf", "bookshelf"), WALNUT, w, d, h, floors)
    inks = ("#5c3634", "#333c49", "#465043", "#75634a", "#aaa18e", "#3a3734", "#684837",
            "#5b656d", "#88857d", "#4d3d47", "#8f8160", "#7d5044", "#c2bba9",
            "#26282c")  # fmt: skip
    gap = float(floors[1] - floors[0]) - 0.022
    spines = [_look("spine", ink, (0.06, 0.8 * gap), 0.02, 0.25, fitted=True, second="#8f8468")
              for ink in inks]  # fmt: skip
    books = b.item("books", "books")
    rows = ((-0.42, 0.02, 0.95), (-0.42, 0.34, 0.88), (-0.10, 0.42, 0.85), (-0.42, 0.18, 0.9))
    for z, (start, end, share) in zip(floors[1:5], rows, strict=True):
        level = books.placed(0, 0, float(z) + 0.022)
        storage.book_row(level, spines, start, end, gap * share)
        if end < 0.4:
            storage.leaning_book(level, spines[11], end + 0.006, gap * 0.62)
    for x in (-0.215, 0.215):
        hamper = rounded_box((0.38, 0.26, 0.25), 0.02, 0.006).moved(x, -0.01, 0.209)
        b.item("basket", "object").add(hamper, _look("basket", "#a88556", (0.25, 0.25)))
    _trinkets(b, [float(z) + 0.022 for z in floors])


def _trinkets(b: Builder, floors: list[float]) -> None:
    """Things that share the shelves with the books."""
    vase = lathe([(0, 0), (0.05, 0), (0.075, 0.07), (0.06, 0.14), (0.028, 0.19), (0.036, 0.22),
                  (0.026, 0.215), (0.0, 0.12)])  # fmt: skip
    b.item("vase", "object").add(vase.moved(0.29, -0.02, floors[1]),
                                 _look("plain", "#51707a", gloss=0.05, rough=0.06))  # fmt: skip
    chest = block((-0.40, -0.08, floors[3]), (-0.16, 0.08, floors[3] + 0.15))
    b.item("box", "box").add(chest, _look("pile", "#8a8378", (0.4, 0.4)))
    frame = b.item("photograph", "picture")
    frame.add(box((0.16, 0.015, 0.21)).turned(-10, "x").moved(0.30, 0.02, floors[4] + 0.107), BLACK)
    photo = box((0.13, 0.004, 0.18)).turned(-10, "x").moved(0.30, 0.0115, floors[4] + 0.106)
    frame.add(photo, _look("landscape", "#e0d8c8", (0.13, 0.18), fitted=True))
    lying = b.item("books", "books")
    for k, (w, d, ink) in enumerate(((0.30, 0.20, "#4b5a63"), (0.27, 0.19, "#a5977a"),
                                     (0.24, 0.17, "#74382f"))):  # fmt: skip
        book = rounded_box((w, d, 0.03), 0.002).moved(-0.2, 0, floors[5] + 0.015 + 0.031 * k)
        lying.add(book, _look("plain", ink, gloss=0.02, rough=0.25))
    bowl = lathe([(0, 0), (0.07, 0), (0.11, 0.06), (0.115, 0.10), (0.107, 0.10), (0.08, 0.02),
                  (0, 0.015)])  # fmt: skip
    b.item("bowl", "object").add(bowl.moved(0.2, 0, floors[5]),
                                 _look("plain", "#b9a78a", gloss=0.04, rough=0.12))  # fmt: skip


def _back_wall(b: Builder) -> None:
    """Bookcase, sofa, side table with lamp, door, pictures, clock, switch."""
    _bookshelf(b.placed(0.68, FAR - 0.155))
    couch = b.placed(2.06, FAR - 0.50)
    cloth = _look("weave", "#5f6670", (0.35, 0.35))
    seating.sofa(couch.item("sofa", "sofa"), cloth, WALNUT, width=1.72, seats=2)
    rust, cream = _look("weave", "#84594a", (0.3, 0.3)), _look("pile", "#bcae93", (0.3, 0.3))
    left, right = couch.placed(-0.47, -0.06, 0.455, turn=14), couch.placed(0.42, -0.05, 0.455, -10)
    seating.throw_pillow(left.item("cushion", "pillow"), rust, 24)
    seating.throw_pillow(right.item("cushion", "pillow"), cream, 26)
    arm = couch.placed(0.86 - 0.095, -0.16, 0.612, turn=90).item("throw", "clothes")
    blanket = _look("blanket", "#cfc6b4", (0.5, 0.5))
    things.throw(arm, blanket, width=0.46, thick=0.20, front=0.34, back=0.12)
    for x, z, kind, w, h, wood in ((1.72, 1.55, "landscape", 0.66, 0.50, OAK),
                                   (2.41, 1.58, "abstract", 0.42, 0.54, BLACK)):  # fmt: skip
        art = _look(kind, "#e6e2d8", (w - 0.156, h - 0.156), 0.03, 0.02, fitted=True)
        picture = b.placed(x, FAR, z).item("picture", "picture")
        walls.framed(picture, art, _look("plain", "#d9d3c5"), wood, w, h)
    stand = b.placed(3.17, FAR - 0.32)
    tables.side_table(stand.item("side table", "table"), WALNUT)
    _table_lamp(stand.placed(0.02, 0.03, 0.54))
    openings.panel_door(b.placed(3.78, FAR), WHITE, BRASS)
    clock = b.placed(2.92, FAR, 1.72).item("clock", "object")
    walls.wall_clock(clock, BLACK, _look("plain", "#d8d4c8"))
    switch = rounded_box((0.08, 0.012, 0.08), 0.004).moved(3.215, FAR - 0.006, 1.28)
    b.item("light switch", "object").add(switch, WHITE)


def _table_lamp(b: Builder) -> None:
    glow = 4.0
    base = _look("plain", "#5d7472", gloss=0.05, rough=0.06)
    shade = _look("weave", "#f2d3a0", (0.3, 0.3), glow=glow)
    bulb = _look("plain", "#ffdfae", glow=25 * glow)
    lamps.table_lamp(b.item("lamp", "lamp"), base, shade, _look("plain", "#f0dfc0"), bulb)


def _middle(b: Builder) -> None:
    """Rug, coffee table, armchair, plant and what lies between them."""
    carpet = _look("rug", "#ffffff", (2.1, 1.45), fitted=True)
    mat = rounded_box((2.1, 1.45, 0.012), 0.005).moved(0, 0, 0.0062)
    b.placed(1.95, 2.75, turn=2).item("rug", "rug").add(mat, carpet)
    low = b.placed(2.05, 2.72, 0.0125, turn=3)
    tables.coffee_table(low.item("coffee table", "table"), OAK)
    _on_the_coffee_table(low, low.placed(0, 0, 0.4205))
    tweed = _look("pile", "#7a6b50", (0.25, 0.25))
    seat = b.placed(0.74, 2.62, turn=68)
    seating.sofa(seat.item("armchair", "sofa"), tweed, WALNUT, width=0.82, seats=1)
    cushion = seat.placed(0.02, -0.02, 0.455, turn=6).item("cushion", "pillow")
    seating.throw_pillow(cushion, _look("weave", "#4d6068", (0.3, 0.3)), 26, 0.38)
    greens = [_look("leaf", ink, (0.27, 0.13), 0.03, 0.2, fitted=True)
              for ink in ("#2f4a2a", "#3c5a33", "#486b38", "#35522f")]  # fmt: skip
    plants.rubber_plant(b.placed(0.42, 3.72).item("plant", "plant"), 1.35,
                        _look("plaster", "#9a5b3f", (0.3, 0.3)),
                        _look("pile", "#2c2119", (0.2, 0.2)),
                        _look("wood", "#5a4a35", (0.3, 0.1)), greens)  # fmt: skip
    felt = _look("pile", "#6d5a52", (0.2, 0.2))
    for x, y, turn in ((1.32, 2.22, -20), (1.47, 2.14, 15)):
        shoe = b.placed(x, y, 0.013, turn=turn).item("slipper", "object")
        things.slipper(shoe, felt, _look("plain", "#3a2f28"))
    toy = lathe(_circle(0.075)).turned(35, "x").moved(1.80, 2.20, 0.0875)
    b.item("ball", "object").add(toy, _look("blanket", "#d8c8b0", (0.5, 0.5), 0.03, 0.2))


def _circle(radius: float) -> list[tuple[float, float]]:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    points = [(float(radius * np.cos(a)), float(radius * np.sin(a))) for a in angle]
    return [(0.0, -radius), *points[1:-1], (0.0, radius)]


def _mug(b: Builder, paint: str) -> None:
    glaze = _look("plain", paint, gloss=0.05, rough=0.05)
    things.mug(b.item("mug", "object"), glaze, _look("plain", "#2a1810", gloss=0.04))


def _pile(b: Builder, inks: tuple[str, ...]) -> None:
    jackets = [_look("cover" if k == 0 else "plain", ink, (0.18, 0.25), 0.03, 0.2, fitted=True)
               for k, ink in enumerate(inks)]  # fmt: skip
    things.pile_of_books(b.item("books", "books"), jackets, _look("weave", "#cfc5ae", (0.2, 0.2)))


def _sheet(b: Builder, kind: str, thick: float = 0.0015) -> None:
    look = _look(kind, "#f0ece2", (0.21, 0.297), 0.02, 0.2, fitted=True)
    things.sheet_of_paper(b.item("magazine", "paper"), look, thick)


def _on_the_coffee_table(low: Builder, top: Builder) -> None:
    skins = [_look("plaster", ink, (0.2, 0.2), 0.035, 0.18)
             for ink in ("#c8782c", "#8f3026", "#c8782c", "#b9a03f")]  # fmt: skip
    bowl = top.placed(0.10, 0.06).item("fruit bowl", "object")
    things.fruit_bowl(bowl, _look("wood", "#77502f", (0.5, 0.2), 0.03, 0.15), skins)
    _mug(top.placed(-0.16, -0.12, turn=20), "#b8b2a4")
    _sheet(top.placed(-0.33, 0.06, turn=24), "cover", 0.006)
    _sheet(top.placed(-0.30, 0.03, 0.0062, turn=-12), "cover", 0.005)
    remote = top.placed(0.16, -0.17, turn=65).item("remote control", "object")
    things.remote_control(remote, BLACK, _look("plain", "#8a8a88"))
    _pile(top.placed(0.36, 0.03, turn=-15), ("#5d3a34", "#3d4f5c", "#a3966f"))
    _pile(low.placed(-0.2, 0, 0.139, turn=80), ("#44525e", "#7d6a44", "#6e3b31"))


def _foreground(b: Builder) -> None:
    """Dining table in the right foreground, a chair behind it, a box on the floor."""
    desk = b.placed(2.98, 1.62, turn=-4)
    tables.table(desk.item("table", "table"), (1.05, 0.78, 0.74), PINE)
    top = desk.placed(0, 0, 0.7405)
    laptop = top.placed(-0.06, 0.08, turn=14).item("laptop", "object")
    picture = _look("paper", "#e4ebf5", (0.306, 0.19), 0.03, 0.03, 1.1, fitted=True)
    things.laptop(laptop, _look("plain", "#77797c", gloss=0.06), BLACK, picture)
    _mug(top.placed(-0.38, 0.02, turn=140), "#4a6478")
    _sheet(top.placed(-0.30, -0.22, turn=-18), "paper")
    _sheet(top.placed(-0.24, -0.17, 0.0016, turn=7), "paper")
    pencils = [_look("plain", ink) for ink in ("#a8402f", "#c59b38", "#34506d", "#3f6146")]
    things.pencil_cup(top.placed(-0.34, 0.27).item("pencil cup", "object"), STEEL, pencils)
    glass = _look("plain", "#2c4431", gloss=0.07, rough=0.03)
    label = _look("paper", "#e8dcc0", (0.23, 0.09))
    things.bottle(top.placed(0.2, 0.28).item("bottle", "object"), glass, label)
    pad = _look("weave", "#8c7a5e", (0.3, 0.3))
    seating.chair(b.placed(3.02, 2.28, turn=4).item("chair", "chair"), WALNUT, pad)
    carton = b.placed(1.02, 1.72, turn=28).item("box", "box")
    things.cardboard_box(carton, _look("plaster", "#9c7a52", (0.5, 0.5)),
                          _look("plain", "#b59a6c", gloss=0.03),
                          _look("pile", "#5d6b7a", (0.25, 0.25)))  # fmt: skip


def build() -> Scene:
    """Furnish the room."""
    b = Builder(stream("example room", SEED), stream("example offsets", SEED))
    _shell(b)
    _window(b)
    _back_wall(b)
    _middle(b)
    _foreground(b)
    lamp = b.placed(2.2, 1.5, HEIGHT).item("ceiling lamp", "lamp")
    lamps.ceiling_lamp(lamp, colour("#ffe2b8"), 42.0)
    surface = 2 * WIDTH * (FAR - NEAR) + 2 * (WIDTH + FAR - NEAR) * HEIGHT
    return b.finished(None, ambient_of(list(b.store.lights), surface))
