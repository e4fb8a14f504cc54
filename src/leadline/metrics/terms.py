"""What metrics are means of: terms, one value a pixel, added up in chunks.

Several metrics share a term, and several terms an intermediate plane; each is computed once. Sums
of several images may be added: the metric of the sum is the one pooled over all their pixels.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Groupings = Sequence[tuple[NDArray[np.integer], int]]
"""The group of every pixel, (n,) ids from 0, and the number of groups; one pair a grouping."""

CHUNK = 1 << 14
"""Pixels at a time: every intermediate array stays in the processor's cache."""


class Pixels:
    """Some pixels' prediction `p` and truth `g` (float64 metres), and what several terms share."""

    def __init__(self, p: Array, g: Array):
        self.p, self.g = p, g

    @cached_property
    def difference(self) -> Array:
        """Return p - g."""
        return self.p - self.g

    @cached_property
    def ratio(self) -> Array:
        """Return p / g."""
        return self.p / self.g

    @cached_property
    def relative(self) -> Array:
        """Return (p - g) / g."""
        return self.ratio - 1

    @cached_property
    def log(self) -> Array:
        """Return ln p - ln g."""
        return np.log(self.ratio)

    @cached_property
    def abs_log(self) -> Array:
        """Return |ln p - ln g|."""
        return np.abs(self.log)

    @cached_property
    def inverse(self) -> Array:
        """Return 1/p - 1/g."""
        return 1 / self.p - 1 / self.g

    @cached_property
    def log1p(self) -> Array:
        """Return ln(1 + p) - ln(1 + g)."""
        return np.asarray(np.log((1 + self.p) / (1 + self.g)))

    def within(self, factor: float) -> Array:
        """Return where max(p/g, g/p) < factor."""
        # A ratio of two float32 values is exactly the factor or at least 2**-26 off: rounding must
        # not decide the one case, and the margin cannot touch the other.
        return np.asarray(self.abs_log < np.log(factor) - 1e-12)


TERMS: dict[str, Callable[[Pixels], tuple[Array, ...]]] = {
    "within_delta1": lambda x: (x.within(1.25),),
    "within_delta2": lambda x: (x.within(1.25**2),),
    "within_delta3": lambda x: (x.within(1.25**3),),
    "relative": lambda x: (np.abs(x.relative),),
    "squared_by_truth": lambda x: (x.difference, x.relative),
    "squared_relative": lambda x: (x.relative, x.relative),
    "absolute": lambda x: (np.abs(x.difference),),
    "squared": lambda x: (x.difference, x.difference),
    "truth": lambda x: (x.g,),
    "log": lambda x: (x.log,),
    "abs_log": lambda x: (x.abs_log,),
    "squared_log": lambda x: (x.log, x.log),
    "squared_log1p": lambda x: (x.log1p, x.log1p),
    "abs_inverse": lambda x: (np.abs(x.inverse),),
    "squared_inverse": lambda x: (x.inverse, x.inverse),
}
"""What is summed over pixels: one factor, or the product of two. A metric names its terms."""


def sum_terms(names: Sequence[str], prediction: Array, truth: Array) -> NDArray[np.float64]:
    """Return (1 + terms,) float64 for vectors (n,) of positive metres: n, then each sum."""
    total = np.zeros(1 + len(names))
    for start in range(0, prediction.size, CHUNK):
        pixels = _pixels(prediction, truth, slice(start, start + CHUNK))
        total += [pixels.p.size, *(_sum(TERMS[name](pixels)) for name in names)]
    return total


def sum_terms_by_group(
    names: Sequence[str], prediction: Array, truth: Array, groupings: Groupings
) -> list[NDArray[np.float64]]:
    """Return (groups, 1 + terms) for each grouping: `sum_terms` of the pixels of each group.

    Neighbours are mostly in one group: runs of pixels are added up first, once for all.
    """
    columns = 1 + len(names)
    totals = [np.zeros((count, columns)) for _, count in groupings]
    for start in range(0, prediction.size, CHUNK):
        part = slice(start, start + CHUNK)
        pixels = _pixels(prediction, truth, part)
        first = _first_of_runs([ids[part] for ids, _ in groupings])
        terms = [_product(TERMS[name](pixels)) for name in names]
        sums = [np.add.reduceat(term, first, dtype=np.float64) for term in terms]
        runs = np.stack([np.diff(first, append=pixels.p.size), *sums], axis=1)
        for total, (ids, _) in zip(totals, groupings, strict=True):
            cells = ids[part][first].astype(np.intp)[:, None] * columns + np.arange(columns)
            added = np.bincount(cells.ravel(), runs.ravel(), minlength=total.size)
            total[:] += added.reshape(total.shape)
    return totals


def _pixels(prediction: Array, truth: Array, part: slice) -> Pixels:
    return Pixels(prediction[part].astype(np.float64), truth[part].astype(np.float64))


def _sum(factors: tuple[Array, ...]) -> float:
    first = factors[0]
    if len(factors) == 2:
        # Not `@`: BLAS starts threads for so many numbers, which costs far more than it saves.
        return float(np.einsum("i,i", *factors))
    return float(np.count_nonzero(first) if first.dtype == bool else first.sum())


def _product(factors: tuple[Array, ...]) -> Array:
    return factors[0] if len(factors) == 1 else np.asarray(factors[0] * factors[1])


def _first_of_runs(groupings: Sequence[NDArray[np.integer]]) -> NDArray[np.intp]:
    """Return where pixels begin that are in the same group of every grouping, at least [0]."""
    change = np.zeros(groupings[0].size, dtype=bool)
    change[0] = True
    for ids in groupings:
        change[1:] |= ids[1:] != ids[:-1]
    return np.flatnonzero(change)
