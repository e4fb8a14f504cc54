"""Random numbers for light, the same whatever the order of work."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.primitives import unit


class Sampler:
    """Well spread random numbers: a Kronecker sequence per dimension, shifted per pixel.

    Every call to `pair` opens two new dimensions. Restart with `start(sample)`.
    """

    # Square roots of primes are independent of each other over the rationals.
    _PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79,
               83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149)  # fmt: skip
    _STEPS = np.sqrt(_PRIMES) % 1

    def __init__(self, pixels: int, seed: int) -> None:
        self._pixels, self._seed = pixels, seed
        self._sample = self._dimension = 0

    def start(self, sample: int) -> None:
        """Begin the `sample`-th pass over the picture."""
        self._sample, self._dimension = sample, 0

    def pair(self, pixel: Array) -> tuple[Array, Array]:
        """Two numbers (N,) float32 in [0, 1) for each of the given pixels (N,)."""
        rng = np.random.Generator(np.random.PCG64([self._seed, self._dimension]))
        shifts = rng.random((2, self._pixels), dtype=np.float32)
        out = []
        for shift in shifts:
            step = self._STEPS[self._dimension % len(self._STEPS)]
            number = shift[pixel] + np.float32(self._sample * step % 1)
            out.append(number - np.floor(number))
            self._dimension += 1
        return out[0], out[1]


def around(normal: Array, pick: tuple[Array, Array]) -> Array:
    """Directions (N,3) float32 about `normal` with density proportional to the cosine."""
    a, b = pick
    turn = np.float32(2 * np.pi) * a
    # A uniform point on the unit sphere added to the normal has exactly this density.
    height = 1 - 2 * b
    radius = np.sqrt(np.maximum(1 - height * height, 0))
    sphere = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    return unit(normal + np.float32(0.999) * sphere)
