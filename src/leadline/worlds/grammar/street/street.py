"""Streets: a road, what borders it, what stands and moves on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.grammar.street.borders import BORDERS
from leadline.worlds.grammar.street.buildings import house
from leadline.worlds.grammar.street.furniture import FIXTURES, street_lamp, traffic_light
from leadline.worlds.grammar.street.people import person
from leadline.worlds.grammar.street.plants import GREENS, bush, foliage, tree, tuple_of
from leadline.worlds.grammar.street.road import Course, draw_course
from leadline.worlds.grammar.street.vehicles import VEHICLES, bicycle
from leadline.worlds.materials import Material, Palette
from leadline.worlds.primitives import Mesh, blob, box, cylinder, ground, join
from leadline.worlds.randomness import Seeds, stream
from leadline.worlds.scene import Ball, Builder, Scene, Sky

BEHIND, AHEAD = 30.0, 190.0  # how much road there is, metres
_DESIGNS = 30
_NO_SKY = Sky((0.3, 0.5, 0.9), (0.8, 0.9, 1.0), (0.3, 0.3, 0.9), (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Profile:
    """Cross-section of a street in metres: lanes a direction, parking, pavement, setback."""

    kind: str
    lanes: int
    lane: float
    parking: bool
    pavement: float
    setback: float

    @property
    def half(self) -> float:
        """Middle of the road to the kerb."""
        return max(self.lanes * self.lane, 2.6) + (2.2 if self.parking else 0.3)

    @property
    def edge(self) -> float:
        """Middle of the road to the far side of the pavement."""
        return self.half + self.pavement


@dataclass(eq=False)
class Street:
    """A built street: its scene, course and profile, and the lamps that a night lights.

    `spots` are places along the road that are kept free for cameras: s and side in metres.
    """

    scene: Scene
    course: Course
    profile: Profile
    lamps: tuple[Ball, ...]
    spots: tuple[tuple[float, float], ...]


@dataclass(eq=False)
class _Site:
    """What is being built, and what is taken: rows of s and side and their reach."""

    b: Builder
    rng: np.random.Generator
    course: Course
    profile: Profile
    crossing: float | None
    lamps: list[Ball] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def is_free(self, s: float, side: float, reach: float) -> bool:
        """Whether nothing stands within reach."""
        return all(abs(s - a) > reach + r or abs(side - c) > 1.1 + min(r, 1.2)
                   for a, c, r in self.taken)  # fmt: skip

    def crosses(self, s: float, margin: float = 0.0) -> bool:
        """Whether the side road runs through here."""
        return self.crossing is not None and abs(s - self.crossing) < 4.5 + margin


def build_street(seeds: Seeds) -> Street:
    """Build the street that belongs to `seeds`, in a neutral sky."""
    rng = seeds.stream("layout")
    b = Builder(rng, seeds.stream("offsets"), Palette(seeds.stream("materials"), seeds.split))
    profile = _draw_profile(rng)
    course = draw_course(rng, BEHIND, AHEAD)
    crossing = (
        float(rng.uniform(18, 60)) if rng.random() < 0.4 and profile.kind != "country" else None
    )
    site = _Site(b, rng, course, profile, crossing)
    spots = _camera_spots(rng, profile)
    site.taken += [(s, side, 6.0) for s, side in spots]
    _terrain(site)
    _road(site)
    for side in (-1, 1):
        _roadside(site, side)
    _traffic(site)
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
    """Four places in lanes of traffic or on the pavement, ever further along the road."""
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


def _terrain(site: _Site) -> None:
    """Ground as far as one sees, following the road's slope."""
    near = np.arange(-72, 73, 6.0)
    far = np.array([90.0, 120, 170, 260, 420])
    x = np.concatenate([-far[::-1], near, far])
    y = np.concatenate([[-300, -120, -60], np.arange(-36, 200, 5.0), [220, 260, 330, 450]])
    gx, gy = np.meshgrid(x, y)
    points = site.course.points
    square = (gx[..., None] - points[:, 0]) ** 2 + (gy[..., None] - points[:, 1]) ** 2
    nearest = np.argmin(square, axis=2)
    # Between grid lines the ground is flat, the road is not: it lies a little lower.
    z = points[nearest, 2] - 0.1
    away = np.sqrt(np.take_along_axis(square, nearest[..., None], axis=2)[..., 0])
    hills = site.rng.normal(0, 1.5) * np.clip((away - 40) / 120, 0, 1)
    kinds = {"city": ("concrete", "pavers", "grass"), "town": ("grass", "gravel", "pavers")}
    kind = kinds.get(site.profile.kind, ("grass",))
    name = kind[int(site.rng.integers(len(kind)))]
    paint = site.b.look.pick(GREENS if name == "grass" else ("#8d8a84", "#a39e94", "#7a756c"))
    look = Material(
        site.b.look.tile(name), paint, (4, 4), second=site.b.look.pick(("#8a7a5a", "#7a6d50"))
    )
    site.b.item("ground", "terrain").add(ground(np.stack([gx, gy, z + hills], axis=-1)), look)


def _road(site: _Site) -> None:
    """Carriageway, side road, markings, zebra crossing, kerbs and pavements."""
    b, course, profile, rng = site.b, site.course, site.profile, site.rng
    grey = b.look.pick(("#4a4b4d", "#5a5a5c", "#3d3e41", "#6a6865"))
    surface = "cobbles" if profile.kind == "town" and rng.random() < 0.2 else "asphalt"
    look = Material(b.look.tile(surface), grey, (3, 3), second=(0.05, 0.05, 0.05))
    road = b.item("road", "road")
    road.add(course.strip(-BEHIND, AHEAD, -profile.half, profile.half, 0.0), look)
    if site.crossing is not None:
        road.add(course.strip(site.crossing - 4, site.crossing + 4, -70, 70, -0.025, 1.0), look)
    white = Material(b.look.tile("plaster"), b.look.pick(("#e6e6e2", "#cfcfc8", "#d8c88a")), (1, 1))
    _markings(site, road, white)
    if profile.pavement > 0:
        slabs = Material(b.look.tile("pavers", "pavers", "concrete", "asphalt"),
                         b.look.pick(("#a39e94", "#8d8a84", "#b5aca0", "#7a7672")),
                         (1.6, 1.6))  # fmt: skip
        kerb = b.look.wall("concrete")
        for side in (-1, 1):
            _pavement(site, side, slabs, kerb)


def _stretches(
    site: _Site, start: float = -BEHIND, end: float = AHEAD
) -> list[tuple[float, float]]:
    """The length of the road, less the side road."""
    if site.crossing is None:
        return [(start, end)]
    return [(start, site.crossing - 4), (site.crossing + 4, end)]


def _pavement(site: _Site, side: int, slabs: Material, kerb: Material) -> None:
    profile, course = site.profile, site.course
    item = site.b.item("pavement", "sidewalk")
    for start, end in _stretches(site):
        low, high = sorted((side * (profile.half + 0.14), side * profile.edge))
        item.add(course.strip(start, end, low, high, 0.13), slabs)
        low, high = sorted((side * profile.half, side * (profile.half + 0.14)))
        item.add(course.strip(start, end, low, high, 0.135), kerb)
        item.add(course.wall(start, end, side * profile.half, -0.05, 0.135, -side), kerb)


def _markings(site: _Site, road: Builder, white: Material) -> None:
    """Dashed and solid lines, zebra crossings."""
    profile, course, rng = site.profile, site.course, site.rng
    dashes: list[Mesh] = []
    lines = [0.0] if profile.kind != "suburb" or rng.random() < 0.5 else []
    if profile.lanes > 1:
        lines += [-profile.lane, profile.lane]
    step, long = rng.uniform(6, 11), rng.uniform(2, 4)
    for side in lines:
        for start, end in _stretches(site, -10, AHEAD - 20):
            for s in np.arange(start, end - long, step):
                dashes.append(
                    course.strip(float(s), float(s) + long, side - 0.06, side + 0.06, 0.006)
                )
    if profile.parking or profile.kind == "country":
        out = profile.half - (2.2 if profile.parking else 0.35)
        for side in (-out, out):
            for start, end in _stretches(site):
                dashes.append(course.strip(start, end, side - 0.05, side + 0.05, 0.006))
    places = [site.crossing - 6.5, site.crossing + 6.5] if site.crossing is not None else []
    if not places and rng.random() < 0.25 and profile.kind != "country":
        places = [float(rng.uniform(10, 60))]
    for s in places:
        for side in np.arange(-profile.half + 0.4, profile.half - 0.6, 1.0):
            dashes.append(course.strip(s - 1.5, s + 1.5, float(side), float(side) + 0.5, 0.006))
    if dashes:
        road.add(join(*dashes), white)


def _roadside(site: _Site, side: int) -> None:
    """One side of the street, from the kerb outwards."""
    rng, profile = site.rng, site.profile
    if profile.pavement > 0:
        _lamps(site, side)
        _street_trees(site, side)
        _fixtures(site, side)
        _people(site, side)
    if profile.parking:
        _parked(site, side)
    border = profile.setback > 1.0 and rng.random() < 0.75
    if border or profile.kind == "country":
        names = ("guard rail", "picket fence") if profile.kind == "country" else (
            "picket fence", "garden wall", "hedge", "hedge")  # fmt: skip
        if profile.kind != "country" or rng.random() < 0.6:
            build = BORDERS[names[int(rng.integers(len(names)))]]
            for start, end in _stretches(site, -8, 95):
                if end - start > 5:
                    build(site.b, site.course, start, end, side * (profile.edge + 0.35))
    _houses(site, side)


def _houses(site: _Site, side: int) -> None:
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
            number = int(rng.integers(_DESIGNS))
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


def _garden(site: _Site, side: int, start: float, width: float) -> None:
    """Trees and bushes on open ground."""
    rng, b = site.rng, site.b
    count = int(rng.integers(2, 6)) if site.profile.kind == "country" else int(rng.integers(1, 4))
    for _ in range(count):
        s = start + rng.uniform(0, width)
        out = site.profile.edge + max(site.profile.setback, 1.5) + rng.uniform(0.8, 12)
        at = site.course.builder(b, float(s), side * float(out), -0.1)
        number = int(rng.integers(_DESIGNS))
        if rng.random() < 0.7:
            shape = stream("design", "tree", b.look.split, number)
            tree(at.shaped(shape).item("tree", "tree"), float(rng.uniform(4, 12)))
        else:
            shape = stream("design", "bush", b.look.split, number)
            bush(at.shaped(shape).item("bush", "vegetation"), float(rng.uniform(0.6, 1.8)))


def _lamps(site: _Site, side: int) -> None:
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


def _street_trees(site: _Site, side: int) -> None:
    rng, profile, b = site.rng, site.profile, site.b
    if profile.pavement < 2.0 or rng.random() < 0.45:
        return
    step, height = rng.uniform(7, 15), rng.uniform(4, 9)
    design = int(rng.integers(_DESIGNS))
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


def _fixtures(site: _Site, side: int) -> None:
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
        shape = stream("design", name, b.look.split, int(rng.integers(_DESIGNS)))
        turn = float(rng.normal(0, 4)) + (180.0 if side < 0 else 0.0)
        at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, turn)
        row.build(at.shaped(shape).item(name, row.cls))
        site.taken.append((s, out, row.reach))
    if site.crossing is not None and rng.random() < 0.6:
        at = site.course.builder(b, site.crossing - 5.2, side * (profile.half + 0.4), 0.13)
        traffic_light(
            at.placed(0, 0, 0, 0.0 if side > 0 else 180.0).item("traffic light", "traffic light")
        )


def _people(site: _Site, side: int) -> None:
    rng, profile, b = site.rng, site.profile, site.b
    for _ in range(int(rng.integers(0, 9 if profile.kind == "city" else 5))):
        s, out = (
            float(rng.uniform(3, 60)),
            side * (profile.half + float(rng.uniform(0.5, profile.pavement - 0.2))),
        )
        if site.is_free(s, out, 0.5) and not site.crosses(s):
            turn = float(rng.choice([0.0, 180.0]) + rng.normal(0, 25))
            shape = stream("design", "person", b.look.split, int(rng.integers(4 * _DESIGNS)))
            at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, turn)
            person(at.shaped(shape).item("person", "person"))
            site.taken.append((s, out, 0.4))
    if rng.random() < 0.3:
        s, out = float(rng.uniform(4, 40)), side * (profile.half + 0.55)
        if site.is_free(s, out, 1.0):
            at = site.course.builder(b, s, out, 0.13).placed(0, 0, 0, float(rng.normal(0, 20)))
            bicycle(at.item("bicycle", "two-wheeler"))
            site.taken.append((s, out, 0.9))


def _vehicle(site: _Site, s: float, side: float, turn: float, name: str) -> None:
    b, row = site.b, VEHICLES[name]
    shape = stream("design", name, b.look.split, int(site.rng.integers(_DESIGNS)))
    x, y, z, heading = site.course.at(s, side)
    row.build(b.placed(x, y, z, heading + turn).shaped(shape).item(name, row.cls))
    site.taken.append((s, side, row.reach))


def _draw_vehicle(rng: np.random.Generator) -> str:
    weights = np.array([row.weight for row in VEHICLES.values()])
    return list(VEHICLES)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _parked(site: _Site, side: int) -> None:
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


def _traffic(site: _Site) -> None:
    """Vehicles that drive, each in its lane; some people crossing."""
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
            )
    for _ in range(int(rng.integers(0, 3))):
        s, side = float(rng.uniform(10, 50)), float(rng.uniform(-0.8, 0.8) * profile.half)
        if site.is_free(s, side, 1.0):
            at = site.course.builder(site.b, s, side).placed(
                0, 0, 0, float(rng.choice([90.0, -90.0]))
            )
            shape = stream("design", "person", site.b.look.split, int(rng.integers(4 * _DESIGNS)))
            person(at.shaped(shape).item("person", "person"))
            site.taken.append((s, side, 0.4))


def _backdrop(site: _Site) -> None:
    """Hills, a far wood or far houses where the road ends."""
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
    """Place beyond the end of the road."""
    angle = rng.uniform(-1.2, 1.2)
    x, y = end[0] + far * np.sin(angle), end[1] + 10 + far * np.cos(angle) * 0.8
    return float(x), float(y), float(end[2] - 0.5)
