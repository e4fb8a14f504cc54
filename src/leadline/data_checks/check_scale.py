"""Checks of the unit: declared, plausible, one for all, and depth rather than disparity."""

from __future__ import annotations

import math
from collections.abc import Iterator

from leadline.data_checks.check_alignment import mostly
from leadline.data_checks.facts import Facts
from leadline.data_checks.findings import Finding, error, note, warning
from leadline.data_checks.scale import (
    CONTRADICTION,
    UNIT_WORDS,
    ScaleGuess,
    plausibility,
    two_groups,
)
from leadline.depth.units import describe_units
from leadline.errors import plural

_FEWEST_TO_INVERT = 4
_RISING_STEEPLY = 0.4
_RISING = 0.15  # labelled NYU has -0.5, and +0.5 as disparity; KITTI -0.9


def relative_depth(facts: Facts) -> Iterator[Finding]:
    """Report maps that were stretched to the full range one by one."""
    if facts.scale.relative:
        yield error(
            "relative-depth",
            f"{facts.scale.evidence[0]}: each was stretched by itself, there are no metres",
            "export metric depth: 16-bit millimetres, or floating-point metres",
            [pair.id for pair in facts.readable],
        )


def inverted_depth(facts: Facts) -> Iterator[Finding]:
    """Report values that grow towards the bottom, and are themselves affine on planes."""
    rising = [pair for pair in facts.readable if pair.depth and pair.depth.row_slope > 0]
    if _is_inverted(facts):
        yield error(
            "inverted-depth",
            f"values grow towards the bottom in {len(rising)} of {len(facts.readable)} maps, where "
            "near things are, and floors and walls are planes of them: disparity or inverse depth",
            "convert it: depth = focal * baseline / disparity",
            [pair.id for pair in rising],
        )


def scale_undeclared(facts: Facts) -> Iterator[Finding]:
    """Report whole numbers whose unit nobody declares."""
    said = {depth.units_per_metre for depth in facts.depths}
    whole = facts.ranges is not None and facts.ranges.kind != "f"
    if not whole or facts.scale.relative or facts.listing.declared_units or None not in said:
        return
    guess = facts.scale
    if guess.sure and guess.units:
        yield warning(
            "scale-undeclared",
            f"whole numbers, and nobody declares their unit; likely {words(guess.units)}",
            f"write depth_scale: {guess.units:g} into dataset.yaml",
        )
    else:
        yield warning(
            "scale-unknown",
            f"whole numbers, nobody declares their unit, and {candidates(guess)}",
            "find out where the data comes from, and write its depth_scale into dataset.yaml",
        )


def scale_contradiction(facts: Facts) -> Iterator[Finding]:
    """Report a declared unit that the files contradict, or that makes the depths implausible."""
    declared, guess, ranges = facts.units, facts.scale, facts.ranges
    clash = [
        pair.id
        for pair in facts.readable
        if pair.depth
        and pair.depth.units_per_metre is not None
        and facts.listing.declared_units is not None
        and not math.isclose(pair.depth.units_per_metre, facts.listing.declared_units, rel_tol=1e-6)
    ]
    if clash:
        yield error(
            "scale-contradiction",
            f"{facts.listing.declared_by} declares {facts.listing.declared_units:g} units per "
            f"metre, but {plural(len(clash), 'file')} say otherwise of themselves",
            "drop the declaration, or correct it",
            clash,
        )
        return
    own = guess.score(declared) if declared else None
    if declared is None or own is None or guess.units is None or ranges is None:
        return
    if _is_inverted(facts):  # then no unit of depth means anything
        return
    lead = guess.scores[0][1] - own
    if lead >= CONTRADICTION and plausibility(ranges, guess.units) > plausibility(ranges, declared):
        by = facts.listing.declared_by or "the files' own metadata"
        yield error(
            "scale-contradiction",
            f"{by} declares {declared:g} units per metre, {_as_read(facts, declared)}; "
            f"{guess.units:g} ({words(guess.units)}) gives {_as_read(facts, guess.units)}",
            f"write depth_scale: {guess.units:g}, if that is what the data's documentation says",
        )


def mixed_scales(facts: Facts) -> Iterator[Finding]:
    """Report two groups of depth maps in units far apart."""
    said = {d.units_per_metre for d in facts.depths if d.units_per_metre is not None}
    if len(said) > 1:
        units = ", ".join(describe_units(each) for each in sorted(said))
        yield note("units-per-file", f"files declare different units: {units}", "nothing")
        return
    groups = None if facts.scale.relative else two_groups(facts.depths)
    if groups is not None:
        factor, smaller = groups
        where = [p.id for p, chosen in zip(facts.readable, smaller, strict=True) if chosen]
        yield warning(
            "mixed-scales",
            f"{plural(len(where), 'depth map')} whose numbers differ from the others' by a factor "
            f"of {factor:.2g}: two units in one data set?",
            "bring all files to one unit",
            where,
        )


def _is_inverted(facts: Facts) -> bool:
    ranges = facts.ranges
    if ranges is None or ranges.maps < _FEWEST_TO_INVERT or ranges.row_slope < _RISING:
        return False
    if mostly(facts, "upside down") or mostly(facts, "rotated by 180 degrees"):
        return False
    rising = sum(depth.row_slope > 0 for depth in facts.depths)
    planes = [depth.planarity for depth in facts.depths if math.isfinite(depth.planarity)]
    if len(planes) < _FEWEST_TO_INVERT:
        return ranges.row_slope > _RISING_STEEPLY
    return rising > 0.7 * len(facts.depths) and sum(p < 0 for p in planes) > 0.6 * len(planes)


def words(units: float) -> str:
    """Return "millimetres" or "1/4000 metre"."""
    return UNIT_WORDS.get(units, describe_units(units))


def candidates(guess: ScaleGuess) -> str:
    """Return what the candidates are where none leads clearly."""
    if not guess.scores:
        return "there is no telling"
    close = [u for u, score in guess.scores if guess.scores[0][1] - score < CONTRADICTION]
    return "cannot tell " + " from ".join(words(units) for units in close[:3])


def _as_read(facts: Facts, units: float) -> str:
    ranges = facts.ranges
    if ranges is None:
        return "nothing"
    text = f"median {ranges.middle / units:.2g} m"
    if math.isfinite(ranges.drop):
        text += f" and the lowest points {ranges.drop / units:.2g} m below the camera"
    return text
