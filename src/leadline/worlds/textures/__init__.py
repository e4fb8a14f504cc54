"""Procedural texture tiles: drawn from names, disjoint between splits."""

from leadline.worlds.textures.bank import KINDS, VARIANTS, TileBank, draw_tile, tile_name
from leadline.worlds.textures.canvas import colour, hsv, random_colour

__all__ = [
    "KINDS",
    "VARIANTS",
    "TileBank",
    "colour",
    "draw_tile",
    "hsv",
    "random_colour",
    "tile_name",
]
