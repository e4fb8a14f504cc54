"""From light to a snapshot: what an inexpensive indoor camera makes of the scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from example_room.geometry import FloatArray

_EXPOSURE = 3.3
_WHITE = 40.0  # exposed light that reaches full white
_WHITE_BALANCE = np.array([1.0, 1.0, 1.06])
_VIGNETTE = 0.22
_SHOT_NOISE, _READ_NOISE = 0.03, 0.006


def _blurred(image: FloatArray, amount: float) -> FloatArray:
    """Small separable blur (H,W,3): a lens that resolves about a pixel."""
    for axis in (0, 1):
        pad = [(1, 1) if k == axis else (0, 0) for k in range(3)]
        wide = np.pad(image, pad, mode="edge")
        count = image.shape[axis]
        before, after = (np.take(wide, np.arange(count) + k, axis) for k in (0, 2))
        image = (1 - 2 * amount) * image + amount * (before + after)
    return image


def _tone(light: FloatArray) -> FloatArray:
    """SRGB curve with a shoulder that rolls highlights off and a little contrast in the darks."""
    soft = np.clip(light * (1 + light / _WHITE**2) / (1 + light), 0, 1)
    srgb = np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * soft ** (1 / 2.4) - 0.055)
    return srgb + 0.45 * (srgb * srgb * (3 - 2 * srgb) - srgb)


def develop(light: FloatArray, seed: int) -> NDArray[np.uint8]:
    """Turn linear RGB (H,W,3) into an 8-bit snapshot (H,W,3)."""
    rng = np.random.default_rng(seed)
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width]
    off_axis = np.hypot(x - width / 2, y - height / 2) / np.hypot(width / 2, height / 2)
    exposed = _EXPOSURE * _WHITE_BALANCE * light * (1 - _VIGNETTE * off_axis**2)[..., None]
    exposed = _blurred(np.minimum(exposed, _WHITE), 0.10)
    deviation = np.sqrt(_READ_NOISE**2 + _SHOT_NOISE**2 * exposed)
    noisy = exposed + deviation * _blurred(rng.standard_normal(exposed.shape), 0.15)
    return np.round(255 * np.clip(_tone(np.maximum(noisy, 0)), 0, 1)).astype(np.uint8)
