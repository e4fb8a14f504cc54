"""A depth map as a surface: the directions it faces, and triangles between its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.depth.edges import THRESHOLD, check_threshold, reciprocal_of, unexplained_steps
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError

MOST_VERTICES = 400_000
"""Of a mesh whose `step` is not given: what viewers still turn fluently."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in camera coordinates, x right, y down, z forward, in metres.

    `vertices` (N,3) float32; `triangles` (M,3) uint32, counter-clockwise as the camera sees them;
    `uv` (N,2) float32, the place of each vertex in the picture, (0, 0) its top left corner and
    (1, 1) its bottom right one.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    uv: NDArray[np.float32]


def unproject(depth: NDArray[np.float32], camera: Intrinsics) -> NDArray[np.float32]:
    """Return the point of every pixel in camera coordinates, (H,W,3) float32 metres."""
    height, width = depth.shape
    points = np.empty((height, width, 3), dtype=np.float32)
    points[..., 0] = (np.arange(width) - camera.cx) / camera.fx * depth
    points[..., 1] = (np.arange(height)[:, None] - camera.cy) / camera.fy * depth
    points[..., 2] = depth
    return points


def surface_normals(
    depth: NDArray[np.float32], valid: NDArray[np.bool_], camera: Intrinsics
) -> NDArray[np.float32]:
    """Return the unit normal of every pixel, (H,W,3) float32, towards the camera; 0 if unknown.

    Tangents are differences of points along rows and columns, over both neighbours; at an edge of
    depth, and beside an invalid pixel, over the one that continues the surface. So the normals of
    a plane are exact, and no normal mixes two surfaces.
    """
    points = unproject(depth, camera)
    reciprocal = reciprocal_of(depth, valid)
    along = _tangent(points, reciprocal)
    down = _tangent(points.transpose(1, 0, 2), reciprocal.T).transpose(1, 0, 2)
    normals = np.cross(down, along)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    known = np.isfinite(length) & (length > 0)
    # z is forward, so what faces the camera points back.
    facing = np.where((normals * points).sum(axis=2, keepdims=True) > 0, -1, 1)
    unit = np.divide(normals * facing, length, out=np.zeros_like(normals), where=known)
    return np.asarray(unit, dtype=np.float32)


def _tangent(points: NDArray[np.float32], reciprocal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the difference of points along each row, (H,W,3), NaN where no neighbour serves."""
    joined = np.isfinite(reciprocal[:, :-1]) & np.isfinite(reciprocal[:, 1:])
    joined &= unexplained_steps(np.ascontiguousarray(reciprocal), THRESHOLD) == 0
    steps = np.where(joined[..., None], np.diff(points.astype(np.float64), axis=1), np.nan)
    missing = np.full((points.shape[0], 1, 3), np.nan)
    before = np.concatenate([missing, steps], axis=1)
    after = np.concatenate([steps, missing], axis=1)
    both = np.where(np.isnan(before), after, np.where(np.isnan(after), before, before + after))
    return np.asarray(both)


def triangulate(
    depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    camera: Intrinsics,
    step: int | None = None,
    relative_threshold: float = THRESHOLD,
) -> Mesh:
    """Return two triangles for every four neighbouring pixels that are one surface.

    Where a side of the four is a step of depth that no slanted surface explains (see
    `flying_pixel_mask`), or a corner is invalid, nothing is joined: the mesh is cut at edges.
    Every `step`-th pixel is a vertex, by default as many as leave at most `MOST_VERTICES`.
    Errors: LeadlineError for a step below 1, or where no triangle is left.
    """
    check_threshold(relative_threshold)
    height, width = depth.shape
    if step is None:
        step = math.ceil(math.sqrt(max(1.0, height * width / MOST_VERTICES)))
    if step < 1:
        raise LeadlineError(f"mesh step {step}: give 1 or more pixels")
    points = unproject(depth, camera)[::step, ::step]
    reciprocal = reciprocal_of(depth, valid)[::step, ::step]
    corners = _cells(np.ascontiguousarray(reciprocal), relative_threshold)
    if not corners.size:
        raise LeadlineError("a mesh needs neighbouring valid pixels; this depth map has none")
    top_left, top_right, bottom_left, bottom_right = corners
    triangles = np.concatenate(
        [
            np.stack([top_left, bottom_left, top_right], axis=1),
            np.stack([top_right, bottom_left, bottom_right], axis=1),
        ]
    )
    used, renumbered = np.unique(triangles, return_inverse=True)
    rows, columns = np.divmod(used, reciprocal.shape[1])
    uv = np.stack([(columns * step + 0.5) / width, (rows * step + 0.5) / height], axis=1)
    return Mesh(
        points.reshape(-1, 3)[used],
        renumbered.reshape(-1, 3).astype(np.uint32),
        uv.astype(np.float32),
    )


def _cells(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Return (4,n): the corners of the cells that are one surface, as indices of the flat map."""
    known = np.isfinite(reciprocal)
    across = unexplained_steps(reciprocal, threshold) == 0
    down = unexplained_steps(np.ascontiguousarray(reciprocal.T), threshold).T == 0
    whole = known[:-1, :-1] & known[:-1, 1:] & known[1:, :-1] & known[1:, 1:]
    whole &= across[:-1] & across[1:] & down[:, :-1] & down[:, 1:]
    rows, columns = np.nonzero(whole)
    width = reciprocal.shape[1]
    top_left = rows * width + columns
    return np.stack([top_left, top_left + 1, top_left + width, top_left + width + 1])
