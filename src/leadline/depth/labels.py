"""Class maps as pictures: ids in a grey PNG, and in colours that are easy to tell apart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.images import write_png

MOST_CLASSES = 1024
"""Ids of classes lie below it: what a network may have scores for, and what is counted."""


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


def write_labels(path: Path, labels: NDArray[np.integer]) -> None:
    """Write class ids (H,W) as a grey PNG that says what it holds: 8 bits, 16 for ids above 255."""
    ids = labels.astype(np.uint8) if labels.max() < 256 else labels.astype(np.uint16)
    write_png(path, ids, {"leadline:kind": "class ids"})


def colorize_labels(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return (H,W,3) uint8 RGB for class ids (H,W), at most 65,535."""
    colors = label_colors(256 if labels.max() < 256 else 65_536)
    return np.asarray(colors[labels])
