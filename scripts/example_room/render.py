"""Light and depth: Embree finds what a ray meets, numpy works out what that means.

The picture is path traced with two diffuse bounces and one glossy reflection. Depth is not a by-
product of the picture: it has one ray per pixel centre and is never filtered.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from example_room.geometry import BoolArray, FloatArray, IntArray
from example_room.scene import Camera, Scene

try:
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "rendering the example room needs Embree: pip install 'leadline[worlds]' "
        "(or: pip install embreex)"
    ) from error

_FAR = 1e6
_BOUNCES = 2
# Light that has bounced more often than is traced, as a share of a white surface.
_AMBIENT = np.array([0.10, 0.09, 0.08], dtype=np.float32)
# A single bounced sample above this is a firefly: rare, bright, and only noise.
_BRIGHTEST_BOUNCE = 3.0


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", a, b)


def _unit(a: FloatArray) -> FloatArray:
    return a / np.maximum(np.sqrt(_dot(a, a))[:, None], 1e-12)


@dataclass(frozen=True)
class Hits:
    """Where N rays meet the scene: ``ray`` index, ``face``, ``part`` (N,) and the surface there.

    ``point`` (N,3) is lifted off the surface towards the viewer, ``normal`` and ``flat`` (N,3) are
    the smooth and the true normal, both facing the viewer; ``front`` (N,) tells outside from
    inside.
    """

    ray: IntArray
    face: IntArray
    part: IntArray
    point: FloatArray
    normal: FloatArray
    flat: FloatArray
    front: BoolArray
    uv: FloatArray


@dataclass(frozen=True)
class Light:
    """A glowing part: its triangles' corners (K,3,3), cumulative share of area, area, colour."""

    corners: FloatArray
    normals: FloatArray
    share: FloatArray
    area: float
    radiance: FloatArray


class Sampler:
    """Well spread random numbers: a Kronecker sequence per dimension, shifted per pixel.

    Every call to ``pair`` opens two new dimensions. Restart with ``start(sample)``.
    """

    # Square roots of primes are independent of each other over the rationals.
    _PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79,
               83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149)  # fmt: skip
    _STEPS = np.sqrt(_PRIMES) % 1

    def __init__(self, pixels: int, seed: int) -> None:
        self._pixels, self._seed = pixels, seed
        self._sample = self._dimension = 0

    def start(self, sample: int) -> None:
        """Begin the ``sample``-th pass over the picture."""
        self._sample, self._dimension = sample, 0

    def pair(self, pixel: IntArray) -> tuple[FloatArray, FloatArray]:
        """Two numbers in [0, 1) for each of the given pixels (N,)."""
        out = []
        for _ in range(2):
            rng = np.random.default_rng([self._seed, self._dimension])
            shift = rng.random(self._pixels, dtype=np.float32)[pixel]
            step = self._STEPS[self._dimension % len(self._STEPS)]
            out.append((shift + np.float32(self._sample * step % 1)) % np.float32(1))
            self._dimension += 1
        return out[0], out[1]


class Tracer:
    """A scene prepared for rays."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._embree = EmbreeScene()
        corners = scene.vertices[scene.faces]
        TriangleMesh(self._embree, np.ascontiguousarray(corners, dtype=np.float32))
        wide = corners.astype(np.float64)
        self._corner = wide[:, 0]
        self._plane = np.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0])
        self._flat = _unit(self._plane).astype(np.float32)
        self.lights = [self._light(part) for part in np.flatnonzero(scene.glow > 0)]
        power = np.array([light.area * light.radiance.mean() for light in self.lights])
        self.light_odds = (power / power.sum()).astype(np.float32)

    def _light(self, part: int) -> Light:
        faces = np.flatnonzero(self.scene.part == part)
        area = np.linalg.norm(self._plane[faces], axis=1) / 2
        colour = self.scene.tiles[self.scene.tile[part]].mean(axis=(0, 1)) * self.scene.tint[part]
        return Light(
            self.scene.vertices[self.scene.faces[faces]],
            self._flat[faces],
            np.cumsum(area) / area.sum(),
            float(area.sum()),
            (colour * self.scene.glow[part]).astype(np.float32),
        )

    def first_face(
        self, origin: FloatArray, direction: FloatArray
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Face met by each ray (N,), -1 for none, and Embree's barycentric u, v (N,)."""
        found = self._embree.run(
            np.ascontiguousarray(origin, dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            output=1,
        )
        return found["primID"].astype(np.int64), found["u"], found["v"]

    def distance(self, face: IntArray, origin: FloatArray, direction: FloatArray) -> FloatArray:
        """Ray parameter (N,) float64 where rays cross the planes of the given faces.

        Embree's own distance is float32; the plane equation in float64 is good to about 1e-7.
        """
        plane = self._plane[face]
        return _dot(self._corner[face] - origin, plane) / _dot(direction, plane)

    def trace(self, origin: FloatArray, direction: FloatArray) -> Hits:
        """Follow rays to the first surface; rays that leave the scene are dropped."""
        face, u, v = self.first_face(origin, direction)
        ray = np.flatnonzero(face >= 0)
        face, u, v = face[ray], u[ray, None], v[ray, None]
        start, along = origin[ray], direction[ray]
        t = self.distance(face, start.astype(np.float64), along.astype(np.float64))
        vertex = self.scene.faces[face]
        weights = (1 - u - v, u, v)
        normal = sum(w * self.scene.normals[vertex[:, k]] for k, w in enumerate(weights))
        uv = sum(w * self.scene.uv[vertex[:, k]] for k, w in enumerate(weights))
        flat = self._flat[face]
        front = _dot(flat, along) < 0
        side = np.where(front, 1, -1).astype(np.float32)[:, None]
        flat, normal = flat * side, _unit(normal * side)
        # The lift grows with distance because float32 positions get coarser.
        lift = (5e-4 + 1e-4 * np.abs(t))[:, None]
        point = (start + along * t[:, None] + flat * lift).astype(np.float32)
        return Hits(ray, face, self.scene.part[face], point, normal, flat, front, uv)

    def albedo(self, hits: Hits, jitter: tuple[FloatArray, FloatArray]) -> FloatArray:
        """Reflectance (N,3); a random half-texel shift averages out to bilinear filtering."""
        size = self.scene.tiles.shape[1]
        x = hits.uv[:, 0] * size + jitter[0] - 0.5
        y = (1 - hits.uv[:, 1]) * size + jitter[1] - 0.5
        column, row = np.floor(x).astype(np.int64) % size, np.floor(y).astype(np.int64) % size
        texel = self.scene.tiles[self.scene.tile[hits.part], row, column]
        return np.clip(texel * self.scene.tint[hits.part], 0.005, 0.92)

    def lit_by(
        self, light: Light, hits: Hits, normal: FloatArray, pick: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Light (N,3) arriving from one random point of ``light``, as seen by white paint."""
        a, b = pick
        face = np.minimum(np.searchsorted(light.share, a), len(light.share) - 1)
        below = np.where(face > 0, light.share[face - 1], 0)
        a = ((a - below) / (light.share[face] - below)).astype(np.float32)
        root = np.sqrt(np.clip(a, 0, 1))[:, None]
        p, q, r = (light.corners[face, k] for k in range(3))
        target = p * (1 - root) + q * (root * (1 - b[:, None])) + r * (root * b[:, None])
        way = target - hits.point
        square = _dot(way, way)
        length = np.sqrt(square)
        way = way / length[:, None]
        facing = np.maximum(_dot(normal, way), 0) * np.maximum(-_dot(light.normals[face], way), 0)
        gain = facing * light.area / (np.pi * np.maximum(square, 1e-2))
        useful = np.flatnonzero((gain > 0) & (_dot(hits.flat, way) > 0))
        seen = np.zeros(len(gain), dtype=np.float32)
        seen[useful] = self._clear(hits.point[useful], way[useful], length[useful] - 2e-3)
        return (gain * seen)[:, None].astype(np.float32) * light.radiance

    def _clear(self, origin: FloatArray, direction: FloatArray, length: FloatArray) -> FloatArray:
        blocker = self._embree.run(
            np.ascontiguousarray(origin, dtype=np.float32),
            np.ascontiguousarray(direction, dtype=np.float32),
            dists=np.ascontiguousarray(length, dtype=np.float32),
            query="OCCLUDED",
        )
        return (blocker < 0).astype(np.float32)

    def emitted(self, hits: Hits, albedo: FloatArray) -> FloatArray:
        """Light (N,3) that surfaces send out by themselves."""
        glow = np.where(hits.front, self.scene.glow[hits.part], 0)
        return albedo * glow[:, None].astype(np.float32)


def _around(normal: FloatArray, pick: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Directions (N,3) about ``normal`` with density proportional to the cosine."""
    a, b = pick
    turn = np.float32(2 * np.pi) * a
    # A uniform point on the unit sphere added to the normal has exactly this density.
    height = 1 - 2 * b
    radius = np.sqrt(np.maximum(1 - height * height, 0))
    sphere = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    return _unit(normal + np.float32(0.999) * sphere)


def _bounced(
    tracer: Tracer, hits: Hits, pixel: IntArray, sampler: Sampler, left: int
) -> FloatArray:
    """Light (N,3) that reaches the surface after at least one bounce, as seen by white paint."""
    way = _around(hits.normal, sampler.pair(pixel))
    out = np.tile(_AMBIENT, (len(pixel), 1))
    there = tracer.trace(hits.point, way)
    out[there.ray] = _seen(tracer, there, pixel[there.ray], sampler, left - 1)
    return np.minimum(out, _BRIGHTEST_BOUNCE)


def _seen(tracer: Tracer, hits: Hits, pixel: IntArray, sampler: Sampler, left: int) -> FloatArray:
    """Diffuse light (N,3) leaving the surface, with one light chosen at random."""
    albedo = tracer.albedo(hits, sampler.pair(pixel))
    (pick, _), where = sampler.pair(pixel), sampler.pair(pixel)
    light_index = np.searchsorted(np.cumsum(tracer.light_odds)[:-1], pick)
    light = np.zeros((len(pixel), 3), dtype=np.float32)
    for k, source in enumerate(tracer.lights):
        mine = np.flatnonzero(light_index == k)
        subset = _subset(hits, mine)
        chosen = (where[0][mine], where[1][mine])
        arriving = tracer.lit_by(source, subset, subset.normal, chosen)
        light[mine] = arriving / tracer.light_odds[k]
    light += _bounced(tracer, hits, pixel, sampler, left) if left > 0 else _AMBIENT
    return albedo * light


def _subset(hits: Hits, index: IntArray) -> Hits:
    return Hits(*(getattr(hits, name)[index] for name in Hits.__dataclass_fields__))


def _mirrored(
    tracer: Tracer, hits: Hits, way: FloatArray, pixel: IntArray, sampler: Sampler
) -> FloatArray:
    """Glossy reflection (N,3): Schlick's Fresnel term and a slightly scattered mirror ray."""
    out = np.zeros((len(pixel), 3), dtype=np.float32)
    gloss = tracer.scene.gloss[hits.part]
    shiny = np.flatnonzero(gloss > 0)
    normal, incoming = hits.normal[shiny], _unit(way[shiny])
    cosine = np.clip(-_dot(normal, incoming), 0, 1)
    rough = tracer.scene.rough[hits.part[shiny]]
    strength = gloss[shiny] + (1 - gloss[shiny]) * (1 - cosine) ** 5 * (1 - rough) ** 2
    mirror = incoming + 2 * cosine[:, None] * normal
    scatter = _around(mirror, sampler.pair(pixel[shiny])) - mirror
    mirror = _unit(mirror + rough[:, None] * scatter).astype(np.float32)
    there = tracer.trace(hits.point[shiny], mirror)
    pixels = pixel[shiny][there.ray]
    glow = tracer.emitted(there, tracer.albedo(there, sampler.pair(pixels)))
    light = np.minimum(_seen(tracer, there, pixels, sampler, 0) + glow, 2 * _BRIGHTEST_BOUNCE)
    out[shiny[there.ray]] = light * strength[there.ray, None]
    return out


@dataclass
class _Film:
    """Running sums over samples, float32: six of (H*W,3), then two of (H*W,).

    ``full`` is ``albedo`` times ``light`` sample by sample: their means cannot stand in for it
    where a pixel sees two surfaces.
    """

    full: FloatArray
    albedo: FloatArray
    light: FloatArray
    glow: FloatArray
    mirror: FloatArray
    normal: FloatArray
    depth: FloatArray
    depth_square: FloatArray


def render_picture(scene: Scene, camera: Camera, samples: int, seed: int = 0) -> FloatArray:
    """Linear RGB (H,W,3) float32 in arbitrary exposure, antialiased, lightly denoised."""
    tracer, pixels = Tracer(scene), camera.width * camera.height
    sampler = Sampler(pixels, seed)
    film = _Film(*(np.zeros((pixels, 3), np.float32) for _ in range(6)),
                 *(np.zeros(pixels, np.float32) for _ in range(2)))  # fmt: skip
    for sample in range(samples):
        sampler.start(sample)
        _expose(film, tracer, camera, sampler)
    for name in film.__dataclass_fields__:
        getattr(film, name)[...] /= samples
    return _denoised(film, camera)


def _expose(film: _Film, tracer: Tracer, camera: Camera, sampler: Sampler) -> None:
    """Add one sample per pixel to the film."""
    pixel = np.arange(camera.width * camera.height)
    dx, dy = sampler.pair(pixel)
    v, u = np.divmod(pixel, camera.width)
    way = camera.rays(u + dx - 0.5, v + dy - 0.5)
    origin = np.broadcast_to(np.array(camera.position), way.shape)
    hits = tracer.trace(origin, way)
    pixel, way = pixel[hits.ray], way[hits.ray].astype(np.float32)
    albedo = tracer.albedo(hits, sampler.pair(pixel))
    light = np.zeros_like(albedo)
    for source in tracer.lights:
        light += tracer.lit_by(source, hits, hits.normal, sampler.pair(pixel))
    light += _bounced(tracer, hits, pixel, sampler, _BOUNCES)
    glow = tracer.emitted(hits, albedo)
    mirror = _mirrored(tracer, hits, way, pixel, sampler)
    depth = np.linalg.norm(hits.point - np.array(camera.position, np.float32), axis=1)
    for total, value in zip(
        (film.full, film.albedo, film.light, film.glow, film.mirror, film.normal, film.depth,
         film.depth_square),
        (albedo * light, albedo, light, glow, mirror, hits.flat, depth, depth * depth),
        strict=True,
    ):  # fmt: skip
        total[pixel] += value


def _denoised(film: _Film, camera: Camera) -> FloatArray:
    """Smooth the light but not the paint; on outlines only remove what stands out."""
    shape = (camera.height, camera.width)
    depth = film.depth.reshape(shape)
    normal = film.normal.reshape(*shape, 3)
    spread = np.sqrt(np.maximum(film.depth_square - film.depth**2, 0)) / film.depth
    bent = np.linalg.norm(film.normal, axis=1)
    outline = ((spread > 0.01) | (bent < 0.97)).reshape(*shape, 1)
    raw = film.light.reshape(*shape, 3)
    light = _calmed(raw, normal, depth, (1, 2, 4))
    mirror = _calmed(film.mirror.reshape(*shape, 3), normal, depth, (1, 2))
    flat = film.albedo.reshape(*shape, 3) * light
    low, high = _range_nearby(light, outline)
    edge = film.full.reshape(*shape, 3) * np.clip(raw, low, high) / np.maximum(raw, 1e-6)
    return np.where(outline, edge, flat) + mirror + film.glow.reshape(*shape, 3)


def _calmed(
    light: FloatArray, normal: FloatArray, depth: FloatArray, steps: tuple[int, ...]
) -> FloatArray:
    """Smooth (H,W,3) within surfaces, keeping shadows.

    Whether two pixels are lit differently is judged on a blurred copy, or noise would protect
    itself.
    """
    guide = light.mean(axis=2, keepdims=True)
    for step in (1, 2):
        guide = _smoothed(guide, normal, depth, step, None)
    for step in steps:
        light = _smoothed(light, normal, depth, step, guide[..., 0])
    return light


def _range_nearby(light: FloatArray, outline: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Darkest and brightest light (H,W,3) off the outlines within two pixels.

    A pixel that sees two surfaces is lit like one, like the other or in between. Without any such
    neighbour the range is unlimited.
    """
    window = np.ones((5, 5), np.uint8)
    low = cv2.erode(np.where(outline, np.float32(np.inf), light), window)
    high = cv2.dilate(np.where(outline, np.float32(-np.inf), light), window)
    nowhere = low > high
    return np.where(nowhere, 0, low), np.where(nowhere, np.float32(np.inf), high)


def _smoothed(
    light: FloatArray, normal: FloatArray, depth: FloatArray, step: int, guide: FloatArray | None
) -> FloatArray:
    """Average (H,W,C) with four neighbours ``step`` away on the same surface.

    With ``guide`` (H,W) brightness, neighbours that are lit differently count less.
    """
    total, weight = light.copy(), np.ones_like(depth)
    for axis in (0, 1):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis], there[axis] = slice(step, None), slice(None, -step)
        for a, b in ((tuple(here), tuple(there)), (tuple(there), tuple(here))):
            same = np.clip(np.einsum("ijk,ijk->ij", normal[a], normal[b]), 0, 1) ** 24
            near = np.exp(-np.abs(depth[a] - depth[b]) / (0.006 * step * depth[a]))
            w = same * near
            if guide is not None:
                contrast = np.abs(guide[a] - guide[b]) / np.maximum(guide[a] + guide[b], 1e-6)
                w = w * np.exp(-((contrast / 0.06) ** 2))
            total[a] += light[b] * w[..., None]
            weight[a] += w
    return total / weight[..., None]


def render_depth(scene: Scene, camera: Camera) -> tuple[FloatArray, IntArray]:
    """Planar z (H,W) float32 metres at pixel centres, 0 for no surface, and part (H,W) or -1."""
    tracer = Tracer(scene)
    v, u = np.divmod(np.arange(camera.width * camera.height), camera.width)
    way = camera.rays(u.astype(np.float64), v.astype(np.float64))
    origin = np.broadcast_to(np.array(camera.position), way.shape)
    face, _, _ = tracer.first_face(origin, way)
    hit = np.flatnonzero(face >= 0)
    depth, part = np.zeros(len(face)), np.full(len(face), -1)
    # Rays have unit length along the optical axis, so the ray parameter is the planar depth.
    depth[hit] = tracer.distance(face[hit], origin[hit], way[hit])
    part[hit] = scene.part[face[hit]]
    shape = (camera.height, camera.width)
    return depth.reshape(shape).astype(np.float32), part.reshape(shape)
