"""`check_data`: find the faults of a data set before an epoch is spent on it.

Each family of checks is one file: its measurements, and the checks that use them. Headers, file
ends and exact duplicates are checked for all files; checks of pixels use a sample of the pairs.
"""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data_checks.alignment import check_alignment, measure_alignment
from leadline.data_checks.completeness import check_cameras, check_copy
from leadline.data_checks.edges import grid_for
from leadline.data_checks.files import Headers, check_files, read_header
from leadline.data_checks.findings import Severity
from leadline.data_checks.pairs import ListedPair, list_data
from leadline.data_checks.report import Report
from leadline.data_checks.scale import check_scale, measure_scale
from leadline.data_checks.splits import check_splits
from leadline.data_checks.values import check_values, measure_pair
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.progress import Track, untracked

DEFAULT_SAMPLE = 1000
_USUAL_ASPECT = 4 / 3


def check_data(
    path: Path | str,
    split: str | None = None,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    classes: int | None = None,
    sample: int = DEFAULT_SAMPLE,
    options: Mapping[str, Any] | None = None,
    track: Track = untracked,
) -> Report:
    """Check the units, pairing, alignment, duplicates and files of the data at `path`.

    `units_per_metre` is the assumed scale of integer depth, `classes` the assumed number of label
    classes. `sample` is the number of pairs that are read, drawn evenly from the splits; `options`
    are the layout's own; `track` shows progress.
    Errors: LeadlineError if nothing can be checked: no such path, layout or split.

    >>> report = check_data("rooms")
    >>> report.ok, report.units_per_metre
    (True, 1000.0)
    >>> [finding.code for finding in check_data("rooms", units_per_metre=256).findings]
    ['scale-contradiction']
    >>> [file.name for file in report.save("out")]
    ['report.json', 'contact_sheet.png']
    """
    listing = list_data(Path(path), split, layout, units_per_metre, options)
    headers = _read_headers(listing.pairs, track)
    drawn = draw_pairs(listing.pairs, sample)
    grid = grid_for(_usual_aspect(drawn, headers))
    with warnings.catch_warnings():  # warnings on single pictures; findings cover all of them
        warnings.simplefilter("ignore", LeadlineWarning)
        shown = track(drawn, "check pairs", len(drawn), unit="pairs")
        pairs = tuple(measure_pair(pair, grid) for pair in shown)
    readable = [pair for pair in pairs if pair.depth is not None]
    alignment = measure_alignment(readable)
    scale = measure_scale(listing, readable, alignment)
    findings = [
        *listing.findings,
        *check_copy(listing.opened),
        *check_cameras(listing.layout, readable),
        *check_files(listing.pairs, headers, pairs, listing.depth_in_colour),
        *check_values(readable, listing.layout, classes, stretched=scale.guess.relative),
        *check_scale(listing, readable, scale),
        *check_alignment(pairs, alignment),
        *check_splits(listing.pairs, headers, readable),
    ]
    findings.sort(key=lambda finding: list(Severity).index(finding.severity))
    return Report(listing, headers, pairs, scale, alignment, tuple(findings))


def _read_headers(pairs: Iterable[ListedPair], track: Track) -> Headers:
    """Return the header of every file of the pairs, each file read once."""
    paths = list(dict.fromkeys(path for pair in pairs for path in pair.files.values()))
    shown = track(paths, "check headers", len(paths), unit="files")
    return {path: read_header(path) for path in shown}


def draw_pairs(pairs: Sequence[ListedPair], count: int, seed: int = 0) -> list[ListedPair]:
    """Draw at most `count` pairs, from every split in proportion but at least a few."""
    if len(pairs) <= count:
        return list(pairs)
    generator = random.Random(seed)
    by_split: dict[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        by_split[pair.split].append(index)
    chosen: list[int] = []
    for indices in by_split.values():
        share = max(min(20, count // len(by_split)), count * len(indices) // len(pairs))
        chosen += generator.sample(indices, min(share, len(indices)))
    return [pairs[index] for index in sorted(chosen)]


def _usual_aspect(pairs: Sequence[ListedPair], headers: Headers) -> float:
    """Return the median width / height of the photographs."""
    images = [headers[pair.files["image"]] for pair in pairs if "image" in pair.files]
    sizes = [header.size for header in images if header.size]
    if sizes:
        return float(np.median([width / height for width, height in sizes]))
    for pair in pairs:  # layouts without image files
        try:
            height, width = pair.read().image.shape[:2]
        except LeadlineError:
            continue
        return float(width / height)
    return _USUAL_ASPECT
