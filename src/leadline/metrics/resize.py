"""Bringing a prediction to the size of the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]

RESIZE_RULES = ("bilinear", "bilinear, aligned corners", "nearest")
"""Half-pixel centres; corner pixels on corner pixels (ZoeDepth, MDE-Toolbox); no interpolation."""


def resize_to(
    depth: NDArray[np.float32], size: Size, rule: str = "bilinear"
) -> NDArray[np.float32]:
    """Resize (h,w) to `size` by one of `RESIZE_RULES`; the same array where it fits already.

    What an infinite value has a share in is infinite.
    """
    if depth.shape == size:
        return depth
    infinite = depth == np.inf
    if not infinite.any():
        return _resize(depth, size, rule)
    # OpenCV interpolates by differences, and inf - inf is NaN.
    resized = _resize(np.where(infinite, np.float32(0), depth), size, rule)
    resized[_resize(infinite.astype(np.float32), size, rule) > 0] = np.inf
    return resized


def _resize(depth: NDArray[np.float32], size: Size, rule: str) -> NDArray[np.float32]:
    import cv2

    if rule == "bilinear, aligned corners":
        return _resize_aligned(depth, size)
    flag = cv2.INTER_NEAREST if rule == "nearest" else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(depth, (size[1], size[0]), interpolation=flag), dtype=np.float32)


def _resize_aligned(depth: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    import cv2

    rows = np.linspace(0, depth.shape[0] - 1, size[0], dtype=np.float32)
    columns = np.linspace(0, depth.shape[1] - 1, size[1], dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return np.asarray(cv2.remap(depth, x, y, cv2.INTER_LINEAR), dtype=np.float32)
