"""Where cameras stand in worlds, and which of them see too little."""

from __future__ import annotations

import numpy as np

from leadline.depth.intrinsics import Intrinsics
from leadline.worlds.arrays import Array
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.grammar.plan import Plan
from leadline.worlds.grammar.street.street import Street
from leadline.worlds.render import Geometry
from leadline.worlds.scene import Scene

_STRUCTURE = np.array(sorted(CLASS_ID[name] for name in (
    "void", "wall", "floor", "ceiling", "window", "sky", "road", "sidewalk", "terrain",
    "building")))  # fmt: skip
_FLAT = np.append(_STRUCTURE, [CLASS_ID[name] for name in ("door", "curtain", "blinds")])
_PLAIN = np.array([CLASS_ID[name] for name in ("wall", "floor", "ceiling", "void")])

_BARE = 0.7  # share of walls, floor and ceiling beyond which hardly anybody takes a picture
# Metres that are free before the lens: seldom less than one, nearly always the other.
_NEAR, _AWAY = 0.5, 1.3


def room_camera(
    rng: np.random.Generator, scene: Scene, plan: Plan, size: tuple[int, int]
) -> Camera:
    """Propose a camera in a room for pictures of `size` (height, width).

    Most look across the room from the height of people or tables, some look close at one thing or
    from one corner into the other.
    """
    manner = rng.random()
    if manner < 0.1:
        return _close_up(rng, scene, plan, size)
    cornered = manner > 0.65
    places = [_standing_place(rng, plan, cornered) for _ in range(5)]
    aim = np.array([rng.uniform(0.1, 0.9) * plan.width, rng.uniform(0.1, 0.9) * plan.depth])
    if rng.random() < 0.8:  # people photograph things rather than walls
        aim = _some_thing(rng, scene, plan)[:2]
    x, y = places[0]
    if rng.random() < 0.7:  # and step back to get more of them into the picture
        x, y = max(places, key=lambda place: float(np.hypot(aim[0] - place[0], aim[1] - place[1])))
    if cornered:
        aim = np.array([plan.width - x, plan.depth - y]) + rng.normal(0, 0.6, 2)
    height = _height(rng, plan)
    yaw = np.degrees(np.arctan2(-(aim[0] - x), aim[1] - y)) + rng.normal(0, 12)
    pitch = rng.normal(-12 - 7 * (height - 1.4), 6) if rng.random() < 0.92 else rng.uniform(-45, 15)
    return Camera(_lens(rng, size), (x, y, height), float(yaw), float(pitch), _roll(rng))


def is_worth_a_picture(rng: np.random.Generator, geometry: Geometry) -> bool:
    """Whether one would photograph this in a room.

    Seldom where bare surfaces fill the view, or where things stand right before the lens.
    """
    plain = float(np.isin(geometry.classes, _PLAIN).mean())
    near = float(np.percentile(geometry.depth, 5))
    interest = np.clip(2 * (_BARE - plain) / _BARE, 0.08, 1)
    return bool(rng.random() < interest * np.clip((near - _NEAR) / (_AWAY - _NEAR), 0.1, 1))


def _lens(rng: np.random.Generator, size: tuple[int, int]) -> Intrinsics:
    """Field of view across between 40 and 100 degrees, most often that of a depth camera."""
    fov = rng.normal(62, 4) if rng.random() < 0.7 else rng.uniform(40, 100)
    return Intrinsics.from_fov(float(np.clip(fov, 40, 100)), size[1], size[0])


def _roll(rng: np.random.Generator) -> float:
    return float(rng.normal(0, 2.0) if rng.random() < 0.85 else rng.normal(0, 8))


def _height(rng: np.random.Generator, plan: Plan) -> float:
    """Mostly eye or chest height; also tables, the floor, and held up high."""
    ranges = ((1.2, 1.75), (0.65, 1.2), (0.25, 0.65), (1.75, 2.1))
    low, high = ranges[int(rng.choice(4, p=[0.72, 0.15, 0.03, 0.1]))]
    return min(float(rng.uniform(low, high)), plan.height - 0.2)


def _standing_place(rng: np.random.Generator, plan: Plan, cornered: bool) -> tuple[float, float]:
    """Free ground, or a corner of the room."""
    for attempt in range(24):
        x, y = rng.uniform(0.2, plan.width - 0.2), rng.uniform(0.2, plan.depth - 0.2)
        if cornered:
            x = abs(rng.normal(0, 0.35)) + 0.25
            y = abs(rng.normal(0, 0.35)) + 0.25
            x, y = (x, plan.width - x)[rng.integers(2)], (y, plan.depth - y)[rng.integers(2)]
        r = 0.22 if attempt < 16 else 0.05
        if plan.is_free((x - r, x + r, y - r, y + r)):
            return float(x), float(y)
    return float(x), float(y)


def _close_up(rng: np.random.Generator, scene: Scene, plan: Plan, size: tuple[int, int]) -> Camera:
    """Look at one thing from 0.5 to 1.9 m, from above rather than from below."""
    target = _some_thing(rng, scene, plan)
    x, y, z = target
    for _ in range(20):
        around, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.9)
        up = np.radians(rng.uniform(0, 45))
        x = float(target[0] + far * np.cos(around) * np.cos(up))
        y = float(target[1] + far * np.sin(around) * np.cos(up))
        z = min(max(float(target[2] + far * np.sin(up)), 0.25), plan.height - 0.15)
        if plan.inside((x - 0.12, x + 0.12, y - 0.12, y + 0.12)):
            break
    dx, dy, dz = target[0] - x, target[1] - y, target[2] - z
    yaw = np.degrees(np.arctan2(-dx, dy)) + rng.normal(0, 6)
    pitch = np.degrees(np.arctan2(dz, np.hypot(dx, dy))) + rng.normal(0, 5)
    return Camera(_lens(rng, size), (x, y, z), float(yaw), float(pitch), _roll(rng))


def _some_thing(rng: np.random.Generator, scene: Scene, plan: Plan) -> Array:
    """Middle (3,) of a random thing that is neither wall nor door nor curtain."""
    movable = np.flatnonzero(~np.isin(scene.classes, _FLAT) & (scene.instances > 0))
    if not len(movable):
        return np.array([plan.width / 2, plan.depth / 2, 0.8])
    instance = scene.instances[movable[int(rng.integers(len(movable)))]]
    mine = np.isin(scene.part, np.flatnonzero(scene.instances == instance))
    corners = scene.vertices[scene.faces[mine].ravel()]
    return np.asarray((corners.min(axis=0) + corners.max(axis=0)) / 2, dtype=np.float64)


def street_camera(
    rng: np.random.Generator, street: Street, spot: int, size: tuple[int, int], attempt: int
) -> Camera:
    """Propose a camera in a street for pictures of `size` (height, width).

    It stands at one of the four places that are kept free, in a car or on foot; after some
    attempts anywhere along the road.
    """
    s, side = street.spots[spot]
    if attempt > 4:
        s = float(rng.uniform(-4, 60))
        side = float(rng.uniform(-0.9, 0.9) * street.profile.edge)
    s, side = s + float(rng.normal(0, 0.6)), side + float(rng.normal(0, 0.2))
    on_foot = abs(side) > street.profile.half
    height = float(
        rng.uniform(1.25, 1.8) if on_foot or rng.random() < 0.8 else rng.uniform(1.8, 2.9)
    )
    x, y, z, heading = street.course.at(s, side, height + (0.13 if on_foot else 0.0))
    yaw = heading + float(rng.normal(0, 18 if on_foot else 4))
    ahead = street.course.at(s + 12, side)[2] - street.course.at(s, side)[2]
    pitch = float(np.degrees(np.arctan2(ahead, 12)) + rng.normal(-1.0, 2.2))
    fov = float(np.clip(rng.normal(78, 6) if rng.random() < 0.5 else rng.uniform(45, 95), 45, 95))
    lens = Intrinsics.from_fov(fov, size[1], size[0])
    return Camera(lens, (x, y, z), yaw, pitch, float(rng.normal(0, 1.0)))


def is_blocked(geometry: Geometry, nearest: float, middle: float) -> bool:
    """Whether a camera sees too little: something right before it, or one plain surface.

    `nearest` metres must be free for 96 % of the pixels, `middle` for half of them.
    """
    seen = geometry.depth > 0
    if seen.mean() < 0.3:
        return True
    # What has no depth is sky, and far away.
    depth = np.where(seen, geometry.depth, 1e3)
    if np.percentile(depth, 4) < nearest or np.median(depth) < middle:
        return True
    share = np.bincount(geometry.instances.ravel()) / depth.size
    movable = ~np.isin(geometry.classes, _STRUCTURE)
    if movable.any():
        largest = np.bincount(geometry.instances[movable]).max() / depth.size
        if largest > 0.62:
            return True
    plain = np.isin(geometry.classes, _PLAIN)
    return bool((share > 0.004).sum() < 4 or plain.mean() > 0.93)
