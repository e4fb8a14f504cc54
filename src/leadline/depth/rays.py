"""The distance along the ray of a pixel, and the planar z of a depth map."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics


@lru_cache(maxsize=8)
def planar_factor(camera: Intrinsics) -> NDArray[np.float32]:
    """Return what turns distances along the rays into z: cos of each ray's angle, (H,W).

    z = distance / sqrt(1 + x^2 + y^2), where (x, y, 1) is the pixel's ray. The array is shared and
    cannot be written to.

    >>> float(planar_factor(Intrinsics(1, 1, 0, 0, 2, 1))[0, 1])  # 45 degrees
    0.7071067690849304
    """
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    factor = (1 / np.sqrt(1 + x[None, :] ** 2 + y[:, None] ** 2)).astype(np.float32)
    factor.flags.writeable = False
    return factor
