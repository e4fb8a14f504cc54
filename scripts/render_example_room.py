#!/usr/bin/env python3
"""Render the example room: a snapshot, its exact depth, and named points.

    python scripts/render_example_room.py [-o examples] [--quality picture]

Writes ``room.jpg`` (640 x 480), ``room_depth.png`` (uint16 millimetres, planar z at pixel centres;
the window reads the distance of its glass) and ``room.json`` (intrinsics, named points). Same
versions, same processor: same files. Takes about a minute on one core and needs Embree
(``pip install 'leadline[worlds]'``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from leadline.depth import DepthMap
from leadline.io import write_depth
from leadline.worlds import example_room
from leadline.worlds.camera import Camera
from leadline.worlds.develop import develop
from leadline.worlds.randomness import stream
from leadline.worlds.render import Geometry, Tracer, quality, render
from leadline.worlds.scene import Scene

MILLIMETRES = 1000
# A named point must lie on one smooth surface for this many pixels around it.
_MARGIN = 5


def measured_points(scene: Scene, geometry: Geometry) -> list[dict[str, Any]]:
    """Named points with their depth; ValueError if one is not well inside its surface."""
    points = []
    for point in example_room.NAMED_POINTS:
        rows = slice(point.y - _MARGIN, point.y + _MARGIN + 1)
        columns = slice(point.x - _MARGIN, point.x + _MARGIN + 1)
        around = {scene.instance_name(k) for k in np.unique(geometry.instances[rows, columns])}
        patch = geometry.depth[rows, columns]
        if around != {point.part} or np.ptp(patch) > 0.05 * patch.mean():
            raise ValueError(
                f"point {point.name!r} at ({point.x}, {point.y}) should lie inside "
                f"{point.part!r} but within {_MARGIN} px there is {sorted(around)}, depth "
                f"{patch.min():.3f} to {patch.max():.3f} m: move it in worlds/example_room.py"
            )
        metres = round(float(geometry.depth[point.y, point.x]), 4)
        points.append({"name": point.name, "x": point.x, "y": point.y, "depth_m": metres})
    return points


def describe(camera: Camera, points: list[dict[str, Any]]) -> dict[str, Any]:
    """Contents of ``room.json``; pixel (0, 0) is the centre of the top left pixel."""
    names = ("fx", "fy", "cx", "cy", "width", "height")
    intrinsics = {name: getattr(camera.intrinsics, name) for name in names}
    return {"image": "room.jpg", "depth": "room_depth.png", "intrinsics": intrinsics,
            "points": points}  # fmt: skip


def main() -> None:
    """Render and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("examples"))
    parser.add_argument("--quality", default="picture", help="picture or training")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    scene, camera = example_room.build(), example_room.CAMERA
    tracer = Tracer(scene, quality(options.quality).tile_size)
    light, geometry = render(tracer, camera, options.quality, example_room.SEED)
    points = measured_points(scene, geometry)
    depth = DepthMap.from_metres(geometry.depth)
    write_depth(options.output / "room_depth.png", depth, units_per_metre=MILLIMETRES)
    text = json.dumps(describe(camera, points), indent=2)
    (options.output / "room.json").write_text(text + "\n", encoding="utf-8")
    snapshot = develop(light, example_room.SENSOR, stream("noise", example_room.SEED))
    Image.fromarray(snapshot).save(options.output / "room.jpg", quality=95)
    print(f"wrote room.jpg, room_depth.png and room.json to {options.output}")


if __name__ == "__main__":
    main()
