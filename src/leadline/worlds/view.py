"""One generated view: a picture with everything that is exactly known about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.worlds.arrays import Array
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.develop import develop, random_sensor
from leadline.worlds.grammar.rooms import Room, build_room
from leadline.worlds.grammar.street.street import Street, build_street
from leadline.worlds.grammar.street.weather import VARIATIONS, under_weather
from leadline.worlds.randomness import Seeds, Split
from leadline.worlds.render import Geometry, Quality, Tracer, quality, render, render_geometry
from leadline.worlds.scene import Ball
from leadline.worlds.viewpoints import is_blocked, is_worth_a_picture, room_camera, street_camera

Kind = Literal["rooms", "streets"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SkyDepth = Literal["invalid", "far"]

SKY_FAR = 655.35
"""What the sky's depth is where it is asked to be far, in metres: Virtual KITTI's value."""

_PREVIEW = (24, 32)  # height and width at which cameras are tried
_CAMERAS, _WORLDS, _SPOTS = 16, 12, 4


@dataclass(frozen=True, eq=False)
class View:
    """A picture and what is exactly known of it.

    `image` (H,W,3) uint8 RGB; `depth` planar z in metres with the camera's intrinsics, the sky
    invalid or far; `classes` (H,W) uint8 ids of `CLASSES`; `instances` (H,W) int32, 0 for none;
    `normals` (H,W,3) float32 unit vectors in camera axes, 0 for none; `name` says what is shown.
    """

    image: Array
    depth: DepthMap
    classes: Array
    instances: Array
    normals: Array
    camera: Camera
    name: str


def render_room(
    seed: int,
    index: int,
    split: Split = "train",
    *,
    size: tuple[int, int] = (240, 320),
    level: str | Quality = "training",
    kind: str | None = None,
) -> View:
    """Render room number `index` of a split, at `size` (height, width).

    Equal arguments give equal bits on one machine. `kind` is a key of `ROOM_KINDS`, drawn where it
    is None. Raises LeadlineError where Embree is missing or no camera sees anything.
    """
    level = quality(level)
    for attempt in range(_WORLDS):
        seeds = Seeds(seed, split, index, attempt)
        room = build_room(seeds, kind)
        tracer = Tracer(room.scene, level.tile_size)
        camera = _room_camera(seeds, room, tracer, size)
        if camera is not None:
            return snapshot(tracer, camera, level, seeds, room.kind)
    raise LeadlineError(f"room {index} of seed {seed}: no camera saw anything; take another seed")


def _room_camera(seeds: Seeds, room: Room, tracer: Tracer, size: tuple[int, int]) -> Camera | None:
    """Camera that sees something, preferably things; None where none was found."""
    rng = seeds.stream("camera")
    seeing = None
    for _ in range(_CAMERAS):
        camera = room_camera(rng, room.scene, room.plan, size)
        geometry = render_geometry(tracer, camera.scaled(_PREVIEW[1], _PREVIEW[0]))
        if not is_blocked(geometry, 0.4, 0.6):
            seeing = camera
            if is_worth_a_picture(rng, geometry):
                break
    return seeing


def render_street(
    seed: int,
    scene: int,
    camera: int = 0,
    split: Split = "train",
    *,
    variation: str | None = None,
    size: tuple[int, int] = (240, 320),
    level: str | Quality = "training",
    sky: SkyDepth = "invalid",
) -> View:
    """Render one camera (0 to 3) of street number `scene` of a split.

    `variation` is a key of `VARIATIONS`; where it is None, each camera of a scene draws another.
    Equal arguments give equal bits on one machine. Raises LeadlineError where Embree is missing,
    no camera sees anything, or a word is unknown.
    """
    shots = [(camera, variation)]
    (view,) = street_views(seed, scene, split, shots, size=size, level=level, sky=sky)
    return view


def street_views(
    seed: int,
    scene: int,
    split: Split = "train",
    shots: Sequence[tuple[int, str | None]] = ((0, None), (1, None), (2, None), (3, None)),
    *,
    size: tuple[int, int] = (240, 320),
    level: str | Quality = "training",
    sky: SkyDepth = "invalid",
) -> Iterator[View]:
    """Yield views of one street, which is built once: camera (0 to 3) and variation of each."""
    level = quality(level)
    for camera, variation in shots:
        if camera not in range(_SPOTS):
            raise LeadlineError(f"camera {camera} of a street: there are 0 to {_SPOTS - 1}")
        if variation is not None and variation not in VARIATIONS:
            raise LeadlineError(
                f"unknown variation {variation!r}; choose one of {', '.join(VARIATIONS)}"
            )
    seeds = Seeds(seed, split, scene)
    street = build_street(seeds)
    tracer = Tracer(street.scene, level.tile_size)
    order = seeds.stream("light", "order").permutation(len(VARIATIONS))
    for camera, variation in shots:
        name = variation or list(VARIATIONS)[order[camera]]
        stand = _street_camera(seeds, street, tracer, camera, size)
        yield _street_view(seeds, street, tracer, stand, (camera, name), level, sky)


def _street_camera(
    seeds: Seeds, street: Street, tracer: Tracer, camera: int, size: tuple[int, int]
) -> Camera:
    """Camera that sees the street, in itself and turned 30 degrees to both sides."""
    rng = seeds.stream("camera", camera)
    for attempt in range(4 * _CAMERAS):
        stand = street_camera(rng, street, camera, size, attempt)
        preview = stand.scaled(_PREVIEW[1], _PREVIEW[0])
        views = [render_geometry(tracer, preview.turned(yaw)) for yaw in (0.0, 30.0, -30.0)]
        if not any(is_blocked(view, 1.2, 3.0) for view in views):
            return stand
    raise LeadlineError(
        f"street {seeds.index} of seed {seeds.seed}: no camera saw anything; take another seed"
    )


def _street_view(
    seeds: Seeds,
    street: Street,
    tracer: Tracer,
    stand: Camera,
    shot: tuple[int, str],
    level: Quality,
    sky: SkyDepth,
) -> View:
    """One camera in one variation. The weather of a variation is the same for all cameras."""
    camera, name = shot
    variation = VARIATIONS[name]
    weather = variation.sky(seeds.stream("light", variation.sky.__name__))
    lamps = _nearest(street.lamps, stand) if variation.lamps else ()
    lit = tracer.relit(under_weather(street.scene, weather, lamps))
    title = f"{street.profile.kind} street, {name}"
    number = camera * len(VARIATIONS) + list(VARIATIONS).index(name)
    turned = stand.turned(variation.yaw)
    return snapshot(lit, turned, level, seeds, title, shot=number, sky=sky, dim=variation.dim)


def _nearest(lamps: tuple[Ball, ...], camera: Camera, count: int = 7) -> tuple[Ball, ...]:
    """The lamps that matter to a camera: those nearest to a place some metres before it."""
    ahead = np.asarray(camera.position) + 14 * camera.rotation[:, 2]
    return tuple(
        sorted(lamps, key=lambda lamp: float(np.hypot(*(np.asarray(lamp.centre) - ahead)[:2])))
    )[:count]


def snapshot(
    tracer: Tracer,
    camera: Camera,
    level: Quality,
    seeds: Seeds,
    name: str,
    *,
    shot: int = 0,
    sky: SkyDepth = "invalid",
    dim: float = 1.0,
) -> View:
    """Render and develop one view of a scene; `shot` tells views of one world apart.

    `dim` multiplies the exposure that the camera chooses.
    """
    outdoors = tracer.scene.sky is not None
    seed = int(seeds.stream("rays", shot).integers(1 << 62))
    light, geometry = render(tracer, camera, level, seed)
    sensor = random_sensor(seeds.stream("sensor", shot), outdoors)
    sensor = replace(sensor, bias=sensor.bias * dim)
    image = develop(light, sensor, seeds.stream("noise", shot))
    return exact_view(image, geometry, camera, name, sky)


def exact_view(
    image: Array, geometry: Geometry, camera: Camera, name: str, sky: SkyDepth = "invalid"
) -> View:
    """Put a picture (H,W,3) and its geometry together; `sky` is invalid or far.

    Raises LeadlineError for another word about the sky.
    """
    if sky not in get_args(SkyDepth):
        raise LeadlineError(f"the sky is {sky!r}; choose invalid or far")
    metres = geometry.depth
    if sky == "far":
        metres = np.where(geometry.classes == CLASS_ID["sky"], np.float32(SKY_FAR), metres)
    depth = DepthMap.from_metres(metres, intrinsics=camera.intrinsics, provenance={"source": name})
    return View(image, depth, geometry.classes, geometry.instances, geometry.normals, camera, name)
