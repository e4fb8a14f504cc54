"""Printed, painted and displayed pictures: art, print, screens, views through windows."""

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


def spine(rng: Rng, n: int) -> Array:
    """Back of a book, tile spanning its height: title bar, rules, scuffing in the second paint."""
    row, column = grid(n)
    value = 1 + 0.05 * noise(rng, n, 1.2)
    mark = np.zeros((n, n))
    for _ in range(int(rng.integers(1, 4))):
        low = rng.uniform(0.05, 0.9)
        mark[(low < row) & (low + rng.choice([0.02, 0.05, 0.15]) > row)] = 0.8
    text = (noise(rng, n, 0.6, stretch=0.1) > 0.1) & (row > 0.25) & (row < 0.68)
    mark[text & (np.abs(column % 0.25 - 0.125) < 0.05)] = 0.8
    return grey(value, mark)


def paper(rng: Rng, n: int) -> Array:
    """Page of print: lines of text in two columns and one dark photograph."""
    row, column = grid(n)
    image = np.full((n, n), 0.78) + 0.01 * noise(rng, n, 1.0)
    line = (row * 46 % 1 < 0.5) & (noise(rng, n, 0.5, stretch=0.4) > -0.6)
    side = (np.abs(column - 0.29) < 0.19) | (np.abs(column - 0.71) < 0.19)
    image[line & side & (np.abs(row - 0.5) < 0.42)] *= 0.42
    photo = (np.abs(column - 0.71) < 0.19) & (np.abs(row - rng.uniform(0.2, 0.8)) < 0.13)
    image[photo] = 0.25 + 0.08 * noise(rng, n, 1.8)[photo]
    return grey(image)


def cover(rng: Rng, n: int) -> Array:
    """Magazine cover: a head-and-shoulders shape, masthead and captions."""
    row, column = grid(n)
    image = np.asarray(random_colour(rng, value=(0.5, 0.9))) + 0.05 * noise(rng, n, 2.0)[..., None]
    head = np.hypot((column - 0.52) / 0.16, (row - 0.45) / 0.19) < 1
    hair = np.hypot((column - 0.52) / 0.20, (row - 0.40) / 0.22) < 1
    body = np.hypot((column - 0.50) / 0.42, (row - 1.02) / 0.40) < 1
    image = put(image, body, random_colour(rng, saturation=(0.2, 0.7)))
    image = put(image, hair, colour("#3a2a22"))
    image = put(image, head & (row > 0.33), colour(rng.choice(["#c99f82", "#8a5b40", "#e0bb9f"])))
    masthead = (row > 0.05) & (row < 0.17) & (np.abs(column % 0.14 - 0.07) < 0.05)
    image = put(image, masthead, random_colour(rng, saturation=(0, 0.8), value=(0.7, 1)))
    caption = (row > 0.62) & (row * 16 % 1 < 0.45) & (column < 0.28) & (column > 0.05)
    return painted(put(image, caption, colour("#f2ead6")))


def _hills(rng: Rng, n: int, sky: Array) -> Array:
    """Layered hills under a sky (N,N,3)."""
    row, _ = grid(n)
    image = sky
    hue, first = rng.uniform(0.1, 0.45), rng.uniform(0.3, 0.5)
    for k in range(int(rng.integers(3, 6))):
        ridge = first + 0.13 * k + 0.035 * noise(rng, n, 1.9)[k]
        shade = random_colour(rng, (hue, hue + 0.1), (0.1, 0.4), (0.55 - 0.1 * k, 0.6 - 0.1 * k))
        texture = 1 + 0.10 * noise(rng, n, 1.2)[..., None]
        image = put(image, ridge[None] < row, np.asarray(shade) * texture)
    return image


def landscape(rng: Rng, n: int) -> Array:
    """Painting of hills."""
    row, _ = grid(n)
    top = np.asarray(random_colour(rng, (0.5, 0.65), (0.1, 0.5), (0.5, 0.9)))
    low = np.asarray(random_colour(rng, (0.03, 0.15), (0.1, 0.5), (0.7, 1.0)))
    glow = (1 - row)[..., None] * top + row[..., None] * low
    return painted(_hills(rng, n, glow * (1 + 0.10 * noise(rng, n, 1.7, stretch=0.3)[..., None])))


def abstract(rng: Rng, n: int) -> Array:
    """Print of overlapping discs and bars."""
    row, column = grid(n)
    image = filled(n, random_colour(rng, saturation=(0, 0.2), value=(0.6, 0.95)))
    for _ in range(int(rng.integers(3, 9))):
        x, y = rng.uniform(0.1, 0.9, 2)
        if rng.random() < 0.6:
            shape = np.hypot(column - x, row - y) < rng.uniform(0.06, 0.3)
        else:
            shape = (np.abs(column - x) < rng.uniform(0.01, 0.3)) & (
                np.abs(row - y) < rng.uniform(0.01, 0.3)
            )
        image = put(image, shape, random_colour(rng, saturation=(0.1, 0.8), value=(0.15, 0.9)))
    return painted(image * (1 + 0.05 * noise(rng, n, 0.8))[..., None])


def poster(rng: Rng, n: int) -> Array:
    """Picture with lines of lettering."""
    row, column = grid(n)
    image = (landscape if rng.random() < 0.5 else abstract)(rng, n)[..., :3]
    ink = random_colour(rng, saturation=(0, 0.6), value=rng.choice([(0.05, 0.2), (0.85, 1.0)]))
    for _ in range(int(rng.integers(1, 4))):
        y, high = rng.uniform(0.05, 0.85), rng.uniform(0.02, 0.09)
        letters = (column * rng.uniform(10, 30) % 1 < 0.7) & (noise(rng, n, 0.4) > -0.8)
        line = (row > y) & (row < y + high) & (column > 0.08) & (column < rng.uniform(0.5, 0.92))
        image = put(image, line & letters, ink)
    return painted(image)


def photograph(rng: Rng, n: int) -> Array:
    """Soft blobs of colour, like a distant photograph."""
    image = filled(n, random_colour(rng, value=(0.2, 0.8)))
    for _ in range(5):
        paint = random_colour(rng, saturation=(0.05, 0.5), value=(0.1, 0.9))
        image = put(image, noise(rng, n, 1.8) > rng.uniform(0, 1.2), paint)
    return painted(image * (1 + 0.1 * noise(rng, n, 1.2))[..., None])


def map_sheet(rng: Rng, n: int) -> Array:
    """Wall map: coasts, borders, sea."""
    height = noise(rng, n, 1.9)
    image = filled(n, random_colour(rng, (0.5, 0.6), (0.2, 0.5), (0.7, 0.9)))
    for level in (0.0, 0.5, 1.0, 1.5):
        paint = random_colour(rng, (0.08, 0.35), (0.2, 0.5), (0.6, 0.9))
        image = put(image, height > level, paint)
    return painted(put(image, np.abs(height) < 0.04, colour("#404040")))


def scribbles(rng: Rng, n: int) -> Array:
    """Whiteboard or blackboard with handwriting in the second paint."""
    row, column = grid(n)
    mark = np.zeros((n, n), dtype=bool)
    for _ in range(int(rng.integers(2, 9))):
        y, x0 = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.5)
        wave = y + 0.012 * np.sin(column * rng.uniform(60, 140)) + 0.006 * noise(rng, n, 1.0)
        line = (np.abs(row - wave) < 0.006) & (column > x0) & (column < x0 + rng.uniform(0.1, 0.45))
        mark |= line & (column * 9 % 1 < 0.8)
    return grey(1 + 0.03 * noise(rng, n, 1.5), mark * 0.9)


def screen(rng: Rng, n: int) -> Array:
    """Computer or television picture: windows, bars, text."""
    row, column = grid(n)
    if rng.random() < 0.4:
        return landscape(rng, n)
    image = filled(n, random_colour(rng, (0.5, 0.7), (0.1, 0.7), (0.1, 0.6)))
    for _ in range(int(rng.integers(1, 4))):
        x, y, w, h = rng.uniform(0, 0.5), rng.uniform(0.05, 0.5), *rng.uniform(0.25, 0.5, 2)
        inside = (column > x) & (column < x + w) & (row > y) & (row < y + h)
        image = put(image, inside, colour("#e6e8ea"))
        text = (row * 40 % 1 < 0.45) & (noise(rng, n, 0.4) > -0.5) & (column < x + 0.8 * w)
        image = put(image, inside & text & (column > x + 0.03), colour("#35383c"))
        image = put(image, inside & (row < y + 0.04), colour("#5c7795"))
    return painted(image)


def outside(rng: Rng, n: int) -> Array:
    """View through a window, out of focus: bright sky over trees or houses."""
    row, column = grid(n)
    sky = np.asarray(random_colour(rng, (0.55, 0.62), (0.0, 0.3), (0.85, 1.0)))
    image = sky * (1 + 0.03 * noise(rng, n, 2.2)[..., None])
    horizon = rng.uniform(0.35, 0.75)
    if rng.random() < 0.6:
        trees = np.asarray(random_colour(rng, (0.15, 0.35), (0.15, 0.45), (0.35, 0.65)))
        crown = row + 0.09 * noise(rng, n, 1.7)
        image = put(image, crown > horizon, trees * (1 + 0.22 * noise(rng, n, 1.5)[..., None]))
    else:
        wall = np.asarray(random_colour(rng, (0.0, 0.15), (0.05, 0.4), (0.4, 0.8)))
        house = row > horizon - 0.2 * ((column * 3 + rng.random()).astype(int) % 2)
        panes = (column * 9 % 1 < 0.4) & (row * 8 % 1 < 0.5)
        image = put(put(image, house, wall), house & panes, colour("#5b6672"))
    lawn = np.asarray(random_colour(rng, (0.15, 0.3), (0.1, 0.4), (0.45, 0.75)))
    return painted(put(image, row + 0.03 * noise(rng, n, 1.7) > horizon + 0.32, lawn))


def label(rng: Rng, n: int) -> Array:
    """Printed wrapping of a package, in its own colours."""
    row, column = grid(n)
    image = filled(n, random_colour(rng, saturation=(0.1, 0.9), value=(0.3, 0.95)))
    band = random_colour(rng, saturation=(0, 0.9), value=(0.3, 1.0))
    image = put(image, np.abs(row - rng.uniform(0.3, 0.7)) < rng.uniform(0.08, 0.3), band)
    text = (row * 14 % 1 < 0.5) & (column * 12 % 1 < 0.7) & (noise(rng, n, 0.5) > 0.2)
    return painted(put(image, text, random_colour(rng, saturation=(0, 0.4), value=(0.05, 0.3))))
