"""Streets: a road with its borders, objects and traffic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.grammar.street.ground import lay_road, lay_terrain
from leadline.worlds.grammar.street.plants import GREENS, foliage, tuple_of
from leadline.worlds.grammar.street.road import Course, draw_course
from leadline.worlds.grammar.street.roadside import build_roadside
from leadline.worlds.grammar.street.site import AHEAD, BEHIND, Profile, Site
from leadline.worlds.grammar.street.traffic import add_traffic
from leadline.worlds.materials import Material, Palette
from leadline.worlds.primitives import blob, box, cylinder
from leadline.worlds.randomness import Seeds
from leadline.worlds.scene import Ball, Builder, Scene, Sky

_NO_SKY = Sky((0.3, 0.5, 0.9), (0.8, 0.9, 1.0), (0.3, 0.3, 0.9), (1.0, 1.0, 1.0))


@dataclass(eq=False)
class Street:
    """A built street: its scene, course and profile, and the lamps lit at night.

    `spots` are places along the road kept free for cameras: s and side in metres.
    """

    scene: Scene
    course: Course
    profile: Profile
    lamps: tuple[Ball, ...]
    spots: tuple[tuple[float, float], ...]


def build_street(seeds: Seeds) -> Street:
    """Build the street of `seeds`, under a neutral sky."""
    rng = seeds.stream("layout")
    b = Builder(rng, seeds.stream("offsets"), Palette(seeds.stream("materials"), seeds.split))
    profile = _draw_profile(rng)
    course = draw_course(rng, BEHIND, AHEAD)
    crossing = (
        float(rng.uniform(18, 60)) if rng.random() < 0.4 and profile.kind != "country" else None
    )
    site = Site(b, rng, course, profile, crossing)
    spots = _camera_spots(rng, profile)
    site.taken += [(s, side, 6.0) for s, side in spots]
    lay_terrain(site)
    lay_road(site)
    for side in (-1, 1):
        build_roadside(site, side)
    add_traffic(site)
    _backdrop(site)
    return Street(b.finished(_NO_SKY, (0, 0, 0)), course, profile, tuple(site.lamps), spots)


def _draw_profile(rng: np.random.Generator) -> Profile:
    kind = ("city", "suburb", "country", "town")[int(rng.choice(4, p=[0.35, 0.25, 0.15, 0.25]))]
    lanes = int(rng.choice([1, 2], p=[0.75, 0.25])) if kind != "suburb" else 1
    parking = bool(rng.random() < {"city": 0.6, "suburb": 0.45, "country": 0.0, "town": 0.55}[kind])
    pavement = 0.0 if kind == "country" else float(rng.uniform(1.4, 4.5 if kind == "city" else 2.8))
    near = {
        "city": 0.0,
        "town": float(rng.choice([0, rng.uniform(0.5, 4)])),
        "suburb": float(rng.uniform(3, 9)),
        "country": float(rng.uniform(4, 14)),
    }[kind]
    return Profile(kind, lanes, float(rng.uniform(2.9, 3.7)), parking, pavement, near)


def _camera_spots(rng: np.random.Generator, profile: Profile) -> tuple[tuple[float, float], ...]:
    """Choose four places in traffic lanes or on the pavement, in order along the road."""
    spots = []
    for k in range(4):
        s = 18.0 * k + rng.uniform(-4, 4)
        side = float(profile.lane * (rng.integers(profile.lanes) + 0.5))
        if profile.pavement > 1.5 and rng.random() < 0.25:
            side = profile.half + 0.5 * profile.pavement
        if rng.random() < 0.25:
            side = -side
        spots.append((float(s), side))
    return tuple(spots)


def _backdrop(site: Site) -> None:
    """Add hills, distant woods or houses at the end of the road."""
    rng, b = site.rng, site.b
    end = site.course.points[-1]
    for _ in range(int(rng.integers(3, 8))):
        place = _around(rng, end, rng.uniform(60, 160))
        lump = blob(rng, float(rng.uniform(30, 90)), float(rng.uniform(6, 26)), 0.3)
        paint = b.look.pick(GREENS)
        look = Material(b.look.tile("foliage"), paint, (9, 9), second=tuple_of(paint, 1.4))
        b.item("hill", "vegetation").add(lump.moved(*place), look)
    if rng.random() < 0.6:
        front = b.item("far houses", "building")
        for _ in range(int(rng.integers(4, 12))):
            x, y, z = _around(rng, end, rng.uniform(12, 90))
            high = float(rng.uniform(5, 26) if site.profile.kind == "city" else rng.uniform(4, 10))
            look = Material(
                b.look.tile("facade"),
                b.look.pick(("#b8a890", "#8f9aa0", "#a8644a")),
                (3, 3),
                second=(1, 1, 1),
            )
            front.add(box((float(rng.uniform(8, 24)), 12, high)).moved(x, y, z + high / 2), look)
    green = foliage(b, 2.0)
    wood = b.item("far wood", "tree")
    for _ in range(int(rng.integers(6, 22))):
        x, y, z = _around(rng, end, rng.uniform(5, 70))
        r = float(rng.uniform(1.5, 4))
        wood.add(blob(rng, r, 1.3 * r, 0.4).moved(x, y, z + 1.7 * r), green)
        wood.add(cylinder(0.2, 1.5 * r, 7).moved(x, y, z), green)


def _around(rng: np.random.Generator, end: Array, far: float) -> tuple[float, float, float]:
    """Return a place beyond the road's end."""
    angle = rng.uniform(-1.2, 1.2)
    x, y = end[0] + far * np.sin(angle), end[1] + 10 + far * np.cos(angle) * 0.8
    return float(x), float(y), float(end[2] - 0.5)
