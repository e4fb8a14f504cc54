"""Check that every depth map belongs to its photograph, by comparing edges.

The agreement of photograph i with depth map j is the product of their edge maps (`edges`). The
agreement by chance is measured with the depth maps of other samples, unchanged and turned, which
cannot belong to the photograph. The agreement of a sample is then expressed in standard deviations
of chance (a z-score). Filled Kinect depth reaches about 10, one LiDAR sweep about 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.edges import BORDER
from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.values import MeasuredPair
from leadline.errors import plural

Stack = NDArray[np.float16]
Scores = NDArray[np.float64]

TURNS: dict[str, Callable[[Stack], Stack]] = {
    "mirrored": lambda maps: maps[..., ::-1],
    "upside down": lambda maps: maps[..., ::-1, :],
    "rotated by 180 degrees": lambda maps: maps[..., ::-1, ::-1],
}
"""Possible turns of a depth map against its photograph; each is its own inverse."""
_CODES: dict[str, Code] = {
    "mirrored": "depth-mirrored",
    "upside down": "depth-upside-down",
    "rotated by 180 degrees": "depth-rotated",
}

LOW_AGREEMENT = 2.5
"""Below this z-score a depth map does not visibly belong to its photograph."""
HIGH_AGREEMENT = 5.0
"""From this z-score on it does: chance reaches it once in millions of samples."""
_CHANCE_AGREEMENT = 2.0  # 3 of 771 frames of labelled NYU are below: two moments, or a mirror
_UNRELATED_SHARE = 0.02

MIN_PAIRS = 3
_MIN_PAIRS_FOR_SHIFT = 6
_MIN_PAIRS_FOR_TRENDS = 8
_CHANCE_SAMPLES = 48  # depth maps for measuring the agreement by chance
_BLOCK = 256
_MAX_SUSPECTS = 1500
_MAX_SHIFT = 16  # grid pixels


@dataclass(frozen=True)
class Alignment:
    """Agreement of photographs and depth maps, in standard deviations of chance.

    `pairs` are the n compared pairs. `own` is (n,); `turned` has (n,) for each of `TURNS`.
    `partner` is the index of the depth map that fits photograph i far better than its own, -1 if
    there is none or its own fits, and `partner_score` its agreement. `shift` is (x, y) in grid
    pixels by which the depth maps are too far right and down, and `shift_gain` its significance (a
    t statistic over the pairs).
    """

    pairs: tuple[MeasuredPair, ...]
    own: Scores
    turned: dict[str, Scores]
    partner: NDArray[np.intp]
    partner_score: Scores
    shift: tuple[float, float]
    shift_gain: float

    def turned_pairs(self, turn: str) -> list[str]:
        """Return the ids of the pairs whose depth maps are turned in this way."""
        scores = self.turned[turn]
        best = np.maximum.reduce([*self.turned.values(), self.partner_score])
        clear = (self.own < LOW_AGREEMENT) & (scores >= HIGH_AGREEMENT) & (scores >= best)
        if self._all_turned(turn):
            clear = scores > self.own
        return [pair.id for pair, chosen in zip(self.pairs, clear, strict=True) if chosen]

    def _all_turned(self, turn: str) -> bool:
        """Return whether the whole set fits better turned, even if no single pair is clear."""
        scores = self.turned[turn]
        others = [float(np.mean(each)) for name, each in self.turned.items() if name != turn]
        return (
            len(self.own) >= _MIN_PAIRS_FOR_TRENDS
            and t_statistic(scores - self.own) >= HIGH_AGREEMENT
            and t_statistic(scores) >= HIGH_AGREEMENT
            and float(np.mean(scores)) > max(others)
        )

    def mostly_turned(self, turn: str) -> bool:
        """Return whether more than half of the depth maps are turned in this way."""
        return 2 * len(self.turned_pairs(turn)) > len(self.pairs)

    @property
    def pixel_shift(self) -> tuple[int, int] | None:
        """Pixels by which the depth is too far right and down, None if it is not shifted."""
        size, edges = self.pairs[0].image_size, self.pairs[0].image_edges
        if len(self.pairs) < _MIN_PAIRS_FOR_SHIFT or self.shift_gain < HIGH_AGREEMENT:
            return None
        if size is None or edges is None:
            return None
        pixels = size[0] / (edges.shape[1] + 2 * BORDER)
        return round(self.shift[0] * pixels), round(self.shift[1] * pixels)


def comparable_pairs(pairs: Sequence[MeasuredPair]) -> list[MeasuredPair]:
    """Return the pairs whose photograph and depth have the same size, and edges to compare."""
    return [
        pair
        for pair in pairs
        if pair.depth is not None
        and pair.image_size == pair.depth.size
        and pair.image_edges is not None
        and pair.depth_edges is not None
        and pair.image_edges.any()
        and pair.depth_edges.any()
    ]


def measure_alignment(pairs: Sequence[MeasuredPair]) -> Alignment | None:
    """Measure the agreement of depth and photographs; None for fewer than `MIN_PAIRS` pairs."""
    compared = comparable_pairs(pairs)
    if len(compared) < MIN_PAIRS:
        return None
    images = np.stack([pair.image_edges for pair in compared if pair.image_edges is not None])
    depths = np.stack([pair.depth_edges for pair in compared if pair.depth_edges is not None])
    return edge_agreement(compared, images, depths, np.random.default_rng(0))


def t_statistic(differences: Scores) -> float:
    """Return mean / standard error, 0 for fewer than two differences."""
    if len(differences) < 2:
        return 0.0
    deviation = float(np.std(differences, ddof=1))
    return float(np.mean(differences)) / max(deviation, 1e-9) * float(np.sqrt(len(differences)))


def edge_agreement(
    pairs: Sequence[MeasuredPair], images: Stack, depths: Stack, rng: np.random.Generator
) -> Alignment:
    """Return the agreement of edge maps (n,h,w) of photographs and depth maps, n >= 2.

    Partners are searched among pairs whose own agreement is below `LOW_AGREEMENT`.
    """
    count = len(images)
    mean, deviation = _chance(images, depths, rng)
    own = (_diagonal(images, depths) - mean) / deviation
    turned = {
        name: (_diagonal(images, turn(depths)) - mean) / deviation for name, turn in TURNS.items()
    }
    partner, partner_score = np.full(count, -1, np.intp), np.zeros(count)
    suspects = np.flatnonzero(own < LOW_AGREEMENT)[:_MAX_SUSPECTS]
    if len(suspects) > 1:
        scores = _product(images[suspects], depths[suspects])
        scores = (scores - mean[suspects, None]) / deviation[suspects, None]
        np.fill_diagonal(scores, -np.inf)
        partner[suspects] = suspects[scores.argmax(axis=1)]
        partner_score[suspects] = scores.max(axis=1)
    shift, gain = _shift(images, depths)
    return Alignment(tuple(pairs), own, turned, partner, partner_score, shift, gain)


def _chance(images: Stack, depths: Stack, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """Return mean and deviation of the agreement of each photograph with the maps of others."""
    count = len(images)
    chosen = np.sort(rng.permutation(count)[:_CHANCE_SAMPLES])
    others = depths[chosen]
    kinds = [others, *(turn(others) for turn in TURNS.values())]
    scores = np.stack([_product(images, kind) for kind in kinds], axis=1)
    itself = np.arange(count)[:, None] == chosen[None, :]
    scores[np.broadcast_to(itself[:, None, :], scores.shape)] = np.nan
    flat = scores.reshape(count, -1)
    # Percentiles, since one of the other maps may really belong to the photograph.
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
    """Return the common shift of the depth maps, and the significance of undoing it."""
    reach = min(_MAX_SHIFT, images.shape[1] // 4, images.shape[2] // 4)
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
    """Return the agreement for every shift of depth up to `reach`, (n,2*reach+1,2*reach+1)."""
    size = [length + 2 * reach for length in images.shape[1:]]
    of_images = np.fft.rfft2(images.astype(np.float32), size)
    of_depths = np.fft.rfft2(depths.astype(np.float32), size)
    surface = np.fft.irfft2(np.conj(of_images) * of_depths, size)
    shifts = np.arange(-reach, reach + 1)
    return np.asarray(surface[:, shifts[:, None], shifts[None, :]], np.float64)


def check_alignment(
    pairs: Sequence[MeasuredPair], alignment: Alignment | None
) -> Iterator[Finding]:
    """Check that every depth map belongs to its photograph and is not turned."""
    if alignment is not None:
        yield from _turned_depth(alignment)
        yield from _swapped_pairs(alignment)
        yield from _shifted_depth(alignment)
        yield from _unrelated_depth(alignment)
    elif pairs:
        yield note(
            "alignment-unknown",
            f"{plural(len(comparable_pairs(pairs)), 'pair')} with edges: too few to decide whether "
            f"depth and photograph belong together (at least {MIN_PAIRS})",
            "look at the contact sheet",
        )


def _turned_depth(alignment: Alignment) -> Iterator[Finding]:
    """Report depth maps that fit far better mirrored, upside down or rotated."""
    for turn, code in _CODES.items():
        where = alignment.turned_pairs(turn)
        if where:
            yield error(
                code,
                f"{plural(len(where), 'depth map')} of {len(alignment.pairs)} {turn}: the edges "
                "fit the photograph's only that way",
                "turn the depth maps, or the photographs, back",
                where,
            )


def _turned_in_any_way(alignment: Alignment) -> set[str]:
    return {name for turn in TURNS for name in alignment.turned_pairs(turn)}


def _swapped_pairs(alignment: Alignment) -> Iterator[Finding]:
    """Report depth maps that belong to another photograph."""
    turned = _turned_in_any_way(alignment)
    swapped = [
        (pair.id, alignment.pairs[partner].id)
        for pair, partner, score in zip(
            alignment.pairs, alignment.partner, alignment.partner_score, strict=True
        )
        if partner >= 0 and score >= HIGH_AGREEMENT and pair.id not in turned
    ]
    if swapped:
        first, other = swapped[0]
        yield error(
            "swapped-pairs",
            f"{plural(len(swapped), 'photograph')} with another's depth: {first} fits the depth of "
            f"{other}",
            "pair the files anew: names, sorting, or an offset by one",
            [name for name, _ in swapped],
        )


def _shifted_depth(alignment: Alignment) -> Iterator[Finding]:
    """Report depth that is shifted against the photograph by the same distance everywhere."""
    if alignment.pixel_shift is not None:
        x, y = alignment.pixel_shift
        yield error(
            "depth-shifted",
            f"depth lies about {abs(x)} pixels {'right' if x > 0 else 'left'} and {abs(y)} pixels "
            f"{'below' if y > 0 else 'above'} where the photographs show the edges",
            "register the depth to the colour camera, or crop both alike",
            [pair.id for pair in alignment.pairs],
        )


def _unrelated_depth(alignment: Alignment) -> Iterator[Finding]:
    """Report photographs and depth without common edges, unless another finding explains it."""
    if alignment.pixel_shift is not None:
        return
    explained = _turned_in_any_way(alignment)
    partners = zip(alignment.pairs, alignment.partner_score, strict=True)
    explained |= {pair.id for pair, score in partners if score >= HIGH_AGREEMENT}
    scores = {
        pair.id: score
        for pair, score in zip(alignment.pairs, alignment.own, strict=True)
        if pair.id not in explained
    }
    values = np.array(list(scores.values()))
    if len(values) >= _MIN_PAIRS_FOR_TRENDS and t_statistic(values) < 3:
        yield error(
            "unrelated-depth",
            f"the edges of photographs and depth maps agree no better than chance "
            f"({len(values)} pairs, mean {values.mean():.1f} standard deviations)",
            "look at the contact sheet: is this the depth of these photographs?",
            scores,
        )
    elif np.median(alignment.own) >= HIGH_AGREEMENT:
        unrelated = [name for name, score in scores.items() if score < _CHANCE_AGREEMENT]
        if unrelated:
            many = len(unrelated) > max(1, _UNRELATED_SHARE * len(scores))
            report = warning if many else note
            yield report(
                "unrelated-depth",
                f"{plural(len(unrelated), 'depth map')} of {len(scores)} whose edges are not the "
                "photograph's",
                "look at them on the contact sheet",
                unrelated,
            )
