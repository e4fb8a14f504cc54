"""Metrics against hand-worked arrays and an independent implementation."""

import json
import math
import statistics
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.stats
import torch
import torchmetrics.functional.regression as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.metrics import METRICS, depth_metrics, mean_over_images
from leadline.metrics.depth_metrics import ALL_METRICS, VARIANTS, metric_set
from leadline.metrics.metric import Metric

FROZEN = Path(__file__).parents[1] / "data" / "v0.1"
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
        "silog": 100 * statistics.pstdev(d),  # exact, where a difference of sums cancels
    }


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_metric_equals_the_definition(data):
    n = data.draw(st.integers(1, 40))
    p = data.draw(hnp.arrays(np.float32, n, elements=positive))
    g = data.draw(hnp.arrays(np.float32, n, elements=positive))
    ours, expected = depth_metrics(p, g), reference(p.astype(float), g.astype(float))
    assert list(ours) == list(METRICS)
    for name in METRICS:
        # silog is a root: rounding of 1e-12 below it is 1e-6 of it, times 100.
        rounding = 1e-4 if name == "silog" else 2e-5
        assert ours[name] == pytest.approx(expected[name], rel=1e-7, abs=rounding), name


INDEPENDENT = {
    "delta1": lambda p, g: (torch.maximum(p / g, g / p) < 1.25).double().mean(),
    "delta2": lambda p, g: (torch.maximum(p / g, g / p) < 1.5625).double().mean(),
    "delta3": lambda p, g: (torch.maximum(p / g, g / p) < 1.953125).double().mean(),
    "abs_rel": theirs.mean_absolute_percentage_error,
    "sq_rel": lambda p, g: theirs.mean_squared_error(p / g.sqrt(), g.sqrt()),
    "sq_rel / g^2": lambda p, g: theirs.mean_squared_error(p / g, torch.ones_like(g)),
    "rmse": lambda p, g: theirs.mean_squared_error(p, g, squared=False),
    "rmse + 1e-5 under the root": lambda p, g: math.sqrt(theirs.mean_squared_error(p, g) + 1e-5),
    "rmse_log": lambda p, g: theirs.mean_squared_error(p.log(), g.log(), squared=False),
    "log10": lambda p, g: theirs.mean_absolute_error(p.log10(), g.log10()),
    "silog": lambda p, g: 100 * scipy.stats.tstd((p / g).log().numpy(), ddof=0),
    "depth_accuracy": lambda p, g: 1 - theirs.weighted_mean_absolute_percentage_error(p, g),
    "rmse_log1p": lambda p, g: math.sqrt(theirs.mean_squared_log_error(p, g)),
    "mae": theirs.mean_absolute_error,
    "imae": lambda p, g: theirs.mean_absolute_error(p.reciprocal(), g.reciprocal()),
    "irmse": lambda p, g: theirs.mean_squared_error(1 / p, 1 / g, squared=False),
    "log_mae": lambda p, g: theirs.mean_absolute_error(p.log(), g.log()),
}
"""Every metric and variant by torchmetrics, scipy or torch, of tensors; a new one needs a line."""


@pytest.mark.parametrize("name", [*ALL_METRICS, *VARIANTS])
def test_a_metric_equals_what_others_make_of_it(name):
    rng = np.random.default_rng(3)
    g = rng.uniform(0.5, 9, 40_000)
    p = g * rng.lognormal(0.05, 0.3, 40_000)
    expected = float(INDEPENDENT[name](torch.from_numpy(p), torch.from_numpy(g)))
    assert (ALL_METRICS | VARIANTS)[name](p, g) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", [*ALL_METRICS, *VARIANTS])
def test_a_metric_has_a_description_and_knows_what_is_better(name):
    metric = (ALL_METRICS | VARIANTS)[name]
    assert len(metric.__doc__) > 20
    truth = np.array([1.0, 2.0, 4.0])
    good, bad = metric(truth, truth), metric(truth * [1.0, 2.5, 0.3], truth)
    assert good > bad if metric.higher_is_better else good < bad


def test_every_metric_is_that_of_version_0_1():
    rng = np.random.default_rng(7)
    g = rng.uniform(0.5, 9, 40_000).astype(np.float32)
    p = (g * rng.lognormal(0, 0.2, 40_000)).astype(np.float32)
    frozen = json.loads((FROZEN / "metrics.json").read_text())
    for variants in ((), tuple(VARIANTS)):
        ours = depth_metrics(p, g, tuple(ALL_METRICS), variants)
        expected = frozen["variants" if variants else "metrics"]
        assert ours.keys() == expected.keys()
        for name, value in ours.items():  # to the bit on the machine that wrote them
            assert value == pytest.approx(float.fromhex(expected[name]), rel=1e-13)


def test_a_formula_of_a_term_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no term is called curvature"):
        Metric(lambda curvature: curvature, "bent")


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
    with pytest.raises(ValueError, match="'x' is no variant; choose from "):
        depth_metrics(np.ones(3), np.ones(3), variants=["x"])


def test_tensors_are_as_good_as_arrays():
    p, g = np.array([2.0, 1.0, 4.0]), np.array([1.0, 1.0, 5.0])
    assert depth_metrics(torch.from_numpy(p), torch.from_numpy(g)) == depth_metrics(p, g)
