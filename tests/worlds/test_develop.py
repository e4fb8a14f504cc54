"""What the camera makes of light."""

from __future__ import annotations

import numpy as np

from leadline.worlds.develop import Sensor, develop, random_sensor
from leadline.worlds.randomness import stream

CLEAN = Sensor(exposure=1.0, vignette=0, blur=0, shot_noise=0, read_noise=0, contrast=0)


def _flat(value: float) -> np.ndarray:
    return np.full((40, 60, 3), value, dtype=np.float32)


def test_more_light_is_brighter_and_nothing_overflows() -> None:
    shades = [develop(_flat(v), CLEAN, stream("n"))[20, 30, 0] for v in (0, 0.05, 0.5, 5, 1e6)]
    assert shades == sorted(shades)
    assert shades[0] == 0
    assert shades[-1] == 255


def test_vignette_darkens_corners_and_noise_has_no_bias() -> None:
    dark = develop(
        _flat(0.4), Sensor(exposure=1.0, vignette=0.4, shot_noise=0, read_noise=0), stream("n")
    )
    assert dark[0, 0, 0] < dark[20, 30, 0]
    clean = develop(_flat(0.4), CLEAN, stream("n")).astype(float)
    noisy = develop(_flat(0.4), Sensor(1.0, vignette=0, blur=0, contrast=0), stream("n")).astype(
        float
    )
    assert noisy.std() > 1
    assert abs(noisy.mean() - clean.mean()) < 1


def test_the_meter_gives_dim_and_bright_scenes_the_same_picture() -> None:
    rng = np.random.default_rng(1)
    light = rng.uniform(0.05, 1, (40, 60, 3)).astype(np.float32)
    sensor = Sensor(vignette=0, blur=0, shot_noise=0, read_noise=0)
    dim, bright = (develop(light * k, sensor, stream("n")).astype(int) for k in (0.02, 50.0))
    assert np.abs(dim - bright).max() <= 4
    assert 70 < dim.mean() < 180


def test_jpeg_changes_little() -> None:
    light = np.linspace(0, 1, 40 * 60 * 3, dtype=np.float32).reshape(40, 60, 3)
    sensor = Sensor(exposure=1.0, shot_noise=0, read_noise=0)
    plain = develop(light, sensor, stream("n")).astype(int)
    packed = develop(light, Sensor(exposure=1.0, shot_noise=0, read_noise=0, jpeg=90), stream("n"))
    assert 0 < np.abs(plain - packed).mean() < 4


def test_some_pictures_are_too_dark_and_some_too_bright() -> None:
    biases = [random_sensor(stream("sensor", k)).bias for k in range(200)]
    assert np.mean(np.array(biases) < 0.7) > 0.02
    assert np.mean(np.array(biases) > 1.5) > 0.02
    assert 0.8 < np.median(biases) < 1.25
