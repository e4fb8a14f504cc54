"""Listing image-depth pairs: every lonely file and every bad line, not only the first."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.data_checks.entries import FileEntry, Listing
from leadline.data_checks.findings import Finding, error, note, plural
from leadline.datasets.layout import Layout
from leadline.datasets.pairs import (
    DEPTH_FOLDERS,
    DEPTH_SUFFIXES,
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    declared_scale,
)
from leadline.errors import LeadlineError
from leadline.io.photos import IMAGE_SUFFIXES

_ROLE_WORDS = re.compile(r"[_\-.]?(rgb|image|img|colou?rs?|depths?|gt|label)[_\-.]?", re.IGNORECASE)


def list_pairs(
    path: Path,
    split: str | None,
    known: type[Layout],
    units: float | None,
    _options: Mapping[str, Any],
) -> Listing:
    """List the pairs of a CSV, of a folder's CSVs, or of an image and a depth folder."""
    root = path.parent if path.is_file() else path
    faults: list[Finding] = []
    if path.is_file():
        tables = {"": path}
    else:
        names = [split] if split else known.splits(path)
        tables = {name: path / f"{name}.csv" for name in names}
    if tables:
        entries = [
            entry
            for name, table in tables.items()
            for entry in _entries_of_table(table, name, faults)
        ]
        faults += _unlisted(root, entries, len(tables)) if split is None else []
    else:
        entries = _entries_of_folder(path, faults)
    declared, by = units, "--depth-scale" if units else ""
    if declared is None:
        declared, by = _scale_of(root, faults)
    evidence = known.matches(path) or "you said so"
    return Listing(path, known.name, evidence, tuple(entries), tuple(faults), declared, by)


def _scale_of(root: Path, faults: list[Finding]) -> tuple[float | None, str]:
    try:
        declared = declared_scale(root)
    except LeadlineError as problem:
        faults.append(error("dataset-yaml", str(problem), "write for instance depth_scale: 1000"))
        return None, ""
    return declared, "" if declared is None else "dataset.yaml"


def _entries_of_table(table: Path, split: str, faults: list[Finding]) -> list[FileEntry]:
    """Return the rows whose files exist, and add what is wrong with the others to `faults`."""
    rows, columns = _rows(table, faults)
    if rows is None:
        return []
    if not {"image", "depth"} <= set(columns):
        found = ", ".join(columns) or "nothing"
        faults.append(
            error(
                "csv-columns",
                f"{table.name}: no column image or depth (found: {found})",
                "make the first line image,depth or image,depth,label",
                [str(table)],
            )
        )
        return []
    if not rows:
        faults.append(
            error("csv-empty", f"{table.name} lists no pair", "add lines to it", [str(table)])
        )
    entries, absent, bad = [], [], []
    for number, row in enumerate(rows, start=2):
        image, depth, label = (row.get(name) or "" for name in ("image", "depth", "label"))
        if not image or not depth:
            bad.append(f"{table.name} line {number}")
            continue
        files = [table.parent / name if name else None for name in (image, depth, label)]
        missing = [f"{file} (line {number})" for file in files if file and not file.is_file()]
        absent += missing
        if not missing and files[0] and files[1]:
            entries.append(FileEntry(image, split, files[0], files[1], files[2]))
    faults += _table_faults(table, absent, bad)
    return entries


def _rows(
    table: Path, faults: list[Finding]
) -> tuple[list[dict[str, str | None]] | None, Sequence[str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        faults.append(
            error(
                "csv-unreadable",
                f"{table.name}: not readable as CSV ({problem})",
                "save it as UTF-8 text, one pair a line",
                [str(table)],
            )
        )
        return None, ()


def _table_faults(table: Path, absent: Sequence[str], bad: Sequence[str]) -> Iterable[Finding]:
    if absent:
        yield error(
            "csv-missing-file",
            f"{table.name} names {plural(len(absent), 'file')} that {_are(absent)} not there",
            "correct the paths (they are relative to the CSV), or remove the lines",
            absent,
        )
    if bad:
        yield error(
            "csv-line",
            f"{table.name}: {plural(len(bad), 'line')} without an image or a depth file",
            "fill in both columns",
            bad,
        )


def _unlisted(root: Path, entries: Sequence[FileEntry], tables: int) -> Iterable[Finding]:
    """Say which images lie beside the listed ones without being listed."""
    listed = {entry.image.resolve() for entry in entries}
    folders = {path.parent for path in listed}
    others = sorted(
        str(file)
        for folder in folders
        if folder.is_relative_to(root.resolve())
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and file not in listed
    )
    # A folder of images that also holds the depth maps is one where nothing can be told apart.
    depth_folders = {entry.depth.resolve().parent for entry in entries}
    if others and not depth_folders & folders:
        yield note(
            "unlisted-images",
            f"{plural(len(others), 'image')} beside the listed ones {_are(others)} in no CSV that "
            "is read",
            "nothing, if they are left out on purpose",
            others,
        )


def _entries_of_folder(path: Path, faults: list[Finding]) -> list[FileEntry]:
    images = _by_stem(path, IMAGE_FOLDERS, IMAGE_SUFFIXES, faults)
    depths = _by_stem(path, DEPTH_FOLDERS, DEPTH_SUFFIXES, faults)
    labels = _by_stem(path, LABEL_FOLDERS, (".png",), faults)
    faults += _lonely(images, depths)
    paired = sorted(set(images) & set(depths))
    unlabelled = [str(images[stem]) for stem in paired if labels and stem not in labels]
    if unlabelled:
        faults.append(
            note(
                "unlabelled",
                f"{plural(len(unlabelled), 'pair')} without a label file",
                "add the labels, or train without classes",
                unlabelled,
            )
        )
    return [
        FileEntry(
            str(images[stem].relative_to(path)), "", images[stem], depths[stem], labels.get(stem)
        )
        for stem in paired
    ]


def _by_stem(
    path: Path, names: Sequence[str], suffixes: Iterable[str], faults: list[Finding]
) -> dict[str, Path]:
    """Return the files of the first of the folders `names` that exists, by their stem."""
    folder = next((path / name for name in names if (path / name).is_dir()), None)
    found: dict[str, Path] = {}
    doubles = []
    for file in sorted(folder.rglob("*")) if folder else ():
        if file.suffix.lower() in suffixes:
            stem = str(file.relative_to(folder or path).with_suffix(""))
            doubles += [str(file)] if stem in found else []
            found[stem] = file
    if doubles:
        faults.append(
            error(
                "same-stem",
                f"{plural(len(doubles), 'file')} in {folder} share their stem with another file",
                "keep one file a stem",
                doubles,
            )
        )
    return found


def _lonely(images: dict[str, Path], depths: dict[str, Path]) -> Iterable[Finding]:
    remedy = "add the partner or remove the file; partners have the same stem"
    if images and depths and not set(images) & set(depths):
        bare = {_ROLE_WORDS.sub("", stem) for stem in depths}
        if all(_ROLE_WORDS.sub("", stem) in bare for stem in images):
            remedy = "the names differ by a word only: rename, or list the pairs in a CSV"
    sides = (("image", "depth map", images, depths), ("depth", "image", depths, images))
    for name, partner, mine, theirs in sides:
        alone = [str(mine[stem]) for stem in sorted(set(mine) - set(theirs))]
        if alone:
            files = plural(len(alone), f"{name} file")
            yield error(f"lonely-{name}", f"{files} without a {partner}", remedy, alone)


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
