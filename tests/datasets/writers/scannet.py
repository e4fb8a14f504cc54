"""ScanNet, exported: colour twice as large as depth in millimetres, 4x4 cameras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units

INTRINSIC_COLOR = (
    "116.5 0.000000 63.5 0.000000\n0.000000 117.1 47.5 0.000000\n"
    "0.000000 0.000000 1.000000 0.000000\n0.000000 0.000000 0.000000 1.000000\n"
)


def write_scannet(folder: Path, scans: Sequence[str], scenes: Sequence[Scene]) -> Path:
    """Write every scan with the scenes as its frames, numbered as SensReader numbers them."""
    for scan in scans:
        place = folder / scan
        for number, scene in enumerate(scenes):
            large = np.kron(scene.image, np.ones((2, 2, 1), np.uint8))
            save(place / "color" / f"{number * 5}.jpg", large)
            save(place / "depth" / f"{number * 5}.png", units(scene.depth, 1000))
            (place / "pose").mkdir(exist_ok=True)
            (place / "pose" / f"{number * 5}.txt").write_text("1 0 0 0\n" * 4)
        (place / "intrinsic").mkdir()
        (place / "intrinsic" / "intrinsic_color.txt").write_text(INTRINSIC_COLOR)
        (place / "intrinsic" / "intrinsic_depth.txt").write_text(INTRINSIC_COLOR)
    return folder


def write_scannet_25k(folder: Path, scans: Sequence[str], scenes: Sequence[Scene]) -> Path:
    """Write the layout of scannet_frames_25k: six digits, the cameras beside the folders."""
    for scan in scans:
        for number, scene in enumerate(scenes):
            large = np.kron(scene.image, np.ones((2, 2, 1), np.uint8))
            save(folder / scan / "color" / f"{number * 100:06d}.jpg", large)
            save(folder / scan / "depth" / f"{number * 100:06d}.png", units(scene.depth, 1000))
        for kind in ("color", "depth"):
            (folder / scan / f"intrinsics_{kind}.txt").write_text(INTRINSIC_COLOR)
    return folder
