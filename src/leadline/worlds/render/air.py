"""The sky, and what stands in the air between things and the camera: fog and rain."""

from __future__ import annotations

import numpy as np

from leadline.worlds.arrays import Array
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Sky


def sky_radiance(sky: Sky, direction: Array) -> Array:
    """Radiance (N,3) float32 of the sky in unit directions (N,3), clouds and sun included."""
    up = np.clip(direction[:, 2:], 0, 1)
    horizon, zenith = np.asarray(sky.horizon), np.asarray(sky.zenith)
    colour = horizon + (zenith - horizon) * np.sqrt(up)
    cover = _clouds(sky, direction)[:, None] * np.clip(8 * up, 0, 1)
    bright = 0.55 * horizon + 0.45 * max(float(horizon.max()), float(zenith.max()))
    colour = colour + (bright * (0.8 + 0.25 * up) - colour) * cover
    if sky.fog > 0:
        # Looking up, less and less fog lies in the way.
        veil = np.exp(-np.clip(up, 0.005, 1) * 12 / min(1.0, 60 * sky.fog))
        colour = colour + (np.asarray(sky.fog_colour) - colour) * veil
    towards = np.clip(direction @ np.asarray(sky.sun), 0, 1)[:, None]
    halo = 0.25 * towards**60 + 12.0 * (towards > 0.99996)
    shining = colour + np.asarray(sky.sunlight) * halo * (1 - sky.clouds)
    return np.asarray(shining, dtype=np.float32)


def _clouds(sky: Sky, direction: Array) -> Array:
    """Share (N,) of the sky that is cloud, from sums of sines over a flat layer."""
    rng = stream("clouds", sky.cloud_seed)
    place = direction[:, :2] / (np.clip(direction[:, 2:], 0.02, None) + 0.12)
    total, frequency = np.zeros(len(direction)), 0.6
    for _ in range(5):
        wave = rng.normal(size=(3, 2)) * frequency
        twist = 1.5 * np.sin(place[:, ::-1] @ wave[::-1].T)
        swell = np.sin(place @ wave.T + rng.uniform(0, 6, 3) + twist).sum(axis=1)
        total += swell / frequency * 0.35
        frequency *= 2.1
    return np.asarray(np.clip(total + 3 * sky.clouds - 1.4, 0, 1))


def average_sky(sky: Sky) -> Array:
    """Light (3,) that a white level surface receives from the whole sky, without the sun."""
    rng = stream("average sky")
    way = rng.normal(size=(256, 3))
    way[:, 2] = np.abs(way[:, 2])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    light = np.minimum(sky_radiance(sky, way), 3 * max(sky.horizon))
    return np.asarray(2 * (light * way[:, 2:]).mean(axis=0), dtype=np.float32)


def through_air(light: Array, distance: Array, sky: Sky) -> Array:
    """Light (N,3) after `distance` (N,) metres of fog."""
    if sky.fog <= 0:
        return light
    left = np.exp(-sky.fog * distance).astype(np.float32)[:, None]
    return np.asarray(light * left + np.asarray(sky.fog_colour, np.float32) * (1 - left))


def with_rain(picture: Array, sky: Sky, seed: int) -> Array:
    """Picture (H,W,3) with streaks of falling drops; `sky.rain` from 0 to 1 is how many."""
    if sky.rain <= 0:
        return picture
    import cv2

    rng = stream("rain", seed)
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), dtype=np.float32)
    slant = rng.normal(0, 0.08)
    for _ in range(int(sky.rain * height * width / 700)):
        x, y = rng.uniform(0, width), rng.uniform(-10, height)
        long = rng.uniform(0.02, 0.09) * height
        end = (round(x + slant * long), round(y + long))
        cv2.line(streaks, (round(x), round(y)), end, float(rng.uniform(0.05, 0.3)), 1, cv2.LINE_AA)
    bright = np.asarray(sky.horizon, dtype=np.float32)
    return np.asarray(picture + (bright - picture) * streaks[..., None])
