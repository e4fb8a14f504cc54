"""Properties of a depth map that follow from scene geometry: the ground, and planes.

Floors and walls are planes, and planes are affine in 1/depth, which distinguishes depth from
disparity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOCAL_LENGTH = 0.75  # of the image's width; KITTI has 0.58, Kinect 0.81
_MIN_PIXELS = 50
_SIDE = 20
_MIN_SLOPE = 0.05
_MAX_RESIDUAL = 0.02
_WALL_SIDE = 24
_MAX_WALL_RESIDUAL = 0.006
_LEAST_RESIDUAL = 5e-4  # rounding to millimetres at a metre or two


def row_slope_and_camera_height(
    values: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the correlation of values with the row, and the camera's height above the ground.

    `values` (H,W) in any unit. The first is the correlation of the ranks of values with their rows,
    negative if near things are at the bottom, 0 if it is not defined; the second is the height
    above the lowest points in the unit of `values`, NaN if nothing lies below the camera. Every
    `min(H, W) / 100`th pixel in both directions is used.
    """
    stride = max(1, min(values.shape) // 100)
    rows, columns = np.nonzero(valid[::stride, ::stride])
    sampled = values[::stride, ::stride][rows, columns]
    if sampled.size < _MIN_PIXELS:
        return 0.0, float("nan")
    height, width = values.shape
    below = (rows * stride - height / 2) / (FOCAL_LENGTH * width) * sampled
    camera_height = float(np.percentile(below, 98))
    ranks = np.empty(sampled.size, np.float64)
    ranks[np.argsort(sampled, kind="stable")] = np.arange(sampled.size)
    flat = sampled.min() == sampled.max() or rows.min() == rows.max()
    slope = 0.0 if flat else float(np.corrcoef(rows, ranks)[0, 1])
    return slope, camera_height if camera_height > 0 else float("nan")


def planarity(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Return how much better 1/values fit planes than the values do; below 0 for disparity.

    `values` (H,W) in any unit. Blocks that lie on one sloping plane are fitted by a plane in both
    ways. The result is the median over the blocks of the logarithm of the ratio of residuals, NaN
    without such blocks. It is positive for 82 % of the depth maps of labelled NYU.
    """
    stride = max(1, round(min(values.shape) / 120))
    values, valid = values[::stride, ::stride], valid[::stride, ::stride]
    blocks = _blocks(values)[_blocks(valid).all(axis=1)].astype(np.float64)
    if not len(blocks):
        return float("nan")
    residual, slope = _fit(blocks)
    residual_inverse, slope_inverse = _fit(1 / blocks)
    plane = np.minimum(slope, slope_inverse) > _MIN_SLOPE
    plane &= np.minimum(residual, residual_inverse) < _MAX_RESIDUAL
    if not plane.any():
        return float("nan")
    ratio = np.maximum(residual[plane], 1e-6) / np.maximum(residual_inverse[plane], 1e-6)
    return float(np.median(np.log(ratio)))


def ray_likeness(
    values: NDArray[np.float32], valid: NDArray[np.bool_], focal: float | None = None
) -> float:
    """Return how much better values fit planes as ray lengths than as planar z; > 0 for rays.

    `values` (H,W) in any unit; `focal` in pixels, by default `FOCAL_LENGTH` widths. For a plane,
    1/z is affine in the pixel, and so is sqrt(1 + x^2 + y^2) / d, where d is the length of the ray
    (x, y, 1): taken as z, ray lengths make floors and walls look curved. The result is the median,
    over large blocks that are planes in either way, of the logarithm of the ratio of residuals, NaN
    without such blocks.
    """
    height, width = values.shape
    focal = FOCAL_LENGTH * width if focal is None else focal
    y, x = np.ogrid[:height, :width]
    square = (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2
    return flatter_without(values, valid, np.sqrt(1 + square / focal**2))


def flatter_without(
    values: NDArray[np.float32], valid: NDArray[np.bool_], stretch: NDArray[np.floating]
) -> float:
    """Return how much better `values` fit planes after division by `stretch`; > 0 is better.

    All (H,W). The result is the median, over large blocks that are planes in either way, of the
    logarithm of the ratio of residuals, NaN without such blocks.
    """
    stride = max(1, round(min(values.shape) / 120))
    values, valid = values[::stride, ::stride], valid[::stride, ::stride]
    stretch = stretch[::stride, ::stride]
    whole = _blocks(valid, _WALL_SIDE).all(axis=1)
    if not whole.any():
        return float("nan")
    blocks = _blocks(values, _WALL_SIDE)[whole].astype(np.float64)
    as_z, _ = _fit(1 / blocks, _WALL_SIDE)
    stretched = _blocks(stretch, _WALL_SIDE)[whole].astype(np.float64)
    as_ray, _ = _fit(stretched / blocks, _WALL_SIDE)
    plane = np.minimum(as_z, as_ray) < _MAX_WALL_RESIDUAL
    if not plane.any():
        return float("nan")
    ratio = np.maximum(as_z[plane], _LEAST_RESIDUAL) / np.maximum(as_ray[plane], _LEAST_RESIDUAL)
    return float(np.median(np.log(ratio)))


def _blocks(plane: NDArray[np.generic], side: int = _SIDE) -> NDArray[np.generic]:
    """Return the complete blocks of a map, (n, side * side)."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    whole = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return whole.transpose(0, 2, 1, 3).reshape(-1, side * side)


def _fit(
    blocks: NDArray[np.float64], side: int = _SIDE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the relative rms residual and the relative rms slope of the best-fitting plane."""
    y, x = np.mgrid[:side, :side].reshape(2, -1) - (side - 1) / 2
    base = np.stack([np.ones(x.size), x, y], axis=1)
    base /= np.linalg.norm(base, axis=0)
    relative = blocks / blocks.mean(axis=1, keepdims=True)
    parts = relative @ base
    residual = relative - parts @ base.T
    return (
        np.sqrt(np.mean(residual**2, axis=1)),
        np.sqrt(np.sum(parts[:, 1:] ** 2, axis=1) / x.size),
    )
