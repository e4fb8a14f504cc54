"""Random numbers for light, the same whatever the order of work."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.render.vectors import unit

_TILE = 16
"""Side of the square of pixels over which numbers are spread evenly, a power of two."""


def _sobol(count: int) -> Array:
    """First points (N,2) float32 of Sobol's sequence: any 4^k that begin at a multiple are even."""
    index: Array = np.arange(count, dtype=np.uint32)
    x, y = np.zeros_like(index), np.zeros_like(index)
    first, second = np.uint32(1 << 31), np.uint32(1 << 31)
    for _ in range(int(count).bit_length()):
        odd = (index & 1).astype(bool)
        x, y = np.where(odd, x ^ first, x), np.where(odd, y ^ second, y)
        first, second, index = first >> 1, second ^ (second >> 1), index >> 1
    return np.stack([x, y], axis=1).astype(np.float32) / np.float32(2**32)


def _morton(row: Array, column: Array) -> Array:
    """Number of a pixel within its tile, counted square by square: 2x2, 4x4, ..."""
    out = np.zeros_like(row)
    for bit in range(_TILE.bit_length() - 1):
        out |= ((column >> bit & 1) << 2 * bit) | ((row >> bit & 1) << 2 * bit + 1)
    return out


class Sampler:
    """Random numbers that are well spread over samples, and over the pixels of a neighbourhood.

    A square of pixels shares the points of Sobol's sequence, dealt so that every 2x2, 4x4 and 8x8
    of them is even in itself, and shifted at random as a whole; a Kronecker sequence shifts them
    from sample to sample. Smoothing over neighbours then has little left to do: the dealing is
    that of Ahmed and Wonka 2020, Screen-space blue-noise diffusion by Z-order sampling.
    Every call to `pair` opens two new dimensions. Restart with `start(sample)`.
    """

    # Square roots of primes are independent of each other over the rationals.
    _PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79,
               83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149)  # fmt: skip
    _STEPS = np.sqrt(_PRIMES) % 1
    _POINTS = _sobol(_TILE * _TILE)

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._seed = seed
        self._sample = self._dimension = 0
        row, column = np.divmod(np.arange(width * height), width)
        across = -(-width // _TILE)
        self._tile = row // _TILE * across + column // _TILE
        self._tiles = across * -(-height // _TILE)
        self._place = _morton(row % _TILE, column % _TILE)
        self._pixel: Array | None = None

    def start(self, sample: int) -> None:
        """Begin the `sample`-th pass over the picture."""
        self._sample, self._dimension = sample, 0

    def pair(self, pixel: Array) -> tuple[Array, Array]:
        """Two numbers (N,) float32 in [0, 1) for each of the given pixels (N,)."""
        rng = np.random.Generator(np.random.PCG64([self._seed, self._dimension]))
        points = self._POINTS[_deal(rng)]
        shifts = rng.random((2, self._tiles), dtype=np.float32)
        place, tile = self._where(pixel)
        out = []
        for axis in (0, 1):
            step = self._STEPS[self._dimension % len(self._STEPS)]
            number = points[:, axis].take(place) + shifts[axis].take(tile)
            number += np.float32(self._sample * step % 1)
            number -= np.floor(number)
            out.append(number)
            self._dimension += 1
        return out[0], out[1]

    def _where(self, pixel: Array) -> tuple[Array, Array]:
        """Places (N,) of pixels within their tiles, and the tiles; those of the last call again."""
        if self._pixel is not pixel:
            self._pixel = pixel
            self._found = self._place.take(pixel), self._tile.take(pixel)
        return self._found


def _deal(rng: np.random.Generator) -> Array:
    """Random order of a tile's points in which every square's own stay together."""
    order = np.zeros(1, dtype=np.int64)
    while len(order) < _TILE * _TILE:
        quarters = rng.permuted(np.tile(np.arange(4), (len(order), 1)), axis=1)
        order = (4 * order[:, None] + quarters).ravel()
    return order


def around(normal: Array, pick: tuple[Array, Array]) -> Array:
    """Directions (N,3) float32 about `normal` with density proportional to the cosine."""
    a, b = pick
    turn = np.float32(2 * np.pi) * a
    # A uniform point on the unit sphere added to the normal has exactly this density.
    height = 1 - 2 * b
    radius = np.sqrt(np.maximum(1 - height * height, 0))
    sphere = np.stack([radius * np.cos(turn), radius * np.sin(turn), height]).T
    return unit(normal + np.float32(0.999) * sphere)
