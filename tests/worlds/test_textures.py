"""Tiles: named, seamless in size, disjoint, and looked up as bilinear filtering says."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.worlds.textures import KINDS, TileBank, colour, draw_tile, tile_name


@pytest.mark.parametrize("kind", KINDS)
def test_every_tile_is_finite_positive_and_within_its_store(kind: str) -> None:
    tile = draw_tile(tile_name(kind, "train", 1), 64)
    assert tile.shape == (64, 64, 4)
    assert np.isfinite(tile).all()
    assert tile[..., :3].min() > 0
    assert tile[..., :3].max() < 4
    assert 0 <= tile[..., 3].min() <= tile[..., 3].max() <= 1


def test_equal_names_give_equal_tiles_and_others_do_not() -> None:
    first = draw_tile("wood/train/3", 64)
    np.testing.assert_array_equal(first, draw_tile("wood/train/3", 64))
    for other in ("wood/train/4", "wood/val/3", "brick/train/3"):
        assert np.abs(first - draw_tile(other, 64)).max() > 0.02


def test_an_unknown_texture_is_named() -> None:
    with pytest.raises(LeadlineError, match="velvet"):
        tile_name("velvet", "train", 0)
    with pytest.raises(LeadlineError, match="power of two"):
        TileBank(100)


def test_colours_are_linear() -> None:
    assert colour("#ffffff") == pytest.approx((1, 1, 1))
    assert colour("#808080")[0] == pytest.approx(0.2159, abs=1e-4)


def test_lookup_is_bilinear_with_v_upwards_and_wraps_around() -> None:
    bank = TileBank(32)
    (place,) = bank.places(["checker/train/0"])
    tile = draw_tile("checker/train/0", 32)
    rng = np.random.default_rng(0)
    uv = rng.uniform(-2, 3, (50, 2)).astype(np.float32)
    found = bank.lookup(np.full(50, place), uv, np.zeros(50, dtype=np.int64))
    for (u, v), value in zip(uv.astype(float), found, strict=True):
        x, y = u * 32 - 0.5, (1 - v) * 32 - 0.5
        i, j = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - i, y - j
        corners = [tile[(j + b) % 32, (i + a) % 32] for b in (0, 1) for a in (0, 1)]
        weights = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy]
        expected = sum(w * c for w, c in zip(weights, corners, strict=True))
        np.testing.assert_allclose(value, expected, atol=2e-4)


def test_the_smallest_copy_of_a_tile_is_its_mean() -> None:
    bank = TileBank(32)
    (place,) = bank.places(["rug/train/0"])
    uv = np.array([[0.3, 0.7]], dtype=np.float32)
    found = bank.lookup(np.array([place]), uv, np.array([5]))
    mean = draw_tile("rug/train/0", 32).mean(axis=(0, 1))
    np.testing.assert_allclose(found[0], mean, atol=2e-4)
    np.testing.assert_allclose(bank.mean[place], mean, atol=1e-5)
