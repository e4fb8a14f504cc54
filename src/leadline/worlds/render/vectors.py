"""Vectors of many rays, which lie in memory axis by axis, and what is done with them.

Vectors (N,3) of the renderer are in Fortran order: all x, then all y, then all z. Arithmetic on
them runs along N, in a fraction of the time that it takes over rows of three. All functions here
take arrays of any order and give them axis by axis.
"""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array


def zeros(count: int) -> Array:
    """Vectors (count,3) float32 of length 0."""
    return np.zeros((3, count), dtype=np.float32).T


def rows(values: Array, index: Array) -> Array:
    """Rows (M,...) of `values` (N,) or (N,C) at the places `index` (M,)."""
    return values.take(index) if values.ndim == 1 else values.T.take(index, axis=1).T


def chosen(values: Array, index: Array) -> Array:
    """Rows at ascending places without repetition: `values` itself where those are all."""
    return values if len(index) == len(values) else rows(values, index)


def put(target: Array, index: Array, values: Array) -> None:
    """Set the rows of `target` (N,C) at ascending places without repetition to `values` (M,C)."""
    if len(index) == len(target):
        target[...] = values
        return
    for axis in range(target.shape[1]):
        target[:, axis][index] = values[:, axis]


def dot(a: Array, b: Array) -> Array:
    """Scalar products (N,) of vectors (N,3).

    The order of the sum is part of a world's bits: x, y, z in float32, and x, z, y in float64.
    """
    x, y, z = (a[:, axis] * b[:, axis] for axis in range(3))
    return np.asarray((x + y) + z if x.dtype == np.float32 else (x + z) + y)


def length(vectors: Array) -> Array:
    """Lengths (N,) of vectors (N,3)."""
    x, y, z = (vectors[:, axis] * vectors[:, axis] for axis in range(3))
    return np.asarray(np.sqrt((x + y) + z))


def unit(vectors: Array) -> Array:
    """Vectors (N,3) float32 at length 1; one of length 0 stays 0."""
    return np.asarray(vectors / np.maximum(length(vectors), 1e-12)[:, None])


def as_picture(values: Array, shape: tuple[int, int]) -> Array:
    """Values (H*W,) or (H*W,C) of all pixels as a picture (H,W) or (H,W,C), without a copy."""
    if values.ndim == 1:
        return values.reshape(shape)
    return values.T.reshape(-1, *shape).transpose(1, 2, 0)
