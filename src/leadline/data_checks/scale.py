"""In which unit are the depth files, and do they hold depth at all? Measured, guessed, checked.

The strongest evidence is the camera's height. Somebody holding a camera, a robot and a car all
carry it 0.7 to 1.7 m above the ground, and where a floor or a road is seen, the lowest points of
the depth map lie that far below the camera. In a wrong unit they lie centimetres or many metres
below it. (Labelled NYU: 1.0 m, its logarithm spreads by 0.22; KITTI: 1.25 m.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.alignment import Alignment, t_statistic
from leadline.data_checks.findings import Finding, error, note, warning
from leadline.data_checks.pairs import Listing
from leadline.data_checks.values import DepthStatistics, MeasuredPair
from leadline.datasets.open import get_layout
from leadline.depth.unit_guess import Storage, UnitScores, score_units, storage_of
from leadline.depth.units import KNOWN_UNITS, describe_units
from leadline.errors import plural

CLEAR_LEAD = 2.0
"""By how much the best unit must lead the second to be called likely."""
CONTRADICTING_LEAD = 3.0
"""By how much the best unit must lead a declared one to contradict it."""

SHIFTED_METRE = 1 / 8000
"""One unit of millimetres shifted by three bits, in metres."""

# How usual a unit is where nothing else decides.
_PRIORS: dict[tuple[Storage, float], float] = {
    ("u2", 1000.0): 1.0,
    ("u2", 5000.0): -0.5,
    ("u2", 4000.0): -1.0,
    ("u2", 10000.0): -1.0,
    ("u2", 8000.0): -1.5,
    ("f", 1.0): 2.0,
    ("f", 100.0): -0.5,
}
_USUAL_CAMERA_HEIGHT = 1.15
_FULL_SCALES = (255.0, 65535.0, 1.0)
_MIN_MAPS_FOR_FULL_SCALE = 4
_NARROW_RANGE = 1.15
"""Of the 99th and the 1st percentile of all maps: 10 in labelled NYU (60 maps)."""
_MIN_MAPS_FOR_GROUPS = 6
_MIN_MAPS_FOR_DISPARITY = 4
_MIN_MAPS_FOR_RAYS = 6
_RAY_T_STATISTIC, _RAY_SHARE = 4.0, 0.65
"""Of 62 maps of labelled NYU 11 % look like rays (t = -6.5); made into rays, 76 % do (t = 5.4)."""
_RISING_ROW_SLOPE = 0.15  # labelled NYU has -0.5, and +0.5 as disparity; KITTI -0.9
_STEEP_ROW_SLOPE = 0.4


@dataclass(frozen=True)
class DepthRange:
    """The depth of a data set in file units, over all maps of its commonest type.

    `near`, `median` and `far` are the 1st, 50th and 99th percentile of the values below the top of
    their type; `largest` is the largest of these; `camera_height` the third quartile over the maps.
    `full_scale_share` of the maps end exactly at `full_scale`, the top of a type or 1.
    """

    storage: Storage
    near: float
    median: float
    far: float
    largest: float
    camera_height: float
    divisor: int
    valid_share: float
    top_share: float
    full_scale: float
    full_scale_share: float
    row_slope: float
    aspect: float
    maps: int


@dataclass(frozen=True)
class UnitGuess:
    """The likely units per metre, None where nothing points to one, and the evidence in words.

    `sure` is whether it leads every other candidate clearly. `relative`: every map is stretched to
    the full range of its type, so that no unit exists.
    """

    units: float | None
    sure: bool
    scores: UnitScores
    evidence: tuple[str, ...]
    relative: bool = False


@dataclass(frozen=True)
class Scale:
    """The unit of a data set: declared, by whom, and guessed from its `range`.

    `declared` is what the user or the data set says, else what all files say of themselves.
    `inverted` is whether the values look like disparity or inverse depth, `rotated` whether they
    are millimetres whose bits were rotated, which no unit undoes.
    """

    declared: float | None
    declared_by: str
    range: DepthRange | None
    guess: UnitGuess
    inverted: bool
    rotated: bool = False


def measure_scale(
    listing: Listing, pairs: Sequence[MeasuredPair], alignment: Alignment | None
) -> Scale:
    """Return the unit of pairs that could be read."""
    maps = [pair.depth for pair in pairs if pair.depth]
    declared, declared_by = listing.declared_units, listing.declared_by
    own = {each.units_per_metre for each in maps}
    if declared is None and len(own) == 1:
        declared = own.pop()
        declared_by = "" if declared is None else "the files' own metadata"
    depth_range = range_of(maps)
    guess = guess_unit(depth_range, declared, listing.other_units)
    inverted = _is_inverted(maps, depth_range, alignment)
    rotated = _are_rotated(maps, depth_range, declared)
    return Scale(declared, declared_by, depth_range, guess, inverted, rotated)


def _are_rotated(
    maps: Sequence[DepthStatistics], depth_range: DepthRange | None, declared: float | None
) -> bool:
    """Return whether all maps are rotated millimetres, which as such would be plausible.

    Below 8.192 m these are 8000 units per metre exactly: where that is declared, nothing is wrong.
    """
    if depth_range is None or not all(each.rotated for each in maps if each.sampled.size):
        return False
    if declared == 1 / SHIFTED_METRE and depth_range.divisor % 8 == 0:
        return False
    shifted = plausibility(depth_range, 1 / SHIFTED_METRE)
    return shifted > max(plausibility(depth_range, 1000.0), -CONTRADICTING_LEAD)


def range_of(maps: Sequence[DepthStatistics]) -> DepthRange | None:
    """Return the range over the maps of the commonest type, None where nothing is valid."""
    maps = [each for each in maps if each.sampled.size]
    if not maps:
        return None
    dtype = Counter(each.dtype for each in maps).most_common(1)[0][0]
    maps = [each for each in maps if each.dtype == dtype]
    storage = storage_of(dtype)
    top = {"u1": 255, "u2": 65535}.get(storage, math.inf)
    sampled = np.concatenate([each.sampled for each in maps])
    below = sampled[sampled < top]
    sampled = below if below.size else sampled
    heights = [each.camera_height for each in maps if math.isfinite(each.camera_height)]
    # Many pixels at 65535 are a sky; 8 bits have no number to spare for one.
    full = Counter(
        each.highest
        for each in maps
        if each.highest in _FULL_SCALES and (storage == "u1" or each.top_share < 0.01)
    )
    full_scale, count = full.most_common(1)[0] if full else (0.0, 0)
    near, median, far = (float(value) for value in np.percentile(sampled, (1, 50, 99)))
    return DepthRange(
        storage=storage,
        near=near,
        median=median,
        far=far,
        largest=max((m.highest for m in maps if m.highest < top), default=float(sampled.max())),
        camera_height=(
            float(np.percentile(heights, 75)) if len(heights) * 2 > len(maps) else math.nan
        ),
        divisor=int(np.gcd.reduce([each.divisor for each in maps])),
        valid_share=float(np.median([each.valid_share for each in maps])),
        top_share=float(np.median([each.top_share for each in maps])),
        full_scale=full_scale,
        full_scale_share=count / len(maps) if len(maps) >= _MIN_MAPS_FOR_FULL_SCALE else 0.0,
        row_slope=float(np.median([each.row_slope for each in maps])),
        aspect=float(np.median([each.size[0] / each.size[1] for each in maps])),
        maps=len(maps),
    )


def guess_unit(
    depth_range: DepthRange | None, declared: float | None = None, other: Iterable[float] = ()
) -> UnitGuess:
    """Return which unit makes the depths plausible.

    A `declared` one is scored beside the usual, and `other` ones, as usual as metres are.
    """
    if depth_range is None:
        return UnitGuess(None, False, UnitScores(()), ("no valid depth",))
    if depth_range.full_scale_share >= 0.9:
        share, full = depth_range.full_scale_share, depth_range.full_scale
        evidence = (
            f"{share:.0%} of the maps reach exactly {full:g}",
            "so each was stretched by itself",
        )
        return UnitGuess(None, False, UnitScores(()), evidence, True)
    conventions, others = list(_conventions(depth_range)), frozenset(other)

    def log_likelihood(units: float) -> float:
        metres = 1.0 if units in others else units
        prior = _PRIORS.get((depth_range.storage, metres), 0.0)
        bonus = sum(bonus for each, bonus, _ in conventions if each == units)
        return prior + plausibility(depth_range, units) + bonus

    also = [*([declared] if declared else []), *others]
    scores = score_units(depth_range.storage, log_likelihood, also)
    best = scores.best
    plausible = plausibility(depth_range, best) > -CONTRADICTING_LEAD
    bonuses = [words for units, _, words in conventions if units == best]
    return UnitGuess(
        best,
        scores.lead >= CLEAR_LEAD and plausible,
        scores,
        (*bonuses, *_in_metres(depth_range, best)),
    )


def plausibility(depth_range: DepthRange, units: float) -> float:
    """Return 0 where the depths in this unit look like photographs', down to about -10."""
    total = 0.0
    if math.isfinite(depth_range.camera_height):
        off = math.log(depth_range.camera_height / units / _USUAL_CAMERA_HEIGHT)
        # Too low is ordinary, the floor may be out of sight; too high is not.
        total -= min(6.0, (off / 0.35) ** 2 / 2) if off > 0 else min(2.0, (off / 0.6) ** 2 / 2)
    near, median, far = (
        value / units for value in (depth_range.near, depth_range.median, depth_range.far)
    )
    outside = (0.05 / near, 1.0 / median, median / 40, far / 150)
    return total - sum(min(3.0, 2.1 * math.log(excess)) for excess in outside if excess > 1)


def _conventions(depth: DepthRange) -> Iterator[tuple[float, float, str]]:
    """Yield (units, bonus, words) for every published convention that the values show."""
    whole = depth.storage == "u2"
    if whole and depth.divisor % 5 == 0 and 0 < depth.divisor < 100:
        yield 5000.0, 3.0, f"every value is a multiple of {depth.divisor}, as in TUM RGB-D"
    if whole and 9_500 <= depth.largest <= 10_050:
        yield 1000.0, 1.5, f"nothing beyond {depth.largest:g}: 10 m is the end of Kinect depth"
    if whole and 75 <= depth.largest / 256 <= 90:
        yield 256.0, 1.5, f"the largest is {depth.largest:g}, 75 to 90 m as in KITTI"
    if whole and depth.valid_share < 0.35 and depth.aspect > 2:
        yield 256.0, 2.0, f"{depth.valid_share:.0%} valid on wide pictures: LiDAR, as in KITTI"
    if whole and depth.top_share > 0.01:
        yield 100.0, 1.5, f"{depth.top_share:.0%} of a map at 65535: the sky of Virtual KITTI"


def _in_metres(depth: DepthRange, units: float) -> Iterator[str]:
    near, median, far = (value / units for value in (depth.near, depth.median, depth.far))
    yield f"{near:.2g} to {far:.3g} m, median {median:.2g} m"
    if math.isfinite(depth.camera_height):
        yield f"the lowest points lie {depth.camera_height / units:.2g} m below the camera"


def _is_inverted(
    maps: Sequence[DepthStatistics], depth_range: DepthRange | None, alignment: Alignment | None
) -> bool:
    """Return whether values grow towards the bottom and are themselves affine on planes."""
    if depth_range is None or depth_range.maps < _MIN_MAPS_FOR_DISPARITY:
        return False
    if depth_range.row_slope < _RISING_ROW_SLOPE:
        return False
    if alignment is not None and (
        alignment.mostly_turned("upside down") or alignment.mostly_turned("rotated by 180 degrees")
    ):
        return False
    rising = sum(each.row_slope > 0 for each in maps)
    planes = [each.planarity for each in maps if math.isfinite(each.planarity)]
    if len(planes) < _MIN_MAPS_FOR_DISPARITY:
        return depth_range.row_slope > _STEEP_ROW_SLOPE
    return rising > 0.7 * len(maps) and sum(each < 0 for each in planes) > 0.6 * len(planes)


def two_groups(maps: Sequence[DepthStatistics]) -> tuple[float, NDArray[np.bool_]] | None:
    """Return the factor between two groups of maps, and who is in the smaller, if there are two.

    A camera's height above the floor hardly varies within a data set, whatever the rooms; where
    the heights fall into two groups far apart, so do the units.
    """
    if len(maps) < _MIN_MAPS_FOR_GROUPS:
        return None
    heights = np.array([each.camera_height for each in maps])
    if np.isfinite(heights).mean() <= 0.8:
        heights = np.array(
            [float(np.median(m.sampled)) if m.sampled.size else math.nan for m in maps]
        )
    usable = np.isfinite(heights) & (heights > 0)
    if usable.sum() < _MIN_MAPS_FOR_GROUPS:
        return None
    logs = np.log(heights[usable])
    order = np.sort(logs)
    cut = _best_cut(order)
    low, high = order[:cut], order[cut:]
    within = math.sqrt((low.var() * len(low) + high.var() * len(high)) / len(order))
    distance = float(high.mean() - low.mean())
    if min(len(low), len(high)) < max(2, 0.02 * len(order)):
        return None
    if distance < math.log(2.2) or distance < 4 * max(within, 0.15):
        return None
    smaller = np.zeros(len(maps), bool)
    in_low = logs < (low[-1] + high[0]) / 2
    smaller[usable] = in_low if len(low) <= len(high) else ~in_low
    return math.exp(distance), smaller


def _best_cut(order: NDArray[np.float64]) -> int:
    """Return where cutting the sorted values leaves the least variance on both sides."""
    cuts = range(1, len(order))
    costs = [order[:cut].var() * cut + order[cut:].var() * (len(order) - cut) for cut in cuts]
    return 1 + int(np.argmin(costs))


def check_scale(listing: Listing, pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Check the unit of pairs that could be read: declared, plausible, one for all, of depth."""
    yield from _relative_depth(pairs, scale)
    yield from _inverted_depth(pairs, scale)
    if scale.rotated:
        yield from _rotated_bits(pairs, scale)
        return
    yield from _narrow_range(pairs, scale)
    if not (scale.inverted or scale.guess.relative):
        yield from _ray_distance(pairs)
        yield from _no_ray_distance(pairs)
    yield from _undeclared_scale(listing, pairs, scale)
    yield from _contradicted_scale(listing, pairs, scale)
    yield from _mixed_scales(pairs, scale)


def _relative_depth(pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Report maps that were stretched to the full range one by one."""
    if scale.guess.relative:
        yield error(
            "relative-depth",
            f"{scale.guess.evidence[0]}: each was stretched by itself, there are no metres",
            "export metric depth: 16-bit millimetres, or floating-point metres",
            [pair.id for pair in pairs],
        )


def _inverted_depth(pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Report disparity or inverse depth."""
    if scale.inverted:
        rising = [pair.id for pair in pairs if pair.depth and pair.depth.row_slope > 0]
        yield error(
            "inverted-depth",
            f"values grow towards the bottom in {len(rising)} of {len(pairs)} maps, where near "
            "things are, and floors and walls are planes of them: disparity or inverse depth",
            "convert it: depth = focal * baseline / disparity",
            rising,
        )


def _narrow_range(pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Report numbers that lie much closer together than the distances of any scenes do.

    A renderer's z-buffer with its near plane at 0.1 m makes .9 of 1 m and .98 of 5 m.
    """
    depth = scale.range
    if depth is None or depth.maps < _MIN_MAPS_FOR_FULL_SCALE or depth.near == depth.far:
        return
    if depth.far < _NARROW_RANGE * depth.near:
        yield warning(
            "narrow-range",
            f"98 % of all values lie between {depth.near:.4g} and {depth.far:.4g}, which are "
            f"{depth.far / depth.near - 1:.0%} apart: a renderer's z-buffer, or a sensor's raw "
            "numbers, rather than distances?",
            "make metres of them, as the renderer's or the sensor's documentation says",
            [pair.id for pair in pairs if pair.depth],
        )


def _ray_distance(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report distances along the rays, with which floors and walls are curved as planar depth."""
    where, known = _flatter([(p.id, p.depth.ray_likeness) for p in pairs if p.depth])
    if where:
        yield warning(
            "ray-distance",
            f"floors and walls are curved in {len(where)} of {known} depth maps, and flat if "
            "the values are lengths of rays: distance from the camera in place of planar depth?",
            "where the data's documentation says so, write depth_kind: ray and the camera into "
            "dataset.yaml",
            where,
        )


def _no_ray_distance(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report planar depth that is declared to be lengths of rays, by which planes become curved."""
    where, known = _flatter([(p.id, p.depth.unturned) for p in pairs if p.depth])
    if where:
        yield warning(
            "no-ray-distance",
            f"floors and walls are flat in {len(where)} of {known} depth maps as stored, and "
            "curved by depth_kind: ray: planar depth already?",
            "remove depth_kind: ray, or correct the camera in dataset.yaml",
            where,
        )


def _flatter(measured: Sequence[tuple[str, float]]) -> tuple[list[str], int]:
    """Return the maps, by name, whose planes are flatter another way, and how many have planes.

    None of them where these are not most, or not clearly so.
    """
    known = [each for each in measured if math.isfinite(each[1])]
    values = np.array([value for _, value in known])
    if len(values) < _MIN_MAPS_FOR_RAYS or t_statistic(values) < _RAY_T_STATISTIC:
        return [], len(known)
    where = [name for name, value in known if value > 0]
    return (where if len(where) >= _RAY_SHARE * len(known) else []), len(known)


def _rotated_bits(pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Report millimetres whose bits were rotated, as SUN RGB-D stores them."""
    where = [pair.id for pair in pairs if pair.depth and pair.depth.rotated]
    drop = " in place of depth_scale" if scale.declared else ""
    yield error(
        "rotated-bits",
        f"{plural(len(where), 'depth map')} whose low three bits are always 0 (beyond 8.192 m: 1): "
        "millimetres rotated by three bits, as in SUN RGB-D, of which no scale makes metres",
        f"write depth_encoding: rotated into dataset.yaml{drop}",
        where,
    )


def _undeclared_scale(
    listing: Listing, pairs: Sequence[MeasuredPair], scale: Scale
) -> Iterator[Finding]:
    """Report whole numbers without a declared unit."""
    guess = scale.guess
    own = {pair.depth.units_per_metre for pair in pairs if pair.depth}
    whole = scale.range is not None and scale.range.storage != "f"
    if not whole or guess.relative or listing.declared_units or None not in own:
        return
    if guess.sure and guess.units:
        yield warning(
            "scale-undeclared",
            f"whole numbers of an undeclared unit; likely {unit_words(guess.units)}",
            "look the unit up where the data comes from; where that agrees, write depth_scale: "
            f"{guess.units:g} into dataset.yaml",
        )
    else:
        yield warning(
            "scale-unknown",
            f"whole numbers of an undeclared unit; {candidate_words(guess)}",
            "find out where the data comes from, and write its depth_scale into dataset.yaml",
        )


def _contradicted_scale(
    listing: Listing, pairs: Sequence[MeasuredPair], scale: Scale
) -> Iterator[Finding]:
    """Report a declared unit that the files contradict, or that makes the depths implausible."""
    contradicting = _contradicting_files(listing, pairs)
    if contradicting:
        yield error(
            "scale-contradiction",
            f"{listing.declared_by} declares {listing.declared_units:g} units per metre, "
            f"but the metadata of {plural(len(contradicting), 'file')} says otherwise",
            "drop the declaration, or correct it",
            contradicting,
        )
        return
    declared, guess, depth_range = scale.declared, scale.guess, scale.range
    own = guess.scores.of(declared) if declared else None
    if declared is None or own is None or guess.units is None or depth_range is None:
        return
    if scale.inverted:  # then no unit of depth means anything
        return
    gain = plausibility(depth_range, guess.units) - plausibility(depth_range, declared)
    if guess.scores.ranked[0][1] - own >= CONTRADICTING_LEAD and gain > 0:
        yield error(
            "scale-contradiction",
            f"{scale.declared_by}: {declared:g} units per metre gives "
            f"{_median_and_height(depth_range, declared)}; {guess.units:g} "
            f"({unit_words(guess.units)}) gives {_median_and_height(depth_range, guess.units)}",
            _scale_remedy(listing, guess.units),
        )


def _scale_remedy(listing: Listing, units: float) -> str:
    """Return where another unit is to be written: a layout may prescribe its own."""
    if units in listing.other_units:
        return f"give {listing.other_units[units]}, if that is what the data's documentation says"
    if listing.layout == "pairs":
        return f"write depth_scale: {units:g}, if that is what the data's documentation says"
    if get_layout(listing.layout).fixed_units is None:
        return f"give --depth-scale {units:g}, if that is what the data's documentation says"
    return (
        "these are not the files that were published; fetch them again, or read them with "
        f"--layout pairs --depth-scale {units:g}"
    )


def _contradicting_files(listing: Listing, pairs: Sequence[MeasuredPair]) -> list[str]:
    """Return the ids of the pairs whose depth file declares another unit than the data set."""
    declared = listing.declared_units
    if declared is None:
        return []
    own = [(pair.id, pair.depth.units_per_metre) for pair in pairs if pair.depth]
    return [
        name
        for name, units in own
        if units is not None and not math.isclose(units, declared, rel_tol=1e-6)
    ]


def _mixed_scales(pairs: Sequence[MeasuredPair], scale: Scale) -> Iterator[Finding]:
    """Report two groups of depth maps in units far apart."""
    maps = [pair.depth for pair in pairs if pair.depth]
    own = {each.units_per_metre for each in maps if each.units_per_metre is not None}
    if len(own) > 1:
        units = ", ".join(describe_units(each) for each in sorted(own))
        yield note("units-per-file", f"files declare different units: {units}", "nothing")
        return
    groups = None if scale.guess.relative else two_groups(maps)
    if groups is not None:
        factor, smaller = groups
        where = [pair.id for pair, chosen in zip(pairs, smaller, strict=True) if chosen]
        yield warning(
            "mixed-scales",
            f"{plural(len(where), 'depth map')} whose numbers differ from the others' by a factor "
            f"of {factor:.2g}: two units in one data set?",
            "bring all files to one unit",
            where,
        )


def unit_words(units_per_metre: float) -> str:
    """Return "millimetres" or "1/4000 metre"."""
    words = {unit.units_per_metre: unit.words for unit in KNOWN_UNITS}
    return words.get(units_per_metre, describe_units(units_per_metre))


def candidate_words(guess: UnitGuess) -> str:
    """Return the units between which the evidence does not decide."""
    if not guess.scores.ranked:
        return "nothing in the files points to one"
    *others, last = map(unit_words, guess.scores.close_to_best(CONTRADICTING_LEAD)[:3])
    return f"it could be {', '.join(others)} or {last}" if others else f"it could be {last}"


def _median_and_height(depth: DepthRange, units: float) -> str:
    text = f"median {depth.median / units:.2g} m"
    if math.isfinite(depth.camera_height):
        text += f" and the lowest points {depth.camera_height / units:.2g} m below the camera"
    return text
