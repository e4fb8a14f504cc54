"""Taking the noise out of light without crossing outlines."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array

_Pass = tuple[tuple[slice, ...], tuple[slice, ...], Array, Array]


class Surfaces:
    """What a picture shows, as far as light is smoothed along it.

    `normal`, `point` (H,W,3) float32 and `depth` (H,W) describe the surface of every pixel; pixels
    without one have depth 0 and are left alone.
    """

    def __init__(self, normal: Array, point: Array, depth: Array) -> None:
        self._normal = [np.ascontiguousarray(normal[..., axis]) for axis in range(3)]
        self._point = [np.ascontiguousarray(point[..., axis]) for axis in range(3)]
        self._tolerance, self._is_there = 0.006 * depth + 1e-4, depth > 0
        self._passes: dict[int, list[_Pass]] = {}

    def smoothed(self, light: Array, steps: tuple[int, ...]) -> Array:
        """Average light (H,W,C) with neighbours on the same surface, in passes ever further apart.

        Each goes along columns, then along rows, with the weights 1 2 1: no parity is favoured.
        """
        planes = [np.ascontiguousarray(light[..., k]) for k in range(light.shape[2])]
        for step in steps:
            for a, b, share, weight in self._passes_of(step):
                for k, plane in enumerate(planes):
                    total = plane.copy()
                    total[a] += plane[b] * share
                    total[b] += plane[a] * share
                    total /= weight
                    planes[k] = total
        return np.stack(planes).transpose(1, 2, 0)

    def _passes_of(self, step: int) -> list[_Pass]:
        """Pixels, their neighbours, the neighbours' weight, and the sum of all weights."""
        if step not in self._passes:
            self._passes[step] = [self._pass(step, axis) for axis in (0, 1)]
        return self._passes[step]

    def _pass(self, step: int, axis: int) -> _Pass:
        here = [slice(None), slice(None)]
        beside = [slice(None), slice(None)]
        here[axis], beside[axis] = slice(step, None), slice(None, -step)
        a, b = tuple(here), tuple(beside)
        x, y, z = (plane[a] * plane[b] for plane in self._normal)
        same = np.clip((x + y) + z, 0, 1)
        for _ in range(4):
            same *= same
        # How far the neighbour stands off this surface, rather than how much further it is.
        both = zip(self._normal, self._point, strict=True)
        x, y, z = (normal[a] * (point[a] - point[b]) for normal, point in both)
        off = np.abs((x + y) + z)
        share = same * np.exp(-off / (self._tolerance[a] * np.float32(step**0.5)))
        share *= np.float32(0.5) * (self._is_there[a] & self._is_there[b])
        weight = np.ones(self._tolerance.shape, dtype=np.float32)
        weight[a] += share
        weight[b] += share
        return a, b, share, weight
