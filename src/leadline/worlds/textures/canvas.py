"""Tools for drawing tiles: noise, coordinates, colours.

A tile is square and seamless, (N,N,4) float32, row 0 at the top: three factors of reflectance and,
last, how much of a material's second paint is used instead of its first. Most tiles are neutral,
with a mean near one, and take their colours from the material; pictures have their own.
"""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np

from leadline.worlds.arrays import Array, Colour

Rng = np.random.Generator


@lru_cache(maxsize=512)
def colour(hex_code: str) -> Colour:
    """Linear RGB of an sRGB colour such as "#c8b89f"."""
    red, green, blue = (_linear(int(hex_code[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return red, green, blue


def _linear(srgb: float) -> float:
    return srgb / 12.92 if srgb <= 0.04045 else float(((srgb + 0.055) / 1.055) ** 2.4)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Linear RGB of a hue (any number; 1 is a full turn), saturation and value as on a screen."""
    red, green, blue = (_linear(c) for c in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def random_colour(
    rng: Rng,
    hue: tuple[float, float] = (0, 1),
    saturation: tuple[float, float] = (0, 0.5),
    value: tuple[float, float] = (0.3, 0.9),
) -> Colour:
    """Linear RGB within ranges of hue, saturation and value."""
    return hsv(rng.uniform(*hue), rng.uniform(*saturation), rng.uniform(*value))


@lru_cache(maxsize=4)
def grid(n: int) -> tuple[Array, Array]:
    """Row and column (N,N) of every texel, from 0 to 1."""
    row, column = np.mgrid[:n, :n].astype(np.float32) / np.float32(n)
    row.setflags(write=False)
    column.setflags(write=False)
    return row, column


@lru_cache(maxsize=64)
def _spectrum(n: int, slope: float, stretch: float) -> Array:
    """Amplitude (N,N/2+1) by frequency."""
    frequency = np.fft.fftfreq(n)
    radius = np.hypot(frequency[:, None], frequency[None, : n // 2 + 1] * stretch)
    radius[0, 0] = 1
    amplitude = radius**-slope
    amplitude[0, 0] = 0
    return np.asarray(amplitude, dtype=np.float32)


def noise(rng: Rng, n: int, slope: float, stretch: float = 1.0) -> Array:
    """Seamless noise (N,N), mean 0, deviation 1; `stretch` > 1 draws it out along u."""
    white = rng.standard_normal((n, n), dtype=np.float32)
    field = np.fft.irfft2(np.fft.rfft2(white) * _spectrum(n, slope, stretch), (n, n))
    return np.asarray(field / field.std())


def grey(value: Array, second: Array | float = 0.0) -> Array:
    """Neutral tile (N,N,4) from brightness and the share of the second paint, both (N,N)."""
    tile = np.empty((*value.shape, 4), dtype=np.float32)
    tile[..., :3] = np.clip(value, 0.02, None)[..., None]
    tile[..., 3] = np.clip(second, 0, 1)
    return tile


def painted(image: Array, second: Array | float = 0.0) -> Array:
    """Tile (N,N,4) with its own colours (N,N,3)."""
    tile = np.empty((*image.shape[:2], 4), dtype=np.float32)
    tile[..., :3] = np.clip(image, 0.005, None)
    tile[..., 3] = second
    return tile


def filled(n: int, paint: Colour) -> Array:
    """Picture (N,N,3) of one colour."""
    return np.broadcast_to(np.asarray(paint), (n, n, 3)).copy()


def put(image: Array, where: Array, paint: Colour | Array) -> Array:
    """Picture (N,N,3) with `paint` (one colour, or (N,N,3)) where the mask (N,N) is set."""
    return np.where(where[..., None], np.asarray(paint), image)
