"""Listing image-depth(-label) pairs of a CSV or of folders, with every fault met on the way."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leadline.errors import LeadlineError
from leadline.io.formats import depth_suffixes
from leadline.io.photos import IMAGE_SUFFIXES

IMAGE_FOLDERS = ("rgb", "image", "images", "color", "colour")
DEPTH_FOLDERS = ("depth", "depths", "depth_gt")
LABEL_FOLDERS = ("label", "labels")
LABEL_SUFFIXES = (".png",)

FaultKind = Literal[
    "csv-unreadable",
    "csv-columns",
    "csv-empty",
    "csv-missing-file",
    "csv-line",
    "no-folders",
    "lonely-image",
    "lonely-depth",
    "same-stem",
    "unlabelled",
]


@dataclass(frozen=True)
class Pair:
    """The files of one sample; `label` and `mask`, where the depth is valid, may be missing."""

    id: str
    image: Path
    depth: Path
    label: Path | None = None
    mask: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """The files by role: image, depth and, where there are any, label and mask."""
        files = {"image": self.image, "depth": self.depth, "label": self.label, "mask": self.mask}
        return {role: path for role, path in files.items() if path is not None}


@dataclass(frozen=True)
class PairFault:
    """One fault of a listing: a line of a CSV, or a file.

    `source` is the CSV or the folder it is in, `place` the line or the file, `detail` what is the
    matter with a CSV as a whole. `message` is for whoever needs a list without faults, None where
    the pairs can be used all the same.
    """

    kind: FaultKind
    source: Path
    place: str
    message: str | None = None
    detail: str = ""


@dataclass
class PairListing:
    """The complete pairs of a data set, and what is wrong with the rest, in the order met."""

    pairs: list[Pair] = field(default_factory=list)
    faults: list[PairFault] = field(default_factory=list)

    def require_complete(self) -> tuple[Pair, ...]:
        """Return the pairs.

        Errors: LeadlineError with the first fault that leaves a pair incomplete.
        """
        for fault in self.faults:
            if fault.message is not None:
                raise LeadlineError(fault.message)
        return tuple(self.pairs)


def list_csv(path: Path) -> PairListing:
    """List the pairs of a CSV with the columns image, depth and optionally label.

    Paths are relative to the CSV's folder. A line with an empty cell or a file that does not exist
    is a fault and no pair.
    """
    listing = PairListing()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: not readable as CSV ({error})"
        fault = PairFault("csv-unreadable", path, str(path), message, str(error))
        listing.faults.append(fault)
        return listing
    missing = {"image", "depth"} - set(columns)
    if missing:
        names = ", ".join(columns) or "nothing"
        message = (
            f"{path}: column {', '.join(sorted(missing))} is missing (found: {names}); "
            "the first line must be image,depth[,label]"
        )
        listing.faults.append(PairFault("csv-columns", path, str(path), message, names))
        return listing
    if not rows:
        listing.faults.append(PairFault("csv-empty", path, str(path)))
    for number, row in enumerate(rows, start=2):
        _add_line(listing, path, number, row)
    return listing


def _add_line(listing: PairListing, path: Path, number: int, row: dict[str, str | None]) -> None:
    image, depth, label = (row.get(name) or "" for name in ("image", "depth", "label"))
    if not image or not depth:
        message = f"{path}: line {number} lacks an image or a depth file"
        fault = PairFault("csv-line", path, f"{path.name} line {number}", message)
        listing.faults.append(fault)
        return
    pair = Pair(
        image,
        path.parent / image,
        path.parent / depth,
        path.parent / label if label else None,
    )
    missing = [
        PairFault(
            "csv-missing-file",
            path,
            f"{file} (line {number})",
            f"{path}: line {number} names {file}, which does not exist",
        )
        for file in (pair.image, pair.depth, pair.label)
        if file is not None and not file.is_file()
    ]
    listing.faults += missing
    if not missing:
        listing.pairs.append(pair)


def list_folders(path: Path) -> PairListing:
    """List the pairs of an image and a depth folder in `path`, paired by their stems.

    Of several files with one stem, which is a fault, the last in the order of names is taken.
    """
    listing = PairListing()
    images = _files_by_stem(path, IMAGE_FOLDERS, IMAGE_SUFFIXES, listing.faults)
    depths = _files_by_stem(path, DEPTH_FOLDERS, depth_suffixes(), listing.faults)
    labels = _files_by_stem(path, LABEL_FOLDERS, LABEL_SUFFIXES, listing.faults)
    if images is None or depths is None:
        message = (
            f"{path}: not a folder of pairs: expected train.csv/val.csv, or the folders rgb/ "
            f"(or {', '.join(IMAGE_FOLDERS[1:])}) and depth/ (or {', '.join(DEPTH_FOLDERS[1:])})"
        )
        listing.faults.append(PairFault("no-folders", path, str(path), message))
    images, depths = images or {}, depths or {}
    listing.faults += _unpaired(path, images, depths)
    for stem in sorted(set(images) & set(depths)):
        image, label = images[stem], (labels or {}).get(stem)
        if labels and label is None:
            listing.faults.append(PairFault("unlabelled", path, str(image)))
        listing.pairs.append(Pair(str(image.relative_to(path)), image, depths[stem], label))
    return listing


def _files_by_stem(
    path: Path, folders: Sequence[str], suffixes: Collection[str], faults: list[PairFault]
) -> dict[str, Path] | None:
    """Return the files of the first of the folders that exists, by their path without a suffix."""
    folder = next((path / name for name in folders if (path / name).is_dir()), None)
    if folder is None:
        return None
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in suffixes and not file.name.startswith("."):
            stem = str(file.relative_to(folder).with_suffix(""))
            if stem in files:
                faults.append(PairFault("same-stem", folder, str(file)))
            files[stem] = file
    return files


def _unpaired(path: Path, images: dict[str, Path], depths: dict[str, Path]) -> Iterator[PairFault]:
    stems = sorted(set(images) ^ set(depths))
    for stem in stems:
        kind, file = ("image", images[stem]) if stem in images else ("depth", depths[stem])
        message = (
            f"{path}: {len(stems)} files have no partner of the same stem, "
            f"the first is {kind} {stem!r}; pair or remove them"
        )
        yield PairFault(
            "lonely-image" if kind == "image" else "lonely-depth", path, str(file), message, stem
        )
