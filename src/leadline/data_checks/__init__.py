"""What is wrong with a data set, told before an epoch is spent on it.

A check is a function from `Facts` to `Finding`s and one row of `CHECKS`. Headers, ends, and exact
duplicates are looked for in every file; whatever needs pixels, in a sample of the pairs.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data_checks import (
    check_alignment,
    check_files,
    check_scale,
    check_splits,
    check_values,
)
from leadline.data_checks.facts import Facts
from leadline.data_checks.files import FileFacts, look_at
from leadline.data_checks.findings import Finding, Severity
from leadline.data_checks.grid import grid_for
from leadline.data_checks.measure import measure
from leadline.data_checks.pairs import ListedPair, list_data
from leadline.data_checks.report import Report
from leadline.errors import LeadlineError

__all__ = ["CHECKS", "Finding", "Report", "Severity", "check_data"]

Check = Callable[[Facts], Iterable[Finding]]
Track = Callable[[Iterable[int]], Iterator[int]]

CHECKS: tuple[Check, ...] = (
    check_files.no_pairs,
    check_files.bad_files,
    check_files.unreadable_pairs,
    check_files.listed_twice,
    check_files.sizes_differ,
    check_files.depth_channels,
    check_files.kinds_differ,
    check_files.image_sizes,
    check_values.no_valid_depth,
    check_values.constant_depth,
    check_values.not_numbers,
    check_values.saturated,
    check_values.sparse_depth,
    check_values.few_valid,
    check_values.eight_bit,
    check_values.image_as_depth,
    check_values.blank_images,
    check_values.label_range,
    check_scale.relative_depth,
    check_scale.inverted_depth,
    check_scale.scale_undeclared,
    check_scale.scale_contradiction,
    check_scale.mixed_scales,
    check_alignment.turned_depth,
    check_alignment.swapped_pairs,
    check_alignment.shifted_depth,
    check_alignment.unrelated_depth,
    check_alignment.alignment_unknown,
    check_splits.shared_files,
    check_splits.same_images,
    check_splits.same_depth,
    check_splits.near_images,
)
"""Every check, in the order in which findings of one severity are told."""

DEFAULT_SAMPLE = 1000


def check_data(
    path: Path,
    split: str | None = None,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    classes: int | None = None,
    sample: int = DEFAULT_SAMPLE,
    options: Mapping[str, Any] | None = None,
    track: Callable[[str, str], Track] = lambda _title, _unit: iter,
) -> Report:
    """Check the data at `path` and return what was found.

    `sample` is how many pairs are read, drawn evenly from the splits; `classes` how many classes
    the labels are meant to have; `options` are the layout's own; `track` returns, for a title and
    a unit, what shows progress over a range.
    Errors: LeadlineError where nothing can be checked: no such path, layout or split.
    """
    listing = list_data(path, split, layout, units_per_metre, options)
    files = look_at_all(listing.pairs, track("headers", "files"))
    chosen = draw(listing.pairs, sample)
    grid = grid_for(_aspect(chosen, files))
    indices = track("pairs", "pairs")(range(len(chosen)))
    pairs = [measure(chosen[index], grid) for index in indices]
    facts = Facts(listing, files, pairs, classes)
    findings = [*listing.findings, *(finding for check in CHECKS for finding in check(facts))]
    findings.sort(key=lambda finding: list(Severity).index(finding.severity))
    return Report(facts, tuple(findings))


def look_at_all(entries: Iterable[ListedPair], track: Track) -> dict[Path, FileFacts]:
    """Return the facts about every file of the entries, each file looked at once."""
    paths = list(dict.fromkeys(path for entry in entries for path in entry.files.values()))
    return {paths[index]: look_at(paths[index]) for index in track(range(len(paths)))}


def draw(entries: tuple[ListedPair, ...], count: int, seed: int = 0) -> list[ListedPair]:
    """Return at most `count` entries, every split in proportion but at least a few of each."""
    if len(entries) <= count:
        return list(entries)
    generator = random.Random(seed)
    by_split: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        by_split[entry.split].append(index)
    chosen: list[int] = []
    for indices in by_split.values():
        share = max(min(20, count // len(by_split)), count * len(indices) // len(entries))
        chosen += generator.sample(indices, min(share, len(indices)))
    return [entries[index] for index in sorted(chosen)]


def _aspect(entries: Iterable[ListedPair], files: dict[Path, FileFacts]) -> float:
    """Return the usual width / height of the photographs."""
    facts = [files[e.files["image"]] for e in entries if e.files.get("image") in files]
    ratios = [fact.size[0] / fact.size[1] for fact in facts if fact.size]
    return float(np.median(ratios)) if ratios else _aspect_by_reading(entries)


def _aspect_by_reading(entries: Iterable[ListedPair]) -> float:
    for entry in entries:
        try:
            height, width = entry.read().image.shape[:2]
        except LeadlineError:
            continue
        return float(width / height)
    return 4 / 3
