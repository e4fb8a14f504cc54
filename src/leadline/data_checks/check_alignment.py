"""Checks that every depth map belongs to its photograph and lies on it the right way round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.data_checks.alignment import TURNS, Alignment, t_statistic
from leadline.data_checks.facts import FEWEST_TO_ALIGN, LOW_AGREEMENT, Facts
from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.grid import BORDER
from leadline.errors import plural

STRONG = 5.0  # standard deviations of chance: one in millions of samples
_FEWEST_FOR_TRENDS = 8
_LOST = 2.0  # in labelled NYU, below it are three of 771 frames: of two moments, or a mirror
_MANY_LOST = 0.02
_CODES: dict[str, Code] = {
    "mirrored": "depth-mirrored",
    "upside down": "depth-upside-down",
    "rotated by 180 degrees": "depth-rotated",
}


def turned_depth(facts: Facts) -> Iterator[Finding]:
    """Report depth maps that fit far better mirrored, upside down or rotated."""
    for turn, code in _CODES.items():
        where = turned(facts, turn)
        if where:
            yield error(
                code,
                f"{plural(len(where), 'depth map')} of {len(facts.edged)} {turn}: the edges fit "
                "the photograph's only that way",
                "turn the depth maps, or the photographs, back",
                where,
            )


def swapped_pairs(facts: Facts) -> Iterator[Finding]:
    """Report depth maps that belong to another photograph."""
    alignment = facts.alignment
    if alignment is None:
        return
    turns = {name for turn in TURNS for name in turned(facts, turn)}
    swapped = [
        (pair.id, facts.edged[partner].id)
        for pair, partner, score in zip(
            facts.edged, alignment.partner, alignment.partner_score, strict=True
        )
        if partner >= 0 and score >= STRONG and pair.id not in turns
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


def shifted_depth(facts: Facts) -> Iterator[Finding]:
    """Report depth that lies beside the photograph by the same distance everywhere."""
    moved = shift(facts)
    if moved is not None:
        x, y = moved
        yield error(
            "depth-shifted",
            f"depth lies about {abs(x)} pixels {'right' if x > 0 else 'left'} and {abs(y)} pixels "
            f"{'below' if y > 0 else 'above'} where the photographs show the edges",
            "register the depth to the colour camera, or crop both alike",
            [pair.id for pair in facts.edged],
        )


def unrelated_depth(facts: Facts) -> Iterator[Finding]:
    """Report photographs and depth that have no edge in common, and nothing else explains it."""
    alignment = facts.alignment
    if alignment is None or shift(facts) is not None:
        return
    explained = {name for turn in TURNS for name in turned(facts, turn)}
    explained |= {
        pair.id
        for pair, score in zip(facts.edged, alignment.partner_score, strict=True)
        if score >= STRONG
    }
    own = {
        p.id: z for p, z in zip(facts.edged, alignment.own, strict=True) if p.id not in explained
    }
    values = np.array(list(own.values()))
    if len(values) >= _FEWEST_FOR_TRENDS and t_statistic(values) < 3:
        yield error(
            "unrelated-depth",
            f"the edges of photographs and depth maps agree no better than chance "
            f"({len(values)} pairs, mean {values.mean():.1f} standard deviations)",
            "look at the contact sheet: is this the depth of these photographs?",
            own,
        )
    elif np.median(alignment.own) >= STRONG:
        lost = [name for name, score in own.items() if score < _LOST]
        if lost:
            say = warning if len(lost) > max(1, _MANY_LOST * len(own)) else note
            yield say(
                "unrelated-depth",
                f"{plural(len(lost), 'depth map')} of {len(own)} whose edges are not the "
                "photograph's",
                "look at them on the contact sheet",
                lost,
            )


def alignment_unknown(facts: Facts) -> Iterator[Finding]:
    """Note that there are too few samples to tell what chance gives."""
    if facts.listing.pairs and facts.alignment is None:
        yield note(
            "alignment-unknown",
            f"{plural(len(facts.edged), 'pair')} with edges: too few to tell whether depth and "
            f"photograph belong together (at least {FEWEST_TO_ALIGN})",
            "look at the contact sheet",
        )


def turned(facts: Facts, turn: str) -> list[str]:
    """Return the ids of the samples whose depth maps are turned in this way."""
    alignment = facts.alignment
    if alignment is None:
        return []
    scores = alignment.turned[turn]
    best = np.maximum.reduce([*alignment.turned.values(), alignment.partner_score])
    clear = (alignment.own < LOW_AGREEMENT) & (scores >= STRONG) & (scores >= best)
    if _everywhere(alignment, turn):
        clear = scores > alignment.own
    return [pair.id for pair, chosen in zip(facts.edged, clear, strict=True) if chosen]


def mostly(facts: Facts, turn: str) -> bool:
    """Return whether more than half of the depth maps are turned in this way."""
    return 2 * len(turned(facts, turn)) > len(facts.edged) > 0


def shift(facts: Facts) -> tuple[int, int] | None:
    """Return the pixels by which the depth lies too far right and down, None where it does not."""
    alignment = facts.alignment
    if alignment is None or len(facts.edged) < 6 or alignment.shift_gain < STRONG:
        return None
    size = facts.edged[0].image_size
    edges = facts.edged[0].image_edges
    if size is None or edges is None:
        return None
    pixels = size[0] / (edges.shape[1] + 2 * BORDER)
    return round(alignment.shift[0] * pixels), round(alignment.shift[1] * pixels)


def _everywhere(alignment: Alignment, turn: str) -> bool:
    """Return whether the whole set fits better turned, though no single sample may be clear."""
    mean = float(np.mean(alignment.turned[turn]))
    others = [float(np.mean(s)) for name, s in alignment.turned.items() if name != turn]
    return (
        len(alignment.own) >= _FEWEST_FOR_TRENDS
        and alignment.mean_gain(turn) >= STRONG
        and t_statistic(alignment.turned[turn]) >= STRONG
        and mean > max(others)
    )
