"""What a scene is: materials, a builder that collects placed meshes, the frozen scene, a camera.

World axes: x to the right, y into the room, z up, metres. Camera axes: x right, y down, z forward
along the optical axis. Pixel (0, 0) is the *centre* of the top left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from example_room.geometry import FloatArray, IntArray, Mesh, rotation
from example_room.textures import colour, draw_all

SEED = 20


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    ``scale`` is the size of one texture tile in metres (width, height); ``fitted`` centres a single
    tile on the part instead of starting at a random offset. ``gloss`` is the mirror reflectance
    at normal incidence (0.04 for varnish), ``rough`` the spread of that reflection. ``glow`` is
    emitted radiance; one-sided, towards the mesh's outside.
    """

    texture: str = "plain"
    paint: str = "#ffffff"
    scale: tuple[float, float] = (1.0, 1.0)
    gloss: float = 0.0
    rough: float = 0.15
    glow: float = 0.0
    fitted: bool = False


@dataclass(frozen=True)
class Scene:
    """Triangles with a part number each, and one row per part for everything else.

    ``vertices``, ``normals`` (V,3) float32, ``uv`` (V,2) float32 in tiles, ``faces`` (F,3),
    ``part`` (F,); ``labels`` P names; ``tile`` (P,), ``tint`` (P,3), ``gloss``, ``rough``,
    ``glow`` (P,); ``tiles`` (T,N,N,3) float32.
    """

    vertices: FloatArray
    normals: FloatArray
    uv: FloatArray
    faces: IntArray
    part: IntArray
    labels: list[str]
    tile: IntArray
    tint: FloatArray
    gloss: FloatArray
    rough: FloatArray
    glow: FloatArray
    tiles: FloatArray


@dataclass
class _Part:
    mesh: Mesh
    material: Material
    label: str


@dataclass
class Builder:
    """Collects parts; ``placed`` gives a view that adds them at another place and heading."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    parts: list[_Part] = field(default_factory=list)
    turn: FloatArray = field(default_factory=lambda: np.eye(3))
    origin: FloatArray = field(default_factory=lambda: np.zeros(3))

    def placed(self, x: float, y: float, z: float = 0.0, turn: float = 0.0) -> Builder:
        """Return a builder whose origin is (x, y, z) here, turned about z by ``turn`` degrees."""
        origin = self.origin + self.turn @ np.array([x, y, z])
        return Builder(self.rng, self.parts, self.turn @ rotation(turn), origin)

    def add(self, mesh: Mesh, material: Material, label: str) -> None:
        """Put a mesh into the scene under the name of the thing it belongs to."""
        vertices = mesh.vertices @ self.turn.T + self.origin
        uv = mesh.uv / np.array(material.scale) + 0.5
        if not material.fitted:
            uv = uv + self.rng.random(2)
        placed = Mesh(vertices, mesh.normals @ self.turn.T, uv, mesh.faces)
        self.parts.append(_Part(placed, material, label))

    def finished(self) -> Scene:
        """Freeze everything that was added."""
        names, tiles = draw_all(SEED)
        meshes = [p.mesh for p in self.parts]
        looks = [p.material for p in self.parts]
        starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
        return Scene(
            vertices=np.concatenate([m.vertices for m in meshes]).astype(np.float32),
            normals=np.concatenate([m.normals for m in meshes]).astype(np.float32),
            uv=np.concatenate([m.uv for m in meshes]).astype(np.float32),
            faces=np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
            part=np.repeat(np.arange(len(meshes)), [len(m.faces) for m in meshes]),
            labels=[p.label for p in self.parts],
            tile=np.array([names.index(m.texture) for m in looks]),
            tint=np.stack([colour(m.paint) for m in looks]).astype(np.float32),
            gloss=np.array([m.gloss for m in looks], dtype=np.float32),
            rough=np.array([m.rough for m in looks], dtype=np.float32),
            glow=np.array([m.glow for m in looks], dtype=np.float32),
            tiles=tiles,
        )


@dataclass(frozen=True)
class Camera:
    """Pinhole camera without distortion; angles in degrees, ``yaw`` > 0 turns left."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    position: tuple[float, float, float]
    yaw: float
    pitch: float

    def rays(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """World directions (N,3) float64 through pixels; along the optical axis their length is 1.

        A point at ray parameter t therefore has planar depth t.
        """
        right = (u - self.cx) / self.fx
        down = (v - self.cy) / self.fy
        local = np.stack([right, np.ones_like(right), -down], axis=1)
        return local @ (rotation(self.yaw) @ rotation(self.pitch, "x")).T

    def scaled(self, width: int, height: int) -> Camera:
        """Return the same view at another size."""
        # The outline of the picture is kept, half a pixel outside the outermost centres.
        sx, sy = width / self.width, height / self.height
        return Camera(
            self.fx * sx,
            self.fy * sy,
            (self.cx + 0.5) * sx - 0.5,
            (self.cy + 0.5) * sy - 0.5,
            width,
            height,
            self.position,
            self.yaw,
            self.pitch,
        )
