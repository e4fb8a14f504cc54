"""Checks for samples that occur twice, and for validation images that training has seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.facts import Facts
from leadline.data_checks.findings import Finding, error, note, warning
from leadline.data_checks.measure import PairFacts
from leadline.data_checks.pairs import ListedPair
from leadline.errors import plural

NEAR = 0.95
"""Correlation of thumbnails beyond which two photographs show the same; NYU's rooms reach 0.83."""
_NEAR_DETAIL = 0.75
_FLAT = 4.0
_BLOCK = 512


def shared_files(facts: Facts) -> Iterator[Finding]:
    """Report photographs that two splits name, by path."""
    splits: dict[str, set[str]] = defaultdict(set)
    for entry in facts.listing.pairs:
        path = entry.files.get("image")
        splits[str(path) if path else entry.id].add(entry.split)
    shared = [name for name, names in splits.items() if len(names) > 1]
    if shared:
        yield error(
            "leak-same-file",
            f"{plural(len(shared), 'image')} named by more than one split",
            "keep each image in one split",
            shared,
        )


def same_images(facts: Facts) -> Iterator[Finding]:
    """Report photographs whose files have the same bytes, across splits and within one."""
    across: list[list[ListedPair]] = []
    within: list[list[ListedPair]] = []
    for group in facts.same_content("image"):
        paths = {entry.files["image"] for entry in group}
        if len(paths) == 1:
            continue
        splits = {entry.split for entry in group}
        (across if len(splits) > 1 else within).append(group)
    if across:
        yield error(
            "leak-same-image",
            f"{plural(len(across), 'image')} of one split again in another, byte for byte "
            f"({_names(across[0])})",
            "remove them from one of the splits: a score on seen images is no score",
            [entry.id for group in across for entry in group],
        )
    if within:
        yield warning(
            "duplicate-image",
            f"{plural(len(within), 'image')} more than once, byte for byte ({_names(within[0])})",
            "keep one of each",
            [entry.id for group in within for entry in group],
        )


def same_depth(facts: Facts) -> Iterator[Finding]:
    """Report one depth map under several photographs."""
    empty = {pair.entry.files.get("depth") for pair in facts.readable if _is_empty(pair)}
    same_image = {
        frozenset(entry.files["depth"] for entry in group)
        for group in facts.same_content("image")
        if all("depth" in entry.files for entry in group)
    }
    bad = []
    for group in facts.same_content("depth"):
        paths = frozenset(entry.files["depth"] for entry in group)
        if len(paths) > 1 and not paths & empty and not any(paths <= same for same in same_image):
            bad.append(group)
    if bad:
        yield warning(
            "duplicate-depth",
            f"{plural(len(bad), 'depth map')} under more than one photograph ({_names(bad[0])})",
            "find the right depth of each",
            [entry.id for group in bad for entry in group],
        )


def near_images(facts: Facts) -> Iterator[Finding]:
    """Report photographs that show nearly the same, across splits and within one."""
    known = {entry.id for group in facts.same_content("image") for entry in group}
    pairs = _near_pairs([p for p in facts.readable if p.thumb is not None and p.id not in known])
    pairs = [(a, b) for a, b in pairs if a.id != b.id]  # listed twice: told elsewhere
    across = [(a, b) for a, b in pairs if a.entry.split != b.entry.split]
    within = [(a, b) for a, b in pairs if a.entry.split == b.entry.split]
    if across:
        yield error(
            "leak-near-image",
            f"{plural(len(across), 'pair')} of nearly the same photograph in two splits "
            f"({_both(across[0])})",
            "split by scene or by drive, and leave a gap of frames",
            _ids(across),
        )
    if within:
        yield note(
            "near-duplicates",
            f"{plural(len(within), 'pair')} of nearly the same photograph, as in a video "
            f"({_both(within[0])})",
            "nothing, if a validation split is made by scene; data.val_fraction would leak",
            _ids(within),
        )


def _near_pairs(pairs: Sequence[PairFacts]) -> list[tuple[PairFacts, PairFacts]]:
    import cv2

    kept = [p for p in pairs if p.thumb is not None and float(p.thumb.std()) >= _FLAT]
    if len(kept) < 2:
        return []
    thumbs = np.stack([pair.thumb for pair in kept if pair.thumb is not None])
    detail = np.stack([t - cv2.GaussianBlur(t, (0, 0), 4) for t in thumbs])
    whole, fine = _unit(thumbs), _unit(detail)
    found = []
    for start in range(0, len(kept), _BLOCK):
        rows = slice(start, start + _BLOCK)
        close = (whole[rows] @ whole.T > NEAR) & (fine[rows] @ fine.T > _NEAR_DETAIL)
        for row, column in zip(*np.nonzero(np.triu(close, start + 1)), strict=True):
            found.append((kept[start + row], kept[column]))
    return found


def _unit(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = stack.reshape(len(stack), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(lengths, 1e-6), np.float32)


def _is_empty(pair: PairFacts) -> bool:
    return pair.depth is not None and not pair.depth.highest > pair.depth.lowest


def _ids(pairs: Sequence[tuple[PairFacts, PairFacts]]) -> list[str]:
    return list(dict.fromkeys(pair.id for both in pairs for pair in both))


def _both(pair: tuple[PairFacts, PairFacts]) -> str:
    return _names([each.entry for each in pair])


def _names(group: Sequence[ListedPair]) -> str:
    """Return the first of the group and another, of another split where there is one."""
    first = group[0]
    second = next((e for e in group if e.split != first.split), group[1])
    return " = ".join(f"{e.split}: {e.id}" if e.split else e.id for e in (first, second))
