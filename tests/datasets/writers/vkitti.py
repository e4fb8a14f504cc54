"""Virtual KITTI 1.3.1 and 2 with class pictures in the colours of their tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save

FIXED = {
    **{"Terrain": (210, 0, 200), "Sky": (90, 200, 255), "Tree": (0, 199, 0)},
    **{"Vegetation": (90, 240, 0), "Building": (140, 140, 140), "Road": (100, 60, 100)},
    **{"GuardRail": (255, 100, 255), "TrafficSign": (255, 255, 0), "TrafficLight": (200, 200, 0)},
    **{"Pole": (255, 130, 0), "Misc": (80, 80, 80), "Truck": (160, 60, 60)},
}


def table_of(world: int, variation: str) -> dict[str, tuple[int, int, int]]:
    """Return the colours of one world and variation: those of the cars differ in each."""
    shift = (7 * world + 13 * len(variation)) % 50
    cars = {
        "Car:0": (200, 200, 200),
        "Car:1": (101 + shift, 30, 5),
        "Car:17": (3, 101 + shift, 40),
        "Van:2": (40, 7, 101 + shift),
    }
    return FIXED | cars


def plant_classes(depth: np.ndarray, entries: Sequence[str]) -> np.ndarray:
    """Return an entry index (H,W): the top two rows are sky, below them vertical stripes."""
    stripes = np.arange(depth.shape[1]) % len(entries)
    planted = np.broadcast_to(stripes, depth.shape).copy()
    planted[:2] = list(entries).index("Sky")
    return planted


def centimetres(depth: np.ndarray) -> np.ndarray:
    """Return 16-bit centimetres; what has no depth is sky, at the far plane."""
    return np.where(depth > 0, np.rint(depth * 100), 65535).astype(np.uint16)


def write_vkitti1(
    folder: Path, worlds: Mapping[int, Mapping[str, Sequence[Scene]]], classes: bool = True
) -> Path:
    """Write {world: {variation: scenes}} of version 1.3.1, frames counted from 0."""
    for world, variations in worlds.items():
        for variation, scenes in variations.items():
            table = table_of(world, variation)
            place = f"{world:04d}/{variation}"
            for number, scene in enumerate(scenes):
                name = f"{place}/{number:05d}.png"
                save(folder / "vkitti_1.3.1_rgb" / name, scene.image)
                save(folder / "vkitti_1.3.1_depthgt" / name, centimetres(scene.depth))
                if classes:
                    picture = _paint(scene.depth, table)
                    save(folder / "vkitti_1.3.1_scenegt" / name, picture)
            if classes:
                lines = ["Category(:id) r g b", *_rows(table)]
                encoding = f"{world:04d}_{variation}_scenegt_rgb_encoding.txt"
                (folder / "vkitti_1.3.1_scenegt" / encoding).write_text("\n".join(lines) + "\n")
    return folder


def write_vkitti2(folder: Path, worlds: Mapping[int, Mapping[str, Sequence[Scene]]]) -> Path:
    """Write {world: {variation: scenes}} of version 2, both cameras, one table a variation."""
    table = FIXED | {"GuardRail": (250, 100, 255), "Car": (255, 127, 80), "Van": (0, 139, 139)}
    table["Undefined"] = (0, 0, 0)
    for world, variations in worlds.items():
        for variation, scenes in variations.items():
            place = folder / f"Scene{world:02d}" / variation
            for number, scene in enumerate(scenes):
                for camera in ("Camera_0", "Camera_1"):
                    frames = place / "frames"
                    save(frames / "rgb" / camera / f"rgb_{number:05d}.jpg", scene.image)
                    depth = centimetres(scene.depth)
                    save(frames / "depth" / camera / f"depth_{number:05d}.png", depth)
                    picture = _paint(scene.depth, table)
                    name = f"classgt_{number:05d}.png"
                    save(frames / "classSegmentation" / camera / name, picture)
            lines = ["Category r g b", *_rows(table)]
            (place / "colors.txt").write_text("\n".join(lines) + "\n")
    return folder


def _paint(depth: np.ndarray, table: Mapping[str, tuple[int, int, int]]) -> np.ndarray:
    colours = np.array(list(table.values()), dtype=np.uint8)
    return colours[plant_classes(depth, list(table))]


def _rows(table: Mapping[str, tuple[int, int, int]]) -> list[str]:
    return [f"{name} {r} {g} {b}" for name, (r, g, b) in table.items()]
