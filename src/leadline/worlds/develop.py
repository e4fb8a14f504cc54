"""From light to a snapshot: what a camera's lens, sensor and software make of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Array, Colour

_BRIGHTEST = 40.0  # exposed light beyond which nothing is kept


@dataclass(frozen=True)
class Sensor:
    """A camera's lens, sensor and software.

    `exposure` multiplies light (None: metered so that the picture's middle tones suit, times
    `bias`); `white_balance` multiplies the channels; `vignette` is the loss in the corners; `blur`
    in pixels; `sharpening` is the share of what blurring by a pixel would take away that the
    camera's software adds; `shot_noise` and `read_noise` as deviations at exposed light 1; `white`
    is the exposed light that is shown as white, and `black` the shade (0 to 1) that is shown as
    black; `contrast` bends the tone curve between them; `saturation` 1 leaves colours alone; `jpeg`
    is the quality from 1 to 100, 0 for none; `auto_white` is how far the camera turns the picture's
    average to grey, from 0 to 1.
    """

    exposure: float | None = None
    bias: float = 1.0
    white_balance: Colour = (1.0, 1.0, 1.0)
    vignette: float = 0.2
    blur: float = 0.4
    sharpening: float = 0.0
    shot_noise: float = 0.03
    read_noise: float = 0.006
    white: float = 40.0
    black: float = 0.0
    contrast: float = 0.4
    saturation: float = 1.0
    jpeg: int = 0
    auto_white: float = 0.0


def random_sensor(rng: np.random.Generator, outdoors: bool = False) -> Sensor:
    """Draw a camera: most pictures are exposed well, some are too dark or too bright."""
    spread = rng.choice([0.25, 0.7], p=[0.8, 0.2])
    warmth = rng.normal(0, 0.05) if outdoors else rng.normal(0.04, 0.08)
    tint = rng.normal(0, 0.025)
    noisy = min(np.exp(rng.normal(0, 0.5)), 2.0)
    return Sensor(
        bias=float(np.exp(rng.normal(-0.1, spread))),
        white_balance=(float(np.exp(warmth)), float(np.exp(tint)), float(np.exp(-warmth))),
        vignette=float(rng.uniform(0, 0.4)),
        blur=float(rng.choice([0.0, 0.4, 0.7, 1.0], p=[0.4, 0.4, 0.16, 0.04])),
        sharpening=float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.3, 0.7])),
        shot_noise=float(0.02 * noisy),
        read_noise=float(0.004 * noisy),
        white=float(np.exp(rng.uniform(np.log(0.9), np.log(5.0)))),
        black=float(rng.uniform(0.0, 0.16)),
        contrast=float(rng.uniform(0.2, 1.0)),
        saturation=float(rng.uniform(0.6, 1.2)),
        jpeg=int(rng.integers(75, 97)),
        auto_white=float(rng.uniform(0.3, 0.6) if outdoors else rng.uniform(0.45, 0.95)),
    )


def _blurred(image: Array, sigma: float) -> Array:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma)) if sigma > 0 else image


def _grey(light: Array) -> Array:
    """Mean (H,W) of the channels (H,W,3) float32."""
    return (light[..., 0] + light[..., 1] + light[..., 2]) / np.float32(3)


def _metered(light: Array) -> float:
    """Exposure that brings the picture's middle tones to where an automatic camera puts them."""
    brightness = _grey(light)
    middle = float(np.exp(np.log(brightness + 1e-4).mean()))
    bright = float(np.percentile(brightness, 90))
    return 0.27 / max(0.65 * middle + 0.35 * 0.4 * bright, 1e-4)


def _tone(light: Array, sensor: Sensor) -> Array:
    """SRGB curve with a shoulder that rolls off to white, from black, bent for contrast."""
    soft = np.clip(light * (1 + light / sensor.white**2) / (1 + light), 0, 1)
    srgb = np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * soft ** (1 / 2.4) - 0.055)
    srgb = np.maximum(srgb - sensor.black, 0) / (1 - sensor.black)
    return np.asarray(srgb + sensor.contrast * (srgb * srgb * (3 - 2 * srgb) - srgb))


def develop(light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
    """Turn linear RGB (H,W,3) float32 into an 8-bit snapshot (H,W,3), noise drawn from `rng`."""
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    off_axis = np.hypot(x - width / 2, y - height / 2) / np.hypot(width / 2, height / 2)
    exposure = _metered(light) if sensor.exposure is None else sensor.exposure
    average = light.mean(axis=(0, 1)) + 1e-6
    grey_world = (average.mean() / average) ** sensor.auto_white
    balance = np.asarray(sensor.white_balance, dtype=np.float32) * grey_world
    balance = (balance * (exposure * sensor.bias)).astype(np.float32)
    exposed = light * balance * (1 - sensor.vignette * off_axis**2)[..., None]
    exposed = _blurred(np.minimum(exposed, _BRIGHTEST).astype(np.float32), sensor.blur)
    grey = _grey(exposed)[..., None]
    exposed = np.maximum(grey + (exposed - grey) * sensor.saturation, 0)
    deviation = np.sqrt(sensor.read_noise**2 + sensor.shot_noise**2 * exposed)
    grains = rng.standard_normal(exposed.shape, dtype=np.float32)
    noisy = np.maximum(exposed + deviation * grains, 0)
    shown = _tone(noisy, sensor)
    if sensor.sharpening > 0:
        shown = shown + sensor.sharpening * (shown - _blurred(shown, 1.0))
    snapshot = np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return _compressed(snapshot, sensor.jpeg) if sensor.jpeg else snapshot


def _compressed(snapshot: Array, jpeg: int) -> Array:
    """What is left of a snapshot after JPEG."""
    import cv2

    _, data = cv2.imencode(".jpg", snapshot[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, jpeg])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[..., ::-1])
