"""List image-depth(-label) pairs of a CSV or of folders, and record all faults."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from leadline.datasets.folders import folders_in
from leadline.errors import LeadlineError
from leadline.io.files import is_file
from leadline.io.formats import depth_suffixes
from leadline.io.photos import IMAGE_SUFFIXES
from leadline.io.walk import walk

IMAGE_FOLDERS = ("rgb", "image", "images", "color", "colour")
DEPTH_FOLDERS = ("depth", "depths", "depth_gt")
LABEL_FOLDERS = ("label", "labels")
LABEL_SUFFIXES = (".png",)
MASK_FOLDERS = ("depth_mask", "depth_masks", "depth_valid", "valid")
SURE_MASK_FOLDERS = MASK_FOLDERS[:3]
"""Folders that hold masks wherever they are; valid/ may also be a split."""
MASK_SUFFIXES = (".png", ".npy")
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""The splits of a data set, by the names of their folders."""
ALL_SPLIT_FOLDERS = tuple(name for names in SPLIT_FOLDERS.values() for name in names)

CSV_COLUMNS = ("image", "depth", "label", "mask")

_ROLE_WORDS = frozenset(
    {*IMAGE_FOLDERS, "img", "colors", "colours", *DEPTH_FOLDERS, "gt", *LABEL_FOLDERS, "mask"}
)
_MASK_WORDS = ("mask", "valid")
_SEPARATORS = re.compile(r"[_\-. ]+")
_WITH_NUMBER = re.compile(r"(rgb|image|img|colou?r|depth|label)(\d+)", re.IGNORECASE)
_MOST_FOLDERS, _MOST_NAMES = 10, 2000  # examined to recognise a folder of pairs

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
    """The files of one sample; `label` and `mask` (where the depth is valid) may be missing."""

    id: str
    image: Path
    depth: Path
    label: Path | None = None
    mask: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """The files by role: image, depth and, if present, label and mask."""
        files = {"image": self.image, "depth": self.depth, "label": self.label, "mask": self.mask}
        return {role: path for role, path in files.items() if path is not None}


@dataclass(frozen=True)
class PairFault:
    """One fault of a listing: a line of a CSV, or a file.

    `source` is the CSV or the folder, `place` the line or the file, `detail` the fault of a CSV as
    a whole. `message` is the error for uses that need a list without faults, None if the pairs are
    usable anyway.
    """

    kind: FaultKind
    source: Path
    place: str
    message: str | None = None
    detail: str = ""


@dataclass
class PairListing:
    """The complete pairs of a data set, and the faults, in order of appearance."""

    pairs: list[Pair] = field(default_factory=list)
    faults: list[PairFault] = field(default_factory=list)

    def require_complete(self) -> tuple[Pair, ...]:
        """Return the pairs.

        Errors: LeadlineError with the first fault that makes a pair incomplete.
        """
        for fault in self.faults:
            if fault.message is not None:
                raise LeadlineError(fault.message)
        return tuple(self.pairs)


def list_csv(path: Path) -> PairListing:
    """List the pairs of a CSV with the columns image, depth and optionally label and mask.

    Paths are relative to the CSV's folder. A line without an image or a depth, or with a file that
    does not exist, is a fault and no pair. Without a mask column, masks are found beside the depth.
    """
    listing = PairListing()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            rows, columns = list(reader), reader.fieldnames
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: not readable as CSV ({error})"
        fault = PairFault("csv-unreadable", path, str(path), message, str(error))
        listing.faults.append(fault)
        return listing
    names = ", ".join(columns) or "nothing"
    twice = [name for name in CSV_COLUMNS if columns.count(name) > 1]
    if twice:
        message = f"{path}: column {twice[0]} stands twice (found: {names}); leave one of them"
        listing.faults.append(PairFault("csv-columns", path, str(path), message, names))
        return listing
    missing = {"image", "depth"} - set(columns)
    if missing:
        message = (
            f"{path}: column {', '.join(sorted(missing))} is missing (found: {names}); "
            "the first line must be image,depth[,label][,mask]"
        )
        listing.faults.append(PairFault("csv-columns", path, str(path), message, names))
        return listing
    if not rows:
        listing.faults.append(PairFault("csv-empty", path, str(path)))
    masks = None if "mask" in columns else _MasksBeside()
    for number, row in enumerate(rows, start=2):
        _add_line(listing, path, number, row, masks)
    if any(row.get("label") for row in rows):
        listing.faults += _unlabelled(path, listing.pairs)
    return listing


def _add_line(
    listing: PairListing,
    path: Path,
    number: int,
    row: dict[str, str | None],
    masks: _MasksBeside | None,
) -> None:
    image, depth, label, mask = (row.get(name) or "" for name in CSV_COLUMNS)
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
        path.parent / mask if mask else masks.of(path.parent / depth) if masks else None,
    )
    missing = [
        PairFault(
            "csv-missing-file",
            path,
            f"{file} (line {number})",
            f"{path}: line {number} names {file}, which does not exist{_of_windows(file)}",
        )
        for file in pair.files.values()
        if not is_file(file)
    ]
    listing.faults += missing
    if not missing:
        listing.pairs.append(pair)


class _MasksBeside:
    """Finds the mask of a depth file in its own folder, or in a folder of masks in or beside it.

    Each folder is read once.
    """

    def __init__(self) -> None:
        self._own: dict[Path, dict[str, Path]] = {}
        self._of_masks: dict[Path, dict[str, Path]] = {}

    def of(self, depth: Path) -> Path | None:
        """Return the mask of a depth file, None if there is none."""
        if depth.parent not in self._own:
            self._own[depth.parent] = _by_name(_masks_among_depth(depth.parent))
        candidates = [self._own[depth.parent]]
        for folder in _mask_folders(depth):
            if folder == depth.parent:
                continue
            if folder not in self._of_masks:
                self._of_masks[folder] = _by_name(_pictures_in(folder))
            candidates.append(self._of_masks[folder])
        names = depth.stem, key_of(Path(depth.name))
        return next((masks[name] for masks in candidates for name in names if name in masks), None)


def _by_name(masks: list[Path]) -> dict[str, Path]:
    """Return masks by stem, and by their key unless that is a stem."""
    return {mask_key(Path(file.name)): file for file in masks} | {file.stem: file for file in masks}


def _pictures_in(folder: Path) -> list[Path]:
    """Return the files of a folder with a suffix of masks."""
    return [file for file in _files_of(folder) if file.suffix.lower() in MASK_SUFFIXES]


def _masks_among_depth(folder: Path) -> list[Path]:
    """Return the masks in a folder that also holds depth maps."""
    in_depth = folder.name.lower() in DEPTH_FOLDERS
    return [
        file
        for file in _pictures_in(folder)
        if kind_of(file) == "mask" or (in_depth and _is_mask(file.name))
    ]


def _mask_folders(depth: Path) -> Iterator[Path]:
    """Yield the possible folders of a depth file's masks, except its own folder."""
    for parent in depth.parents:
        if parent.name.lower() in DEPTH_FOLDERS:
            below = depth.parent.relative_to(parent)
            yield from (parent.with_name(name) / below for name in MASK_FOLDERS)
            return
    for place in (depth.parent, depth.parent.parent):
        yield from (place / name for name in SURE_MASK_FOLDERS)


def _files_of(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _of_windows(file: Path) -> str:
    """Return a hint for a path with backslashes on a system other than Windows."""
    return "; write / in place of \\" if "\\" in str(file) and os.sep == "/" else ""


def list_pairs(path: Path, split: str | None = None) -> PairListing:
    """List the pairs of a folder by file names, either all or those of one of `folder_splits`."""
    images, depths = _first_folder(path, IMAGE_FOLDERS), _first_folder(path, DEPTH_FOLDERS)
    if split is None:
        return list_folders(path) if images and depths else list_beside(path)
    name = folder_splits(path)[split]
    if images and depths:
        return list_folders(path, name)
    inner = list_pairs(path / name)
    inner.pairs = [replace(pair, id=f"{name}/{pair.id}") for pair in inner.pairs]
    return inner


def walked_folders(path: Path) -> tuple[Path, ...]:
    """Return the folders, in data without a CSV, in which every file name is examined."""
    images, depths = _first_folder(path, IMAGE_FOLDERS), _first_folder(path, DEPTH_FOLDERS)
    if images is None or depths is None:
        return (path,)
    others = (_first_folder(path, names) for names in (LABEL_FOLDERS, MASK_FOLDERS))
    return (images, depths, *(folder for folder in others if folder is not None))


def folder_splits(path: Path) -> dict[str, str]:
    """Return split -> the name of its folder, {} if the data is not divided that way.

    Both usual ways are supported: rgb/train with depth/train, and train/rgb with train/depth (or
    pairs in train/ whose names differ by a word).
    """
    images, depths = _first_folder(path, IMAGE_FOLDERS), _first_folder(path, DEPTH_FOLDERS)
    found: dict[str, str] = {}
    for split, names in SPLIT_FOLDERS.items():
        for name in names:
            if images and depths:
                divided = (images / name).is_dir() and (depths / name).is_dir()
            else:
                divided = (path / name).is_dir() and pairs_in(path / name) is not None
            if divided:
                found.setdefault(split, name)
    return found


def pairs_in(path: Path) -> str | None:
    """Return the evidence that a folder holds pairs, by a few of its file names, or None."""
    images, depths = _first_folder(path, IMAGE_FOLDERS), _first_folder(path, DEPTH_FOLDERS)
    if images and depths:
        return f"has the folders {images.name}/ and {depths.name}/"
    for folder in (path, *(path / name for name in folders_in(path)[:_MOST_FOLDERS])):
        place = "" if folder == path else f"{folder.name}/"
        images, depths = _first_folder(folder, IMAGE_FOLDERS), _first_folder(folder, DEPTH_FOLDERS)
        if images and depths:
            return f"has {place}{images.name}/ and {place}{depths.name}/"
        names = _some_names(folder)
        kinds = {name: kind_of(name) for name in names}
        photos = {key_of(n): n for n, kind in kinds.items() if kind == "image"}
        for name in sorted(n for n, kind in kinds.items() if kind == "depth"):
            if key_of(name) in photos:
                return f"has {place}{photos[key_of(name)]} and {place}{name}"
    return None


def _some_names(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.name) for entry in islice(entries, _MOST_NAMES)]
    except OSError:
        return []


def _first_folder(path: Path, names: Sequence[str]) -> Path | None:
    return next((path / name for name in names if (path / name).is_dir()), None)


def key_of(file: Path) -> str:
    """Return a file's path without its suffix and without words such as rgb, depth and mask.

    >>> key_of(Path("seq/frame-01.color.png")), key_of(Path("seq/depth/frame-01.depth.png"))
    ('seq/frame_01', 'seq/frame_01')
    """
    parts = []
    for part in file.with_suffix("").parts:
        words = [_WITH_NUMBER.sub(r"\2", word) for word in _SEPARATORS.split(part)]
        kept = "_".join(word for word in words if word and word.lower() not in _ROLE_WORDS)
        parts += [kept] if kept else []
    return "/".join(parts)


def mask_key(file: Path) -> str:
    """Return the key of the depth map to which a mask file belongs.

    >>> mask_key(Path("seq/depth_valid/7.png")), mask_key(Path("seq/7_depth_valid.png"))
    ('seq/7', 'seq/7')
    """
    words = _SEPARATORS.split(file.stem)
    while len(words) > 1 and words[-1].lower() in _MASK_WORDS:
        words.pop()
    folder = file.parent
    if folder.name.lower() in SURE_MASK_FOLDERS:
        folder = folder.parent
    return key_of(folder / f"{'_'.join(words)}.x")


def kind_of(file: Path) -> Literal["image", "depth", "label", "mask"] | None:
    """Return the kind of a file by its name and its folder's, None for any other file."""
    words = [word.lower() for word in _SEPARATORS.split(file.stem) if word]
    numbered = {_WITH_NUMBER.sub(r"\1", word) for word in words}
    suffix, folder = file.suffix.lower(), file.parent.name.lower()
    if file.name.startswith(".") or not words:
        return None
    named_mask = words[-1] in _MASK_WORDS and numbered & {"depth", "valid"}
    if named_mask or folder in SURE_MASK_FOLDERS:
        return "mask" if suffix in MASK_SUFFIXES else None
    if numbered & {"depth", "depths"} or folder in DEPTH_FOLDERS:
        return "depth" if suffix in depth_suffixes() else None
    if numbered & set(LABEL_FOLDERS) or folder in LABEL_FOLDERS:
        return "label" if suffix in LABEL_SUFFIXES else None
    return "image" if suffix in IMAGE_SUFFIXES and "mask" not in numbered else None


def list_beside(path: Path) -> PairListing:
    """List pairs anywhere below a folder whose names differ by a word: x.png, x_depth.npy.

    Or by a folder: scene/rgb/x.png, scene/depth/x.png. `x_depth_mask` is the validity mask of a
    depth map.
    """
    listing = PairListing()
    found: dict[str, dict[str, Path]] = {"image": {}, "depth": {}, "label": {}, "mask": {}}
    for file in sorted(walk(path)):
        inside = file.relative_to(path)
        kind = kind_of(inside)
        if kind is None:
            continue
        key = mask_key(inside) if kind == "mask" else key_of(inside)
        if key in found[kind]:
            listing.faults.append(PairFault("same-stem", path, str(file)))
        found[kind][key] = file
    images, depths = found["image"], found["depth"]
    if not images or not depths:
        message = (
            f"{path}: not a folder of pairs: expected train.csv/val.csv, the folders rgb/ (or "
            f"{', '.join(IMAGE_FOLDERS[1:])}) and depth/ (or {', '.join(DEPTH_FOLDERS[1:])}), or "
            "names that differ by a word, as x.png and x_depth.npy"
        )
        listing.faults.append(PairFault("no-folders", path, str(path), message))
    listing.faults += _unpaired(path, images, depths)
    for key in sorted(set(images) & set(depths)):
        name = images[key].relative_to(path).as_posix()
        label, mask = found["label"].get(key), found["mask"].get(key)
        listing.pairs.append(Pair(name, images[key], depths[key], label, mask))
    if found["label"]:
        listing.faults += _unlabelled(path, listing.pairs)
    return listing


def list_folders(path: Path, below: str = "") -> PairListing:
    """List the pairs of an image and a depth folder in `path`, paired by their stems.

    A file without a partner of the same stem gets the one whose name differs by a word such as rgb
    or depth, if it is unique. `below` limits the list to a folder that exists in both. Of several
    files with one stem, which is a fault, the last by name is taken.
    """
    listing = PairListing()
    images = _files_by_stem(path, IMAGE_FOLDERS, below, IMAGE_SUFFIXES, listing.faults)
    depths = _files_by_stem(path, DEPTH_FOLDERS, below, depth_suffixes(), listing.faults)
    labels = _files_by_stem(path, LABEL_FOLDERS, below, LABEL_SUFFIXES, listing.faults) or {}
    masks = _files_by_stem(path, MASK_FOLDERS, below, MASK_SUFFIXES, listing.faults) or {}
    if images is None or depths is None:
        message = (
            f"{path}: not a folder of pairs: expected train.csv/val.csv, or the folders rgb/ "
            f"(or {', '.join(IMAGE_FOLDERS[1:])}) and depth/ (or {', '.join(DEPTH_FOLDERS[1:])})"
        )
        listing.faults.append(PairFault("no-folders", path, str(path), message))
    images, depths = images or {}, depths or {}
    masks = {mask_key(Path(f"{stem}.x")): file for stem, file in masks.items()} | masks
    for stem in [stem for stem in depths if stem not in images and _is_mask(f"{stem}.x")]:
        masks[mask_key(Path(f"{stem}.x"))] = depths.pop(stem)
    partners = _partners(images, depths)
    listing.faults += _unpaired(path, images, depths, partners)
    for stem, partner in sorted(partners.items()):
        image, label = images[stem], labels.get(stem)
        mask = masks.get(stem) or masks.get(key_of(Path(f"{partner}.x")))
        name = str(image.relative_to(path))
        listing.pairs.append(Pair(name, image, depths[partner], label, mask))
    if labels:
        listing.faults += _unlabelled(path, listing.pairs)
    return listing


def _unlabelled(path: Path, pairs: Sequence[Pair]) -> Iterator[PairFault]:
    """Yield a fault for every pair without a label, for data that has labels."""
    for pair in pairs:
        if pair.label is None:
            yield PairFault("unlabelled", path, str(pair.image))


def _is_mask(name: str) -> bool:
    return _SEPARATORS.split(Path(name).stem)[-1].lower() in _MASK_WORDS


def _partners(images: dict[str, Path], depths: dict[str, Path]) -> dict[str, str]:
    """Return image stem -> depth stem: the same, else the only one that differs by a word."""
    partners = {stem: stem for stem in images if stem in depths}
    if len(partners) == len(images) == len(depths):
        return partners
    lonely: list[dict[str, list[str]]] = [{}, {}]
    for keys, files in zip(lonely, (images, depths), strict=True):
        for stem in files:
            if stem not in partners:
                keys.setdefault(key_of(Path(f"{stem}.x")), []).append(stem)
    for key, stems in lonely[0].items():
        others = lonely[1].get(key, [])
        if len(stems) == len(others) == 1:
            partners[stems[0]] = others[0]
    return partners


def _files_by_stem(
    path: Path,
    folders: Sequence[str],
    below: str,
    suffixes: Collection[str],
    faults: list[PairFault],
) -> dict[str, Path] | None:
    """Return the files of the first existing folder, by their path without a suffix."""
    folder = _first_folder(path, folders)
    if folder is None:
        return None
    files: dict[str, Path] = {}
    for file in sorted(walk(folder / below)):
        if file.suffix.lower() in suffixes:
            stem = str(file.relative_to(folder).with_suffix(""))
            if stem in files:
                faults.append(PairFault("same-stem", folder, str(file)))
            files[stem] = file
    return files


def _unpaired(
    path: Path,
    images: dict[str, Path],
    depths: dict[str, Path],
    partners: dict[str, str] | None = None,
) -> Iterator[PairFault]:
    if partners is None:
        partners = {stem: stem for stem in images if stem in depths}
    taken = set(partners.values())
    lonely = [("image", stem, images[stem]) for stem in images if stem not in partners]
    lonely += [("depth", stem, depths[stem]) for stem in depths if stem not in taken]
    lonely.sort(key=lambda each: each[1])
    for kind, stem, file in lonely:
        message = (
            f"{path}: {len(lonely)} files have no partner of the same stem, "
            f"the first is {kind} {stem!r}; pair or remove them"
        )
        yield PairFault(
            "lonely-image" if kind == "image" else "lonely-depth", path, str(file), message, stem
        )
