"""One generated view: a picture with everything that is exactly known about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from leadline.depth.depth_map import DepthMap
from leadline.depth.errors import LeadlineError
from leadline.worlds.arrays import Array
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.develop import develop, random_sensor
from leadline.worlds.grammar.rooms import build_room
from leadline.worlds.randomness import Seeds, Split
from leadline.worlds.render import Geometry, Quality, Tracer, quality, render, render_geometry
from leadline.worlds.viewpoints import is_blocked, room_camera

Kind = Literal["rooms", "streets"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SkyDepth = Literal["invalid", "far"]

SKY_FAR = 655.35
"""What the sky's depth is where it is asked to be far, in metres: Virtual KITTI's value."""

_PREVIEW = (24, 32)  # height and width at which cameras are tried
_CAMERAS, _WORLDS = 16, 12


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
        rng = seeds.stream("camera")
        for _ in range(_CAMERAS):
            camera = room_camera(rng, room.scene, room.plan, size)
            preview = camera.scaled(_PREVIEW[1], _PREVIEW[0])
            if not is_blocked(render_geometry(tracer, preview), 0.4, 0.6):
                return snapshot(tracer, camera, level, seeds, room.kind)
    raise LeadlineError(f"room {index} of seed {seed}: no camera saw anything; take another seed")


def snapshot(
    tracer: Tracer,
    camera: Camera,
    level: Quality,
    seeds: Seeds,
    name: str,
    *,
    shot: int = 0,
    sky: SkyDepth = "invalid",
) -> View:
    """Render and develop one view of a scene; `shot` tells views of one world apart."""
    outdoors = tracer.scene.sky is not None
    seed = int(seeds.stream("rays", shot).integers(1 << 62))
    light, geometry = render(tracer, camera, level, seed)
    sensor = random_sensor(seeds.stream("sensor", shot), outdoors)
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


def room_views(seed: int, count: int, split: Split = "train", **options: object) -> Iterator[View]:
    """Yield the first `count` rooms of a split; options are those of `render_room`."""
    for index in range(count):
        yield render_room(seed, index, split, **options)  # type: ignore[arg-type]
