"""What a scene is, whoever renders it: triangles, one row a part, lights, weather.

World axes: x to the right, y away, z up, metres. A part is a mesh with one material; an instance is
a thing made of parts and has one class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from leadline.worlds.arrays import Array, Colour
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.materials import Material, Palette
from leadline.worlds.primitives import Mesh, rotation
from leadline.worlds.randomness import stream


@dataclass(frozen=True)
class Ball:
    """Lamp that shines to all sides from within `radius` metres of `centre`.

    `radiance` is that of its surface, linear RGB. Nothing within the radius shades it.
    """

    centre: Colour
    radius: float
    radiance: Colour


@dataclass(frozen=True)
class Panel:
    """Rectangle that shines to one side: `centre`, half sides `u` and `v`; the front is u x v."""

    centre: Colour
    u: Colour
    v: Colour
    radiance: Colour


@dataclass(frozen=True)
class Sun:
    """The sun: `direction` points to it, `radiance` is what white paint facing it sends out."""

    direction: Colour
    radiance: Colour


Light = Ball | Panel | Sun


@dataclass(frozen=True)
class Sky:
    """The weather: sun, clouds, fog. Colours are linear RGB radiance.

    `sunlight` is what white paint that faces the sun sends out.

    `sun` (3,) points to it; `clouds` from 0 (none) to 1 (overcast); `fog` is the extinction per
    metre of a fog of colour `fog_colour`; `wet` from 0 to 1 is how much the ground mirrors.
    """

    zenith: Colour
    horizon: Colour
    sun: Colour
    sunlight: Colour
    clouds: float = 0.3
    cloud_seed: int = 0
    fog: float = 0.0
    fog_colour: Colour = (0.8, 0.8, 0.8)
    wet: float = 0.0
    rain: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Triangles with a part number each, and one row per part for everything else.

    `vertices`, `normals` (V,3) float32, `uv` (V,2) float32 in tiles, `faces` (F,3) int32, `part`
    (F,) int32. Per part (P,): `tile` into `tiles` (names), `tint` and `second` (P,3), `gloss`,
    `rough`, `glow`, `night` float32, `shadow` bool, `classes` uint8, `instances` int32 from 1.
    `names` has one entry an instance; its number less one is its place. `sky` is None in a closed
    room, where `ambient` is the light that has bounced more often than is traced.
    """

    vertices: Array
    normals: Array
    uv: Array
    faces: Array
    part: Array
    tile: Array
    tiles: tuple[str, ...]
    tint: Array
    second: Array
    gloss: Array
    rough: Array
    glow: Array
    night: Array
    shadow: Array
    classes: Array
    instances: Array
    names: tuple[str, ...]
    lights: tuple[Light, ...]
    sky: Sky | None
    ambient: Colour

    def instance_name(self, number: int) -> str:
        """Name of an instance: "armchair"; "nothing" for 0."""
        return self.names[number - 1] if number > 0 else "nothing"

    def under(self, sky: Sky, lights: tuple[Light, ...] | None = None) -> Scene:
        """Return the same things in another weather, optionally with other lights."""
        return replace(self, sky=sky, lights=self.lights if lights is None else lights)


@dataclass(frozen=True)
class _Part:
    mesh: Mesh
    material: Material
    instance: int
    cls: int


@dataclass
class _Store:
    parts: list[_Part] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)


_ORIGIN, _UPRIGHT = np.zeros(3), np.eye(3)


@dataclass(frozen=True, eq=False)
class Builder:
    """Collects parts at a place and heading, for one instance.

    `placed` gives a builder elsewhere, `item` one for a new instance, `shaped` one with the random
    numbers of a design. `rng` decides shapes, `look` materials, `offsets` where textures begin.
    What is `driven` has its lamps lit at night.
    """

    rng: np.random.Generator = field(default_factory=lambda: stream("shapes"))
    offsets: np.random.Generator = field(default_factory=lambda: stream("offsets"))
    look: Palette = field(default_factory=lambda: Palette(stream("look"), "train"))
    store: _Store = field(default_factory=_Store)
    turn: Array = field(default_factory=lambda: _UPRIGHT)
    origin: Array = field(default_factory=lambda: _ORIGIN)
    instance: int = 0
    cls: int = 0
    driven: bool = False

    def placed(self, x: float, y: float, z: float = 0.0, turn: float = 0.0) -> Builder:
        """Return a builder whose origin is (x, y, z) here, turned about z by `turn` degrees."""
        origin = self.origin + self.turn @ np.array([x, y, z])
        matrix = self.turn @ rotation(turn) if turn else self.turn
        return replace(self, turn=matrix, origin=origin)

    def item(self, name: str, cls: str) -> Builder:
        """Return a builder for a new thing of class `cls`."""
        self.store.names.append(name)
        return replace(self, instance=len(self.store.names), cls=CLASS_ID[cls])

    def part_of(self, cls: str) -> Builder:
        """Return a builder for the same thing whose parts have another class."""
        return replace(self, cls=CLASS_ID[cls])

    def shaped(self, rng: np.random.Generator) -> Builder:
        """Return a builder with other random numbers for shapes."""
        return replace(self, rng=rng)

    def add(self, mesh: Mesh, material: Material) -> None:
        """Put a mesh into the scene."""
        uv = mesh.uv / np.array(material.scale) + 0.5
        if not material.fitted:
            uv += self.offsets.random(2)
        if self.turn is _UPRIGHT:
            vertices, normals = mesh.vertices + self.origin, mesh.normals
        else:
            vertices = mesh.vertices @ self.turn.T + self.origin
            normals = mesh.normals @ self.turn.T
        placed = Mesh(vertices, normals, uv, mesh.faces)
        self.store.parts.append(_Part(placed, material, self.instance, self.cls))

    def where(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Colour:
        """World coordinates of a point here."""
        a, b, c = self.origin + self.turn @ np.array([x, y, z])
        return float(a), float(b), float(c)

    def lamp(self, centre: Colour, radius: float, radiance: Colour) -> None:
        """Add a ball of light, `centre` given here."""
        self.store.lights.append(Ball(self.where(*centre), radius, radiance))

    def panel(self, centre: Colour, u: Colour, v: Colour, radiance: Colour) -> None:
        """Add a shining rectangle; `centre` and half sides `u`, `v` given here, front u x v."""
        p, q = (tuple((self.turn @ np.array(side)).tolist()) for side in (u, v))
        self.store.lights.append(Panel(self.where(*centre), p, q, radiance))

    def finished(self, sky: Sky | None = None, ambient: Colour = (0.1, 0.09, 0.08)) -> Scene:
        """Freeze everything that was added."""
        parts = self.store.parts
        meshes, looks = [p.mesh for p in parts], [p.material for p in parts]
        starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
        tiles = sorted({m.texture for m in looks})
        number = {name: place for place, name in enumerate(tiles)}
        faces = [m.faces + s for m, s in zip(meshes, starts, strict=True)]

        def row(values: list[float]) -> Array:
            return np.array(values, dtype=np.float32)

        return Scene(
            vertices=np.concatenate([m.vertices for m in meshes]).astype(np.float32),
            normals=np.concatenate([m.normals for m in meshes]).astype(np.float32),
            uv=np.concatenate([m.uv for m in meshes]).astype(np.float32),
            faces=np.concatenate(faces).astype(np.int32),
            part=np.repeat(np.arange(len(meshes)), [len(m.faces) for m in meshes]).astype(np.int32),
            tile=np.array([number[m.texture] for m in looks], dtype=np.int32),
            tiles=tuple(tiles),
            tint=np.array([m.paint for m in looks], dtype=np.float32),
            second=np.array([m.second or m.paint for m in looks], dtype=np.float32),
            gloss=row([m.gloss for m in looks]),
            rough=row([m.rough for m in looks]),
            glow=row([m.glow for m in looks]),
            night=row([m.night for m in looks]),
            shadow=np.array([m.shadow for m in looks]),
            classes=np.array([p.cls for p in parts], dtype=np.uint8),
            instances=np.array([p.instance for p in parts], dtype=np.int32),
            names=tuple(self.store.names),
            lights=tuple(self.store.lights),
            sky=sky,
            ambient=ambient,
        )
