"""The table of small objects, and their random placement."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.grammar import things
from leadline.worlds.materials import Material
from leadline.worlds.primitives import box
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Builder


class Thing(NamedTuple):
    """A small object: builder function, class, reach to the sides, greatest height."""

    build: Callable[[Builder], None]
    cls: str
    reach: float
    tall: float


THINGS: dict[str, Thing] = {
    "mug": Thing(things.random_mug, "object", 0.06, 0.1),
    "vase": Thing(things.a_vase, "object", 0.11, 0.65),
    "jar": Thing(things.a_jar, "object", 0.07, 0.22),
    "package": Thing(things.a_package, "box", 0.15, 0.3),
    "fruit bowl": Thing(things.random_fruit_bowl, "object", 0.15, 0.15),
    "paper": Thing(things.a_paper, "paper", 0.16, 0.03),
    "books": Thing(things.a_books, "books", 0.15, 0.2),
    "laptop": Thing(things.random_laptop, "object", 0.19, 0.25),
    "bottle": Thing(things.random_bottle, "object", 0.04, 0.32),
    "remote control": Thing(things.a_remote, "object", 0.08, 0.03),
    "pencils": Thing(things.a_pencils, "object", 0.05, 0.17),
    "plates": Thing(things.a_plates, "object", 0.14, 0.1),
    "bowl": Thing(things.a_bowl, "object", 0.15, 0.1),
    "glass": Thing(things.a_glass, "object", 0.04, 0.16),
    "kettle": Thing(things.a_kettle, "object", 0.12, 0.25),
    "toaster": Thing(things.a_toaster, "object", 0.16, 0.2),
    "microwave": Thing(things.a_microwave, "object", 0.27, 0.3),
    "coffee machine": Thing(things.a_coffee_machine, "object", 0.15, 0.35),
    "printer": Thing(things.a_printer, "object", 0.27, 0.22),
    "telephone": Thing(things.a_phone, "object", 0.12, 0.12),
    "speaker": Thing(things.a_speaker, "object", 0.12, 0.38),
    "photograph": Thing(things.a_photo_frame, "object", 0.12, 0.3),
    "candle": Thing(things.a_candle, "object", 0.08, 0.25),
    "ball": Thing(things.a_ball, "object", 0.12, 0.24),
    "teddy": Thing(things.a_teddy, "object", 0.15, 0.42),
    "small plant": Thing(things.a_small_plant, "plant", 0.14, 0.5),
    "basket": Thing(things.a_basket, "object", 0.2, 0.25),
    "soap": Thing(things.a_soap, "object", 0.04, 0.22),
    "folded cloth": Thing(things.a_folded, "clothes", 0.2, 0.15),
    "knife block": Thing(things.a_knife_block, "object", 0.1, 0.3),
    "shoes": Thing(things.a_shoes, "object", 0.2, 0.1),
    "bag": Thing(things.a_bag, "bag", 0.25, 0.6),
    "heap of clothes": Thing(things.a_heap, "clothes", 0.3, 0.15),
    "carton": Thing(things.a_carton, "box", 0.35, 0.45),
    "toy bricks": Thing(things.a_toy_bricks, "object", 0.3, 0.06),
    "pot": Thing(things.pot, "object", 0.16, 0.25),
}
"""All small objects; a new one needs a function and a row."""

TABLE = ("mug", "vase", "jar", "package", "fruit bowl", "paper", "books", "laptop", "bottle",
         "remote control", "plates", "bowl", "glass", "candle", "small plant", "photograph",
         "folded cloth", "basket", "mug", "books", "paper", "speaker", "package")  # fmt: skip
DESK = ("paper", "paper", "books", "mug", "pencils", "laptop", "telephone", "printer", "package",
        "bottle", "small plant", "photograph", "books", "jar")  # fmt: skip
SHELF = ("vase", "books", "basket", "photograph", "small plant", "speaker", "package", "candle",
         "bowl", "jar", "teddy", "carton", "folded cloth", "ball")  # fmt: skip
KITCHEN = ("jar", "bottle", "kettle", "toaster", "microwave", "coffee machine", "knife block",
           "plates", "bowl", "glass", "pot", "fruit bowl", "package", "mug", "jar",
           "package")  # fmt: skip
BATH = ("soap", "soap", "glass", "candle", "jar", "folded cloth", "small plant")
FLOOR = ("shoes", "bag", "heap of clothes", "carton", "toy bricks", "ball", "teddy", "books",
         "basket", "paper", "package", "bottle", "carton", "small plant", "bag")  # fmt: skip

DESIGNS = 24
"""Number of designs of an object in a split."""


def place_thing(b: Builder, name: str) -> None:
    """Put an object at the builder's place, in a design of its split."""
    design = int(b.look.rng.integers(DESIGNS))
    shaped = b.shaped(stream("design", name, b.look.split, design))
    thing = THINGS[name]
    thing.build(shaped.item(name, thing.cls))


def scatter(
    b: Builder, width: float, depth: float, count: int, kinds: tuple[str, ...] = TABLE,
    room: float = 3.0,
) -> None:  # fmt: skip
    """Place up to twice `count` objects on a rectangle, without overlap.

    None is taller than `room` metres.
    """
    rng, taken = b.look.rng, np.zeros((0, 3))
    for _ in range(2 * count):
        name = kinds[int(rng.integers(len(kinds)))]
        thing = THINGS[name]
        for _ in range(4):
            # Large objects keep away from the rim.
            over = 2 * max(thing.reach - 0.1, 0)
            x = rng.uniform(-0.5, 0.5) * max(width - over, 0)
            y = rng.uniform(-0.5, 0.5) * max(depth - over, 0)
            near = np.hypot(taken[:, 0] - x, taken[:, 1] - y) < taken[:, 2] + thing.reach
            if thing.tall < room and not near.any():
                taken = np.concatenate([taken, [[x, y, thing.reach]]])
                place_thing(b.placed(x, y, turn=rng.uniform(-70, 70)), name)
                break


def boxes(b: Builder, width: float, depth: float, room: float, most: int = 4) -> None:
    """Cartons and packages side by side and on top of each other, up to `room` metres."""
    rng = b.look.rng
    board: Colour = b.look.pick(("#9c7a52", "#ad8a60", "#8a6a48"))
    x = -width / 2
    for _ in range(most):
        w, d = rng.uniform(0.18, 0.5), min(depth, rng.uniform(0.2, 0.45))
        if x + w > width / 2:
            break
        z = 0.0
        while True:
            h = rng.uniform(0.12, 0.38)
            if z + h > room - 0.03 or (z > 0 and rng.random() < 0.5):
                break
            look = Material(
                b.look.tile("cardboard"),
                board if rng.random() < 0.7 else b.look.any_colour(0.6),
                (0.5, 0.5),
                second=(0.05, 0.05, 0.06),
            )
            carton = box((w, d, h)).turned(rng.normal(0, 4))
            b.item("box", "box").add(carton.moved(x + w / 2, rng.normal(0, 0.02), z + h / 2), look)
            z += h
        x += w + rng.uniform(0.02, 0.15)
