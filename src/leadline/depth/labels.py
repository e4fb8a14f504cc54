"""Class maps as pictures: ids in a grey PNG, and in colours that are easy to tell apart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.images import write_png


@lru_cache(maxsize=1)
def label_colors() -> NDArray[np.uint8]:
    """Return (256,3) uint8 RGB, one colour an id, id 0 black.

    The bits of the id are dealt out to the high bits of red, green and blue in turn, so that
    neighbouring ids look different: the colour map of the PASCAL VOC challenge.
    """
    ids = np.arange(256)
    colors = np.zeros((256, 3), dtype=np.uint8)
    for step in range(8):
        for channel in range(3):
            bit = (ids >> (3 * step + channel)) & 1
            colors[:, channel] |= (bit << (7 - step)).astype(np.uint8)
    return colors


def write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write class ids (H,W) uint8 as a grey PNG that says what it holds."""
    write_png(path, labels, {"leadline:kind": "class ids"})


def colorize_labels(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8 RGB for class ids (H,W)."""
    return label_colors()[labels]
