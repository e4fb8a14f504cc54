"""Antialiasing where a pixel sees two things; depth and ids are never touched."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array

CORNERS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))
"""Where within a pixel the four further rays go."""


def outline_pixels(part: Array, normal: Array) -> Array:
    """Flat indices (E,) of pixels that border on another part or a crease; `part` is (H,W)."""
    edge = np.zeros(part.shape, dtype=bool)
    for axis in (0, 1):
        a = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        b = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        differ = part[a] != part[b]
        x, y, z = (normal[..., k][a] * normal[..., k][b] for k in range(3))
        differ |= (x + y) + z < 0.8
        edge[a] |= differ
        edge[b] |= differ
    return np.flatnonzero(edge)


def lit_like(part: Array, pixel: Array, corner: tuple[float, float], seen: Array) -> Array:
    """Pixels (N,) whose light suits what the corner rays of `pixel` (N,) saw, part `seen` (N,).

    That is the pixel itself or a neighbour on the corner's side that shows the same part.
    """
    height, width = part.shape
    flat = part.ravel()
    row, column = np.divmod(pixel, width)
    down, right = (1 if corner[1] > 0 else -1), (1 if corner[0] > 0 else -1)
    source, settled = pixel.copy(), flat.take(pixel) == seen
    for dy, dx in ((0, right), (down, 0), (down, right), (0, -right), (-down, 0)):
        beside = np.clip(row + dy, 0, height - 1) * width + np.clip(column + dx, 0, width - 1)
        taken = ~settled & (flat.take(beside) == seen)
        source[taken] = beside[taken]
        settled |= taken
    return source
