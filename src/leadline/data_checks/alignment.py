"""Does every depth map lie on its own photograph? Edges against edges, with chance measured.

The agreement of photograph i with depth map j is the product of their edge maps (`grid`). What
chance gives is measured with the depth maps of other samples, plain and turned, which cannot
belong to the photograph; the agreement of a sample is then counted in standard deviations of
chance (a z-score). Filled Kinect depth reaches about 10, one LiDAR sweep about 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.float16]
Scores = NDArray[np.float64]

TURNS: dict[str, Callable[[Stack], Stack]] = {
    "mirrored": lambda maps: maps[..., ::-1],
    "upside down": lambda maps: maps[..., ::-1, :],
    "rotated by 180 degrees": lambda maps: maps[..., ::-1, ::-1],
}
"""What a depth map may have suffered, each its own inverse."""

_OTHERS = 48  # samples whose depth maps measure chance
_BLOCK = 256
_MOST_SUSPECTS = 1500
_FARTHEST = 16  # grid pixels of shift that are looked for


@dataclass(frozen=True)
class Alignment:
    """Agreement of photographs and depth maps, in standard deviations of chance.

    `own` is (n,); `turned` has (n,) for each of `TURNS`. `partner` is the index of the depth map
    that fits photograph i far better than its own, -1 where none does or its own fits, and
    `partner_score` its agreement. `shift` is (x, y) in grid pixels by which the depth maps lie too
    far right and down, and `shift_gain` how sure that is (a t statistic over the samples).
    """

    own: Scores
    turned: dict[str, Scores]
    partner: NDArray[np.intp]
    partner_score: Scores
    shift: tuple[float, float]
    shift_gain: float

    def mean_gain(self, turn: str) -> float:
        """Return how surely the turned maps fit better than they do as they are (t statistic)."""
        return t_statistic(self.turned[turn] - self.own)


def t_statistic(differences: Scores) -> float:
    """Return mean / standard error, 0 for fewer than two differences."""
    if len(differences) < 2:
        return 0.0
    deviation = float(np.std(differences, ddof=1))
    return float(np.mean(differences)) / max(deviation, 1e-9) * float(np.sqrt(len(differences)))


def align(
    images: Stack, depths: Stack, suspect_below: float, rng: np.random.Generator
) -> Alignment:
    """Return the agreement of edge maps (n,h,w) of photographs and depth maps, n >= 2.

    Partners are looked for among samples whose own agreement is below `suspect_below`.
    """
    count = len(images)
    mean, deviation = _chance(images, depths, rng)
    own = (_diagonal(images, depths) - mean) / deviation
    turned = {
        name: (_diagonal(images, turn(depths)) - mean) / deviation for name, turn in TURNS.items()
    }
    partner, partner_score = np.full(count, -1, np.intp), np.zeros(count)
    suspects = np.flatnonzero(own < suspect_below)[:_MOST_SUSPECTS]
    if len(suspects) > 1:
        scores = _product(images[suspects], depths[suspects])
        scores = (scores - mean[suspects, None]) / deviation[suspects, None]
        np.fill_diagonal(scores, -np.inf)
        partner[suspects] = suspects[scores.argmax(axis=1)]
        partner_score[suspects] = scores.max(axis=1)
    shift, gain = _shift(images, depths)
    return Alignment(own, turned, partner, partner_score, shift, gain)


def _chance(images: Stack, depths: Stack, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """Return mean and deviation of the agreement of each photograph with maps not its own."""
    count = len(images)
    chosen = np.sort(rng.permutation(count)[:_OTHERS])
    others = depths[chosen]
    kinds = [others, *(turn(others) for turn in TURNS.values())]
    scores = np.stack([_product(images, kind) for kind in kinds], axis=1)
    itself = np.arange(count)[:, None] == chosen[None, :]
    scores[np.broadcast_to(itself[:, None, :], scores.shape)] = np.nan
    flat = scores.reshape(count, -1)
    # Percentiles: among few others, one that truly belongs to the photograph must not count.
    low, middle, high = np.nanpercentile(flat, (16, 50, 84), axis=1)
    spread = (high - low) / 2
    return middle, np.maximum(0.5 * (spread + np.median(spread)), 1e-3)


def _diagonal(images: Stack, depths: Stack) -> Scores:
    return np.asarray(np.einsum("nhw,nhw->n", images, depths, dtype=np.float64))


def _product(images: Stack, depths: Stack) -> Scores:
    """Return the (n,m) agreements of n photographs with m depth maps."""
    flat = depths.reshape(len(depths), -1).astype(np.float32).T
    blocks = [
        images[start : start + _BLOCK].reshape(-1, flat.shape[0]).astype(np.float32) @ flat
        for start in range(0, len(images), _BLOCK)
    ]
    return np.concatenate(blocks).astype(np.float64)


def _shift(images: Stack, depths: Stack) -> tuple[tuple[float, float], float]:
    """Return the common shift of the depth maps and how surely undoing it helps."""
    reach = min(_FARTHEST, images.shape[1] // 4, images.shape[2] // 4)
    surfaces = np.concatenate(
        [
            _correlate(images[start : start + 32], depths[start : start + 32], reach)
            for start in range(0, len(images), 32)
        ]
    )
    total = surfaces.sum(axis=0)
    row, column = np.unravel_index(int(total.argmax()), total.shape)
    gain = t_statistic(surfaces[:, row, column] - surfaces[:, reach, reach])
    return (float(column - reach), float(row - reach)), gain


def _correlate(images: Stack, depths: Stack, reach: int) -> Scores:
    """Return the agreement at every shift of the depth within `reach`, (n,2*reach+1,2*reach+1)."""
    size = [length + 2 * reach for length in images.shape[1:]]
    of_images = np.fft.rfft2(images.astype(np.float32), size)
    of_depths = np.fft.rfft2(depths.astype(np.float32), size)
    surface = np.fft.irfft2(np.conj(of_images) * of_depths, size)
    shifts = np.arange(-reach, reach + 1)
    return np.asarray(surface[:, shifts[:, None], shifts[None, :]], np.float64)
