"""Taking the noise out of light without crossing outlines."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array


def smoothed(
    light: Array, normal: Array, point: Array, depth: Array, steps: tuple[int, ...]
) -> Array:
    """Average light (H,W,C) with neighbours on the same surface, in passes ever further apart.

    `normal`, `point` (H,W,3) float32 and `depth` (H,W) describe the surface; pixels without one
    have depth 0 and are left alone.
    """
    tolerance = 0.006 * depth + 1e-4
    for step in steps:
        light = _one_pass(light, normal, point, tolerance, depth > 0, step)
    return light


def _one_pass(
    light: Array, normal: Array, point: Array, tolerance: Array, has_surface: Array, step: int
) -> Array:
    """Average along rows, then along columns, with the weights 1 2 1: no parity is favoured."""
    for axis in (0, 1):
        here = [slice(None), slice(None)]
        beside = [slice(None), slice(None)]
        here[axis], beside[axis] = slice(step, None), slice(None, -step)
        a, b = tuple(here), tuple(beside)
        same = np.clip(np.einsum("ijk,ijk->ij", normal[a], normal[b]), 0, 1)
        for _ in range(4):
            same *= same
        # How far the neighbour stands off this surface, rather than how much further it is.
        off = np.abs(np.einsum("ijk,ijk->ij", normal[a], point[a] - point[b]))
        w = same * np.exp(-off / (tolerance[a] * np.float32(step**0.5)))
        w *= np.float32(0.5) * (has_surface[a] & has_surface[b])
        total, weight = light.copy(), np.ones(light.shape[:2], dtype=np.float32)
        total[a] += light[b] * w[..., None]
        weight[a] += w
        total[b] += light[a] * w[..., None]
        weight[b] += w
        light = total / weight[..., None]
    return light
