#!/usr/bin/env python3
"""Render the example room: a snapshot, its exact depth, and named points.

    python scripts/render_example_room.py [-o examples] [--samples 40]

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
from PIL import Image, PngImagePlugin

from example_room import room
from example_room.develop import develop
from example_room.geometry import FloatArray, IntArray
from example_room.render import render_depth, render_picture
from example_room.scene import SEED, Camera, Scene

MILLIMETRES = 1000
# A named point must lie on one smooth surface for this many pixels around it.
_MARGIN = 5


def save_depth(path: Path, depth: FloatArray) -> None:
    """Write metres (H,W) as uint16 millimetres, with the unit in the file's text chunks."""
    text = PngImagePlugin.PngInfo()
    text.add_text("leadline:unit", "millimetre")
    text.add_text("leadline:units_per_metre", str(MILLIMETRES))
    text.add_text("leadline:kind", "planar z")
    values = np.round(depth.astype(np.float64) * MILLIMETRES).astype(np.uint16)
    Image.fromarray(values).save(path, pnginfo=text, optimize=True)


def measured_points(scene: Scene, depth: FloatArray, part: IntArray) -> list[dict[str, Any]]:
    """Named points with their depth; ValueError if one is not well inside its surface."""
    points = []
    for point in room.NAMED_POINTS:
        rows = slice(point.y - _MARGIN, point.y + _MARGIN + 1)
        columns = slice(point.x - _MARGIN, point.x + _MARGIN + 1)
        around = {scene.labels[p] for p in np.unique(part[rows, columns])}
        patch = depth[rows, columns]
        if around != {point.part} or np.ptp(patch) > 0.05 * patch.mean():
            raise ValueError(
                f"point {point.name!r} at ({point.x}, {point.y}) should lie inside "
                f"{point.part!r} but within {_MARGIN} px there is {sorted(around)}, depth "
                f"{patch.min():.3f} to {patch.max():.3f} m: move it in example_room/room.py"
            )
        metres = round(float(depth[point.y, point.x]), 4)
        points.append({"name": point.name, "x": point.x, "y": point.y, "depth_m": metres})
    return points


def describe(camera: Camera, points: list[dict[str, Any]]) -> dict[str, Any]:
    """Contents of ``room.json``; pixel (0, 0) is the centre of the top left pixel."""
    names = ("fx", "fy", "cx", "cy", "width", "height")
    intrinsics = {name: getattr(camera, name) for name in names}
    return {"image": "room.jpg", "depth": "room_depth.png", "intrinsics": intrinsics,
            "points": points}  # fmt: skip


def main() -> None:
    """Render and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("examples"))
    parser.add_argument("--samples", type=int, default=40, help="light samples per pixel")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    scene = room.build()
    depth, part = render_depth(scene, room.CAMERA)
    points = measured_points(scene, depth, part)
    save_depth(options.output / "room_depth.png", depth)
    text = json.dumps(describe(room.CAMERA, points), indent=2)
    (options.output / "room.json").write_text(text + "\n", encoding="utf-8")
    light = render_picture(scene, room.CAMERA, options.samples, SEED)
    snapshot = Image.fromarray(develop(light, SEED))
    snapshot.save(options.output / "room.jpg", quality=95)
    print(f"wrote room.jpg, room_depth.png and room.json to {options.output}")


if __name__ == "__main__":
    main()
