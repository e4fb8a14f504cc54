"""Lens distortion in OpenCV's model (radial, tangential, rational), and pictures without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics

NEGLIGIBLE = 0.5
"""Pixels: a lens that bends no point of the picture further is taken for a pinhole."""


def bending(camera: Intrinsics, coefficients: Sequence[float]) -> float:
    """Return by how many pixels a lens moves a point of the picture at most.

    `coefficients` are k1, k2, p1, p2[, k3[, k4, k5, k6]], of opencv's calib3d documentation:
    x' = x (1 + k1 r2 + k2 r4 + k3 r6) / (1 + k4 r2 + k5 r4 + k6 r6) + 2 p1 x y + p2 (r2 + 2 x^2).
    """
    k1, k2, p1, p2, k3, k4, k5, k6 = (*coefficients, *[0.0] * (8 - len(coefficients)))
    columns = np.linspace(-0.5, camera.width - 0.5, 33)
    rows = np.linspace(-0.5, camera.height - 0.5, 33)
    x, y = np.meshgrid((columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy)
    r2 = x**2 + y**2
    with np.errstate(all="ignore"):
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        across = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2) - x
        down = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y - y
        moved = np.hypot(across * camera.fx, down * camera.fy)
    return float(np.nan_to_num(moved, nan=np.inf).max())


def undistort(
    array: NDArray[Any], camera: Intrinsics, coefficients: Sequence[float], nearest: bool
) -> NDArray[Any]:
    """Return a picture (H,W,3), or a map (H,W) of any type, as a pinhole of `camera` sees it.

    `nearest` takes the nearest pixel, for depth and labels; else pixels are interpolated. What the
    picture did not show becomes 0.
    """
    import cv2

    K, size = camera.matrix, (camera.width, camera.height)
    maps = cv2.initUndistortRectifyMap(
        K, np.array(coefficients, np.float64), np.eye(3), K, size, cv2.CV_32FC1
    )
    if not nearest:
        return np.asarray(cv2.remap(array, *maps, cv2.INTER_LINEAR))
    columns, rows = (np.rint(each).astype(np.intp) for each in maps)
    inside = (columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)
    taken = array[rows.clip(0, camera.height - 1), columns.clip(0, camera.width - 1)]
    return np.where(inside, taken, np.zeros((), array.dtype))
