"""Which unit are the depth files in? A guess, with the evidence that led to it.

The strongest evidence is the camera's height. Somebody holding a camera, a robot and a car all
carry it 0.7 to 1.7 m above the ground, and where a floor or a road is seen, the lowest points of
the depth map lie that far below the camera. In a wrong unit they lie centimetres or many metres
below it. (Labelled NYU: 1.0 m, its logarithm spreads by 0.22; KITTI: 1.25 m.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.measure import DepthFacts
from leadline.depth.units import KNOWN_UNITS, units_stored_as

UNIT_WORDS = {unit.units_per_metre: unit.words for unit in KNOWN_UNITS}
"""The units that occur in published data, in units per metre."""

# How usual a unit is where nothing else decides.
_PRIORS = {("u2", 1000.0): 1.0, ("u2", 5000.0): -0.5, ("f", 1.0): 2.0, ("f", 100.0): -0.5}
_CANDIDATES = {
    kind: {units: _PRIORS.get((kind, units), 0.0) for units in units_stored_as(kind)}
    for kind in ("u1", "u2", "f")
}
CLEAR = 2.0  # by how much the best unit must lead to be called likely
CONTRADICTION = 3.0  # by how much it must lead a declared unit for an alarm
_HEIGHT = 1.15
_FULL = (255.0, 65535.0, 1.0)


@dataclass(frozen=True)
class Ranges:
    """The depth of a data set in file units, over all maps that were looked into.

    `near`, `middle` and `far` are the 1st, 50th and 99th percentile of the values below the top of
    their type; `ceiling` is the largest of these; `drop` the third quartile of the maps' drops.
    `full_share` of the maps end exactly at `full`, the top of a type or 1.
    """

    kind: str
    near: float
    middle: float
    far: float
    ceiling: float
    drop: float
    step: int
    valid: float
    top: float
    full: float
    full_share: float
    row_slope: float
    aspect: float
    maps: int


@dataclass(frozen=True)
class ScaleGuess:
    """The likely units per metre, None where there is none to be had, and why.

    `sure` is whether it leads every other candidate clearly; `scores` are the candidates', in
    natural logarithms of likelihood, best first. `relative`: every map is stretched to the full
    range of its type, so that no unit exists.
    """

    units: float | None
    sure: bool
    scores: tuple[tuple[float, float], ...]
    evidence: tuple[str, ...]
    relative: bool = False

    def score(self, units: float) -> float | None:
        """Return the score of `units`, None where it is not a candidate."""
        return next((s for u, s in self.scores if math.isclose(u, units, rel_tol=0.03)), None)


def ranges_of(maps: Sequence[DepthFacts]) -> Ranges | None:
    """Return the ranges over the maps of the commonest type, None where nothing is valid."""
    known = [each for each in maps if each.pool.size]
    if not known:
        return None
    dtype = Counter(each.dtype for each in known).most_common(1)[0][0]
    known = [each for each in known if each.dtype == dtype]
    kind = _kind(dtype)
    top = {"u1": 255, "u2": 65535}.get(kind, math.inf)
    pool = np.concatenate([each.pool for each in known])
    below = pool[pool < top]
    pool = below if below.size else pool
    drops = [each.drop for each in known if math.isfinite(each.drop)]
    # Many pixels at 65535 are a sky; 8 bits have no number to spare for one.
    full = Counter(
        e.highest for e in known if e.highest in _FULL and (kind == "u1" or e.top < 0.01)
    )
    full_value, full_count = full.most_common(1)[0] if full else (0.0, 0)
    near, middle, far = (float(value) for value in np.percentile(pool, (1, 50, 99)))
    return Ranges(
        kind=kind,
        near=near,
        middle=middle,
        far=far,
        ceiling=max((e.highest for e in known if e.highest < top), default=float(pool.max())),
        drop=float(np.percentile(drops, 75)) if len(drops) * 2 > len(known) else math.nan,
        step=int(np.gcd.reduce([each.step for each in known])),
        valid=float(np.median([each.valid for each in known])),
        top=float(np.median([each.top for each in known])),
        full=full_value,
        full_share=full_count / len(known) if len(known) >= 4 else 0.0,
        row_slope=float(np.median([each.row_slope for each in known])),
        aspect=float(np.median([each.size[0] / each.size[1] for each in known])),
        maps=len(known),
    )


def guess_scale(ranges: Ranges | None, declared: float | None = None) -> ScaleGuess:
    """Return which unit makes the depths plausible; a `declared` one is scored beside the usual."""
    if ranges is None:
        return ScaleGuess(None, False, (), ("no valid depth",))
    if ranges.full_share >= 0.9:
        words = f"{ranges.full_share:.0%} of the maps reach exactly {ranges.full:g}"
        return ScaleGuess(None, False, (), (words, "so each was stretched by itself"), True)
    candidates = dict(_CANDIDATES[ranges.kind])
    if declared is not None:
        candidates.setdefault(declared, 0.0)
    bonuses = list(_conventions(ranges))
    scores = {
        units: prior + plausibility(ranges, units) + sum(b for u, b, _ in bonuses if u == units)
        for units, prior in candidates.items()
    }
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    best, score = ranked[0]
    lead = score - ranked[1][1] if len(ranked) > 1 else 0.0
    sure = lead >= CLEAR and plausibility(ranges, best) > -CONTRADICTION
    said = [words for units, _, words in bonuses if units == best]
    return ScaleGuess(best, sure, tuple(ranked), (*said, *_in_metres(ranges, best)))


def plausibility(ranges: Ranges, units: float) -> float:
    """Return 0 where the depths in this unit look like photographs', down to about -10."""
    total = 0.0
    if math.isfinite(ranges.drop):
        off = math.log(ranges.drop / units / _HEIGHT)
        # Too low is ordinary, the floor may be out of sight; too high is not.
        total -= min(6.0, (off / 0.35) ** 2 / 2) if off > 0 else min(2.0, (off / 0.6) ** 2 / 2)
    near, middle, far = (value / units for value in (ranges.near, ranges.middle, ranges.far))
    outside = (0.05 / near, 1.0 / middle, middle / 40, far / 150)
    return total - sum(min(3.0, 2.1 * math.log(excess)) for excess in outside if excess > 1)


def _conventions(ranges: Ranges) -> Iterator[tuple[float, float, str]]:
    """Yield (units, bonus, words) for every published convention that the values show."""
    whole = ranges.kind == "u2"
    if whole and ranges.step % 5 == 0 and 0 < ranges.step < 100:
        yield 5000.0, 3.0, f"every value is a multiple of {ranges.step}, as in TUM RGB-D"
    if whole and 9_500 <= ranges.ceiling <= 10_050:
        yield 1000.0, 1.5, f"nothing beyond {ranges.ceiling:g}: 10 m is the end of Kinect depth"
    if whole and 75 <= ranges.ceiling / 256 <= 90:
        yield 256.0, 1.5, f"the largest is {ranges.ceiling:g}, 75 to 90 m as in KITTI"
    if whole and ranges.valid < 0.35 and ranges.aspect > 2:
        yield 256.0, 2.0, f"{ranges.valid:.0%} valid on wide pictures: LiDAR, as in KITTI"
    if whole and ranges.top > 0.01:
        yield 100.0, 1.5, f"{ranges.top:.0%} of a map at 65535: the sky of Virtual KITTI"


def _in_metres(ranges: Ranges, units: float) -> Iterator[str]:
    near, middle, far = (value / units for value in (ranges.near, ranges.middle, ranges.far))
    yield f"{near:.2g} to {far:.3g} m, median {middle:.2g} m"
    if math.isfinite(ranges.drop):
        yield f"the lowest points lie {ranges.drop / units:.2g} m below the camera"


def two_groups(maps: Sequence[DepthFacts]) -> tuple[float, NDArray[np.bool_]] | None:
    """Return the factor between two groups of maps, and who is in the smaller, if there are two.

    A camera's height above the floor hardly varies within a data set, whatever the rooms; where
    the floors fall into two groups far apart, so do the units.
    """
    if len(maps) < 6:
        return None
    drops = np.array([each.drop for each in maps])
    values = drops if np.isfinite(drops).mean() > 0.8 else np.array([_median(m) for m in maps])
    usable = np.isfinite(values) & (values > 0)
    if usable.sum() < 6:
        return None
    logs = np.log(values[usable])
    order = np.sort(logs)
    cut = _best_cut(order)
    low, high = order[:cut], order[cut:]
    within = math.sqrt((low.var() * len(low) + high.var() * len(high)) / len(order))
    distance = float(high.mean() - low.mean())
    if min(len(low), len(high)) < max(2, 0.02 * len(order)):
        return None
    if distance < math.log(2.2) or distance < 4 * max(within, 0.15):
        return None
    smaller = np.zeros(len(values), bool)
    in_low = logs < (low[-1] + high[0]) / 2
    smaller[usable] = in_low if len(low) <= len(high) else ~in_low
    return math.exp(distance), smaller


def _best_cut(order: NDArray[np.float64]) -> int:
    """Return where cutting the sorted values leaves the least variance on both sides."""
    cuts = range(1, len(order))
    costs = [order[:cut].var() * cut + order[cut:].var() * (len(order) - cut) for cut in cuts]
    return 1 + int(np.argmin(costs))


def _median(facts: DepthFacts) -> float:
    return float(np.median(facts.pool)) if facts.pool.size else math.nan


def _kind(dtype: str) -> str:
    return "u1" if dtype in ("uint8", "int8") else "f" if dtype.startswith("float") else "u2"
