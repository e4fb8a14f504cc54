"""Light and weather: the ten variations of Virtual KITTI for every scene, dusk and night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.grammar.furniture.lamps import kelvin, times
from leadline.worlds.scene import Light, Scene, Sky

Rng = np.random.Generator


def _sun(rng: Rng, low: float, high: float) -> Colour:
    up, around = np.radians(rng.uniform(low, high)), rng.uniform(0, 2 * np.pi)
    return (
        float(np.cos(up) * np.cos(around)),
        float(np.cos(up) * np.sin(around)),
        float(np.sin(up)),
    )


def _blue(rng: Rng, strength: float) -> tuple[Colour, Colour]:
    """Zenith and horizon of a clear sky."""
    zenith = (0.16 * strength, 0.30 * strength, rng.uniform(0.55, 0.75) * strength)
    horizon = (0.62 * strength, 0.74 * strength, 0.9 * strength)
    return zenith, horizon


def _day(rng: Rng) -> Sky:
    zenith, horizon = _blue(rng, rng.uniform(0.8, 1.1))
    sun = _sun(rng, 25, 65)
    return Sky(
        zenith,
        horizon,
        sun,
        times(kelvin(rng.uniform(5000, 6200)), rng.uniform(1.8, 3.2)),
        float(rng.uniform(0.0, 0.6)),
        int(rng.integers(1 << 30)),
        fog=float(rng.uniform(2e-4, 1.5e-3)),
        fog_colour=times(horizon, 0.95),
    )


def _morning(rng: Rng) -> Sky:
    zenith, horizon = _blue(rng, 0.6)
    warm = (horizon[0] * 1.35, horizon[1] * 1.05, horizon[2] * 0.85)
    return Sky(
        zenith,
        warm,
        _sun(rng, 8, 20),
        times(kelvin(rng.uniform(3400, 4300)), rng.uniform(1.3, 2.2)),
        float(rng.uniform(0.0, 0.4)),
        int(rng.integers(1 << 30)),
        fog=float(rng.uniform(1e-3, 4e-3)),
        fog_colour=warm,
    )


def _sunset(rng: Rng) -> Sky:
    zenith, horizon = (0.14, 0.17, 0.34), (0.85, 0.42, 0.2)
    return Sky(
        zenith,
        horizon,
        _sun(rng, 3, 10),
        times(kelvin(rng.uniform(2200, 2900)), rng.uniform(1.0, 1.8)),
        float(rng.uniform(0.1, 0.6)),
        int(rng.integers(1 << 30)),
        fog=1.5e-3,
        fog_colour=(0.6, 0.38, 0.26),
    )


def _overcast(rng: Rng) -> Sky:
    grey = rng.uniform(0.7, 1.0)
    return Sky(times((0.86, 0.9, 0.95), grey), times((0.92, 0.94, 0.96), grey), _sun(rng, 30, 60),
               (0, 0, 0), 1.0, int(rng.integers(1 << 30)), fog=float(rng.uniform(1e-3, 3e-3)),
               fog_colour=times((0.9, 0.92, 0.95), grey))  # fmt: skip


def _fog(rng: Rng) -> Sky:
    grey = rng.uniform(0.6, 0.9)
    colour = times((0.92, 0.94, 0.96), grey)
    return Sky(
        colour,
        colour,
        _sun(rng, 20, 60),
        (0, 0, 0),
        1.0,
        int(rng.integers(1 << 30)),
        fog=float(np.exp(rng.uniform(np.log(0.012), np.log(0.05)))),
        fog_colour=colour,
    )


def _rain(rng: Rng) -> Sky:
    grey = rng.uniform(0.35, 0.6)
    return Sky(
        times((0.84, 0.9, 0.97), grey),
        times((0.9, 0.94, 1.0), grey),
        _sun(rng, 30, 60),
        (0, 0, 0),
        1.0,
        int(rng.integers(1 << 30)),
        fog=float(rng.uniform(3e-3, 9e-3)),
        fog_colour=times((0.86, 0.9, 0.95), grey),
        wet=float(rng.uniform(0.5, 1)),
        rain=float(rng.uniform(0.3, 1.0)),
    )


def _dusk(rng: Rng) -> Sky:
    k = rng.uniform(0.1, 0.22)
    return Sky(
        times((0.16, 0.24, 0.55), k),
        times((0.7, 0.55, 0.55), k),
        _sun(rng, 1, 3),
        (0, 0, 0),
        float(rng.uniform(0.1, 0.8)),
        int(rng.integers(1 << 30)),
        fog=1e-3,
        fog_colour=times((0.4, 0.4, 0.5), k),
    )


def _night(rng: Rng) -> Sky:
    k = rng.uniform(0.006, 0.02)
    wet = float(rng.uniform(0.3, 0.9)) if rng.random() < 0.3 else 0.0
    return Sky(
        times((0.2, 0.25, 0.45), k),
        times((0.8, 0.65, 0.5), k),
        _sun(rng, 20, 40),
        (0, 0, 0),
        0.6,
        int(rng.integers(1 << 30)),
        fog=1e-3,
        fog_colour=times((0.8, 0.65, 0.5), k),
        wet=wet,
    )


class Variation(NamedTuple):
    """A variation: sky, degrees the camera turns to the left, whether lamps are lit.

    `dim` is the brightness of the picture relative to automatic exposure.
    """

    sky: Callable[[Rng], Sky]
    yaw: float = 0.0
    lamps: bool = False
    dim: float = 1.0


VARIATIONS: dict[str, Variation] = {
    "clone": Variation(_day),
    "15-deg-left": Variation(_day, 15),
    "15-deg-right": Variation(_day, -15),
    "30-deg-left": Variation(_day, 30),
    "30-deg-right": Variation(_day, -30),
    "fog": Variation(_fog),
    "morning": Variation(_morning),
    "overcast": Variation(_overcast),
    "rain": Variation(_rain),
    "sunset": Variation(_sunset),
    "dusk": Variation(_dusk, 0, True, 0.6),
    "night": Variation(_night, 0, True, 0.25),
}
"""All variations; the first ten are those of Virtual KITTI, with its names."""

VKITTI_VARIATIONS = tuple(VARIATIONS)[:10]
_GROUND = [CLASS_ID["road"], CLASS_ID["sidewalk"]]


def under_weather(scene: Scene, sky: Sky, lamps: tuple[Light, ...]) -> Scene:
    """Return the scene in a weather: wet ground is dark and shiny, lit lamps and windows glow."""
    scene = replace(scene, sky=sky, lights=lamps)
    if sky.wet > 0:
        ground = np.isin(scene.classes, _GROUND)
        gloss = np.where(ground, np.float32(0.03 + 0.12 * sky.wet), scene.gloss)
        rough = np.where(ground, np.float32(0.04), scene.rough)
        dark = np.where(ground, np.float32(1 - 0.45 * sky.wet), np.float32(1))[:, None]
        scene = replace(
            scene, gloss=gloss, rough=rough, tint=scene.tint * dark, second=scene.second * dark
        )
    if lamps:
        scene = replace(scene, glow=scene.glow + scene.night)
    return scene
