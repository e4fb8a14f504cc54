"""Bootstrap and paired test against scipy."""

import numpy as np
import pytest
from scipy import stats

from leadline.metrics import bootstrap_interval, paired_test

rng = np.random.default_rng(0)


def test_the_interval_is_the_percentile_bootstrap():
    values = rng.gamma(2, 1, (80, 2))
    ours = bootstrap_interval(values, seed=1)
    for column in range(2):
        theirs = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=20_000, method="percentile", rng=2
        ).confidence_interval
        width = theirs.high - theirs.low
        assert ours[:, column] == pytest.approx(tuple(theirs), abs=0.06 * width)


def test_a_statistic_of_the_means_is_resampled():
    values = rng.gamma(2, 1, (50, 3))
    ours = bootstrap_interval(values, lambda means: np.sqrt(means[:, :1]))
    np.testing.assert_allclose(ours, np.sqrt(bootstrap_interval(values)[:, :1]), rtol=1e-6)


def test_one_image_has_no_spread_and_blocks_do_not_matter():
    assert bootstrap_interval(np.array([[3.0]])).tolist() == [[3.0], [3.0]]
    many = rng.normal(5, 1, (50_000, 1))
    low, high = bootstrap_interval(many, resamples=200)[:, 0]
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(50_000), rel=0.3)


@pytest.mark.parametrize("count", [6, 12])
def test_the_exact_paired_test_equals_scipy(count):
    a, b = rng.normal(0, 1, count), rng.normal(0.5, 1, count)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert paired_test(a, b) == pytest.approx(theirs)
    assert paired_test(a.tolist(), b.tolist()) == paired_test(a, b)


def test_the_random_paired_test_agrees_with_the_t_test_where_that_holds():
    a, b = rng.normal(0, 1, 200), rng.normal(0.15, 1, 200)
    assert paired_test(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.02)
    assert paired_test(a, b, seed=3) == paired_test(a, b, seed=3)


def test_equal_models_do_not_differ_and_the_order_does_not_matter():
    a = rng.normal(0, 1, 30)
    assert paired_test(a, a) == 1.0
    b = a + rng.normal(0.1, 0.2, 30)
    assert paired_test(a, b) == pytest.approx(paired_test(b, a), abs=0.01)
    with pytest.raises(ValueError, match="equal non-empty"):
        paired_test(a, a[:3])


def test_an_image_without_a_score_cannot_be_tested():
    with pytest.raises(ValueError, match="finite"):
        paired_test(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0]))
