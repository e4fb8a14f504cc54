"""Surfaces of a street: ground, carriageway, markings, kerbs and pavements."""

from __future__ import annotations

import numpy as np

from leadline.worlds.grammar.street.plants import GREENS
from leadline.worlds.grammar.street.site import AHEAD, BEHIND, Site, stretches
from leadline.worlds.materials import Material
from leadline.worlds.primitives import Mesh, ground, join
from leadline.worlds.scene import Builder


def lay_terrain(site: Site) -> None:
    """Add ground as far as visible, following the road's slope."""
    near = np.arange(-72, 73, 6.0)
    far = np.array([90.0, 120, 170, 260, 420])
    x = np.concatenate([-far[::-1], near, far])
    y = np.concatenate([[-300, -120, -60], np.arange(-36, 200, 5.0), [220, 260, 330, 450]])
    gx, gy = np.meshgrid(x, y)
    points = site.course.points
    square = (gx[..., None] - points[:, 0]) ** 2 + (gy[..., None] - points[:, 1]) ** 2
    nearest = np.argmin(square, axis=2)
    # Between grid lines the ground is flat, the road is not: ground is lower.
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


def lay_road(site: Site) -> None:
    """Add carriageway, side road, markings, zebra crossing, kerbs, pavements."""
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


def _pavement(site: Site, side: int, slabs: Material, kerb: Material) -> None:
    profile, course = site.profile, site.course
    item = site.b.item("pavement", "sidewalk")
    for start, end in stretches(site):
        low, high = sorted((side * (profile.half + 0.14), side * profile.edge))
        item.add(course.strip(start, end, low, high, 0.13), slabs)
        low, high = sorted((side * profile.half, side * (profile.half + 0.14)))
        item.add(course.strip(start, end, low, high, 0.135), kerb)
        item.add(course.wall(start, end, side * profile.half, -0.05, 0.135, -side), kerb)


def _markings(site: Site, road: Builder, white: Material) -> None:
    """Add dashed and solid lines, zebra crossings."""
    profile, course, rng = site.profile, site.course, site.rng
    dashes: list[Mesh] = []
    lines = [0.0] if profile.kind != "suburb" or rng.random() < 0.5 else []
    if profile.lanes > 1:
        lines += [-profile.lane, profile.lane]
    step, long = rng.uniform(6, 11), rng.uniform(2, 4)
    for side in lines:
        for start, end in stretches(site, -10, AHEAD - 20):
            for s in np.arange(start, end - long, step):
                dashes.append(
                    course.strip(float(s), float(s) + long, side - 0.06, side + 0.06, 0.006)
                )
    if profile.parking or profile.kind == "country":
        out = profile.half - (2.2 if profile.parking else 0.35)
        for side in (-out, out):
            for start, end in stretches(site):
                dashes.append(course.strip(start, end, side - 0.05, side + 0.05, 0.006))
    places = [site.crossing - 6.5, site.crossing + 6.5] if site.crossing is not None else []
    if not places and rng.random() < 0.25 and profile.kind != "country":
        places = [float(rng.uniform(10, 60))]
    for s in places:
        for side in np.arange(-profile.half + 0.4, profile.half - 0.6, 1.0):
            dashes.append(course.strip(s - 1.5, s + 1.5, float(side), float(side) + 0.5, 0.006))
    if dashes:
        road.add(join(*dashes), white)
