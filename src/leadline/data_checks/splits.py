"""Find duplicate pairs, and validation images that are also in the training data."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.files import Headers
from leadline.data_checks.findings import Finding, error, note, warning
from leadline.data_checks.pairs import ListedPair
from leadline.data_checks.values import MeasuredPair
from leadline.errors import plural

SIMILARITY = 0.95
"""Correlation of thumbnails above which two photographs are similar; NYU's rooms reach 0.83."""
_DETAIL_SIMILARITY = 0.75
_MIN_CONTRAST = 4.0
_BLOCK = 512


def check_splits(
    pairs: Sequence[ListedPair], headers: Headers, measured: Sequence[MeasuredPair]
) -> Iterator[Finding]:
    """Check all pairs for shared files and equal bytes, and `measured` for similar photographs."""
    same_images = groups_of_equal_files(pairs, headers, "image")
    yield from _shared_files(pairs)
    yield from _same_images(same_images)
    yield from _same_depth(pairs, headers, measured, same_images)
    yield from _similar_images(measured, same_images)


def groups_of_equal_files(
    pairs: Sequence[ListedPair], headers: Headers, role: str
) -> list[list[ListedPair]]:
    """Return the groups of pairs whose files of this role have equal bytes."""
    by_length: dict[int, set[Path]] = defaultdict(set)
    users: dict[Path, list[ListedPair]] = defaultdict(list)
    for pair in pairs:
        path = pair.files.get(role)
        if path is not None and path in headers and headers[path].bytes:
            by_length[headers[path].bytes].add(path)
            users[path].append(pair)
    groups: dict[bytes, list[ListedPair]] = defaultdict(list)
    for paths in by_length.values():
        for path in sorted(paths) if len(paths) > 1 else ():
            groups[_digest(path)] += users[path]
    return [group for group in groups.values() if len(group) > 1]


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _shared_files(pairs: Sequence[ListedPair]) -> Iterator[Finding]:
    """Report photographs that are listed by two splits, by path."""
    splits: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        splits[str(pair.files.get("image", pair.id))].add(pair.split)
    shared = [name for name, names in splits.items() if len(names) > 1]
    if shared:
        yield error(
            "leak-same-file",
            f"{plural(len(shared), 'image')} named by more than one split",
            "keep each image in one split",
            shared,
        )


def _same_images(same_images: Sequence[Sequence[ListedPair]]) -> Iterator[Finding]:
    """Report photographs with equal bytes, across splits and within one."""
    groups = [group for group in same_images if len({pair.files["image"] for pair in group}) > 1]
    across = [group for group in groups if len({pair.split for pair in group}) > 1]
    within = [group for group in groups if len({pair.split for pair in group}) == 1]
    if across:
        yield error(
            "leak-same-image",
            f"{plural(len(across), 'image')} of one split again in another, byte for byte "
            f"({_two_names(across[0])})",
            "remove them from one of the splits: a score on seen images is no score",
            [pair.id for group in across for pair in group],
        )
    if within:
        yield warning(
            "duplicate-image",
            f"{plural(len(within), 'image')} more than once, byte for byte "
            f"({_two_names(within[0])})",
            "keep one of each",
            [pair.id for group in within for pair in group],
        )


def _same_depth(
    pairs: Sequence[ListedPair],
    headers: Headers,
    measured: Sequence[MeasuredPair],
    same_images: Sequence[Sequence[ListedPair]],
) -> Iterator[Finding]:
    """Report depth maps shared by several photographs."""
    constant = {
        each.pair.files.get("depth")
        for each in measured
        if each.depth is not None and not each.depth.highest > each.depth.lowest
    }
    of_one_image = [
        {pair.files["depth"] for pair in group}
        for group in same_images
        if all("depth" in pair.files for pair in group)
    ]
    bad = []
    for group in groups_of_equal_files(pairs, headers, "depth"):
        paths = {pair.files["depth"] for pair in group}
        explained = paths & constant or any(paths <= same for same in of_one_image)
        if len(paths) > 1 and not explained:
            bad.append(group)
    if bad:
        yield warning(
            "duplicate-depth",
            f"{plural(len(bad), 'depth map')} under more than one photograph "
            f"({_two_names(bad[0])})",
            "find the right depth of each",
            [pair.id for group in bad for pair in group],
        )


def _similar_images(
    measured: Sequence[MeasuredPair], same_images: Sequence[Sequence[ListedPair]]
) -> Iterator[Finding]:
    """Report photographs that are nearly the same, across splits and within one."""
    reported = {pair.id for group in same_images for pair in group}
    similar = _similar_pairs([each for each in measured if each.id not in reported])
    similar = [(a, b) for a, b in similar if a.id != b.id]  # listed twice: another finding
    across = [(a, b) for a, b in similar if a.split != b.split]
    within = [(a, b) for a, b in similar if a.split == b.split]
    if across:
        yield error(
            "leak-near-image",
            f"{plural(len(across), 'pair')} of nearly the same photograph in two splits "
            f"({_two_names(across[0])})",
            "split by scene or by drive, and leave a gap of frames",
            dict.fromkeys(pair.id for both in across for pair in both),
        )
    if within:
        yield note(
            "near-duplicates",
            f"{plural(len(within), 'pair')} of nearly the same photograph, as in a video "
            f"({_two_names(within[0])})",
            "nothing, if a validation split is made by scene; data.val_fraction would leak",
            dict.fromkeys(pair.id for both in within for pair in both),
        )


def _similar_pairs(measured: Sequence[MeasuredPair]) -> list[tuple[ListedPair, ListedPair]]:
    """Return all two pairs whose thumbnails, and the details of these, correlate."""
    pairs, planes = [], []
    for each in measured:
        if each.thumbnail is not None and float(each.thumbnail.std()) >= _MIN_CONTRAST:
            pairs.append(each.pair)
            planes.append(each.thumbnail)
    if len(pairs) < 2:
        return []
    details = [plane - cv2.GaussianBlur(plane, (0, 0), 4) for plane in planes]
    whole, fine = _standardised(np.stack(planes)), _standardised(np.stack(details))
    similar = []
    for start in range(0, len(pairs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        close = (whole[rows] @ whole.T > SIMILARITY) & (fine[rows] @ fine.T > _DETAIL_SIMILARITY)
        for row, column in zip(*np.nonzero(np.triu(close, start + 1)), strict=True):
            similar.append((pairs[start + row], pairs[column]))
    return similar


def _standardised(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the planes as rows with mean 0 and length 1, whose products are correlations."""
    flat = stack.reshape(len(stack), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(lengths, 1e-6), np.float32)


def _two_names(group: Sequence[ListedPair]) -> str:
    """Return the first name of the group and another, from another split if possible."""
    first = group[0]
    second = next((pair for pair in group if pair.split != first.split), group[1])
    return " = ".join(f"{p.split}: {p.id}" if p.split else p.id for p in (first, second))
