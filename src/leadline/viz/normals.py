"""Directions of a surface as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def colorize_normals(normals: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return unit normals (H,W,3) in camera coordinates as a normal map, (H,W,3) uint8.

    x to the right is red, y up green, z towards the viewer blue, from -1 (0) to 1 (255), so that a
    wall straight ahead is (128, 128, 255); unknown normals, which are 0, are black.
    """
    turned = normals * np.array([1, -1, -1], dtype=np.float32)
    picture: NDArray[np.uint8] = np.rint((turned + 1) * 127.5).astype(np.uint8)
    picture[~normals.any(axis=2)] = 0
    return picture
