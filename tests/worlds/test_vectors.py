"""Vectors that lie axis by axis give the bits of the plain expressions; smoothing is 1 2 1."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.worlds.primitives import cross
from leadline.worlds.render import vectors
from leadline.worlds.render.smoothing import Surfaces


def _vectors(count: int, dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, count, 3)).astype(dtype)
    return a, b


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_have_the_bits_of_einsum_in_any_order(dtype: type) -> None:
    a, b = _vectors(1001, dtype)
    expected = np.einsum("ij,ij->i", a, b)
    np.testing.assert_array_equal(vectors.dot(a, b), expected)
    np.testing.assert_array_equal(vectors.dot(np.asfortranarray(a), b), expected)
    np.testing.assert_array_equal(cross(a, b), np.cross(a, b))
    np.testing.assert_array_equal(cross(a, b[0]), np.cross(a, b[0]))


def test_lengths_and_unit_vectors() -> None:
    a, _ = _vectors(100)
    a[7] = 0
    np.testing.assert_allclose(vectors.length(a), np.linalg.norm(a, axis=1), rtol=1e-6)
    lengths = np.linalg.norm(vectors.unit(a), axis=1)
    assert lengths[7] == 0
    np.testing.assert_allclose(np.delete(lengths, 7), 1, rtol=1e-6)


def test_rows_are_chosen_and_put_back() -> None:
    a, b = _vectors(9)
    places = np.array([1, 4, 5])
    np.testing.assert_array_equal(vectors.rows(a, places[::-1]), a[places[::-1]])
    np.testing.assert_array_equal(vectors.chosen(a, places), a[places])
    assert vectors.chosen(a, np.arange(9)) is a
    target, expected = vectors.zeros(9), np.zeros((9, 3), dtype=np.float32)
    vectors.put(target, places, b[places])
    expected[places] = b[places]
    np.testing.assert_array_equal(target, expected)
    vectors.put(target, np.arange(9), a)
    np.testing.assert_array_equal(target, a)


def test_pixels_become_a_picture() -> None:
    values = np.arange(36, dtype=np.float32).reshape(12, 3)
    np.testing.assert_array_equal(vectors.as_picture(values, (3, 4)), values.reshape(3, 4, 3))
    np.testing.assert_array_equal(vectors.as_picture(values[:, 0], (3, 4)),
                                  values[:, 0].reshape(3, 4))  # fmt: skip


def test_light_is_averaged_along_a_surface_and_not_across_an_outline() -> None:
    shape = (8, 12)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    normal = np.zeros((*shape, 3), dtype=np.float32)
    normal[..., 2] = -1
    point = np.stack([x, y, np.full_like(x, 2)], axis=-1)
    point[:, 6:, 2] = 3  # a metre behind
    light = np.random.default_rng(1).random((*shape, 2)).astype(np.float32)
    found = Surfaces(normal, point, point[..., 2]).smoothed(light, (1,))
    for columns in (slice(0, 6), slice(6, 12)):
        part = light[:, columns].astype(float)
        inside = part[1:-1, 1:-1] * 0
        for dy, by in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            for dx, bx in ((-1, 0.25), (0, 0.5), (1, 0.25)):
                inside += by * bx * np.roll(part, (dy, dx), (0, 1))[1:-1, 1:-1]
        np.testing.assert_allclose(found[1:-1, columns][:, 1:-1], inside, rtol=1e-5)
    # At the outline there is a neighbour on one side only: 2 1, over 3.
    rim = (2 * light[:, 5].astype(float) + light[:, 4]) / 3
    column = (rim[:-2] + 2 * rim[1:-1] + rim[2:]) / 4
    np.testing.assert_allclose(found[1:-1, 5], column, rtol=1e-5)
