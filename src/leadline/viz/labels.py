"""Class maps as pictures, in colours that are easy to tell apart."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=2)
def label_colors(count: int = 256) -> NDArray[np.uint8]:
    """Return (count,3) uint8 RGB, one colour an id, id 0 black.

    The bits of the id are dealt out to the high bits of red, green and blue in turn, so that
    neighbouring ids look different: the colour map of the PASCAL VOC challenge.
    """
    ids = np.arange(count)
    colors = np.zeros((count, 3), dtype=np.uint8)
    for step in range(8):
        for channel in range(3):
            bit = (ids >> (3 * step + channel)) & 1
            colors[:, channel] |= (bit << (7 - step)).astype(np.uint8)
    return colors


def colorize_labels(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8 RGB for class ids (H,W), at most 65,535."""
    colors = label_colors(256 if labels.max() < 256 else 65_536)
    return np.asarray(colors[labels])
