"""Lighting of a room: ceiling lamps, daylight, sun, or almost none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.grammar.furniture import lamps
from leadline.worlds.grammar.furniture.lamps import kelvin, times
from leadline.worlds.grammar.plan import Plan
from leadline.worlds.grammar.room_kinds import RoomKind
from leadline.worlds.grammar.shell import Daytime
from leadline.worlds.scene import Ball, Builder, Light, Panel, Sun


@dataclass(frozen=True)
class Mood:
    """The lighting of a room.

    `lamp` multiplies the ceiling lamps (0: off); `colour` is theirs; `sun` is whether the sun
    shines in.
    """

    day: Daytime
    lamp: float
    colour: Colour
    sun: bool


def draw_mood(rng: np.random.Generator, has_windows: bool) -> Mood:
    """Draw day or night, and lamps on or off; without windows they are on."""
    colour = kelvin(rng.choice([rng.uniform(2600, 3400), rng.uniform(3800, 6500)]))
    by_day = rng.random() < 0.68
    strength = float(np.exp(rng.normal(1.6, 0.6)))
    light = times(kelvin(rng.uniform(5500, 9500)), strength)
    # A pane is about as bright as the incoming light, within the range of an exposure.
    day = Daytime(strength * rng.uniform(0.8, 1.5), light) if by_day else Daytime(0.03, (0, 0, 0))
    needed = not has_windows or not by_day
    on = needed or rng.random() < 0.45
    lamp = float(np.exp(rng.normal(0, 0.5))) if on else 0.0
    if needed and rng.random() < 0.08:
        lamp *= 0.1  # as if left switched off
    return Mood(day, lamp, colour, by_day and has_windows and rng.random() < 0.4)


def hang_lamps(b: Builder, plan: Plan, kind: RoomKind, mood: Mood) -> None:
    """Add ceiling lamps in a regular pattern."""
    rng = b.rng
    style = kind.lamps[int(rng.integers(len(kind.lamps)))]
    if style == "none":
        return
    step = rng.uniform(2.4, 3.6)
    columns, rows = max(1, round(plan.width / step)), max(1, round(plan.depth / step))
    if style in ("disc", "pendant") and plan.width * plan.depth < 24:
        columns = rows = 1
    wide = bool(rng.random() < 0.5)
    for i in range(columns):
        for j in range(rows):
            x, y = (i + 0.5) * plan.width / columns, (j + 0.5) * plan.depth / rows
            if plan.inside((x - 0.1, x + 0.1, y - 0.1, y + 0.1)):
                at = b.placed(x, y, plan.height, turn=90.0 * wide)
                _lamp(at.item("ceiling lamp", "lamp"), style, plan.height, mood)


def _lamp(b: Builder, style: str, height: float, mood: Mood) -> None:
    rng = b.rng
    if style == "disc":
        lamps.ceiling_lamp(b, times(mood.colour, 0.9), 26.0 * mood.lamp)
    elif style == "pendant":
        lamps.pendant(b, mood.colour, 9.0 * mood.lamp, min(rng.uniform(0.35, 0.9), height - 1.75))
    elif style == "panel":
        lamps.lit_panel(b, 0.6, rng.choice([0.6, 1.2]), mood.colour, 5.0 * mood.lamp)
    elif style == "tubes":
        lamps.lit_panel(b, 1.25, 0.12, mood.colour, 12.0 * mood.lamp)
    else:
        lamps.spots(b, mood.colour, 6.0 * mood.lamp, int(rng.integers(2, 4)))


def sun_through(rng: np.random.Generator, plan: Plan, light: Colour) -> Sun | None:
    """Return a sun that shines in through a window."""
    walls = [wall for wall in plan.walls if any(o.kind == "window" for o in wall.openings)]
    if not walls:
        return None
    wall = walls[int(rng.integers(len(walls)))]
    # Local +y of the wall points out of the room.
    out = np.radians(wall.turn + 90 + rng.uniform(-50, 50))
    up = np.radians(rng.uniform(12, 50))
    direction = (
        float(np.cos(up) * np.cos(out)),
        float(np.cos(up) * np.sin(out)),
        float(np.sin(up)),
    )
    warm = kelvin(rng.uniform(4200, 5800))
    return Sun(direction, times(warm, rng.uniform(0.7, 2.2) * max(light)))


def ambient_of(lights: list[Light], surface: float) -> Colour:
    """Light that has bounced at least once, on average over `surface` square metres.

    Every surface of a room reflects less than half of the light it receives, repeatedly, so the
    sum of all bounces is somewhat less than the direct light.
    """
    total = np.zeros(3)
    for light in lights:
        if isinstance(light, Ball):
            total += np.asarray(light.radiance) * 4 * np.pi * light.radius**2
        elif isinstance(light, Panel):
            area = 4 * np.linalg.norm(np.cross(light.u, light.v))
            total += np.asarray(light.radiance) * area
        else:
            total += np.asarray(light.radiance) * 1.2
    red, green, blue = 0.75 * total / surface + 4e-3
    return float(red), float(green), float(blue)
