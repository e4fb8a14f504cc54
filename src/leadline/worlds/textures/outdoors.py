"""Roads, ground, foliage and outer surfaces of houses."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.textures.canvas import (
    Rng,
    filled,
    grey,
    grid,
    noise,
    painted,
    put,
    random_colour,
)


def asphalt(rng: Rng, n: int) -> Array:
    """Road surface: grit, patches, some cracks."""
    broad = noise(rng, n, 1.7)
    value = 1 + 0.14 * noise(rng, n, 0.3) + rng.uniform(0.03, 0.12) * broad
    crack = (np.abs(noise(rng, n, 1.6)) < 0.025) & (broad > rng.uniform(0.2, 1.2))
    value[crack] *= 0.6
    return grey(value)


def cobbles(rng: Rng, n: int) -> Array:
    """Setts in rows; the joints are the second paint."""
    row, column = grid(n)
    k = int(rng.integers(8, 15))
    line = (row * k).astype(int)
    along = column * k + 0.5 * (line % 2)
    shade = rng.normal(1, 0.13, (k, k))[line, along.astype(int) % k]
    joint = (row * k % 1 < 0.14) | (along % 1 < 0.14)
    return grey(np.where(joint, 1.0, shade * (1 + 0.1 * noise(rng, n, 0.8))), joint)


def pavers(rng: Rng, n: int) -> Array:
    """Pavement slabs."""
    row, column = grid(n)
    k = int(rng.integers(2, 6))
    line = (row * k).astype(int)
    along = column * k + 0.5 * (line % 2) * (rng.random() < 0.5)
    shade = rng.normal(1, 0.06, (k, k))[line, along.astype(int) % k]
    joint = (row * k % 1 < 0.035) | (along % 1 < 0.035)
    value = shade * (1 + 0.07 * noise(rng, n, 0.5) + 0.05 * noise(rng, n, 1.6))
    return grey(np.where(joint, 0.55, value))


def grass(rng: Rng, n: int) -> Array:
    """Lawn with worn patches in the second paint."""
    worn = np.clip(noise(rng, n, 1.6) - rng.uniform(0.5, 1.5), 0, 1)
    return grey(1 + 0.28 * noise(rng, n, 0.5) + 0.12 * noise(rng, n, 1.6), worn)


def gravel(rng: Rng, n: int) -> Array:
    """Loose stones or bare soil."""
    return grey(1 + 0.2 * noise(rng, n, 0.4) + 0.12 * noise(rng, n, 1.4))


def foliage(rng: Rng, n: int) -> Array:
    """Mass of leaves: light on dark."""
    clump = noise(rng, n, 0.9)
    return grey(np.clip(1 + 0.4 * clump + 0.2 * noise(rng, n, 0.3), 0.15, None), 0.4 * (clump > 1))


def bark(rng: Rng, n: int) -> Array:
    """Ridges along v."""
    return grey(1 + 0.35 * noise(rng, n, 0.9, stretch=0.2))


def roof_tiles(rng: Rng, n: int) -> Array:
    """Rows of pantiles."""
    row, column = grid(n)
    k = int(rng.integers(6, 11))
    shade = rng.normal(1, 0.09, (k, k))[(row * k).astype(int), (column * k).astype(int)]
    value = shade * (0.6 + 0.5 * np.sin(np.pi * (column * k % 1))) * (1.1 - 0.4 * (row * k % 1))
    return grey(value)


def shop(rng: Rng, n: int) -> Array:
    """Ground-floor shop front, one bay: sign board, display, door."""
    row, column = grid(n)
    image = filled(n, random_colour(rng, saturation=(0, 0.6), value=(0.15, 0.7)))
    display = (row > 0.27) & (row < 0.93) & (column > 0.05) & (column < 0.66)
    goods = random_colour(rng, value=(0.2, 0.6))
    inside = np.asarray(goods) * np.clip(1 + 0.6 * noise(rng, n, 1.2), 0.1, None)[..., None]
    image = put(image, display, inside)
    image = put(image, (row > 0.3) & (column > 0.72) & (column < 0.95), inside * 0.7)
    sign = (row > 0.03) & (row < 0.2) & (column > 0.05) & (column < 0.95)
    image = put(image, sign, random_colour(rng, saturation=(0.1, 0.9), value=(0.3, 0.95)))
    letters = (row > 0.07) & (row < 0.16) & (column > 0.15) & (column < 0.8)
    ink = random_colour(rng, saturation=(0, 0.3), value=rng.choice([(0.05, 0.2), (0.9, 1.0)]))
    return painted(put(image, letters & (column * 14 % 1 < 0.65), ink), 1.0)


def facade(rng: Rng, n: int) -> Array:
    """Distant house front, a tile per bay and floor: window with frame; wall in the first paint."""
    row, column = grid(n)
    value = 1 + 0.05 * noise(rng, n, 0.6) + 0.05 * noise(rng, n, 1.6)
    wide, high = rng.uniform(0.2, 0.36), rng.uniform(0.2, 0.36)
    middle = rng.uniform(0.42, 0.5)
    x, y = np.abs(column - 0.5), np.abs(row - middle)
    frame = (x < wide + 0.03) & (y < high + 0.03)
    glass = (x < wide) & (y < high) & (np.abs(column - 0.5) > 0.012)
    image = put(np.repeat(value[..., None], 3, axis=2), frame, random_colour(rng, value=(0.4, 0.9)))
    shade = np.linspace(rng.uniform(0.15, 0.5), rng.uniform(0.03, 0.15), n)[:, None, None]
    image = put(image, glass, shade * np.array([0.85, 0.95, 1.0]))
    if rng.random() < 0.4:
        blind = glass & (row < middle - high + 2 * high * rng.uniform(0.2, 0.8))
        image = put(image, blind, random_colour(rng, saturation=(0, 0.2), value=(0.6, 0.9)))
    return painted(image, frame.astype(float))


def sign_face(rng: Rng, n: int) -> Array:
    """Face of a traffic sign, fitted to the plate: a simple symbol."""
    row, column = grid(n)
    x, y = column - 0.5, row - 0.5
    style = int(rng.integers(4))
    white, blue, yellow = (0.85, 0.85, 0.83), (0.02, 0.1, 0.4), (0.8, 0.5, 0.02)
    ground = (white, blue, yellow, white)[style]
    image = filled(n, ground)
    symbol = (np.abs(x) < rng.uniform(0.04, 0.12)) & (np.abs(y) < rng.uniform(0.1, 0.25))
    symbol |= (np.abs(y) < rng.uniform(0.03, 0.08)) & (np.abs(x) < rng.uniform(0.05, 0.25))
    return painted(put(image, symbol, white if style == 1 else (0.03, 0.03, 0.03)))
