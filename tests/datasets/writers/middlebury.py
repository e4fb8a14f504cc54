"""Middlebury 2014: a left picture, its disparity in PFM with infinite holes, a calibration."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save

FOCAL, OFFSET, BASELINE = 80.0, 3.25, 193.001


def write_middlebury(folder: Path, scenes: Sequence[Scene]) -> Path:
    """Write the scenes: disparity = baseline focal / z - doffs, in pixels, bottom row first."""
    for number, scene in enumerate(scenes):
        place = folder / f"Scene{number}-perfect"
        save(place / "im0.png", scene.image)
        save(place / "im1.png", scene.image)
        height, width = scene.depth.shape
        with np.errstate(divide="ignore"):
            disparity = np.where(
                scene.depth > 0, BASELINE / 1000 * FOCAL / scene.depth - OFFSET, np.inf
            )
        body = disparity[::-1].astype("<f4").tobytes()
        (place / "disp0.pfm").write_bytes(f"Pf\n{width} {height}\n-1.0\n".encode() + body)
        camera = f"[{FOCAL} 0 {width / 2 - 1}; 0 {FOCAL} {height / 2}; 0 0 1]"
        lines = (f"cam0={camera}", f"cam1={camera}", f"doffs={OFFSET}", f"baseline={BASELINE}")
        sizes = (f"width={width}", f"height={height}", "ndisp=280", "isint=0", "vmin=31")
        (place / "calib.txt").write_text("\n".join([*lines, *sizes]) + "\n")
    return folder
