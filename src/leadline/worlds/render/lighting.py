"""How bright surfaces are: lamps, panels, sun, sky, and light that has bounced.

All light is given as seen by white paint: a surface sends out its albedo times it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.primitives import unit
from leadline.worlds.render.air import average_sky, sky_radiance
from leadline.worlds.render.sampler import Sampler, around
from leadline.worlds.render.tracer import FAR, Hits, Tracer, dot
from leadline.worlds.scene import Ball, Light, Panel, Sky, Sun

# A single bounced sample above this many times the ambient light is a firefly: rare, bright, noise.
_BRIGHTEST = 12.0
# Light weaker than this is not worth a ray.
_FAINT = 2e-3
_SUN_SPREAD = 0.006

Pick = tuple[Array, Array]


@dataclass(frozen=True)
class Arrival:
    """Where light would come from: unit direction (N,3), length of the way (N,), gain (N,)."""

    way: Array
    length: Array
    gain: Array


def _from_ball(lamp: Ball, point: Array, pick: Pick) -> Arrival:
    centre = np.asarray(lamp.centre, dtype=np.float32)
    towards = centre - point
    square = dot(towards, towards)
    distance = np.sqrt(square)
    straight = towards / distance[:, None]
    # A point of the disc that the ball shows; two axes across the line of sight span it.
    side = unit(np.stack([-straight[:, 1], straight[:, 0], np.full(len(point), 1e-6)], axis=1))
    up = np.cross(straight, side)
    root, turn = np.sqrt(pick[0]) * lamp.radius, np.float32(2 * np.pi) * pick[1]
    offset = side * (root * np.cos(turn))[:, None] + up * (root * np.sin(turn))[:, None]
    way = unit(towards + offset).astype(np.float32)
    gain = lamp.radius**2 / np.maximum(square, lamp.radius**2)
    return Arrival(way, np.maximum(distance - 1.12 * lamp.radius, 1e-3), gain)


def _from_panel(panel: Panel, point: Array, pick: Pick) -> Arrival:
    centre, u, v = (np.asarray(x, dtype=np.float32) for x in (panel.centre, panel.u, panel.v))
    normal = np.cross(u, v)
    quarter = float(np.sqrt(normal @ normal))
    target = centre + u * (2 * pick[0] - 1)[:, None] + v * (2 * pick[1] - 1)[:, None]
    towards = target - point
    square = dot(towards, towards)
    length = np.sqrt(square)
    way = towards / length[:, None]
    facing = np.maximum(-(way @ (normal / quarter)), 0)
    gain = facing * (4 * quarter / np.pi) / np.maximum(square, 0.3 * quarter)
    return Arrival(way, np.maximum(length - 4e-3, 1e-3), gain)


def _from_sun(sun: Sun, point: Array, pick: Pick) -> Arrival:
    spread = np.stack([pick[0] - 0.5, pick[1] - 0.5, 0 * pick[0]], axis=1) * (2 * _SUN_SPREAD)
    way = unit(np.asarray(sun.direction) + spread).astype(np.float32)
    count = len(point)
    return Arrival(way, np.full(count, FAR, np.float32), np.ones(count, np.float32))


class Lighting:
    """The sources of a scene, and what they do to surfaces."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer, scene = tracer, tracer.scene
        self.sky: Sky | None = scene.sky
        self.sources: list[Light] = list(scene.lights)
        if self.sky is not None and max(self.sky.sunlight) > 0.01:
            self.sources.append(Sun(self.sky.sun, self.sky.sunlight))
        self.ambient = np.asarray(scene.ambient, np.float32)
        if self.sky is not None:
            self.ambient = np.asarray(self.ambient + 0.35 * average_sky(self.sky))
        strength = np.array([_strength(source) for source in self.sources])
        total = max(strength.sum(), 1e-9)
        self.odds = (0.9 * strength / total + 0.1 / max(len(strength), 1)).astype(np.float32)

    def from_source(self, source: Light, hits: Hits, pick: Pick) -> Array:
        """Light (N,3) float32 arriving from one random point of `source`."""
        normal, point = hits.normal, hits.point
        if isinstance(source, Sun):
            arrival = _from_sun(source, point, pick)
        elif isinstance(source, Ball):
            arrival = _from_ball(source, point, pick)
        else:
            arrival = _from_panel(source, point, pick)
        radiance = np.asarray(source.radiance, dtype=np.float32)
        gain = arrival.gain * np.maximum(dot(normal, arrival.way), 0)
        useful = np.flatnonzero(
            (gain * float(radiance.max()) > _FAINT) & (dot(hits.flat, arrival.way) > 0)
        )
        light = np.zeros((len(point), 3), dtype=np.float32)
        if len(useful):
            clear = self.tracer.is_clear(
                point[useful], arrival.way[useful], arrival.length[useful], isinstance(source, Sun)
            )
            shining = gain[useful] * clear
            light[useful] = shining[:, None] * radiance
        return light

    def direct(self, hits: Hits, pixel: Array, sampler: Sampler) -> Array:
        """Light (N,3) float32 straight from all sources."""
        light = np.zeros((len(pixel), 3), dtype=np.float32)
        for source in self.sources:
            light += self.from_source(source, hits, sampler.pair(pixel))
        return light

    def one_source(self, hits: Hits, pixel: Array, sampler: Sampler) -> Array:
        """Light (N,3) from one source chosen at random for each point, weighted to be fair."""
        light = np.zeros((len(pixel), 3), dtype=np.float32)
        if not self.sources:
            return light
        (choice, _), where = sampler.pair(pixel), sampler.pair(pixel)
        number = np.searchsorted(np.cumsum(self.odds)[:-1], choice)
        for k, source in enumerate(self.sources):
            mine = np.flatnonzero(number == k)
            if len(mine):
                picks = (where[0][mine], where[1][mine])
                light[mine] = self.from_source(source, hits.chosen(mine), picks) / self.odds[k]
        return light

    def bounced(self, hits: Hits, pixel: Array, sampler: Sampler, left: int) -> Array:
        """Light (N,3) float32 that arrives after at least one bounce, or from the sky."""
        way = around(hits.normal, sampler.pair(pixel))
        there = self.tracer.trace(hits.point, way)
        out = self._from_outside(way)
        light = self.one_source(there, pixel[there.ray], sampler)
        if left > 1:
            light += self.bounced(there, pixel[there.ray], sampler, left - 1)
        else:
            light += self.ambient
        out[there.ray] = self.tracer.mean_albedo[there.part] * light
        brightest = np.float32(_BRIGHTEST * max(float(self.ambient.max()), 0.02))
        return np.asarray(np.minimum(out, brightest))

    def _from_outside(self, way: Array) -> Array:
        """Light (N,3) where rays meet nothing; the sun itself is counted with the sources."""
        if self.sky is None:
            return np.tile(self.ambient, (len(way), 1))
        bright = np.float32(1.5 * max(*self.sky.horizon, *self.sky.zenith))
        return np.asarray(np.minimum(sky_radiance(self.sky, way), bright))

    def mirrored(
        self, hits: Hits, way: Array, pixel: Array, sampler: Sampler, footprint: Array
    ) -> Array:
        """Glossy reflection (N,3) float32: Schlick's Fresnel term and a scattered mirror ray.

        `footprint` (N,) is how many metres a pixel covers a metre away, times the distance.
        """
        scene, out = self.tracer.scene, np.zeros((len(pixel), 3), dtype=np.float32)
        incoming, gloss = unit(way), scene.gloss[hits.part]
        cosine = np.clip(-dot(hits.normal, incoming), 0, 1)
        rough = scene.rough[hits.part]
        strength = gloss + (1 - gloss) * (1 - cosine) ** 5 * (1 - rough) ** 2
        shiny = np.flatnonzero((gloss > 0) & (strength > 0.02))
        if not len(shiny):
            return out
        normal, towards, spread = hits.normal[shiny], incoming[shiny], rough[shiny, None]
        mirror = towards + 2 * cosine[shiny, None] * normal
        scatter = around(mirror, sampler.pair(pixel[shiny])) - mirror
        mirror = unit(mirror + spread * scatter).astype(np.float32)
        there = self.tracer.trace(hits.point[shiny], mirror)
        seen = self._from_outside(mirror)
        pixels = pixel[shiny][there.ray]
        far = footprint[shiny][there.ray] * (
            1 + there.t / np.maximum(hits.t[shiny][there.ray], 0.1)
        )
        albedo = self.tracer.albedo(there, far)
        light = self.direct(there, pixels, sampler) + self.ambient
        glow = np.where(there.front, scene.glow[there.part], 0)[:, None]
        seen[there.ray] = albedo * (light + glow)
        out[shiny] = seen * strength[shiny, None]
        return out


def _strength(source: Light) -> float:
    """How much a source matters among the others."""
    if isinstance(source, Sun):
        return 4.0 * float(np.mean(source.radiance))
    brightness = float(np.mean(source.radiance))
    if isinstance(source, Ball):
        return 4 * brightness * source.radius**2
    return brightness * 4 * float(np.linalg.norm(np.cross(source.u, source.v))) / np.pi
