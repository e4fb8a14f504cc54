"""7-Scenes: sequences of frames, millimetres, 65535 where there is no depth, two lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units


def write_seven_scenes(
    folder: Path, sequences: Mapping[int, Sequence[Scene]], train: Sequence[int]
) -> Path:
    """Write one scene with these sequences; those not in `train` are for testing."""
    for sequence, scenes in sequences.items():
        for number, scene in enumerate(scenes):
            stem = folder / f"seq-{sequence:02d}" / f"frame-{number:06d}"
            save(Path(f"{stem}.color.png"), scene.image)
            depth = np.where(scene.depth > 0, units(scene.depth, 1000), 65535).astype(np.uint16)
            save(Path(f"{stem}.depth.png"), depth)
            Path(f"{stem}.pose.txt").write_text("1 0 0 0\n" * 4)
    for name, chosen in (("TrainSplit", True), ("TestSplit", False)):
        lines = [f"sequence{n}" for n in sequences if (n in train) == chosen]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder
