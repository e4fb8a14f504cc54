"""Rays against triangles: Embree finds what a ray meets, float64 says exactly where."""

from __future__ import annotations

import copy
import platform
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from leadline.errors import LeadlineError
from leadline.worlds.arrays import Array
from leadline.worlds.primitives import unit
from leadline.worlds.scene import Scene, Sun
from leadline.worlds.textures import TileBank

# How far a shadow ray looks when the light is the sun or the sky, in metres.
FAR = 2000.0


@lru_cache(maxsize=2)
def bank(size: int) -> TileBank:
    """Return the tiles of this process for one tile size."""
    return TileBank(size)


def find_embree() -> tuple[type, type]:
    """Embree's scene and mesh types; LeadlineError where there is no wheel of it."""
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ModuleNotFoundError as error:
        machine = f"{platform.system()} on {platform.machine()}"
        raise LeadlineError(
            "rendering worlds needs Embree: pip install 'leadline[worlds]' (its package, embreex, "
            f"exists for Linux x86-64 and Windows only; this is {machine})"
        ) from error
    return EmbreeScene, TriangleMesh


def dot(a: Array, b: Array) -> Array:
    """Scalar products (N,) of vectors (N,3)."""
    return np.asarray(np.einsum("ij,ij->i", a, b))


@dataclass(frozen=True, eq=False)
class Hits:
    """Where N rays meet the scene: `ray` index, `face`, `part` (N,) and the surface there.

    `t` (N,) float64 is the ray parameter; `point` (N,3) is lifted off the surface towards the
    viewer; `normal` and `flat` (N,3) are the smooth and the true normal, both facing the viewer;
    `front` (N,) tells outside from inside; `uv` (N,2) is in tiles.
    """

    ray: Array
    face: Array
    part: Array
    t: Array
    point: Array
    normal: Array
    flat: Array
    front: Array
    uv: Array


@dataclass(frozen=True, eq=False)
class Glance:
    """Where rays meet the scene, in short: `ray`, `part` (N,), `point` and `flat` (N,3) float32."""

    ray: Array
    part: Array
    point: Array
    flat: Array


class Tracer:
    """A scene prepared for rays, with tiles of `tile_size` texels.

    Raises LeadlineError where Embree is not installed.
    """

    def __init__(self, scene: Scene, tile_size: int = 256) -> None:
        self.scene, self.bank = scene, bank(tile_size)
        corners = np.ascontiguousarray(scene.vertices[scene.faces], dtype=np.float32)
        self._embree = self._prepared(corners)
        opaque = scene.shadow[scene.part]
        # Without panes the sun's rays reach the floor; other light starts inside of them.
        sunny = any(isinstance(light, Sun) for light in scene.lights) and not opaque.all()
        self._shading = self._prepared(corners[opaque]) if sunny else self._embree
        wide = corners.astype(np.float64)
        self._corner = wide[:, 0]
        self.plane = np.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0])
        self.flat = unit(self.plane).astype(np.float32)
        self.tile = self.bank.places(scene.tiles)[scene.tile]
        mean = self.bank.mean[self.tile]
        paint = scene.tint * (1 - mean[:, 3:]) + scene.second * mean[:, 3:]
        self.mean_albedo = np.clip(mean[:, :3] * paint, 0.005, 0.92)
        self.texels_per_metre = self._texel_density(wide)

    def relit(self, scene: Scene) -> Tracer:
        """Return a tracer for the same triangles in another light or weather."""
        other = copy.copy(self)
        other.scene = scene
        return other

    @staticmethod
    def _prepared(corners: Array) -> object:
        embree_scene, triangle_mesh = find_embree()
        prepared = embree_scene()
        triangle_mesh(prepared, corners)
        return prepared

    def _texel_density(self, corners: Array) -> Array:
        """Texels along a metre (F,) of each triangle, from its areas in the tile and in space."""
        uv = self.scene.uv[self.scene.faces]
        a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        in_tile = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        in_space = np.sqrt(dot(self.plane, self.plane))
        density = np.sqrt(in_tile / np.maximum(in_space, 1e-12)) * self.bank.size
        return np.asarray(density.astype(np.float32))

    def first_face(self, origin: Array, direction: Array) -> tuple[Array, Array, Array]:
        """Face met by each ray (N,), -1 for none, and Embree's barycentric u, v (N,)."""
        result = self._embree.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origin, dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            output=1,
        )
        return result["primID"].astype(np.int64), result["u"], result["v"]

    def distance(self, face: Array, origin: Array, direction: Array) -> Array:
        """Ray parameter (N,) float64 where rays cross the planes of the given faces.

        Embree's own distance is float32; the plane equation in float64 is good to about 1e-7.
        """
        plane = self.plane[face]
        return np.asarray(dot(self._corner[face] - origin, plane) / dot(direction, plane))

    def trace(self, origin: Array, direction: Array) -> Hits:
        """Follow rays to the first surface; rays that leave the scene are dropped."""
        face, u, v = self.first_face(origin, direction)
        ray = np.flatnonzero(face >= 0)
        face, u, v = face[ray], u[ray, None], v[ray, None]
        start, along = origin[ray], direction[ray]
        t = self.distance(face, start.astype(np.float64), along.astype(np.float64))
        scene, vertex, w = self.scene, self.scene.faces[face], 1 - u - v
        first, second, third = vertex[:, 0], vertex[:, 1], vertex[:, 2]
        normals = scene.normals
        normal = normals[first] * w + normals[second] * u + normals[third] * v
        uv = scene.uv[first] * w + scene.uv[second] * u + scene.uv[third] * v
        flat = self.flat[face]
        along32 = along.astype(np.float32)
        front = dot(flat, along32) < 0
        side = np.where(front, np.float32(1), np.float32(-1))[:, None]
        flat, normal = flat * side, unit(normal * side)
        # The lift grows with distance because float32 positions get coarser.
        lift = (5e-4 + 1e-4 * np.abs(t))[:, None]
        point = (start + along * t[:, None] + flat * lift).astype(np.float32)
        return Hits(ray, face, scene.part[face], t, point, normal, flat, front, uv)

    def glance(self, origin: Array, direction: Array) -> Glance:
        """Follow rays to the first surface, only as exactly as bounced light needs it."""
        result = self._embree.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origin, dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            output=1,
        )
        ray = np.flatnonzero(result["primID"] >= 0)
        face, t, along = result["primID"][ray], result["tfar"][ray, None], direction[ray]
        flat = self.flat[face]
        flat = flat * np.where(dot(flat, along) < 0, np.float32(1), np.float32(-1))[:, None]
        point = origin[ray] + along * t + flat * (np.float32(1e-3) + np.float32(2e-4) * t)
        return Glance(ray, self.scene.part[face], point, flat)

    def is_clear(self, origin: Array, direction: Array, length: Array, sun: bool = False) -> Array:
        """Whether nothing stands (N,) between points (N,3) and what lies `length` (N,) away."""
        shading = self._shading if sun else self._embree
        blocker = shading.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origin, dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            dists=np.ascontiguousarray(length, dtype=np.float32),
            query="OCCLUDED",
        )
        return np.asarray(blocker < 0)

    def albedo(self, hits: Hits, footprint: Array) -> Array:
        """Reflectance (N,3) float32 averaged over `footprint` (N,) metres on the surface."""
        texels = footprint * self.texels_per_metre[hits.face]
        deepest = len(self.bank.level_start) - 1
        level = np.clip(np.rint(np.log2(np.maximum(texels, 1e-9))), 0, deepest).astype(np.int64)
        part = hits.part
        factors = self.bank.lookup(self.tile[part], hits.uv, level)
        paint, mix = self.scene.tint[part], factors[:, 3:]
        paint = paint + (self.scene.second[part] - paint) * mix
        return np.asarray(np.clip(factors[:, :3] * paint, np.float32(0.005), np.float32(0.92)))
