"""Square, mostly seamless texture tiles, drawn from a fixed seed.

A tile is float32 (TILE, TILE, 3) linear reflectance, row 0 at the top. Most are neutral, with a
mean near one, and take their colour from the material; pictures carry their own colours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from example_room.geometry import FloatArray

TILE = 512
_ROW, _COLUMN = np.mgrid[:TILE, :TILE] / TILE


def colour(hex_code: str) -> FloatArray:
    """Linear RGB (3,) of an sRGB colour such as "#c8b89f"."""
    srgb = np.array([int(hex_code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def noise(rng: np.random.Generator, slope: float, stretch: float = 1.0) -> FloatArray:
    """Seamless noise (TILE, TILE), mean 0, deviation 1; ``stretch`` > 1 draws it out along u."""
    frequency = np.fft.fftfreq(TILE)
    radius = np.hypot(frequency[:, None], frequency[None] * stretch)
    radius[0, 0] = 1
    spectrum = np.fft.fft2(rng.standard_normal((TILE, TILE))) * radius**-slope
    spectrum[0, 0] = 0
    field = np.fft.ifft2(spectrum).real
    return field / field.std()


def _grey(value: FloatArray) -> FloatArray:
    """Neutral tile from a brightness field (TILE, TILE)."""
    return np.repeat(np.clip(value, 0.02, None)[..., None], 3, axis=2)


def plain(rng: np.random.Generator) -> FloatArray:
    """Paint or plastic with hardly any structure."""
    return _grey(1 + 0.012 * noise(rng, 1.2))


def plaster(rng: np.random.Generator) -> FloatArray:
    """Painted wall: faint roller marks and large blotches."""
    return _grey(1 + 0.018 * noise(rng, 0.5) + 0.02 * noise(rng, 1.8))


def _grain(rng: np.random.Generator) -> FloatArray:
    """Brightness of wood, grain along u: growth rings, pores and streaks."""
    rings = np.sin(2 * np.pi * (5 * _ROW + 0.30 * noise(rng, 2.2, stretch=9)))
    return 0.06 * rings + 0.09 * noise(rng, 1.0, stretch=30) + 0.05 * noise(rng, 0.4, stretch=14)


def wood(rng: np.random.Generator) -> FloatArray:
    """Planed wood."""
    return _grey(1 + _grain(rng)) ** np.array([0.9, 1.0, 1.15])


def floorboards(rng: np.random.Generator) -> FloatArray:
    """Eight strips of laid flooring with staggered butt joints."""
    strips = 8
    strip = (_ROW * strips).astype(int)
    start = rng.random(strips)[strip]
    board = 2 * strip + (((_COLUMN + start) % 1) > 0.5)
    shade = rng.normal(1, 0.10, 2 * strips)[board]
    value = shade * (1 + 1.3 * np.roll(_grain(rng), 77, axis=1))
    gap = (_ROW * strips % 1) < 0.022
    joint = np.abs((_COLUMN + start) % 0.5) < 0.003
    value[gap | joint] *= 0.45
    warm = rng.normal(1, 0.06, 2 * strips)[board]
    return _grey(value) ** np.stack([0.95 * warm, np.ones_like(warm), 1.1 / warm], axis=2)


def weave(rng: np.random.Generator) -> FloatArray:
    """Upholstery cloth: a fine thread pattern under irregular wear."""
    thread = np.sin(2 * np.pi * 64 * _ROW) * np.sin(2 * np.pi * 64 * _COLUMN)
    return _grey(1 + 0.10 * thread + 0.10 * noise(rng, 0.3) + 0.07 * noise(rng, 1.5))


def pile(rng: np.random.Generator) -> FloatArray:
    """Knitted or tufted wool."""
    return _grey(1 + 0.16 * noise(rng, 0.35) + 0.08 * noise(rng, 1.4))


def stripes(rng: np.random.Generator) -> FloatArray:
    """Woven blanket with bands of three colours."""
    band = np.digitize(_COLUMN, np.cumsum([0.22, 0.04, 0.10, 0.04, 0.26, 0.07, 0.13, 0.07]))
    palette = np.stack([colour(c) for c in ("#d9cfbb", "#8a4a38", "#c9a25f", "#8a4a38")])
    return palette[band % 4] * weave(rng)


def rug(rng: np.random.Generator) -> FloatArray:
    """Faded oriental rug: borders, a lattice of lozenges and a medallion."""
    x, y = 2 * _COLUMN - 1, 2 * _ROW - 1
    edge = np.maximum(np.abs(x) * 1.0, np.abs(y) * 1.0 + 0.0)
    red, navy, sand, rust = (colour(c) for c in ("#7c3b34", "#343b4e", "#b9a284", "#94583f"))
    image = np.broadcast_to(red, (TILE, TILE, 3)).copy()
    lattice = np.abs((x * 5) % 1 - 0.5) + np.abs((y * 4) % 1 - 0.5)
    image[lattice < 0.20] = sand
    image[(lattice > 0.20) & (lattice < 0.27)] = navy
    medallion = np.abs(x) * 1.3 + np.abs(y) * 1.2
    ripple = 0.04 * np.sin(12 * np.arctan2(y, x))
    for limit, paint in ((0.62, sand), (0.58, navy), (0.40, rust), (0.36, sand), (0.20, red)):
        image[medallion + ripple < limit] = paint
    for low, paint in ((0.80, sand), (0.82, navy), (0.93, sand), (0.945, rust), (0.985, sand)):
        image[edge > low] = paint
    motif = np.abs((x * 9) % 1 - 0.5) + np.abs((y * 9) % 1 - 0.5)
    image[(motif < 0.22) & (edge > 0.83) & (edge < 0.93)] = rust
    worn = (1 + 0.14 * noise(rng, 0.4) + 0.10 * noise(rng, 1.6))[..., None]
    return (0.85 * image + 0.15 * sand) * worn


def spine(rng: np.random.Generator) -> FloatArray:
    """Back of a book, tile spanning its height: title bar, two rules, scuffing."""
    value = 1 + 0.05 * noise(rng, 1.2)
    for low, high, level in ((0.10, 0.12, 1.7), (0.88, 0.90, 1.7), (0.76, 0.80, 2.0)):
        value[(low < _ROW) & (high > _ROW)] *= level
    text = (noise(rng, 0.6, stretch=0.1) > 0.1) & (_ROW > 0.25) & (_ROW < 0.68)
    value[text & (np.abs(_COLUMN % 0.25 - 0.125) < 0.05)] *= 2.0
    return _grey(np.minimum(value, 2.2))


def paper(rng: np.random.Generator) -> FloatArray:
    """Page of print: lines of text in two columns and one dark photograph."""
    image = np.full((TILE, TILE), 0.78) + 0.01 * noise(rng, 1.0)
    line = (_ROW * 46 % 1 < 0.5) & (noise(rng, 0.5, stretch=0.4) > -0.6)
    column = (np.abs(_COLUMN - 0.29) < 0.19) | (np.abs(_COLUMN - 0.71) < 0.19)
    image[line & column & (np.abs(_ROW - 0.5) < 0.42)] *= 0.42
    photo = (np.abs(_COLUMN - 0.71) < 0.19) & (np.abs(_ROW - 0.25) < 0.13)
    image[photo] = 0.25 + 0.08 * noise(rng, 1.8)[photo]
    return _grey(image)


def cover(rng: np.random.Generator) -> FloatArray:
    """Magazine cover: a head-and-shoulders shape, masthead and captions."""
    sky = colour("#7d9ab0") + 0.05 * noise(rng, 2.0)[..., None]
    head = np.hypot((_COLUMN - 0.52) / 0.16, (_ROW - 0.45) / 0.19) < 1
    hair = np.hypot((_COLUMN - 0.52) / 0.20, (_ROW - 0.40) / 0.22) < 1
    body = np.hypot((_COLUMN - 0.50) / 0.42, (_ROW - 1.02) / 0.40) < 1
    image = np.where(body[..., None], colour("#8b3c36"), sky)
    image = np.where(hair[..., None], colour("#3a2a22"), image)
    image = np.where((head & (_ROW > 0.33))[..., None], colour("#c99f82"), image)
    masthead = (_ROW > 0.05) & (_ROW < 0.17) & (np.abs(_COLUMN % 0.14 - 0.07) < 0.05)
    image = np.where(masthead[..., None], colour("#f2ead6"), image)
    caption = (_ROW > 0.62) & (_ROW * 16 % 1 < 0.45) & (_COLUMN < 0.28) & (_COLUMN > 0.05)
    return np.where(caption[..., None], colour("#f2ead6"), image)


def _hills(rng: np.random.Generator, sky: FloatArray, shades: list[str]) -> FloatArray:
    """Layered hills under a sky (TILE, TILE, 3)."""
    image = sky
    for k, shade in enumerate(shades):
        ridge = 0.38 + 0.14 * k + 0.035 * noise(rng, 1.9)[k]
        texture = 1 + 0.10 * noise(rng, 1.2)[..., None]
        image = np.where((ridge[None] < _ROW)[..., None], colour(shade) * texture, image)
    return image


def landscape(rng: np.random.Generator) -> FloatArray:
    """Painting of hills at dusk."""
    glow = (1 - _ROW)[..., None] * colour("#7f93a6") + _ROW[..., None] * colour("#e8c79a")
    clouds = 1 + 0.10 * noise(rng, 1.7, stretch=0.3)[..., None]
    return _hills(rng, glow * clouds, ["#8f8f93", "#6a7263", "#5b5a3c", "#3d3f2b"])


def abstract(rng: np.random.Generator) -> FloatArray:
    """Print of overlapping discs and bars."""
    image = np.broadcast_to(colour("#d8cfbf"), (TILE, TILE, 3)).copy()
    for shade in ("#b1654b", "#2f4454", "#c7a354", "#6d8079", "#3a3531"):
        x, y, r = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.10, 0.27)
        image[np.hypot(_COLUMN - x, _ROW - y) < r] = colour(shade)
    image[(np.abs(_COLUMN - 0.64) < 0.02) & (_ROW > 0.2)] = colour("#3a3531")
    return image * (1 + 0.05 * noise(rng, 0.8))[..., None]


def outside(rng: np.random.Generator) -> FloatArray:
    """Garden through a window, out of focus: bright sky over soft trees."""
    sky = colour("#e9f1fa") * (1 + 0.03 * noise(rng, 2.2)[..., None])
    crown = _ROW + 0.09 * noise(rng, 1.7)
    trees = colour("#7c9068") * (1 + 0.22 * noise(rng, 1.5)[..., None])
    lawn = colour("#a3b37f") * (1 + 0.06 * noise(rng, 1.4)[..., None])
    image = np.where((crown > 0.52)[..., None], trees, sky)
    return np.where((crown > 0.86)[..., None], lawn, image)


def basket(rng: np.random.Generator) -> FloatArray:
    """Wicker: over-and-under strands."""
    row, column = (_ROW * 24).astype(int), (_COLUMN * 16).astype(int)
    over = np.where((row + column) % 2, _COLUMN * 16 % 1, _ROW * 24 % 1)
    return _grey(0.55 + 0.75 * np.sin(np.pi * over) + 0.12 * noise(rng, 0.8))


def leaf(rng: np.random.Generator) -> FloatArray:
    """Leaf, stem end at u = 0: midrib and side veins."""
    across = np.abs(_ROW - 0.5)
    vein = np.abs((_COLUMN * 9 - across * 7) % 1 - 0.5) < 0.05
    value = 1 + 0.10 * noise(rng, 1.3)
    value[vein] *= 1.2
    value[across < 0.02] *= 1.6
    return _grey(value)


TILES: dict[str, Callable[[np.random.Generator], FloatArray]] = {
    draw.__name__: draw
    for draw in (
        plain, plaster, wood, floorboards, weave, pile, stripes, rug, spine, paper, cover,
        landscape, abstract, outside, basket, leaf,
    )
}  # fmt: skip


@cache
def draw_all(seed: int) -> tuple[list[str], FloatArray]:
    """Names and all tiles (T, TILE, TILE, 3) float32; each tile has its own random stream."""
    tiles = [draw(np.random.default_rng([seed, k])) for k, draw in enumerate(TILES.values())]
    return list(TILES), np.stack(tiles).astype(np.float32)
