"""ARKitScenes: files named by video and time, millimetres, a .pincam file a photograph."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units


def write_arkitscenes(
    folder: Path,
    videos: Mapping[str, Sequence[Scene]],
    image: str = "vga_wide",
    factor: int = 2,
    lag: float = 0.004,
    inner: str = "",
) -> Path:
    """Write {"Training/47333462": scenes}: photographs `factor` times as large as the depth.

    Depth is `lag` seconds later than its photograph, whose camera's name is a millisecond off.
    """
    for video, scenes in videos.items():
        name = Path(video).name
        place = folder / video / inner.format(name)
        for number, scene in enumerate(scenes):
            time = 6845.706 + number / 10
            large = np.kron(scene.image, np.ones((factor, factor, 1), np.uint8))
            save(place / image / f"{name}_{time:.3f}.png", large)
            save(place / "lowres_depth" / f"{name}_{time + lag:.3f}.png", units(scene.depth, 1000))
            cameras = place / f"{image}_intrinsics"
            cameras.mkdir(exist_ok=True)
            height, width = large.shape[:2]
            text = f"{width} {height} {1.66 * width} {1.66 * width} {width / 2} {height / 2}"
            (cameras / f"{name}_{time - 0.001:.3f}.pincam").write_text(text)
    return folder
