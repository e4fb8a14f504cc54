"""SHIFT, unpacked: depth as the three bytes of a number, red lowest; the sky at the far end."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save


def write_shift(folder: Path, splits: Mapping[str, Sequence[Scene]], view: str = "front") -> Path:
    """Write {"train": scenes} as discrete/images/train/<view>/{img,depth}/<sequence>/."""
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes):
            place = folder / "discrete" / "images" / split / view
            name = f"{number:08d}"
            save(place / "img" / "0123-abcd" / f"{name}_img_{view}.jpg", scene.image)
            far = 256**3 - 1
            depth = np.where(scene.depth > 0, np.rint(scene.depth / 1000 * far), far)
            picture = np.zeros((*depth.shape, 4), np.uint8)
            for channel in range(3):
                picture[..., channel] = depth // 256**channel % 256
            picture[..., 3] = 255
            save(place / "depth" / "0123-abcd" / f"{name}_depth_{view}.png", picture)
    return folder
