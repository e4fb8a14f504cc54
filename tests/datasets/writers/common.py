"""Scenes to plant, and PNG and JPEG files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import make_scene


@dataclass(frozen=True)
class Scene:
    """`image` (H,W,3) uint8, `depth` (H,W) float32 metres with the top rows 0."""

    image: np.ndarray
    depth: np.ndarray


def make_scenes(count: int, size: tuple[int, int] = (48, 64), seed: int = 0) -> list[Scene]:
    """Return `count` different scenes of known depth, the two top rows without any."""
    rng = np.random.default_rng(seed)
    scenes = []
    for _ in range(count):
        image, depth = make_scene(rng, size)
        depth[:2] = 0
        scenes.append(Scene(image, depth))
    return scenes


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a picture, lossless unless its suffix is .jpg; the folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)


def units(depth: np.ndarray, units_per_metre: float) -> np.ndarray:
    """Return metres as 16-bit whole units."""
    return np.rint(depth * units_per_metre).astype(np.uint16)
