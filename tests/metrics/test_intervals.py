"""Bootstrap and paired test against scipy."""

import numpy as np
import pytest
from scipy import stats

from leadline.metrics import blocks_of, bootstrap_interval, paired_test

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


def test_neighbours_make_blocks_of_nearly_one_size():
    assert blocks_of(10, 4).tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert blocks_of(5, 1).tolist() == list(range(5))
    for images in range(1, 40):
        for length in range(1, 12):
            sizes = np.bincount(blocks_of(images, length))
            assert sizes.max() <= length and sizes.max() - sizes.min() <= 1


def test_blocks_of_equal_images_are_as_many_images_as_there_are_blocks():
    rooms, others = rng.normal(size=30), rng.normal(size=30)
    images, blocks = np.repeat(rooms, 4), blocks_of(120, 4)
    np.testing.assert_allclose(
        bootstrap_interval(images[:, None], blocks=blocks), bootstrap_interval(rooms[:, None])
    )
    assert paired_test(images, np.repeat(others, 4), blocks=blocks) == paired_test(rooms, others)


def correlated(generator):
    """Return 160 values of mean 0 by fours, of which a half of the variance is shared."""
    return generator.normal(size=160) + np.repeat(generator.normal(size=40), 4)


def test_the_interval_has_the_width_of_the_closed_form():
    # Of the variance 1 + 1 of an image, 1 is divided by 160 images and 1 by 40 rooms.
    generator = np.random.default_rng(3)
    widths = [
        np.ptp(bootstrap_interval(correlated(generator)[:, None], blocks=blocks_of(160, 4)))
        for _ in range(40)
    ]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(1 / 160 + 1 / 40), rel=0.06)


@pytest.mark.parametrize(("length", "covered", "rejected"), [(4, 0.95, 0.05), (1, 0.78, 0.22)])
def test_blocks_cover_what_neighbours_share_and_single_images_do_not(length, covered, rejected):
    # Taken as independent the interval has a width of sqrt(2 / 5) of the true one: 1.96 times that
    # are 1.24 standard deviations, which cover 0.78.
    generator = np.random.default_rng(4)
    blocks = blocks_of(160, length)
    inside, small = [], []
    for _ in range(400):
        values = correlated(generator)
        low, high = bootstrap_interval(values[:, None], blocks=blocks, resamples=400)[:, 0]
        inside.append(low <= 0 <= high)
        small.append(paired_test(values, np.zeros(160), flips=400, blocks=blocks) < 0.05)
    assert np.mean(inside) == pytest.approx(covered, abs=0.04)
    assert np.mean(small) == pytest.approx(rejected, abs=0.04)


def test_blocks_of_unequal_size_count_by_their_images():
    # Two draws of the blocks (0, 0, 0) and (6): means 0, 6 / 4 twice, and 6.
    values, blocks = np.array([0.0, 0, 0, 6])[:, None], np.array([0, 0, 0, 1])
    assert bootstrap_interval(values, blocks=blocks, level=0.2).tolist() == [[1.5], [1.5]]
    assert bootstrap_interval(values, blocks=blocks).tolist() == [[0.0], [6.0]]
    # Sums 3 and 2: of the four sums +-3 +-2, two are as far from 0 as 5.
    assert paired_test([1.0, 2, -1, 3], np.zeros(4), blocks=np.array([0, 0, 1, 1])) == 0.5


def test_the_exact_paired_test_of_blocks_equals_scipy():
    difference, blocks = rng.normal(0.4, 1, 23), blocks_of(23, 4)
    sizes = np.bincount(blocks)
    assert set(sizes) == {3, 4}
    sums = np.add.reduceat(difference, np.cumsum(sizes) - sizes)
    theirs = stats.permutation_test(
        (sums, np.zeros_like(sums)),
        lambda x, y: np.sum(x - y),
        permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue
    assert paired_test(difference, np.zeros(23), blocks=blocks) == pytest.approx(theirs)
