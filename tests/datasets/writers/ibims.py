"""iBims-1, the raw core: 16-bit depth to 50 m, two masks, a camera a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save


def write_ibims(folder: Path, scenes: Sequence[Scene]) -> Path:
    """Write the scenes; the left column is invalid, the right one is glass, both have depth."""
    for number, scene in enumerate(scenes):
        name = f"corridor_{number:02d}"
        save(folder / "rgb" / f"{name}.png", scene.image)
        depth = np.rint(scene.depth / 50 * 65535).astype(np.uint16)
        save(folder / "depth" / f"{name}.png", depth)
        for mask, column in (("mask_invalid", 0), ("mask_transp", -1)):
            counts = np.full(scene.depth.shape, 255, np.uint8)
            counts[:, column] = 0
            save(folder / mask / f"{name}.png", counts)
        (folder / "calib").mkdir(exist_ok=True)
        (folder / "calib" / f"{name}.txt").write_text("55.5,56.25,31.75,23.5")
    return folder
