"""A scene and a camera become a picture with exact depth.

The picture is path traced and smoothed. Depth is not a by-product of the picture: it has one ray
per pixel centre, is computed in float64 from the triangle that the ray meets, and is never
filtered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.render.air import sky_radiance, through_air, with_rain
from leadline.worlds.render.lighting import Lighting
from leadline.worlds.render.outlines import CORNERS, lit_like, outline_pixels
from leadline.worlds.render.quality import Quality, quality
from leadline.worlds.render.sampler import Sampler
from leadline.worlds.render.smoothing import Surfaces
from leadline.worlds.render.tracer import Hits, Tracer
from leadline.worlds.render.vectors import as_picture, chosen, length, put, rows, zeros


@dataclass(frozen=True, eq=False)
class Geometry:
    """What is exactly known of every pixel.

    `depth` (H,W) float32 is planar z in metres, 0 where the ray meets nothing; `classes` (H,W)
    uint8; `instances` (H,W) int32, 0 for none; `parts` (H,W) int32, -1 for none; `normals` (H,W,3)
    float32 are true face normals in camera axes, facing the camera, 0 for none. A pane of glass and
    a mirror are surfaces like others: their depth is that of the glass.
    """

    depth: Array
    classes: Array
    instances: Array
    parts: Array
    normals: Array


def _cast(tracer: Tracer, camera: Camera, way: Array) -> Hits:
    return tracer.trace(np.asarray(camera.position, dtype=np.float64), way)


def render_geometry(tracer: Tracer, camera: Camera) -> Geometry:
    """Depth, classes, instances and normals at the pixel centres."""
    return _geometry(tracer, camera, _cast(tracer, camera, camera.pixel_rays()))


def _geometry(tracer: Tracer, camera: Camera, hits: Hits) -> Geometry:
    scene, k = tracer.scene, camera.intrinsics
    shape, count = (k.height, k.width), k.height * k.width
    # Rays have unit length along the optical axis, so the ray parameter is the planar depth.
    depth = np.zeros(count, dtype=np.float32)
    depth[hits.ray] = hits.t
    nothing = CLASS_ID["sky"] if scene.sky is not None else 0
    classes = np.full(count, nothing, dtype=np.uint8)
    classes[hits.ray] = scene.classes[hits.part]
    instances, parts = np.zeros(count, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    instances[hits.ray], parts[hits.ray] = scene.instances[hits.part], hits.part
    normals = np.zeros((count, 3), dtype=np.float32)
    normals[hits.ray] = np.ascontiguousarray(hits.flat) @ camera.rotation.astype(np.float32)
    return Geometry(
        depth.reshape(shape),
        classes.reshape(shape),
        instances.reshape(shape),
        parts.reshape(shape),
        normals.reshape(*shape, 3),
    )


def render(
    tracer: Tracer, camera: Camera, level: str | Quality = "training", seed: int = 0
) -> tuple[Array, Geometry]:
    """Linear RGB (H,W,3) float32 in the scene's own exposure, and the exact geometry.

    Raises LeadlineError for an unknown quality.
    """
    level = quality(level)
    lighting = Lighting(tracer)
    way = camera.pixel_rays()
    hits = _cast(tracer, camera, way)
    geometry = _geometry(tracer, camera, hits)
    if level.samples == 1:
        picture = _one_sample(lighting, camera, hits, way, level, seed)
    else:
        picture = _many_samples(lighting, camera, level, seed)
    picture = np.ascontiguousarray(picture)
    if tracer.scene.sky is not None:
        picture = with_rain(picture, tracer.scene.sky, seed)
    return picture, geometry


@dataclass(frozen=True, eq=False)
class _Shading:
    """What is known of the light at N hits: (N,3) float32 each."""

    direct: Array
    bounced: Array
    mirror: Array


def _shade(
    lighting: Lighting, camera: Camera, hits: Hits, level: Quality, sampler: Sampler
) -> _Shading:
    """Light (N,3) at the hits of a picture's rays, still noisy."""
    pixel = hits.ray
    direct = lighting.direct(hits, pixel, sampler)
    bounced = zeros(len(pixel))
    for k in range(level.bounce_rays):
        if level.bounce_rays > 1:
            sampler.start(k)
        bounced += lighting.bounced(hits.point, hits.normal, pixel, sampler, level.bounces)
    bounced /= level.bounce_rays
    footprint = hits.t / camera.intrinsics.fx
    incoming, faintest = hits.along.astype(np.float32), level.faintest_mirror
    mirror = lighting.mirrored(hits, incoming, pixel, sampler, footprint, faintest)
    return _Shading(direct, bounced, mirror)


def _footprint(hits: Hits, camera: Camera) -> Array:
    """Metres (N,) of surface that a pixel covers, between its shorter and its longer side."""
    slant = np.abs(hits.slant)
    slant /= length(hits.along)
    return np.asarray(hits.t / camera.intrinsics.fx / np.sqrt(np.maximum(slant, 0.08)))


def _full(values: Array, hits: Hits, camera: Camera) -> Array:
    """Spread values (N,C) of the hits over the picture (H,W,C); 0 elsewhere."""
    k = camera.intrinsics
    shape = (k.height, k.width)
    if len(hits.ray) == k.height * k.width:
        return as_picture(values, shape)
    out = np.zeros((values.shape[1], k.height * k.width), dtype=np.float32).T
    put(out, hits.ray, values)
    return as_picture(out, shape)


def _composed(
    lighting: Lighting, hits: Hits, way: Array, albedo: Array, light: Array, mirror: Array
) -> Array:
    """Colours (N,3) of all rays `way` (N,3): surfaces, glow, fog, sky."""
    scene, out = lighting.tracer.scene, zeros(len(way))
    glow = np.where(hits.front, scene.glow.take(hits.part), 0)[:, None].astype(np.float32)
    surface = albedo * (light + glow) + mirror
    if scene.sky is not None:
        missed = np.ones(len(way), dtype=bool)
        missed[hits.ray] = False
        free = way[missed]
        out[missed] = sky_radiance(scene.sky, free / length(free)[:, None])
        surface = through_air(surface, hits.t * length(hits.along), scene.sky)
    put(out, hits.ray, surface)
    return out


def _one_sample(
    lighting: Lighting, camera: Camera, hits: Hits, way: Array, level: Quality, seed: int
) -> Array:
    """Picture (H,W,3) from one ray `way` a pixel, smoothed, with antialiased outlines."""
    k, tracer = camera.intrinsics, lighting.tracer
    sampler = Sampler(k.width, k.height, seed)
    shading = _shade(lighting, camera, hits, level, sampler)
    normal, point = _full(hits.normal, hits, camera), _full(hits.point, hits, camera)
    depth = _full(hits.t.astype(np.float32)[:, None], hits, camera)[..., 0]
    surfaces = Surfaces(normal, point, depth)
    direct = surfaces.smoothed(_full(shading.direct, hits, camera), level.direct_steps)
    bounced = surfaces.smoothed(_full(shading.bounced, hits, camera), level.bounced_steps)
    light = _flat(direct + bounced)
    mirror = _flat(surfaces.smoothed(_full(shading.mirror, hits, camera), level.mirror_steps))
    albedo = tracer.albedo(hits, _footprint(hits, camera))
    lit = chosen(light, hits.ray), chosen(mirror, hits.ray)
    picture = _composed(lighting, hits, way, albedo, *lit)
    seen = np.full(len(way), -1, dtype=np.int32)
    seen[hits.ray] = hits.part
    parts = seen.reshape(k.height, k.width)
    edge = outline_pixels(parts, normal)
    if len(edge):
        put(picture, edge, _refined(lighting, camera, parts, edge, light, mirror))
    return as_picture(picture, (k.height, k.width))


def _flat(picture: Array) -> Array:
    """Pixels (H*W,3) of a picture (H,W,3) whose planes lie one after the other."""
    return picture.transpose(2, 0, 1).reshape(3, -1).T


def _refined(
    lighting: Lighting, camera: Camera, parts: Array, edge: Array, light: Array, mirror: Array
) -> Array:
    """Colours (E,3) of outline pixels, averaged over four rays each that borrow their light."""
    row, column = np.divmod(edge, camera.intrinsics.width)
    total = zeros(len(edge))
    for corner in CORNERS:
        way = camera.rays(column + corner[0], row + corner[1])
        hits = _cast(lighting.tracer, camera, way)
        source = lit_like(parts, chosen(edge, hits.ray), corner, hits.part)
        albedo = lighting.tracer.albedo(hits, _footprint(hits, camera))
        lit = rows(light, source), rows(mirror, source)
        colours = _composed(lighting, hits, way, albedo, *lit)
        total += np.minimum(colours, 4.0)
    return total / len(CORNERS)


def _many_samples(lighting: Lighting, camera: Camera, level: Quality, seed: int) -> Array:
    """Picture (H,W,3) from many rays a pixel; only what is noisy is smoothed."""
    k = camera.intrinsics
    count = k.width * k.height
    sampler = Sampler(k.width, k.height, seed)
    film = _Film.empty(count)
    pixel = np.arange(count)
    v, u = np.divmod(pixel, k.width)
    for sample in range(level.samples):
        sampler.start(sample)
        dx, dy = sampler.pair(pixel)
        way = camera.rays(u + dx - 0.5, v + dy - 0.5)
        hits = _cast(lighting.tracer, camera, way)
        shading = _shade(lighting, camera, hits, level, sampler)
        albedo = lighting.tracer.albedo(hits, 0.5 * _footprint(hits, camera))
        film.add(lighting, hits, way, albedo, shading)
    return film.developed(camera, level)


@dataclass(frozen=True, eq=False)
class _Film:
    """Running sums over samples: (H*W,3) float32 each, then `depth` and its square (H*W,).

    `full` is everything but the mirror image, sample by sample: the means of albedo and light
    cannot stand in for it where a pixel sees two surfaces.
    """

    full: Array
    albedo: Array
    direct: Array
    bounced: Array
    mirror: Array
    normal: Array
    point: Array
    depth: Array
    square: Array
    hits: Array

    @classmethod
    def empty(cls, count: int) -> _Film:
        """Film for `count` pixels."""
        wide = [zeros(count) for _ in range(7)]
        return cls(*wide, *(np.zeros(count, dtype=np.float32) for _ in range(3)))

    def add(
        self, lighting: Lighting, hits: Hits, way: Array, albedo: Array, shading: _Shading
    ) -> None:
        """Expose for one more sample."""
        light = shading.direct + shading.bounced
        self.full[...] += np.minimum(
            _composed(lighting, hits, way, albedo, light, zeros(len(light))), 40.0
        )
        ray, depth = hits.ray, hits.t.astype(np.float32)
        for total, value in (
            (self.albedo, albedo),
            (self.direct, shading.direct),
            (self.bounced, shading.bounced),
            (self.mirror, shading.mirror),
            (self.normal, hits.flat),
            (self.point, hits.point),
            (self.depth, depth),
            (self.square, depth * depth),
            (self.hits, np.ones_like(depth)),
        ):
            total[ray] += value

    def developed(self, camera: Camera, level: Quality) -> Array:
        """Smooth what is noisy: the light off the outlines, the mirror image everywhere."""
        k = camera.intrinsics
        shape, n = (k.height, k.width), level.samples

        def mean(values: Array) -> Array:
            return np.asarray(as_picture(values, shape) / n)

        depth, normal = mean(self.depth), mean(self.normal)
        spread = np.sqrt(np.maximum(mean(self.square) - depth**2, 0)) / np.maximum(depth, 1e-6)
        bent = np.linalg.norm(normal, axis=2)
        whole = (spread < 0.01) & (bent > 0.97) & (mean(self.hits) > 0.999)
        surface = np.where(whole, depth, 0)
        surfaces = Surfaces(normal, mean(self.point), surface)
        direct, bounced = mean(self.direct), mean(self.bounced)
        calm = surfaces.smoothed(direct, level.direct_steps)
        calm = calm + surfaces.smoothed(bounced, level.bounced_steps)
        picture = mean(self.full)
        # Off the outlines, only the light changes: paint and glow stay as they were exposed.
        change = mean(self.albedo) * (calm - direct - bounced)
        picture = np.maximum(picture + np.where(whole[..., None], change, 0), 0)
        mirror = surfaces.smoothed(mean(self.mirror), level.mirror_steps)
        return np.asarray(picture + mirror)
