"""Parked and moving vehicles, and people crossing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leadline.worlds.grammar.street.people import person
from leadline.worlds.grammar.street.site import DESIGNS, Site
from leadline.worlds.grammar.street.vehicles import VEHICLES
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Ball

BEAM = (110.0, 105.0, 95.0)
"""Radiance of the ball for both headlights of a vehicle, a decimetre in radius."""


def _vehicle(
    site: Site, s: float, side: float, turn: float, name: str, *, driven: bool = False
) -> None:
    b, row = replace(site.b, driven=driven), VEHICLES[name]
    shape = stream("design", name, b.look.split, int(site.rng.integers(DESIGNS)))
    x, y, z, heading = site.course.at(s, side)
    here = b.placed(x, y, z, heading + turn).shaped(shape).item(name, row.cls)
    row.build(here)
    if driven:
        site.lamps.append(Ball(here.where(0, row.reach + 1.6, 0.9), 0.1, BEAM))
    site.taken.append((s, side, row.reach))


def _draw_vehicle(rng: np.random.Generator) -> str:
    weights = np.array([row.weight for row in VEHICLES.values()])
    return list(VEHICLES)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def park_vehicles(site: Site, side: int) -> None:
    """Fill a parking lane, more or less."""
    rng, profile = site.rng, site.profile
    full, s = rng.uniform(0.3, 0.95), float(rng.uniform(-6, 2))
    while s < 95:
        name = "car" if rng.random() < 0.88 else "van"
        out = side * (profile.half - 1.05 + float(rng.normal(0, 0.07)))
        if (
            rng.random() < full
            and not site.crosses(s, 3)
            and site.is_free(s, out, VEHICLES[name].reach)
        ):
            turn = (0.0 if rng.random() < 0.85 else 180.0) + (0.0 if side > 0 else 180.0)
            _vehicle(site, s, out, turn + float(rng.normal(0, 1.2)), name)
        s += float(rng.uniform(5.4, 7.5))


def add_traffic(site: Site) -> None:
    """Add moving vehicles in their lanes, and some people crossing."""
    rng, profile = site.rng, site.profile
    for _ in range(int(rng.integers(1, 12))):
        name, s = _draw_vehicle(rng), float(rng.uniform(6, 130))
        direction = int(rng.choice([-1, 1]))
        side = float(direction * profile.lane * (rng.integers(profile.lanes) + 0.5))
        if site.is_free(s, side, VEHICLES[name].reach + 2):
            _vehicle(
                site,
                s,
                float(side),
                (0.0 if direction > 0 else 180.0) + float(rng.normal(0, 1)),
                name,
                driven=True,
            )
    for _ in range(int(rng.integers(0, 3))):
        s, side = float(rng.uniform(10, 50)), float(rng.uniform(-0.8, 0.8) * profile.half)
        if site.is_free(s, side, 1.0):
            at = site.course.builder(site.b, s, side).placed(
                0, 0, 0, float(rng.choice([90.0, -90.0]))
            )
            shape = stream("design", "person", site.b.look.split, int(rng.integers(4 * DESIGNS)))
            person(at.shaped(shape).item("person", "person"))
            site.taken.append((s, side, 0.4))
