"""Checks of the numbers in the depth maps, the photographs and the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from leadline.data_checks.facts import Facts
from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.measure import DepthFacts, PairFacts
from leadline.errors import plural

_FEW_VALID = 0.35
_SATURATED = 0.005


def _where(facts: Facts, test: Callable[[DepthFacts], bool]) -> list[str]:
    return [pair.id for pair in facts.readable if pair.depth and test(pair.depth)]


def no_valid_depth(facts: Facts) -> Iterator[Finding]:
    """Report depth maps without one valid pixel."""
    bad = _where(facts, lambda depth: depth.valid == 0)
    if bad:
        yield error(
            "no-valid-depth",
            f"{plural(len(bad), 'depth map')} without a valid pixel (all zero, negative or NaN)",
            "remove these pairs",
            bad,
        )


def constant_depth(facts: Facts) -> Iterator[Finding]:
    """Report depth maps in which every valid pixel has one value."""
    bad = _where(facts, lambda depth: depth.valid > 0 and depth.lowest == depth.highest)
    if bad:
        yield error(
            "constant-depth",
            f"{plural(len(bad), 'depth map')} with one value everywhere",
            "remove these pairs, or export their depth again",
            bad,
        )


def not_numbers(facts: Facts) -> Iterator[Finding]:
    """Report NaN, infinite and negative values, which count as invalid."""
    kinds: tuple[tuple[Code, str, Callable[[DepthFacts], float]], ...] = (
        ("nan-depth", "NaN", lambda depth: depth.nan),
        ("infinite-depth", "infinite values", lambda depth: depth.infinite),
        ("negative-depth", "negative values", lambda depth: depth.negative),
    )
    for code, noun, share in kinds:
        bad = _where(facts, lambda depth, share=share: share(depth) > 0)  # type: ignore[misc]
        if bad:
            most = max(share(depth) for depth in facts.depths)
            yield warning(
                code,
                f"{noun} in {plural(len(bad), 'depth map')}, up to {most:.1%} of one; "
                "they count as invalid",
                "write 0 where there is no depth, if that is what they mean",
                bad,
            )


def saturated(facts: Facts) -> Iterator[Finding]:
    """Report depth maps with many pixels at the largest number of their type."""
    bad = _where(facts, lambda depth: _SATURATED < depth.top < 1 and depth.dtype != "uint8")
    if bad:
        most = max(depth.top for depth in facts.depths)
        yield warning(
            "saturated",
            f"{plural(len(bad), 'depth map')} with pixels at 65535, up to {most:.0%} of one: sky, "
            "a filler or clipped, but read as a distance",
            "set data.max_depth below it, or write 0 there",
            bad,
        )


def sparse_depth(facts: Facts) -> Iterator[Finding]:
    """Note that most pixels have no depth."""
    shares = [depth.valid for depth in facts.depths if depth.valid > 0]
    if shares and float(np.median(shares)) < _FEW_VALID:
        yield note(
            "sparse-depth",
            f"{min(shares):.1%} to {max(shares):.1%} of the pixels have depth, as from LiDAR",
            "nothing: invalid pixels are never trained on or scored",
        )


def few_valid(facts: Facts) -> Iterator[Finding]:
    """Report single maps with far less valid depth than the others."""
    shares = [depth.valid for depth in facts.depths]
    usual = float(np.median(shares)) if shares else 0.0
    bad = _where(facts, lambda depth: 0 < depth.valid < 0.1 * usual)
    if bad:
        yield warning(
            "few-valid",
            f"{plural(len(bad), 'depth map')} with less than {usual / 10:.1%} valid pixels; "
            f"{usual:.0%} is usual here",
            "look at them on the contact sheet",
            bad,
        )


def eight_bit(facts: Facts) -> Iterator[Finding]:
    """Report depth in 8 bits, whose steps are centimetres."""
    bad = _where(facts, lambda depth: depth.dtype == "uint8" and depth.valid > 0)
    if bad and not facts.scale.relative:
        yield warning(
            "depth-8-bit",
            f"{plural(len(bad), 'depth map')} with 8 bits: 255 steps, 4 cm each where 255 is 10 m",
            "use the 16-bit or floating-point original, if there is one",
            bad,
        )


def image_as_depth(facts: Facts) -> Iterator[Finding]:
    """Report depth files that hold the photograph's brightness."""
    bad = [pair.id for pair in facts.readable if abs(pair.likeness) > 0.97]
    if bad:
        yield error(
            "depth-is-image",
            f"{plural(len(bad), 'depth map')} that are the photograph in grey",
            "export the depth again",
            bad,
        )


def blank_images(facts: Facts) -> Iterator[Finding]:
    """Report photographs that show nothing."""
    bad = [pair.id for pair in facts.readable if pair.image_spread < 2]
    if bad:
        yield warning(
            "blank-image",
            f"{plural(len(bad), 'photograph')} of one colour",
            "remove these pairs",
            bad,
        )


def label_range(facts: Facts) -> Iterator[Finding]:
    """Report labels outside the classes that the user declared, or far beyond the others'."""
    labelled = [pair for pair in facts.readable if pair.labels]
    if not labelled:
        return
    highest = {pair.id: _highest(pair) for pair in labelled}
    usual = float(np.percentile(list(highest.values()), 90))
    limit = facts.classes - 1 if facts.classes else max(1.5 * usual, usual + 5)
    bad = [name for name, value in highest.items() if value > limit]
    bad += [pair.id for pair in labelled if pair.labels and pair.labels.lowest < 0]
    if bad:
        most = max(highest.values())
        known = f"classes 0 to {limit}" if facts.classes else f"{usual:.0f} is the usual highest"
        severity = error if facts.classes else warning
        yield severity(
            "label-range",
            f"{plural(len(bad), 'label image')} with ids out of range, up to {most} ({known})",
            "correct the ids, name them in the loss's ignore, or raise the number of classes",
            bad,
        )


def _highest(pair: PairFacts) -> int:
    return pair.labels.highest if pair.labels else 0
