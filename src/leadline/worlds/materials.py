"""What surfaces are made of, in the colours that people give them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.randomness import Split
from leadline.worlds.textures import VARIANTS, colour, random_colour, tile_name

WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    `texture` names a tile; `paint` and `second` are linear RGB that the tile mixes. `scale` is the
    size of one tile in metres (width, height); `fitted` centres a single tile on the part instead
    of starting at a random offset. `gloss` is the mirror reflectance at normal incidence (0.04 for
    varnish, 0.9 for a mirror), `rough` the spread of that reflection. `glow` is emitted radiance;
    one-sided, towards the mesh's outside; `night` is what lamps add to it when they are lit. What
    has no `shadow` lets the sun through: panes.
    """

    texture: str = "plain/picture/0"
    paint: Colour = WHITE
    scale: tuple[float, float] = (1.0, 1.0)
    gloss: float = 0.0
    rough: float = 0.15
    glow: float = 0.0
    fitted: bool = False
    second: Colour | None = None
    shadow: bool = True
    night: float = 0.0


WALL_PAINTS = ("#e8e4da", "#efece4", "#e3ddcf", "#dcd6c8", "#d9dad8", "#cfd2d1", "#e9dfc8",
               "#e6d3b3", "#d8c9b0", "#c9bfa9", "#d3dbe0", "#bccbd2", "#cdd8c8", "#b7c4ae",
               "#e5cfc6", "#dfc3b4", "#efe2a8", "#b8b0a4", "#9aa3a6", "#f2f0ea",
               "#e8e8e4", "#ddd5cb")  # fmt: skip
ACCENT_PAINTS = ("#7d8f7a", "#5f7a8a", "#8a5a4a", "#b5654a", "#41566b", "#a88a4e", "#6d5a72",
                 "#3f5c50", "#c28f6a", "#79323a")  # fmt: skip
WOODS = ("#6b4630", "#a97c50", "#b98d5c", "#8a5f3c", "#c9a26d", "#54382a", "#3a2a22", "#d8b98a",
         "#9c6b43", "#b59a7a", "#e0cba5", "#7a6a5a", "#4a2c1f", "#33211a", "#5b3426", "#241812",
         "#6a4428")  # fmt: skip
CLOTHS = ("#5f6670", "#84594a", "#bcae93", "#7a6b50", "#4d6068", "#8c7a5e", "#3d4252", "#a09484",
          "#6b3f3a", "#2f3e46", "#c7bda8", "#55614a", "#9a8f9c", "#b4653f", "#8d8d8a", "#26282c",
          "#d9d2c3", "#71494f", "#4a6a7d", "#a3a86e", "#1f2226", "#2b2a33", "#3a2a26", "#5a1f22",
          "#233040", "#40352a", "#2e2420")  # fmt: skip
PLAINS = ("#f0eee8", "#e4e0d6", "#d0ccc2", "#aaa69e", "#6a6a6c", "#2b2b2d", "#1c1c1e")
METALS = ("#8f9194", "#a8aaab", "#6c6e70", "#3c3c3e", "#9a7a45", "#c7c8c8")


@dataclass
class Palette:
    """Draws materials for one world: a few woods, cloths and paints of a theme come again.

    `rng` decides; textures are those of `split`.
    """

    rng: np.random.Generator
    split: Split
    theme: dict[str, list[Material]] = field(default_factory=dict)

    def tile(self, *kinds: str) -> str:
        """Name of a random tile of one of the kinds."""
        kind = kinds[int(self.rng.integers(len(kinds)))]
        return tile_name(kind, self.split, int(self.rng.integers(VARIANTS[self.split])))

    def pick(self, colours: tuple[str, ...]) -> Colour:
        """One of the colours, a little off."""
        red, green, blue = colour(colours[int(self.rng.integers(len(colours)))])
        a, b, c = np.exp(self.rng.normal(0, 0.06, 3) + self.rng.normal(-0.05, 0.2))
        return min(red * a, 0.9), min(green * b, 0.9), min(blue * c, 0.9)

    def any_colour(
        self, saturation: float = 0.7, value: tuple[float, float] = (0.15, 0.9)
    ) -> Colour:
        """Any colour at all, up to a saturation."""
        return random_colour(self.rng, saturation=(0, saturation), value=value)

    def _again(self, kind: str, fresh: Material, most: int) -> Material:
        """Return a material of the theme, new while there are fewer than `most` of its kind."""
        known = self.theme.setdefault(kind, [])
        if len(known) < most:
            known.append(fresh)
            return fresh
        return fresh if self.rng.random() < 0.12 else known[int(self.rng.integers(len(known)))]

    def _size(self, low: float, high: float) -> tuple[float, float]:
        side = float(self.rng.uniform(low, high))
        return side, side

    def wood(self) -> Material:
        """Furniture wood, varnished or painted."""
        rng = self.rng
        if rng.random() < 0.22:
            return self._again("wood", self.lacquer(), 2)
        gloss, rough = rng.uniform(0.02, 0.05), rng.uniform(0.1, 0.3)
        scale = (rng.uniform(0.7, 1.3), rng.uniform(0.25, 0.5))
        fresh = Material(self.tile("wood"), self.pick(WOODS), scale, gloss, rough)
        return self._again("wood", fresh, 2)

    def lacquer(self) -> Material:
        """Painted or laminated board."""
        rng = self.rng
        paint = self.pick(PLAINS) if rng.random() < 0.75 else self.any_colour(0.6, (0.1, 0.8))
        return Material(self.tile("plain"), paint, (1, 1), rng.uniform(0.02, 0.05), 0.2)

    def cloth(self) -> Material:
        """Upholstery."""
        rng = self.rng
        kinds = ("weave", "weave", "pile", "weave", "stripes", "checks", "blotches")
        fresh = Material(
            self.tile(*kinds),
            self.pick(CLOTHS),
            self._size(0.25, 0.6),
            second=self.pick(CLOTHS) if rng.random() < 0.6 else self.any_colour(),
        )
        if rng.random() < 0.15:  # leather
            fresh = replace(fresh, texture=self.tile("plaster"), gloss=0.04, rough=0.25)
        return self._again("cloth", fresh, 3)

    def linen(self) -> Material:
        """Bedding, curtains, towels, clothes: lighter, and more often printed."""
        rng = self.rng
        kinds = ("weave", "weave", "stripes", "checks", "dots", "blotches", "quilt")
        light = rng.random() < 0.55
        paint = self.pick(WALL_PAINTS if light else CLOTHS)
        second = self.any_colour(0.7) if rng.random() < 0.6 else self.pick(CLOTHS)
        return Material(self.tile(*kinds), paint, self._size(0.3, 0.9), second=second)

    def paint(self, saturation: float = 0.75) -> Material:
        """Plastic, enamel, painted metal."""
        rng = self.rng
        paint = self.pick(PLAINS) if rng.random() < 0.45 else self.any_colour(saturation)
        gloss, rough = float(rng.choice([0.0, 0.03, 0.05])), rng.uniform(0.05, 0.3)
        return Material(self.tile("plain"), paint, (0.7, 0.7), gloss, rough)

    def metal(self) -> Material:
        """Steel, brass, painted tube."""
        rng = self.rng
        gloss = float(rng.choice([0.1, 0.25, 0.45]))
        fresh = Material(self.tile("metal"), self.pick(METALS), (0.5, 0.5), gloss,
                         rng.uniform(0.08, 0.25))  # fmt: skip
        return self._again("metal", fresh, 2)

    def white(self) -> Material:
        """Radiators, window frames, skirtings."""
        paint = self.pick(PLAINS[:3])
        return self._again("white", Material(self.tile("plain"), paint, (1, 1), 0.03, 0.2), 1)

    def black(self) -> Material:
        """Screens, cables, tyres."""
        return Material(self.tile("plain"), self.pick(PLAINS[5:]), (1, 1), 0.04, 0.1)

    def ceramic(self) -> Material:
        """Sanitary ware and crockery."""
        rng = self.rng
        paint = self.pick(PLAINS[:3]) if rng.random() < 0.7 else self.any_colour(0.6)
        return Material(self.tile("plain", "marble"), paint, (0.6, 0.6), 0.05, 0.05,
                        second=self.any_colour(0.5))  # fmt: skip

    def glass(self) -> Material:
        """Bottles, cooker tops, dark panes: opaque here."""
        return Material(self.tile("plain"), self.pick(("#1d2522", "#2c4431", "#20262b", "#3a2c1e")),
                        (1, 1), 0.07, 0.02)  # fmt: skip

    def wall(self, kind: str = "paint") -> Material:
        """Walls of a room: `paint`, `paper`, `tiles`, `brick`, `wood` or `concrete`."""
        rng = self.rng
        plain = self.pick(WALL_PAINTS if rng.random() < 0.88 else ACCENT_PAINTS)
        if kind == "paper":
            near = tuple(c * float(rng.uniform(0.55, 1.15)) for c in plain)
            second = (near[0], near[1], near[2])
            return Material(self.tile("wallpaper"), plain, self._size(0.5, 1.6), second=second)
        if kind == "tiles":
            return self.tiled()
        if kind == "brick":
            paint = self.pick(("#8f4a35", "#a8644a", "#7a4032", "#d9d2c6", "#b07a5c"))
            return Material(self.tile("brick"), paint, self._size(0.9, 1.3),
                            second=self.pick(PLAINS[:4]))  # fmt: skip
        if kind == "wood":
            return Material(self.tile("panelling"), self.pick(WOODS), self._size(0.8, 1.4))
        if kind == "concrete":
            return Material(self.tile("concrete"), self.pick(("#a3a19c", "#8d8c88")), (2, 2))
        second = self.pick(WALL_PAINTS)
        return Material(self.tile("plaster", "plaster", "plaster", "old_plaster"), plain,
                        self._size(1.6, 3.0), second=second)  # fmt: skip

    def tiled(self) -> Material:
        """Glazed tiles of bathrooms and kitchens."""
        rng = self.rng
        paint = self.pick(PLAINS[:4]) if rng.random() < 0.7 else self.any_colour(0.45, (0.4, 0.9))
        return Material(self.tile("tiles"), paint, self._size(0.35, 1.2), 0.04, 0.08,
                        second=self.pick(PLAINS[:5]))  # fmt: skip

    def floor(self, kind: str = "wood") -> Material:
        """Floors: `wood`, `tiles`, `carpet` or `sheet` (linoleum, stone, concrete)."""
        rng = self.rng
        gloss, rough = float(rng.choice([0.0, 0.02, 0.04])), rng.uniform(0.06, 0.3)
        if kind == "wood":
            size = rng.uniform(0.7, 1.4)
            return Material(self.tile("floorboards", "floorboards", "parquet"), self.pick(WOODS),
                            (size * 1.15, size), gloss, rough)  # fmt: skip
        if kind == "carpet":
            return Material(
                self.tile("pile", "pile", "pile", "weave", "weave", "blotches", "checks"),
                self.pick(CLOTHS),
                self._size(0.4, 1.2),
                second=self.pick(CLOTHS),
            )
        if kind == "tiles":
            paint = self.pick(PLAINS[:4] + WOODS[4:8])
            return Material(self.tile("tiles", "tiles", "checker"), paint, self._size(0.8, 2.2),
                            gloss + 0.02, rough, second=self.pick(PLAINS))  # fmt: skip
        paint = self.pick(PLAINS[1:5] + WOODS[8:] + CLOTHS[:3])
        return Material(self.tile("terrazzo", "marble", "concrete"), paint, self._size(1.0, 2.5),
                        gloss + 0.02, rough, second=self.pick(PLAINS))  # fmt: skip

    def ceiling(self) -> Material:
        """Nearly always white."""
        if self.rng.random() < 0.06:
            return Material(self.tile("panelling"), self.pick(WOODS), (1.2, 1.2))
        return Material(self.tile("plaster"), self.pick(PLAINS[:2]), (2.2, 2.2))

    def printed(self, kind: str, width: float, height: float, gloss: float = 0.02) -> Material:
        """Something flat with a picture of `kind` on it, fitted to its size in metres."""
        return Material(self.tile(kind), (0.85, 0.85, 0.83), (width, height), gloss, 0.1,
                        fitted=True, second=self.any_colour(0.8))  # fmt: skip

    def book(self, height: float) -> Material:
        """Back of a book of a height in metres."""
        rng = self.rng
        paint = self.any_colour(0.6, (0.1, 0.75)) if rng.random() < 0.7 else self.pick(PLAINS)
        return Material(self.tile("spine"), paint, (0.06, height), 0.02, 0.25, fitted=True,
                        second=self.pick(PLAINS))  # fmt: skip

    def green(self) -> Material:
        """Leaves of house plants and garden plants."""
        paint = self.pick(("#2f4a2a", "#3c5a33", "#486b38", "#35522f", "#5c7a45", "#6d7f3f"))
        return Material(self.tile("foliage"), paint, (0.5, 0.5), second=paint)
