"""The edges of a photograph and of its depth map, on one small grid.

A photograph and its depth map have edges in common, since both jump where objects end. Both are
reduced to about 19,000 pixels and converted to edge strength without smooth parts, so that the
product of two edge maps measures their agreement (1: complete, 0: by chance).
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

AREA = 19_200  # 160 x 120: a smaller one loses small objects, a larger one shows parallax
BORDER = 4  # excludes white frames of warped pictures, and the filters' border effects
_SMOOTHING_SIGMA, _LOCAL_SIGMA = 1.0, 8.0
_MAX_BEND = 0.5  # so that one very near rim does not dominate
_FILL_DISTANCE = 3  # pixels of the grid from the nearest measurement

Plane = NDArray[np.float32]


def grid_for(aspect: float) -> tuple[int, int]:
    """Return (width, height) of the grid for pictures of `aspect` (width / height)."""
    width = max(4 * BORDER, round(math.sqrt(AREA * aspect)))
    return width, max(4 * BORDER, round(width / aspect))


def image_edges(image: NDArray[np.uint8], grid: tuple[int, int]) -> Plane:
    """Return the edge map of a photograph (H,W,3) on the grid, without border, of unit length."""
    small = cv2.resize(image, grid, interpolation=cv2.INTER_AREA)
    root = np.sqrt(small.astype(np.float32))  # gives edges in shadows equal weight
    strength = np.max([_gradient(root[..., channel]) for channel in range(3)], axis=0)
    return _normalise(strength, None)


def depth_edges(values: NDArray[Any], valid: NDArray[np.bool_], grid: tuple[int, int]) -> Plane:
    """Return the edge map of depth (H,W) on the grid, without border, of unit length.

    Planes are affine in inverse depth, so that its second derivative is zero on floors and walls of
    any slope, and large where objects end and walls meet. `values` may have any unit. Sparse depth
    is filled from the nearest measurement and counts only near one. Returns zeros if almost nothing
    is valid.
    """
    weight = cv2.resize(valid.astype(np.float32), grid, interpolation=cv2.INTER_AREA)
    inverse = np.divide(1, values, out=np.zeros(values.shape, np.float32), where=valid)
    inverse = cv2.resize(inverse, grid, interpolation=cv2.INTER_AREA)
    measured = weight > 0
    if np.count_nonzero(measured) < 64:
        return np.zeros((grid[1] - 2 * BORDER, grid[0] - 2 * BORDER), np.float32)
    inverse = np.divide(inverse, weight, out=np.zeros_like(inverse), where=measured)
    inverse /= np.median(inverse[measured])
    inverse, near = _fill(inverse, measured)
    if np.mean(valid) < 0.5:
        inverse = cv2.medianBlur(inverse, 5)
    bends = np.minimum(np.abs(cv2.Laplacian(inverse, cv2.CV_32F, ksize=3)), _MAX_BEND)
    return _normalise(bends, near)


def _fill(plane: Plane, measured: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    """Fill the plane from the nearest measured pixels; return it, and the mask of near ones."""
    if measured.all():
        return plane, np.ones_like(plane)
    unmeasured = (~measured).astype(np.uint8)
    distance, nearest = cv2.distanceTransformWithLabels(
        unmeasured, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(nearest.max()) + 1, np.float32)
    values[nearest[measured]] = plane[measured]
    return values[nearest], (distance < _FILL_DISTANCE).astype(np.float32)


def _gradient(plane: Plane) -> Plane:
    x = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3)
    y = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(np.hypot(x, y), np.float32)


def _normalise(strength: Plane, weight: Plane | None) -> Plane:
    """Return the local contrast of an edge map, of unit length; zeros if there is none."""
    root = np.sqrt(np.maximum(cv2.GaussianBlur(strength, (0, 0), _SMOOTHING_SIGMA), 0))
    local = root - cv2.GaussianBlur(root, (0, 0), _LOCAL_SIGMA)
    if weight is not None:
        local = local * weight
    inner = np.asarray(local[BORDER:-BORDER, BORDER:-BORDER], np.float32)
    length = float(np.linalg.norm(inner))
    return inner / np.float32(length) if length > 1e-6 else np.zeros_like(inner)
