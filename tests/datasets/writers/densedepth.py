"""`nyu_data.zip` of DenseDepth, unpacked: lists without a header, two encodings of depth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units


def write_densedepth(folder: Path, train: Sequence[Scene], test: Sequence[Scene]) -> Path:
    """Write training depth with 8 bits (255 is 10 m) and test depth with 16 (millimetres)."""
    lines = []
    for number, scene in enumerate(train, start=1):
        stem = f"data/nyu2_train/living_room_0038_out/{number}"
        save(folder / f"{stem}.jpg", scene.image)
        save(folder / f"{stem}.png", np.rint(scene.depth.clip(0, 10) * 25.5).astype(np.uint8))
        lines.append(f"{stem}.jpg,{stem}.png")
    (folder / "data").mkdir(exist_ok=True, parents=True)
    (folder / "data" / "nyu2_train.csv").write_text("\n".join(lines) + "\n")
    lines = []
    for number, scene in enumerate(test):
        stem = f"data/nyu2_test/{number:05d}"
        save(folder / f"{stem}_colors.png", scene.image)
        save(folder / f"{stem}_depth.png", units(scene.depth, 1000))
        lines.append(f"{stem}_colors.png,{stem}_depth.png")
    (folder / "data" / "nyu2_test.csv").write_text("\n".join(lines) + "\n")
    return folder
