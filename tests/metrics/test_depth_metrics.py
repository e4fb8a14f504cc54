"""Metrics against hand-worked arrays and an independent implementation."""

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.metrics import METRICS, depth_metrics, mean_over_images
from leadline.metrics.depth_metrics import metric_set

positive = st.floats(0.0625, 80, allow_nan=False, width=32)


def reference(p: np.ndarray, g: np.ndarray) -> dict[str, float]:
    """Plain Python, pixel by pixel, from the definitions."""
    n = len(g)
    d = [math.log(a) - math.log(b) for a, b in zip(p, g, strict=True)]
    worst = [max(a / b, b / a) for a, b in zip(p, g, strict=True)]
    pairs = list(zip(p, g, strict=True))
    return {
        **{f"delta{k}": sum(w < 1.25**k for w in worst) / n for k in (1, 2, 3)},
        "abs_rel": sum(abs(a - b) / b for a, b in pairs) / n,
        "sq_rel": sum((a - b) ** 2 / b for a, b in pairs) / n,
        "rmse": math.sqrt(sum((a - b) ** 2 for a, b in pairs) / n),
        "rmse_log": math.sqrt(sum(x * x for x in d) / n),
        "log10": sum(abs(math.log10(a) - math.log10(b)) for a, b in pairs) / n,
        "silog": 100 * math.sqrt(max(0.0, sum(x * x for x in d) / n - (sum(d) / n) ** 2)),
    }


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_metric_equals_the_definition(data):
    n = data.draw(st.integers(1, 40))
    p = data.draw(hnp.arrays(np.float32, n, elements=positive))
    g = data.draw(hnp.arrays(np.float32, n, elements=positive))
    ours, theirs = depth_metrics(p, g), reference(p.astype(float), g.astype(float))
    assert list(ours) == list(METRICS)
    for name in METRICS:
        assert ours[name] == pytest.approx(theirs[name], rel=1e-7, abs=2e-5), name


def test_hand_worked_values():
    scores = depth_metrics(np.array([2.0, 1.0]), np.array([1.0, 1.0]))
    assert scores["abs_rel"] == 0.5
    assert scores["rmse"] == pytest.approx(math.sqrt(0.5))
    assert scores["delta1"] == scores["delta3"] == 0.5
    assert scores["silog"] == pytest.approx(100 * math.log(2) / 2)


def test_the_delta_threshold_is_strict():
    assert depth_metrics(np.array([1.25]), np.array([1.0]))["delta1"] == 0.0
    assert depth_metrics(np.array([1.2499]), np.array([1.0]))["delta1"] == 1.0


def test_the_thresholds_are_exact_for_float32():
    g = np.tile(np.float32(64), 3)
    for k, name in ((1, "delta1"), (2, "delta2"), (3, "delta3")):
        tie = np.float32(64 * 1.25**k)  # exact in float32
        around = np.array(
            [np.nextafter(tie, np.float32(0)), tie, np.nextafter(tie, np.float32(999))]
        )
        for p, truth in ((around, g), (g, around)):
            assert depth_metrics(p, truth)[name] == pytest.approx(1 / 3)


def test_grouped_sums_are_the_sums_of_each_group():
    rng = np.random.default_rng(0)
    n = 40_000
    g = rng.uniform(0.5, 9, n).astype(np.float32)
    p = (g * rng.lognormal(0, 0.2, n)).astype(np.float32)
    chosen = metric_set(METRICS)
    runs = np.repeat(np.arange(n // 100) % 7, 100).astype(np.uint8)
    noise = rng.integers(0, 300, n)
    groupings = [(runs, 8), (noise, 301)]  # the last group of each is empty
    for (ids, count), sums in zip(groupings, chosen.grouped_sums(p, g, groupings), strict=True):
        assert sums.shape == (count, 1 + len(chosen.terms))
        for group in (0, 1, count - 2, count - 1):
            expected = chosen.sums(p[ids == group], g[ids == group])
            np.testing.assert_allclose(sums[group], expected, rtol=1e-12, atol=1e-12)


def test_silog_does_not_see_the_scale():
    g = np.linspace(1, 5, 50)
    assert depth_metrics(3 * g, g)["silog"] == pytest.approx(0, abs=1e-4)


def test_images_count_the_same_whatever_their_pixels():
    one = depth_metrics(np.full(1000, 1.0), np.full(1000, 2.0))
    two = depth_metrics(np.full(1, 2.0), np.full(1, 2.0))
    assert mean_over_images([one, two])["abs_rel"] == 0.25


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="one-dimensional"):
        depth_metrics(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match="no image"):
        mean_over_images([])


@pytest.mark.parametrize("bad", [-1.0, 0.0, math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_depth_that_is_none_is_refused_and_never_a_good_score(bad, place):
    pair = [np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])]
    pair[place][1] = bad
    with pytest.raises(ValueError, match=r"(prediction|truth) holds .* at 1 \(1 such of 3\)"):
        depth_metrics(*pair)


def test_sums_that_are_not_numbers_give_no_good_score():
    chosen = metric_set(("silog", "depth_accuracy"))
    values = chosen.values(np.full(1 + len(chosen.terms), math.nan))
    assert all(math.isnan(value) for value in values.values())


def test_maps_and_unknown_names_are_refused_by_name():
    ones = np.ones((4, 5))
    with pytest.raises(ValueError, match=r"one-dimensional.*\(4, 5\)"):
        depth_metrics(ones, ones)
    with pytest.raises(ValueError, match="'rmsle' is no metric"):
        depth_metrics(np.ones(3), np.ones(3), names=["rmsle"])


def test_tensors_are_as_good_as_arrays():
    torch = pytest.importorskip("torch")
    p, g = np.array([2.0, 1.0, 4.0]), np.array([1.0, 1.0, 5.0])
    assert depth_metrics(torch.from_numpy(p), torch.from_numpy(g)) == depth_metrics(p, g)
