"""DIODE as its archives unpack: `X.png`, `X_depth.npy` with a third axis, `X_depth_mask.npy`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save


def write_diode(folder: Path, parts: Mapping[str, Sequence[Scene]]) -> Path:
    """Write {"val/indoors": scenes, ...}; depth fills the pixels that the mask leaves out."""
    for part, scenes in parts.items():
        for number, scene in enumerate(scenes):
            place = folder / part / "scene_00019" / f"scan_{183 + number:05d}"
            stem = f"00019_{183 + number:05d}_{Path(part).name}_000_010"
            save(place / f"{stem}.png", scene.image)
            filled = np.where(scene.depth > 0, scene.depth, np.float32(77))
            np.save(place / f"{stem}_depth.npy", filled[..., None])
            np.save(place / f"{stem}_depth_mask.npy", (scene.depth > 0).astype(np.float64))
    return folder
