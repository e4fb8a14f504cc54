"""Building materials: paint, plaster, wood, tiles, brick, stone, metal."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.textures.canvas import Rng, grey, grid, noise


def plain(rng: Rng, n: int) -> Array:
    """Paint or plastic with little structure."""
    return grey(1 + 0.012 * noise(rng, n, 1.2))


def plaster(rng: Rng, n: int) -> Array:
    """Painted wall: faint roller marks and large blotches."""
    fine, coarse = rng.uniform(0.006, 0.02), rng.uniform(0.004, 0.02)
    return grey(1 + fine * noise(rng, n, 0.5) + coarse * noise(rng, n, 1.8))


def old_plaster(rng: Rng, n: int) -> Array:
    """Old wall: stains in the second paint, and cracks."""
    stain = noise(rng, n, 1.9)
    crack = np.abs(noise(rng, n, 1.7)) < 0.02
    value = 1 + 0.02 * noise(rng, n, 0.6) + 0.03 * stain
    return grey(np.where(crack, 0.75 * value, value), np.clip(0.4 * (stain - 0.9), 0, 0.6))


def wallpaper(rng: Rng, n: int) -> Array:
    """Repeated motif or stripes in the second paint."""
    row, column = grid(n)
    k = int(rng.integers(3, 8))
    style = int(rng.integers(4))
    if style == 0:
        mark = (column * k % 1) < rng.uniform(0.15, 0.6)
    elif style == 1:
        mark = np.abs((column * k) % 1 - 0.5) + np.abs((row * k) % 1 - 0.5) < rng.uniform(0.2, 0.4)
    elif style == 2:
        mark = np.hypot((column * k) % 1 - 0.5, (row * k) % 1 - 0.5) < rng.uniform(0.12, 0.35)
    else:
        x, y = (column * k) % 1 - 0.5, (row * k + 0.5 * ((column * k).astype(int) % 2)) % 1 - 0.5
        petals = 0.28 + 0.12 * np.cos(int(rng.integers(4, 7)) * np.arctan2(y, x))
        mark = np.hypot(x, y) < petals * rng.uniform(0.7, 1.2)
    return grey(1 + 0.02 * noise(rng, n, 0.6), mark * rng.uniform(0.3, 0.9))


def grain(rng: Rng, n: int) -> Array:
    """Brightness (N,N) of wood about 0, grain along u: growth rings, pores and streaks."""
    row, _ = grid(n)
    bands, wander = int(rng.integers(3, 8)), rng.uniform(0.1, 0.35)
    rings = np.sin(2 * np.pi * (bands * row + wander * noise(rng, n, 2.2, stretch=11)))
    strength = rng.uniform(0.03, 0.08)
    return np.asarray(
        strength * rings
        + 0.09 * noise(rng, n, 1.0, stretch=30)
        + 0.05 * noise(rng, n, 0.4, stretch=14)
    )


def wood(rng: Rng, n: int) -> Array:
    """Planed wood."""
    return _warm(1 + grain(rng, n))


def _warm(value: Array) -> Array:
    """Colour neutral brightness as wood: dark parts are redder."""
    tile = grey(value)
    tile[..., :3] **= np.array([0.9, 1.0, 1.15])
    return tile


def floorboards(rng: Rng, n: int) -> Array:
    """Strips of laid flooring with staggered butt joints."""
    row, column = grid(n)
    strips = int(rng.integers(5, 11))
    strip = (row * strips).astype(int)
    start = rng.random(strips)[strip]
    board = 2 * strip + (((column + start) % 1) > 0.5)
    shade = rng.normal(1, rng.uniform(0.04, 0.12), 2 * strips)[board]
    value = shade * (1 + 1.3 * np.roll(grain(rng, n), n // 6, axis=1))
    gap = (row * strips % 1) < 0.03
    joint = np.abs((column + start) % 0.5) < 0.004
    value[gap | joint] *= 0.5
    return _warm(value)


def parquet(rng: Rng, n: int) -> Array:
    """Square basket of short blocks laid in alternating directions."""
    row, column = grid(n)
    squares, blocks = 4, int(rng.integers(4, 7))
    turned = ((row * squares).astype(int) + (column * squares).astype(int)) % 2 == 1
    lengthwise = grain(rng, n)
    across = np.where(turned, column, row) * squares % 1
    number = (across * blocks).astype(int)
    cell = (row * squares).astype(int) * squares + (column * squares).astype(int)
    shade = rng.normal(1, 0.08, squares * squares * blocks)[cell * blocks + number]
    value = shade * (1 + np.where(turned, lengthwise.T, lengthwise))
    value[(across * blocks % 1) < 0.06] *= 0.6
    return _warm(value)


def tiles(rng: Rng, n: int) -> Array:
    """Glazed squares or oblongs; the joints are the second paint."""
    row, column = grid(n)
    across = int(rng.integers(2, 6))
    down = across * int(rng.choice([1, 1, 2]))
    offset = 0.5 * ((row * down).astype(int) % 2) * (rng.random() < 0.4)
    x, y = (column * across + offset) % 1, row * down % 1
    cell = (row * down).astype(int) * across + ((column + offset / across) * across).astype(
        int
    ) % across
    shade = rng.normal(1, rng.uniform(0.01, 0.06), across * down)[cell]
    width = rng.uniform(0.015, 0.05)
    joint = (x < width) | (y < width * down / across)
    return grey(np.where(joint, 1.0, shade * (1 + 0.03 * noise(rng, n, 1.8))), joint)


def checker(rng: Rng, n: int) -> Array:
    """Floor of squares in two colours."""
    row, column = grid(n)
    k = 2 * int(rng.integers(1, 4))
    mark = ((row * k).astype(int) + (column * k).astype(int)) % 2
    value = 1 + 0.04 * noise(rng, n, 1.6)
    seam = ((row * k % 1) < 0.02) | ((column * k % 1) < 0.02)
    return grey(np.where(seam, 0.75 * value, value), mark)


def marble(rng: Rng, n: int) -> Array:
    """Stone with veins of the second paint."""
    vein = np.exp(-np.abs(noise(rng, n, 1.8)) / rng.uniform(0.04, 0.15))
    return grey(1 + 0.05 * noise(rng, n, 1.5), 0.6 * vein)


def terrazzo(rng: Rng, n: int) -> Array:
    """Linoleum or terrazzo: specks of the second paint."""
    speck = noise(rng, n, 0.9) > rng.uniform(0.8, 1.5)
    return grey(1 + 0.03 * noise(rng, n, 1.2), speck * rng.uniform(0.3, 0.9))


def brick(rng: Rng, n: int) -> Array:
    """Running bond; the mortar is the second paint."""
    row, column = grid(n)
    courses = 2 * int(rng.integers(4, 7))
    per_course = courses // 2
    course = (row * courses).astype(int)
    along = column * per_course + 0.5 * (course % 2)
    number = course * per_course + along.astype(int) % per_course
    shade = rng.normal(1, rng.uniform(0.06, 0.18), courses * per_course)[number]
    mortar = (row * courses % 1 < 0.13) | (along % 1 < 0.06)
    value = np.where(mortar, 1.0, shade) * (1 + 0.08 * noise(rng, n, 1.1))
    return grey(value, mortar)


def concrete(rng: Rng, n: int) -> Array:
    """Cast concrete, sometimes with formwork joints."""
    row, column = grid(n)
    value = 1 + 0.05 * noise(rng, n, 0.6) + 0.08 * noise(rng, n, 1.7)
    if rng.random() < 0.5:
        k = int(rng.integers(1, 4))
        value[(row * k % 1 < 0.012) | (column * k % 1 < 0.012)] *= 0.7
    return grey(value)


def metal(rng: Rng, n: int) -> Array:
    """Metal brushed along u."""
    return grey(1 + 0.05 * noise(rng, n, 0.8, stretch=15))


def panelling(rng: Rng, n: int) -> Array:
    """Vertical tongue-and-groove boards."""
    _, column = grid(n)
    k = int(rng.integers(4, 10))
    groove = (column * k % 1) < 0.06
    value = 1 + grain(rng, n).T * rng.uniform(0.1, 1.0)
    return grey(np.where(groove, 0.6 * value, value))


def basket(rng: Rng, n: int) -> Array:
    """Wicker: over-and-under strands."""
    row, column = grid(n)
    across = (row * 24).astype(int) + (column * 16).astype(int)
    over = np.where(across % 2, column * 16 % 1, row * 24 % 1)
    return grey(0.55 + 0.75 * np.sin(np.pi * over) + 0.12 * noise(rng, n, 0.8))


def cardboard(rng: Rng, n: int) -> Array:
    """Brown board, sometimes printed in the second paint."""
    row, column = grid(n)
    value = 1 + 0.04 * noise(rng, n, 1.4) + 0.02 * np.sin(2 * np.pi * 60 * column)
    print_at = (np.abs(row - 0.5) < 0.12) & (np.abs(column - 0.5) < 0.3) & (column * 18 % 1 < 0.6)
    return grey(value, print_at * (0.7 if rng.random() < 0.5 else 0.0))


def leaf(rng: Rng, n: int) -> Array:
    """Leaf, stem end at u = 0: midrib and side veins."""
    row, column = grid(n)
    across = np.abs(row - 0.5)
    value = 1 + 0.10 * noise(rng, n, 1.3)
    value[np.abs((column * 9 - across * 7) % 1 - 0.5) < 0.05] *= 1.2
    value[across < 0.02] *= 1.6
    return grey(value)
