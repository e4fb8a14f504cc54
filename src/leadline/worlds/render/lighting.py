"""How bright surfaces are: lamps, panels, sun, sky, and light that has bounced.

All light is given as seen by white paint: a surface sends out its albedo times it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array, Colour
from leadline.worlds.primitives import unit as unit_rows
from leadline.worlds.render.air import average_sky, sky_radiance
from leadline.worlds.render.sampler import Sampler, around
from leadline.worlds.render.tracer import FAR, Hits, Tracer
from leadline.worlds.render.vectors import chosen, dot, put, rows, unit, zeros
from leadline.worlds.scene import Ball, Light, Panel, Sky, Sun

# A single bounced sample above this many times the ambient light is a firefly: rare, bright, noise.
_BRIGHTEST = 7.0
# Light weaker than this share of the ambient light is not worth a ray.
_FAINT = 4e-3
_SUN_SPREAD = 0.006

Pick = tuple[Array, Array]


@dataclass(frozen=True)
class Arrival:
    """Where light would come from: unit direction (N,3), length of the way (N,), gain (N,)."""

    way: Array
    length: Array
    gain: Array


def _from_ball(lamp: Ball, point: Array, pick: Pick) -> Arrival:
    centre, radius = np.asarray(lamp.centre, dtype=np.float32), np.float32(lamp.radius)
    # A point of a slightly tilted disc stands for the ball, which spreads its shadows alike.
    root, turn = np.sqrt(pick[0]) * radius, np.float32(2 * np.pi) * pick[1]
    towards = centre - point
    towards[:, 0] += root * np.cos(turn)
    towards[:, 1] += root * np.sin(turn)
    towards[:, 2] += (pick[0] + pick[1] - 1) * (np.float32(0.7) * radius)
    square = dot(towards, towards)
    distance = np.sqrt(square)
    way = towards / distance[:, None]
    gain = radius**2 / np.maximum(square, radius**2)
    return Arrival(way, np.maximum(distance - np.float32(1.9) * radius, np.float32(1e-3)), gain)


def _from_panel(panel: Panel, point: Array, pick: Pick) -> Arrival:
    centre, u, v = (np.asarray(x, dtype=np.float32) for x in (panel.centre, panel.u, panel.v))
    normal = np.cross(u, v)
    quarter = float(np.sqrt(normal @ normal))
    across, up = np.multiply.outer(u, 2 * pick[0] - 1).T, np.multiply.outer(v, 2 * pick[1] - 1).T
    towards = centre + across + up - point
    square = dot(towards, towards)
    length = np.sqrt(square)
    way = towards / length[:, None]
    facing = np.maximum(-(np.ascontiguousarray(way) @ (normal / quarter)), 0)
    gain = facing * (4 * quarter / np.pi) / np.maximum(square, 0.3 * quarter)
    return Arrival(way, np.maximum(length - 4e-3, 1e-3), gain)


def _from_sun(sun: Sun, point: Array, pick: Pick) -> Arrival:
    spread = np.stack([pick[0] - 0.5, pick[1] - 0.5, 0 * pick[0]], axis=1) * (2 * _SUN_SPREAD)
    way = np.asfortranarray(unit_rows(np.asarray(sun.direction) + spread).astype(np.float32))
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
        average = max(float(self.ambient.max()), 0.02)
        self.brightest, self.faint = np.float32(_BRIGHTEST * average), _FAINT * average
        self.odds = (0.9 * strength / total + 0.1 / max(len(strength), 1)).astype(np.float32)

    def reaching(
        self, source: Light, point: Array, normal: Array, flat: Array, pick: Pick
    ) -> Array:
        """Share (N,) float32 of a source's radiance that arrives from one random point of it."""
        if isinstance(source, Sun):
            arrival = _from_sun(source, point, pick)
        elif isinstance(source, Ball):
            arrival = _from_ball(source, point, pick)
        else:
            arrival = _from_panel(source, point, pick)
        gain = arrival.gain * np.maximum(dot(normal, arrival.way), 0)
        brightest = float(np.asarray(source.radiance, dtype=np.float32).max())
        useful = np.flatnonzero((gain * brightest > self.faint) & (dot(flat, arrival.way) > 0))
        share = np.zeros(len(point), dtype=np.float32)
        if len(useful):
            start, way = chosen(point, useful), chosen(arrival.way, useful)
            far, is_sun = chosen(arrival.length, useful), isinstance(source, Sun)
            clear = self.tracer.is_clear(start, way, far, is_sun)
            share[useful] = chosen(gain, useful) * clear
        return share

    def direct(self, hits: Hits, pixel: Array, sampler: Sampler) -> Array:
        """Light (N,3) float32 straight from all sources."""
        light = zeros(len(pixel))
        for source in self.sources:
            pick = sampler.pair(pixel)
            share = self.reaching(source, hits.point, hits.normal, hits.flat, pick)
            light += _times(share, source.radiance)
        return light

    def one_source(self, point: Array, flat: Array, pixel: Array, sampler: Sampler) -> Array:
        """Light (N,3) from one source chosen at random for each point, weighted to be fair."""
        light = zeros(len(pixel))
        if not self.sources:
            return light
        (choice, _), where = sampler.pair(pixel), sampler.pair(pixel)
        number = np.searchsorted(np.cumsum(self.odds)[:-1], choice)
        for k, source in enumerate(self.sources):
            mine = np.flatnonzero(number == k)
            if len(mine):
                pick = (chosen(where[0], mine), chosen(where[1], mine))
                face = chosen(flat, mine)
                share = self.reaching(source, chosen(point, mine), face, face, pick)
                put(light, mine, _times(share, source.radiance) / self.odds[k])
        return light

    def bounced(
        self, point: Array, normal: Array, pixel: Array, sampler: Sampler, left: int
    ) -> Array:
        """Light (N,3) float32 that arrives after at least one bounce, or from the sky."""
        way = around(normal, sampler.pair(pixel))
        hits = self.tracer.glance(point, way)
        out = self._from_outside(way, hits.ray)
        pixels = chosen(pixel, hits.ray)
        light = self.one_source(hits.point, hits.flat, pixels, sampler)
        if left > 1:
            light += self.bounced(hits.point, hits.flat, pixels, sampler, left - 1)
        else:
            light += self.ambient
        put(out, hits.ray, rows(self.tracer.mean_albedo, hits.part) * light)
        return np.asarray(np.minimum(out, self.brightest))

    def _from_outside(self, way: Array, hit: Array) -> Array:
        """Light (N,3) of rays that meet nothing, all but `hit` (M,), whose light is still open.

        The sun itself is counted with the sources.
        """
        out = zeros(len(way))
        if len(hit) == len(way):
            return out
        if self.sky is None:
            out += self.ambient
            return out
        free = np.ones(len(way), dtype=bool)
        free[hit] = False
        missed = np.flatnonzero(free)
        bright = np.float32(1.5 * max(*self.sky.horizon, *self.sky.zenith))
        seen = sky_radiance(self.sky, np.ascontiguousarray(chosen(way, missed)))
        put(out, missed, np.minimum(seen, bright))
        return out

    def mirrored(
        self,
        hits: Hits,
        way: Array,
        pixel: Array,
        sampler: Sampler,
        footprint: Array,
        faintest: float,
    ) -> Array:
        """Glossy reflection (N,3) float32: Schlick's Fresnel term and a scattered mirror ray.

        `footprint` (N,) is how many metres a pixel covers a metre away, times the distance; what
        mirrors less than the share `faintest` is left out.
        """
        scene, out = self.tracer.scene, zeros(len(pixel))
        gloss = scene.gloss.take(hits.part)
        glossy = np.flatnonzero(gloss > 0)
        gloss, rough = gloss.take(glossy), scene.rough.take(hits.part.take(glossy))
        incoming, normal = unit(chosen(way, glossy)), chosen(hits.normal, glossy)
        cosine = np.clip(-dot(normal, incoming), 0, 1)
        strength = gloss + (1 - gloss) * (1 - cosine) ** 5 * (1 - rough) ** 2
        strong = np.flatnonzero(strength > faintest)
        if not len(strong):
            return out
        shiny, strength, cosine = glossy.take(strong), strength.take(strong), cosine.take(strong)
        mirror = chosen(incoming, strong) + 2 * cosine[:, None] * chosen(normal, strong)
        pixels = chosen(pixel, shiny)
        scatter = around(mirror, sampler.pair(pixels)) - mirror
        mirror = unit(mirror + rough.take(strong)[:, None] * scatter)
        mirrored_hits = self.tracer.trace(chosen(hits.point, shiny), mirror)
        ray = mirrored_hits.ray
        far = footprint.take(shiny).take(ray) * (
            1 + mirrored_hits.t / np.maximum(hits.t.take(shiny).take(ray), 0.1)
        )
        albedo = self.tracer.albedo(mirrored_hits, far)
        light = self.direct(mirrored_hits, chosen(pixels, ray), sampler) + self.ambient
        glow = np.where(mirrored_hits.front, scene.glow.take(mirrored_hits.part), 0)[:, None]
        seen = self._from_outside(mirror, ray)
        # A rough surface would scatter a lamp's image into sparks.
        put(seen, ray, np.minimum(albedo * (light + glow), self.brightest))
        put(out, shiny, seen * strength[:, None])
        return out


def _times(share: Array, radiance: Colour) -> Array:
    """Light (N,3) float32 of shares (N,) of a radiance."""
    return np.multiply.outer(np.asarray(radiance, dtype=np.float32), share).T


def _strength(source: Light) -> float:
    """How much a source matters among the others."""
    if isinstance(source, Sun):
        return 4.0 * float(np.mean(source.radiance))
    brightness = float(np.mean(source.radiance))
    if isinstance(source, Ball):
        return 4 * brightness * source.radius**2
    return brightness * 4 * float(np.linalg.norm(np.cross(source.u, source.v))) / np.pi
