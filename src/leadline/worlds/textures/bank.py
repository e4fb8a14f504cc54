"""Tiles by name, drawn on first use, with smaller copies for distant surfaces (mipmaps)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from leadline.errors import LeadlineError
from leadline.worlds.arrays import Array
from leadline.worlds.randomness import Split, stream
from leadline.worlds.textures import cloth, outdoors, pictures, surfaces
from leadline.worlds.textures.canvas import Rng

Draw = Callable[[Rng, int], Array]

KINDS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        *(surfaces.plain, surfaces.plaster, surfaces.old_plaster, surfaces.wallpaper),
        *(surfaces.wood, surfaces.floorboards, surfaces.parquet, surfaces.tiles, surfaces.checker),
        *(surfaces.marble, surfaces.terrazzo, surfaces.brick, surfaces.concrete, surfaces.metal),
        *(surfaces.panelling, surfaces.basket, surfaces.cardboard, surfaces.leaf),
        *(cloth.weave, cloth.pile, cloth.stripes, cloth.checks, cloth.dots, cloth.blotches),
        *(cloth.quilt, cloth.rug, cloth.modern_rug, cloth.blanket),
        *(pictures.spine, pictures.paper, pictures.cover, pictures.landscape, pictures.abstract),
        *(pictures.poster, pictures.photograph, pictures.map_sheet, pictures.scribbles),
        *(pictures.screen, pictures.outside, pictures.label),
        *(outdoors.asphalt, outdoors.cobbles, outdoors.pavers, outdoors.grass, outdoors.gravel),
        *(outdoors.foliage, outdoors.bark, outdoors.roof_tiles, outdoors.shop, outdoors.facade),
        outdoors.sign_face,
    )
}

VARIANTS: dict[Split, int] = {"train": 10, "val": 4, "test": 4}
"""Number of tiles of each kind per split; splits have different random tiles."""

_SCALE = 16384.0  # a tile's factors are below 4, stored in 16 bits


def tile_name(kind: str, split: Split, variant: int) -> str:
    """Name of a tile: "wood/train/3". Raises LeadlineError for an unknown kind."""
    if kind not in KINDS:
        raise LeadlineError(f"unknown texture {kind!r}; choose one of {', '.join(sorted(KINDS))}")
    return f"{kind}/{split}/{variant}"


def draw_tile(name: str, size: int) -> Array:
    """Draw the tile `name`, (size,size,4) float32; equal names give equal tiles."""
    kind = name.partition("/")[0]
    return KINDS[kind](stream("texture", name, size), size).astype(np.float32)


class TileBank:
    """Tiles of one size, a power of two, in one array, so that a picture needs one lookup.

    `texels` is (T*levels,4) uint16; `level_start` is the start of each smaller copy within a
    tile; `mean` (T,4) float32 is a tile's average.
    """

    CAPACITY = 1024

    def __init__(self, size: int) -> None:
        if size & (size - 1):
            raise LeadlineError(f"tile size {size} is not a power of two; choose 256 or 512")
        self.size = size
        sides = size >> np.arange(size.bit_length())
        self.level_start = np.concatenate([[0], np.cumsum(sides**2)[:-1]]).astype(np.int64)
        self.stride = int((sides**2).sum())
        # Pages without a written tile take no memory.
        self.texels = np.empty((self.CAPACITY * self.stride, 4), dtype=np.uint16)
        self.mean = np.zeros((self.CAPACITY, 4), dtype=np.float32)
        self._place: dict[str, int] = {}

    def places(self, names: Iterable[str]) -> Array:
        """Return the places (N,) of tiles in the bank; draw missing tiles."""
        return np.array([self._place_of(name) for name in names], dtype=np.int64)

    def _place_of(self, name: str) -> int:
        if name not in self._place:
            if len(self._place) == self.CAPACITY:
                raise LeadlineError(f"more than {self.CAPACITY} textures in one process")
            self._store(len(self._place), draw_tile(name, self.size))
            self._place[name] = len(self._place)
        return self._place[name]

    def _store(self, place: int, tile: Array) -> None:
        tile = np.clip(tile, 0, 3.99)
        self.mean[place] = tile.mean(axis=(0, 1))
        for level in range(len(self.level_start)):
            start = place * self.stride + int(self.level_start[level])
            side = len(tile)
            self.texels[start : start + side * side] = np.rint(tile * _SCALE).reshape(-1, 4)
            if side > 1:
                top, bottom = tile[::2], tile[1::2]
                four = top[:, ::2] + top[:, 1::2] + bottom[:, ::2] + bottom[:, 1::2]
                tile = four / np.float32(4)

    def lookup(self, place: Array, uv: Array, level: Array) -> Array:
        """Factors (N,4) float32 at `uv` (N,2) in tiles, v upwards, bilinear in one `level` (N,)."""
        side = np.right_shift(self.size, level)
        last = side - 1
        start = place * self.stride + self.level_start[level]
        texels_across = side.astype(np.float32)
        x = uv[:, 0] * texels_across - np.float32(0.5)
        y = (1 - uv[:, 1]) * texels_across - np.float32(0.5)
        left, top = np.floor(x), np.floor(y)
        fx, fy = x - left, y - top
        column, row = left.astype(np.int64), top.astype(np.int64)
        here, beside = column & last, (column + 1) & last
        above, below = start + (row & last) * side, start + ((row + 1) & last) * side
        upper = self._at(above + here) * (1 - fx) + self._at(above + beside) * fx
        lower = self._at(below + here) * (1 - fx) + self._at(below + beside) * fx
        return np.asarray((upper * (1 - fy) + lower * fy) * np.float32(1 / _SCALE)).T

    def _at(self, place: Array) -> Array:
        """Factors (4,N) float32 of the texels at `place` (N,), as stored."""
        # The four factors of a texel are read as one number.
        texels = self.texels.view(np.uint64).ravel().take(place)
        return texels.view(np.uint16).reshape(-1, 4).T.astype(np.float32, order="C")
