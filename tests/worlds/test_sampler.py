"""The renderer's random numbers: even over neighbouring pixels, different in every dimension."""

from __future__ import annotations

import numpy as np

from leadline.worlds.render.sampler import Sampler

WIDTH, HEIGHT = 40, 24  # tiles of 16 that the picture cuts


def _numbers(seed: int = 3, calls: int = 1, sample: int = 0) -> list[np.ndarray]:
    sampler = Sampler(WIDTH, HEIGHT, seed)
    sampler.start(sample)
    pixels = np.arange(WIDTH * HEIGHT)
    return [np.stack(sampler.pair(pixels)).reshape(2, HEIGHT, WIDTH) for _ in range(calls)]


def test_sixteen_pixels_of_a_square_leave_no_gap() -> None:
    """One of each sixteenth, shifted: gaps are below two sixteenths, of random numbers up to 5."""
    (pair,) = _numbers()
    for number in pair:
        for row in range(0, HEIGHT, 4):
            for column in range(0, WIDTH, 4):
                values = np.sort(number[row : row + 4, column : column + 4].ravel())
                gaps = np.diff(np.append(values, values[0] + 1))
                assert gaps.max() < 2 / 16 + 1e-6


def test_a_square_of_a_tile_is_even_in_two_dimensions() -> None:
    """Of 256 numbers each of 16 x 16 cells has about one: their spread is far below Poisson's."""
    (pair,) = _numbers()
    x, y = (number[:16, :16].ravel() for number in pair)
    counts = np.histogram2d(x, y, bins=8, range=[[0, 1], [0, 1]])[0]
    assert counts.sum() == 256
    assert counts.var() < 1.5  # Poisson: 4


def test_numbers_lie_in_the_unit_interval_and_dimensions_are_unrelated() -> None:
    first, second = _numbers(calls=2)
    both = np.concatenate([first, second]).reshape(4, -1)
    assert both.min() >= 0
    assert both.max() < 1
    assert np.abs(np.corrcoef(both) - np.eye(4)).max() < 0.12
    assert np.abs(both.mean(axis=1) - 0.5).max() < 0.02


def test_equal_seeds_give_equal_numbers_and_samples_differ() -> None:
    np.testing.assert_array_equal(_numbers()[0], _numbers()[0])
    assert not np.array_equal(_numbers()[0], _numbers(seed=4)[0])
    assert not np.array_equal(_numbers()[0], _numbers(sample=1)[0])
