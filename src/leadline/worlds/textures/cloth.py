"""Woven, knitted and tufted cloth; patterns are in the material's second paint."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.textures.canvas import (
    Rng,
    colour,
    filled,
    grey,
    grid,
    noise,
    painted,
    put,
    random_colour,
)


def _thread(rng: Rng, n: int) -> Array:
    """Brightness (N,N) of a fine thread pattern under irregular wear."""
    row, column = grid(n)
    count = int(rng.integers(40, 72))
    thread = np.sin(2 * np.pi * count * row) * np.sin(2 * np.pi * count * column)
    return np.asarray(1 + 0.08 * thread + 0.09 * noise(rng, n, 0.3) + 0.06 * noise(rng, n, 1.5))


def weave(rng: Rng, n: int) -> Array:
    """Upholstery cloth."""
    return grey(_thread(rng, n))


def pile(rng: Rng, n: int) -> Array:
    """Knitted or tufted wool, carpet."""
    return grey(1 + 0.14 * noise(rng, n, 0.35) + 0.07 * noise(rng, n, 1.4))


def stripes(rng: Rng, n: int) -> Array:
    """Bands of two colours of different width."""
    _, column = grid(n)
    edges = np.sort(rng.random(2 * int(rng.integers(2, 7))))
    return grey(_thread(rng, n), np.searchsorted(edges, column) % 2)


def checks(rng: Rng, n: int) -> Array:
    """Gingham or tartan."""
    row, column = grid(n)
    k = int(rng.integers(3, 8))
    width = rng.uniform(0.3, 0.6)
    mark = 0.5 * ((row * k % 1) < width) + 0.5 * ((column * k % 1) < width)
    return grey(_thread(rng, n), mark)


def dots(rng: Rng, n: int) -> Array:
    """Printed dots or blossoms."""
    row, column = grid(n)
    k = int(rng.integers(4, 9))
    x = (column * k + 0.5 * ((row * k).astype(int) % 2)) % 1 - 0.5
    y = row * k % 1 - 0.5
    petals = 1 + rng.uniform(0, 0.5) * np.cos(5 * np.arctan2(y, x))
    return grey(_thread(rng, n), np.hypot(x, y) < 0.26 * petals)


def blotches(rng: Rng, n: int) -> Array:
    """Large irregular print."""
    return grey(_thread(rng, n), noise(rng, n, 1.7) > rng.uniform(0.1, 0.9))


def quilt(rng: Rng, n: int) -> Array:
    """Quilted cover: shaded lozenges."""
    row, column = grid(n)
    k = int(rng.integers(3, 7))
    a, b = (row + column) * k % 1, (row - column) * k % 1
    relief = np.minimum(np.minimum(a, 1 - a), np.minimum(b, 1 - b))
    return grey(_thread(rng, n) * (0.82 + 0.55 * relief))


def rug(rng: Rng, n: int) -> Array:
    """Faded oriental rug: borders, a lattice of lozenges and a medallion, in its own colours."""
    row, column = grid(n)
    x, y = 2 * column - 1, 2 * row - 1
    edge = np.maximum(np.abs(x), np.abs(y))
    hue = rng.uniform(-0.06, 0.1)
    field = random_colour(rng, (hue, hue), (0.45, 0.65), (0.35, 0.6))
    dark = random_colour(rng, (0.5, 0.75), (0.1, 0.5), (0.2, 0.4))
    sand = random_colour(rng, (0.08, 0.13), (0.15, 0.35), (0.6, 0.8))
    accent = random_colour(rng, (hue - 0.05, hue + 0.1), (0.3, 0.6), (0.4, 0.7))
    across, down = int(rng.integers(3, 7)), int(rng.integers(3, 7))
    lattice = np.abs((x * across) % 1 - 0.5) + np.abs((y * down) % 1 - 0.5)
    image = put(filled(n, field), lattice < 0.20, sand)
    image = put(image, (lattice > 0.20) & (lattice < 0.27), dark)
    medallion = np.abs(x) * 1.3 + np.abs(y) * 1.2 + 0.04 * np.sin(12 * np.arctan2(y, x))
    size = rng.uniform(0.4, 0.8)
    for share, paint in ((1.0, sand), (0.93, dark), (0.65, accent), (0.58, sand), (0.32, field)):
        image = put(image, medallion < share * size, paint)
    for low, paint in ((0.80, sand), (0.82, dark), (0.93, sand), (0.945, accent), (0.985, sand)):
        image = put(image, edge > low, paint)
    motif = np.abs((x * 9) % 1 - 0.5) + np.abs((y * 9) % 1 - 0.5)
    image = put(image, (motif < 0.22) & (edge > 0.83) & (edge < 0.93), accent)
    worn = (1 + 0.14 * noise(rng, n, 0.4) + 0.10 * noise(rng, n, 1.6))[..., None]
    return painted((0.85 * image + 0.15 * np.asarray(sand)) * worn)


def modern_rug(rng: Rng, n: int) -> Array:
    """Rug of large plain shapes in the second paint."""
    row, column = grid(n)
    mark = np.zeros((n, n))
    for _ in range(int(rng.integers(3, 8))):
        angle, place = rng.uniform(0, np.pi), rng.uniform(-0.6, 1.2)
        across = (column * np.cos(angle) + row * np.sin(angle)) - place
        mark = np.where(np.abs(across) < rng.uniform(0.02, 0.2), 1 - mark, mark)
    return grey(1 + 0.12 * noise(rng, n, 0.35) + 0.06 * noise(rng, n, 1.4), mark)


def blanket(rng: Rng, n: int) -> Array:
    """Woven blanket with bands of three colours of its own."""
    _, column = grid(n)
    band = np.digitize(column, np.cumsum([0.22, 0.04, 0.10, 0.04, 0.26, 0.07, 0.13, 0.07]))
    palette = np.array([colour(c) for c in ("#d9cfbb", "#8a4a38", "#c9a25f", "#8a4a38")])
    return painted(palette[band % 4] * _thread(rng, n)[..., None])
