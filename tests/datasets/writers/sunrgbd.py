"""SUN RGB-D: a folder a frame, its depth in 16-bit millimetres whose three top bits come last."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units


def write_sunrgbd(folder: Path, recordings: Mapping[str, Sequence[Scene]]) -> Path:
    """Write {"kv1/NYUdata": scenes, ...}; depth_bfx/ has the holes filled with 1 m."""
    for recording, scenes in recordings.items():
        for number, scene in enumerate(scenes, start=1):
            place = folder / recording / f"NYU{number:04d}"
            save(place / "image" / f"NYU{number:04d}.jpg", scene.image)
            filled = np.where(scene.depth > 0, scene.depth, np.float32(1))
            for part, depth in (("depth", scene.depth), ("depth_bfx", filled)):
                save(place / part / f"NYU{number:04d}.png", rotated(units(depth, 1000)))
            (place / "fullres").mkdir()
            (place / "intrinsics.txt").write_text("60.5 0 31.6  0 61.2 23.9  0 0 1 ")
            (place / "scene.txt").write_text("kitchen")
    return folder


def rotated(millimetres: np.ndarray) -> np.ndarray:
    """Return each number with its thirteen low bits in front of its three high ones."""
    number = millimetres.astype(np.int64)
    return (number % 2**13 * 8 + number // 2**13).astype(np.uint16)
