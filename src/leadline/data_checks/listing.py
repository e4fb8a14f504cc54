"""Listing a data set tolerantly: every fault is told, none stops the listing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leadline.data_checks.entries import Entry, Listing, SampleEntry
from leadline.data_checks.findings import Finding, error
from leadline.data_checks.list_pairs import list_pairs
from leadline.datasets.layout import Layout
from leadline.datasets.open import open_data, recognise
from leadline.errors import LeadlineError

Options = Mapping[str, Any]
Lister = Callable[[Path, str | None, type[Layout], float | None, Options], Listing]


def list_data(
    path: Path,
    split: str | None = None,
    layout: str = "auto",
    units: float | None = None,
    options: Options | None = None,
) -> Listing:
    """List the samples at `path`, of one split or of all.

    `units` are the units per metre that the user declares, `options` the layout's own.
    Errors: LeadlineError where nothing is there, no layout fits, or there is no such split.
    """
    known = recognise(path, layout)
    if split is not None and split not in known.splits(path):
        have = ", ".join(known.splits(path)) or "none"
        raise LeadlineError(f"{path}: has no split {split!r} (its splits: {have})")
    return _LISTERS.get(known.name, _list_samples)(
        path, split, known, units, known.resolve_options(options or {})
    )


def _list_samples(
    path: Path, split: str | None, known: type[Layout], units: float | None, options: Options
) -> Listing:
    """List whatever the layout's own reader finds."""
    entries: list[Entry] = []
    faults: list[Finding] = []
    for name in [split] if split else (known.splits(path) or [None]):
        try:
            data = open_data(path, name, layout=known.name, units_per_metre=units, options=options)
        except LeadlineError as problem:
            faults.append(
                error("cannot-open", str(problem), "mend what the message names", [name or "all"])
            )
            continue
        entries += [
            SampleEntry(data.sample_id(index), name or "", data, index, dict(data.files(index)))
            for index in range(len(data))
        ]
    evidence = known.matches(path) or "you said so"
    # Entries are read through the reader, which turns the layout's unit into metres.
    return Listing(
        path, known.name, evidence, tuple(entries), tuple(faults), 1.0, "the layout's reader"
    )


_LISTERS: dict[str, Lister] = {"pairs": list_pairs}
