"""Rays against triangles: Embree finds what a ray meets, float64 says exactly where."""

from __future__ import annotations

import copy
import platform
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from leadline.errors import LeadlineError
from leadline.worlds.arrays import Array
from leadline.worlds.primitives import cross
from leadline.worlds.primitives import unit as unit_rows
from leadline.worlds.render.vectors import chosen, dot, rows, unit
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


@dataclass(frozen=True, eq=False)
class Hits:
    """Where N rays meet the scene: `ray` index, `face`, `part` (N,) and the surface there.

    The rays are `start` (N,3) or (3,) and `along` (N,3); `t` (N,) float64 is their parameter, `u`
    and `v` (N,) the place in the triangle. `slant` (N,) is the product of `along` and its
    normal, below 0 where its outside is met; there `side` (N,) is 1, else -1. `flat` (N,3) is that
    normal turned to the viewer. What only some hits are asked for is worked out when it is.
    """

    tracer: Tracer
    ray: Array
    face: Array
    part: Array
    start: Array
    along: Array
    t: Array
    u: Array
    v: Array
    flat: Array
    slant: Array
    side: Array

    @property
    def front(self) -> Array:
        """Whether rays meet the outside (N,)."""
        return self.slant < 0

    @cached_property
    def point(self) -> Array:
        """Points (N,3) float32, lifted off the surface towards the viewer."""
        # The lift grows with distance because float32 positions get coarser.
        lift = (5e-4 + 1e-4 * np.abs(self.t))[:, None]
        point = self.start + self.along * self.t[:, None] + self.flat * lift
        return np.asarray(point.astype(np.float32))

    @cached_property
    def normal(self) -> Array:
        """Smooth normals (N,3) float32, facing the viewer."""
        return unit(self._between(self.tracer.normals) * self.side[:, None])

    @cached_property
    def uv(self) -> Array:
        """Texture coordinates (N,2) float32 in tiles."""
        return self._between(self.tracer.uv)

    @cached_property
    def _vertex(self) -> Array:
        return rows(self.tracer.faces, self.face)

    def _between(self, values: Array) -> Array:
        """Values (N,C) at the hits from those of the vertices (V,C)."""
        (first, second, third), by_axis = self._vertex.T, values.T
        out = by_axis.take(first, axis=1) * (1 - self.u - self.v)
        out += by_axis.take(second, axis=1) * self.u
        out += by_axis.take(third, axis=1) * self.v
        return np.asarray(out.T)


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
        self._embree = self._prepared(scene.faces)
        opaque = scene.shadow[scene.part]
        # Without panes the sun's rays reach the floor; other light starts inside of them.
        sunny = any(isinstance(light, Sun) for light in scene.lights) and not opaque.all()
        self._shading = self._prepared(scene.faces[opaque]) if sunny else self._embree
        corners = scene.vertices.take(scene.faces, axis=0).astype(np.float64)
        plane = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.flat = np.asfortranarray(unit_rows(plane).astype(np.float32))
        self.plane, self._corner = np.asfortranarray(plane), np.asfortranarray(corners[:, 0])
        self.normals, self.uv = np.asfortranarray(scene.normals), np.asfortranarray(scene.uv)
        self.faces = np.asfortranarray(scene.faces, dtype=np.intp)
        self.tile = self.bank.places(scene.tiles)[scene.tile]
        mean = self.bank.mean[self.tile]
        paint = scene.tint * (1 - mean[:, 3:]) + scene.second * mean[:, 3:]
        self.mean_albedo = np.asfortranarray(np.clip(mean[:, :3] * paint, 0.005, 0.92))
        self.texels_per_metre = self._texel_density()

    def relit(self, scene: Scene) -> Tracer:
        """Return a tracer for the same triangles in another light or weather."""
        other = copy.copy(self)
        other.scene = scene
        return other

    def _prepared(self, faces: Array) -> object:
        """Embree's scene of the triangles `faces` (F,3), which it numbers in this order."""
        embree_scene, triangle_mesh = find_embree()
        prepared = embree_scene()
        triangle_mesh(prepared, self.scene.vertices, faces)
        return prepared

    def _texel_density(self) -> Array:
        """Texels along a metre (F,) of each triangle, from its areas in the tile and in space."""
        uv = self.scene.uv.take(self.scene.faces, axis=0)
        a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        in_tile = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        in_space = np.sqrt(dot(self.plane, self.plane))
        density = np.sqrt(in_tile / np.maximum(in_space, 1e-12)) * self.bank.size
        return np.asarray(density.astype(np.float32))

    def _run(self, origin: Array, direction: Array) -> dict[str, Array]:
        """What Embree says of rays from `origin` (N,3) or (3,) along `direction` (N,3)."""
        found: dict[str, Array] = self._embree.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(np.broadcast_to(origin, direction.shape), dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            output=1,
        )
        return found

    def first_face(self, origin: Array, direction: Array) -> tuple[Array, Array, Array]:
        """Face met by each ray (N,), -1 for none, and Embree's barycentric u, v (N,)."""
        found = self._run(origin, direction)
        return found["primID"].astype(np.int64), found["u"], found["v"]

    def distance(self, face: Array, origin: Array, direction: Array) -> Array:
        """Ray parameter (N,) float64 where rays cross the planes of the given faces.

        Embree's own distance is float32; the plane equation in float64 is good to about 1e-7.
        """
        plane = rows(self.plane, face)
        return np.asarray(dot(rows(self._corner, face) - origin, plane) / dot(direction, plane))

    def trace(self, origin: Array, direction: Array) -> Hits:
        """Follow rays from `origin` (N,3) or (3,) to the first surface.

        Rays that leave the scene are dropped.
        """
        face, u, v = self.first_face(origin, direction)
        ray = np.flatnonzero(face >= 0)
        face, u, v = chosen(face, ray), chosen(u, ray), chosen(v, ray)
        start = origin if origin.ndim == 1 else chosen(origin, ray)
        along = chosen(np.asfortranarray(direction), ray)
        t, flat = self.distance(face, start, along), rows(self.flat, face)
        slant = dot(flat, along.astype(np.float32))
        side = np.where(slant < 0, np.float32(1), np.float32(-1))
        flat = flat * side[:, None]
        part = self.scene.part.take(face)
        return Hits(self, ray, face, part, start, along, t, u, v, flat, slant, side)

    def glance(self, origin: Array, direction: Array) -> Glance:
        """Follow rays to the first surface, only as exactly as bounced light needs it."""
        found = self._run(origin, direction)
        ray = np.flatnonzero(found["primID"] >= 0)
        face, t = (chosen(found[name], ray) for name in ("primID", "tfar"))
        along, flat = chosen(direction, ray), rows(self.flat, face)
        flat = flat * np.where(dot(flat, along) < 0, np.float32(1), np.float32(-1))[:, None]
        lift = np.float32(1e-3) + np.float32(2e-4) * t
        point = chosen(origin, ray) + along * t[:, None] + flat * lift[:, None]
        return Glance(ray, self.scene.part.take(face), point, flat)

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
        texels = footprint * self.texels_per_metre.take(hits.face)
        deepest = len(self.bank.level_start) - 1
        level = np.clip(np.rint(np.log2(np.maximum(texels, 1e-9))), 0, deepest).astype(np.int64)
        part, scene = hits.part, self.scene
        factors = self.bank.lookup(self.tile.take(part), hits.uv, level)
        paint = rows(np.asfortranarray(scene.tint), part)
        paint += (rows(np.asfortranarray(scene.second), part) - paint) * factors[:, 3:]
        return np.asarray(np.clip(factors[:, :3] * paint, np.float32(0.005), np.float32(0.92)))
