"""Lamps: the visible object and its light."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.materials import Material
from leadline.worlds.primitives import ball, block, box, cylinder, lathe, tube
from leadline.worlds.scene import Builder


def kelvin(temperature: float) -> Colour:
    """Colour of a black body of 1000 to 40000 K as linear RGB whose largest channel is 1.

    After Tanner Helland's fit (2012), accurate to a few per cent, enough for lamps.
    """
    t = temperature / 100
    red = 255.0 if t <= 66 else 329.7 * (t - 60) ** -0.1332
    green = 99.47 * np.log(t) - 161.1 if t <= 66 else 288.1 * (t - 60) ** -0.0755
    blue = 255.0 if t >= 66 else 0.0 if t <= 19 else 138.5 * np.log(t - 10) - 305
    linear = (np.clip([red, green, blue], 1, 255) / 255) ** 2.2
    r, g, b = linear / linear.max()
    return float(r), float(g), float(b)


def times(colour: Colour, factor: float) -> Colour:
    """Scale a colour."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _glowing(b: Builder, colour: Colour, glow: float) -> Material:
    return Material(b.look.tile("plain"), times(colour, 0.9), glow=glow)


def table_lamp(
    b: Builder,
    base: Material,
    shade: Material,
    inner: Material,
    bulb: Material,
    *,
    lit: bool = True,
) -> None:
    """Ceramic table lamp 0.55 m high with a linen shade; both glow if lit."""
    b.add(lathe([(0, 0), (0.075, 0), (0.075, 0.015), (0.05, 0.03), (0.085, 0.11), (0.08, 0.17),
                 (0.03, 0.25), (0.014, 0.28), (0.012, 0.36), (0, 0.36)]), base)  # fmt: skip
    b.add(lathe([(0.165, 0.31), (0.11, 0.55)], 32), shade)
    b.add(lathe([(0.108, 0.55), (0.163, 0.31)], 32), inner)
    b.add(ball(0.03, sides=10).moved(0, 0, 0.42), bulb)
    if lit:
        b.lamp((0, 0, 0.42), 0.03, times(bulb.paint, bulb.glow))
        b.lamp((0, 0, 0.43), 0.15, times(shade.paint, 0.8 * shade.glow))


def random_table_lamp(b: Builder) -> None:
    """Table lamp, lit or not."""
    rng = b.look.rng
    lit = rng.random() < 0.5
    colour, glow = kelvin(rng.uniform(2500, 3400)), rng.uniform(1.5, 5.0) if lit else 0.0
    linen = b.look.linen()
    shade = Material(
        linen.texture, times(colour, 0.85) if lit else linen.paint, (0.3, 0.3), glow=glow
    )
    inner = Material(linen.texture, (0.85, 0.8, 0.7), (0.3, 0.3))
    bulb = Material(b.look.tile("plain"), colour, glow=20 * glow)
    item = b.item("lamp", "lamp")
    table_lamp(item, b.look.ceramic(), shade, inner, bulb, lit=lit)


def floor_lamp(b: Builder, size: Size) -> None:
    """Standing lamp with a drum or cone shade."""
    rng, look = b.rng, b.look.rng
    h, metal = rng.uniform(1.3, 1.75), b.look.metal()
    b.add(lathe([(0, 0), (0.15, 0), (0.14, 0.02), (0.012, 0.035), (0.011, h), (0, h)], 18), metal)
    lit = look.random() < 0.55
    colour, glow = kelvin(look.uniform(2500, 4000)), look.uniform(1.2, 4) if lit else 0.0
    paint = times(colour, 0.85) if lit else b.look.linen().paint
    shade = Material(b.look.tile("weave"), paint, (0.3, 0.3), glow=glow)
    low, high, tall = rng.uniform(0.15, 0.24), rng.uniform(0.08, 0.18), rng.uniform(0.2, 0.34)
    b.add(lathe([(low, h - 0.08), (high, h - 0.08 + tall)], 24), shade)
    b.add(lathe([(high - 0.002, h - 0.08 + tall), (low - 0.002, h - 0.08)], 24), shade)
    if lit:
        b.lamp((0, 0, h + 0.05), 0.19, times(colour, 1.1 * glow))


def arc_lamp(b: Builder, size: Size) -> None:
    """Reading lamp on a bent arm."""
    h, metal = b.rng.uniform(1.2, 1.6), b.look.metal()
    b.add(cylinder(0.14, 0.03, 18), metal)
    b.add(
        tube([(0, 0, 0.03), (0, 0, h), (0, -0.08, h + 0.1), (0, -0.25, h + 0.08)], 0.011, 8), metal
    )
    b.add(lathe([(0.09, -0.12), (0.03, 0.0)], 16).moved(0, -0.27, h + 0.08), b.look.paint())
    if b.look.rng.random() < 0.5:
        colour = kelvin(b.look.rng.uniform(2600, 4000))
        b.add(ball(0.03, sides=10).moved(0, -0.27, h + 0.01), _glowing(b, colour, 15))
        b.lamp((0, -0.27, h - 0.04), 0.04, times(colour, b.look.rng.uniform(30, 70)))


def ceiling_lamp(b: Builder, paint: Colour, glow: float) -> None:
    """Round opal ceiling lamp; its top touches z = 0."""
    opal = Material(b.look.tile("plain"), paint, glow=glow)
    b.add(ball(0.19, 0.32).moved(0, 0, -0.065), opal)
    b.lamp((0, 0, -0.14), 0.11, times(paint, 2.0 * glow))


def pendant(b: Builder, colour: Colour, glow: float, drop: float) -> None:
    """Lamp hanging `drop` metres from the ceiling on a cable."""
    b.add(cylinder(0.05, 0.025, 14).moved(0, 0, -0.025), b.look.white())
    b.add(tube([(0, 0, -0.02), (0, 0, 0.12 - drop)], 0.004, 6), b.look.black())
    style = b.rng.random()
    if style < 0.5:
        radius = b.rng.uniform(0.1, 0.2)
        b.add(ball(radius, b.rng.uniform(0.6, 1)).moved(0, 0, -drop), _glowing(b, colour, glow))
        b.lamp((0, 0, -drop), radius, times(colour, glow * 1.6))
    else:
        radius = b.rng.uniform(0.14, 0.24)
        outer, shade = b.look.paint(), b.rng.uniform(0.12, 0.25)
        b.add(lathe([(radius, -shade / 2), (0.04, shade / 2), (0, shade / 2 + 0.01)], 24).moved(
            0, 0, -drop), outer)  # fmt: skip
        b.add(lathe([(0.035, shade / 2 - 0.01), (radius - 0.004, -shade / 2)], 24).moved(
            0, 0, -drop), _glowing(b, colour, 0.5 * glow))  # fmt: skip
        b.add(ball(0.045, sides=12).moved(0, 0, -drop - 0.02), _glowing(b, colour, 3 * glow))
        b.lamp((0, 0, -drop - 0.04), 0.06, times(colour, 12 * glow))


def lit_panel(b: Builder, width: float, depth: float, colour: Colour, glow: float) -> None:
    """Flat lamp or fluorescent tubes in a ceiling; z = 0 is the ceiling."""
    frame = b.look.white()
    b.add(
        block(
            (-width / 2 - 0.02, -depth / 2 - 0.02, -0.04), (width / 2 + 0.02, depth / 2 + 0.02, 0)
        ),
        frame,
    )
    b.add(box((width, depth, 0.01)).moved(0, 0, -0.041), _glowing(b, colour, glow))
    half = (width / 2, 0.0, 0.0), (0.0, -depth / 2, 0.0)
    b.panel((0, 0, -0.055), half[0], half[1], times(colour, glow))


def spots(b: Builder, colour: Colour, glow: float, count: int) -> None:
    """Row of small lamps along x on a rail; z = 0 is the ceiling."""
    long = 0.45 * count
    b.add(box((long, 0.04, 0.03)).moved(0, 0, -0.015), b.look.black())
    for k in range(count):
        x = (k + 0.5) * 0.45 - long / 2
        b.add(cylinder(0.045, 0.1, 12).moved(x, 0, -0.14), b.look.black())
        b.add(cylinder(0.035, 0.006, 12).moved(x, 0, -0.147), _glowing(b, colour, 6 * glow))
        b.lamp((x, 0, -0.2), 0.04, times(colour, 14 * glow))
