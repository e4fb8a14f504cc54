"""Directions of a surface as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap

SMOOTHING = 1 / 200
"""Of the diagonal: standard deviation of the Gaussian that predicted depth is smoothed with."""


def smoothed(depth_map: DepthMap) -> DepthMap:
    """Return predicted depth as its normals are drawn: differences of pixels are mostly its noise.

    It is the Gaussian mean of inverse depth, which is linear on a plane: away from edges, planes
    stay as they are. Invalid pixels do not count and stay invalid.
    """
    import cv2

    sigma = SMOOTHING * float(np.hypot(*depth_map.shape))
    weight = cv2.GaussianBlur(depth_map.valid.astype(np.float32), (0, 0), sigma)
    total = cv2.GaussianBlur(depth_map.inverse, (0, 0), sigma)
    depth = np.divide(weight, total, out=np.zeros_like(weight), where=depth_map.valid)
    return DepthMap(depth, depth_map.valid, depth_map.intrinsics)


def colorize_normals(normals: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return unit normals (H,W,3) in camera coordinates as a normal map, (H,W,3) uint8.

    x to the right is red, y up green, z towards the viewer blue, from -1 (0) to 1 (255), so that a
    wall straight ahead is (128, 128, 255); unknown normals, which are 0, are black.
    """
    turned = normals * np.array([1, -1, -1], dtype=np.float32)
    picture: NDArray[np.uint8] = np.rint((turned + 1) * 127.5).astype(np.uint8)
    picture[~normals.any(axis=2)] = 0
    return picture
