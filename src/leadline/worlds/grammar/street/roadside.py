"""One side of a street: lamps, trees, fixtures, people, borders, houses, gardens."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar.street.borders import BORDERS
from leadline.worlds.grammar.street.buildings import house
from leadline.worlds.grammar.street.furniture import FIXTURES, street_lamp, traffic_light
from leadline.worlds.grammar.street.people import person
from leadline.worlds.grammar.street.plants import bush, tree
from leadline.worlds.grammar.street.site import AHEAD, DESIGNS, Site, stretches
from leadline.worlds.grammar.street.traffic import park_vehicles
from leadline.worlds.grammar.street.vehicles import bicycle
from leadline.worlds.randomness import stream


def build_roadside(site: Site, side: int) -> None:
    """One side of the street, from the kerb outwards."""
    rng, profile = site.rng, site.profile
    if profile.pavement > 0:
        _lamps(site, side)
        _street_trees(site, side)
        _fixtures(site, side)
        _people(site, side)
    if profile.parking:
        park_vehicles(site, side)
    border = profile.setback > 1.0 and rng.random() < 0.75
    if border or profile.kind == "country":
        names = ("guard rail", "picket fence") if profile.kind == "country" else (
            "picket fence", "garden wall", "hedge", "hedge")  # fmt: skip
        if profile.kind != "country" or rng.random() < 0.6:
            build = BORDERS[names[int(rng.integers(len(names)))]]
            for start, end in stretches(site, -8, 95):
                if end - start > 5:
                    build(site.b, site.course, start, end, side * (profile.edge + 0.35))
    _houses(site, side)


def _houses(site: Site, side: int) -> None:
    """Houses in a row or apart, gardens and woods between them."""
    rng, profile, b = site.rng, site.profile, site.b
    gap = {"city": 0.06, "town": 0.2, "suburb": 0.3, "country": 0.8}[profile.kind]
    s = -14.0
    while s < AHEAD - 25:
        width = float(rng.uniform(7, 20) if profile.kind == "city" else rng.uniform(6.5, 13))
        middle = s + width / 2
        open_ground = rng.random() < gap or site.crosses(middle, width / 2)
        if not open_ground:
            floors = {"city": rng.integers(3, 8), "town": rng.integers(2, 5)}.get(
                profile.kind, rng.integers(1, 3)
            )
            back = profile.setback + float(rng.choice([0.0, rng.uniform(0, 1.5)]))
            out = profile.edge + max(back, 0.05)
            at = site.course.builder(b, middle, side * out, -0.15).placed(0, 0, 0, -90.0 * side)
            number = int(rng.integers(DESIGNS))
            shape = stream("design", "house", b.look.split, number)
            house(
                at.shaped(shape).item("house", "building"),
                width,
                float(rng.uniform(8, 13)),
                int(floors),
                detailed=middle < 75,
                lit=0.3,
            )
            s += width + (
                0.0 if profile.kind == "city" and rng.random() < 0.7 else float(rng.uniform(0.6, 7))
            )
        else:
            if not site.crosses(middle, width / 2):
                _garden(site, side, s, width)
            s += width


def _garden(site: Site, side: int, start: float, width: float) -> None:
    """Trees and bushes on open ground."""
    rng, b = site.rng, site.b
    count = int(rng.integers(2, 6)) if site.profile.kind == "country" else int(rng.integers(1, 4))
    for _ in range(count):
        s = start + rng.uniform(0, width)
        out = site.profile.edge + max(site.profile.setback, 1.5) + rng.uniform(0.8, 12)
        at = site.course.builder(b, float(s), side * float(out), -0.1)
        number = int(rng.integers(DESIGNS))
        if rng.random() < 0.7:
            shape = stream("design", "tree", b.look.split, number)
            tree(at.shaped(shape).item("tree", "tree"), float(rng.uniform(4, 12)))
        else:
            shape = stream("design", "bush", b.look.split, number)
            bush(at.shaped(shape).item("bush", "vegetation"), float(rng.uniform(0.6, 1.8)))


def _lamps(site: Site, side: int) -> None:
    rng, profile = site.rng, site.profile
    if rng.random() < 0.15:
        return
    step, height = rng.uniform(16, 32), rng.uniform(4.5, 8.5)
    arm, metal = float(rng.choice([0.0, rng.uniform(0.8, 2)])), site.b.look.metal()
    for s in np.arange(rng.uniform(-8, 8), 130, step):
        if not site.crosses(float(s)):
            at = site.course.builder(site.b, float(s), side * (profile.half + 0.45), 0.13)
            turned = at.placed(0, 0, 0, 180.0 if side > 0 else 0.0)
            site.lamps.append(street_lamp(turned.item("street lamp", "pole"), height, arm, metal))
            site.taken.append((float(s), side * (profile.half + 0.45), 0.3))


def _street_trees(site: Site, side: int) -> None:
    rng, profile, b = site.rng, site.profile, site.b
    if profile.pavement < 2.0 or rng.random() < 0.45:
        return
    step, height = rng.uniform(7, 15), rng.uniform(4, 9)
    design = int(rng.integers(DESIGNS))
    for s in np.arange(rng.uniform(0, step), 110, step):
        out = side * (profile.half + min(1.0, 0.35 * profile.pavement))
        if (
            rng.random() < 0.85
            and not site.crosses(float(s), 1)
            and site.is_free(float(s), out, 1.0)
        ):
            shape = stream("design", "tree", b.look.split, design)
            at = site.course.builder(b, float(s), out, 0.1)
            tree(at.shaped(shape).item("tree", "tree"), height * float(rng.uniform(0.85, 1.15)))
            site.taken.append((float(s), out, 0.6))


def _fixtures(site: Site, side: int) -> None:
    rng, profile, b = site.rng, site.profile, site.b
    weights = np.array([row.weight for row in FIXTURES.values()])
    for _ in range(int(rng.integers(1, 8))):
        name = list(FIXTURES)[int(rng.choice(len(weights), p=weights / weights.sum()))]
        row, s = FIXTURES[name], float(rng.uniform(4, 80))
        out = side * (profile.half + float(rng.uniform(0.45, max(0.5, 0.45 * profile.pavement))))
        if name in ("bus stop", "bench"):
            out = side * (profile.edge - 1.1)
        if (
            profile.pavement < 1.2 + row.reach
            or site.crosses(s, 1)
            or not site.is_free(s, out, row.reach)
        ):
            continue
        shape = stream("design", name, b.look.split, int(rng.integers(DESIGNS)))
        turn = float(rng.normal(0, 4)) + (180.0 if side < 0 else 0.0)
        at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, turn)
        row.build(at.shaped(shape).item(name, row.cls))
        site.taken.append((s, out, row.reach))
    if site.crossing is not None and rng.random() < 0.6:
        at = site.course.builder(b, site.crossing - 5.2, side * (profile.half + 0.4), 0.13)
        traffic_light(
            at.placed(0, 0, 0, 0.0 if side > 0 else 180.0).item("traffic light", "traffic light")
        )


def _people(site: Site, side: int) -> None:
    rng, profile, b = site.rng, site.profile, site.b
    for _ in range(int(rng.integers(0, 9 if profile.kind == "city" else 5))):
        s, out = (
            float(rng.uniform(3, 60)),
            side * (profile.half + float(rng.uniform(0.5, profile.pavement - 0.2))),
        )
        if site.is_free(s, out, 0.5) and not site.crosses(s):
            turn = float(rng.choice([0.0, 180.0]) + rng.normal(0, 25))
            shape = stream("design", "person", b.look.split, int(rng.integers(4 * DESIGNS)))
            at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, turn)
            person(at.shaped(shape).item("person", "person"))
            site.taken.append((s, out, 0.4))
    if rng.random() < 0.3:
        s, out = float(rng.uniform(4, 40)), side * (profile.half + 0.55)
        if site.is_free(s, out, 1.0):
            at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, float(rng.normal(0, 20)))
            bicycle(at.item("bicycle", "two-wheeler"))
            site.taken.append((s, out, 0.9))
