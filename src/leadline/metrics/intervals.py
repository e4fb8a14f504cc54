"""How sure a mean over images is, and whether two models differ on the same images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LEVEL = 0.95
FLIPS = 20_000
EXACT_UP_TO = 14
"""Differences that are not zero; with up to so many, all 2^n signs are tried."""
_BLOCK = 1 << 21

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Blocks = NDArray[np.intp]


def blocks_of(images: int, length: int) -> Blocks:
    """Return a number (images,) for each image in its order: neighbours of a block share one.

    Blocks have `length` images at most, and differ by one at most.

    >>> blocks_of(7, 3).tolist()
    [0, 0, 0, 1, 1, 2, 2]
    """
    parts = np.array_split(np.arange(images), -(-images // length))
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _block_sums(values: NDArray[np.float64], blocks: Blocks | None) -> NDArray[np.float64]:
    """Return the sums (B, ...) of values (N, ...) by block; the values where each is its own."""
    if blocks is None:
        return values
    names, places = np.unique(blocks, return_inverse=True)
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, places, values)
    return sums


def bootstrap_interval(
    values: NDArray[np.float64],
    statistic: Statistic | None = None,
    *,
    blocks: Blocks | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return (2, M): the percentile bootstrap interval over images of M statistics.

    `values` is (N, K) with one row per image. `statistic` maps means over images (R, K) to (R, M);
    by default it returns the means themselves. Images are drawn with replacement. With `blocks`
    (N,), images that share a block number are drawn together, since their values may be correlated.
    Memory does not grow with `resamples` times N.
    """
    if len(values) == 0:
        raise ValueError("no image to resample")
    sums, sizes = _block_sums(values, blocks), _block_sums(np.ones(len(values)), blocks)
    count = len(sums)
    rng = np.random.default_rng(seed)
    means = []
    block = max(1, min(resamples, _BLOCK // count))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=rows)
        means.append(weights @ sums / (weights @ sizes)[:, None])
    drawn = np.concatenate(means)
    if statistic is not None:
        drawn = statistic(drawn)
    tail = (1 - level) / 2
    return np.quantile(drawn, [tail, 1 - tail], axis=0)


def paired_test(
    a: ArrayLike,
    b: ArrayLike,
    seed: int = 0,
    flips: int = FLIPS,
    *,
    blocks: Blocks | None = None,
) -> float:
    """Return the two-sided p-value of a paired test that `a` and `b` have the same mean.

    Shapes: two equal vectors (N,), one value per image, N >= 1. This is a sign-flip permutation
    test: if the models were exchangeable, each image's difference could as well have the other
    sign. With `blocks` (N,), images that share a block number are flipped together. If there are
    few differences, all sign patterns are tried; otherwise `flips` random patterns, and p is at
    least 1 / (flips + 1). Identical vectors give 1.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(f"expected two equal non-empty vectors, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("expected finite values; leave out images that were not scored")
    difference = _block_sums(a.astype(np.float64) - b.astype(np.float64), blocks)
    # Where the two agree a flip changes nothing.
    difference = difference[difference != 0]
    if difference.size == 0:
        return 1.0
    # Sums of the same numbers in another order may differ in the last bits and must count as equal.
    observed = abs(difference.sum()) * (1 - 1e-12)
    if difference.size <= EXACT_UP_TO:
        patterns = np.arange(2**difference.size)[:, None] >> np.arange(difference.size) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ difference) >= observed))
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // difference.size)
    reached = 0
    for start in range(0, flips, block):
        rows = min(block, flips - start)
        signs = 1 - 2 * rng.integers(0, 2, size=(rows, difference.size), dtype=np.int8)
        reached += int(np.count_nonzero(np.abs(signs @ difference) >= observed))
    return (reached + 1) / (flips + 1)
