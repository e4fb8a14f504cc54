"""List the pairs of a data set without stopping at a fault; faults become findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.findings import Code, Finding, Severity, error, finding, note
from leadline.datasets.depth_form import PLAIN, masked
from leadline.datasets.layout import ALL, Layout, exif_camera
from leadline.datasets.open import DataSource, common_grey_levels, find_data
from leadline.datasets.pair_listing import (
    ALL_SPLIT_FOLDERS,
    IMAGE_FOLDERS,
    Pair,
    PairFault,
    PairListing,
)
from leadline.datasets.pairs import (
    DECLARATIONS,
    Declarations,
    PairsDataset,
    list_split,
    straighten,
)
from leadline.datasets.sample import DepthDataset
from leadline.depth.encodings import COLOUR_UNITS
from leadline.depth.rays import planar_factor
from leadline.errors import LeadlineError, plural
from leadline.io.labels import read_labels
from leadline.io.photos import IMAGE_SUFFIXES, is_result_png, read_photo
from leadline.io.png16 import LARGEST


@dataclass(frozen=True)
class RawPair:
    """A photograph with the numbers of its depth file, as stored.

    `image` (H,W,3) uint8; `values` (h,w) of any numeric type; `units_per_metre` if the file
    declares it; `labels` (h,w) int32 or None; `turned` (h,w) is the factor by which declared ray
    lengths were converted to `values`, else None. `has_camera`: the camera is known.
    """

    image: NDArray[np.uint8]
    values: NDArray[Any]
    units_per_metre: float | None = None
    labels: NDArray[np.int32] | None = None
    turned: NDArray[np.float32] | None = None
    has_camera: bool = False


class ListedPair(Protocol):
    """One listed pair of the data set, not yet read."""

    @property
    def id(self) -> str:
        """Its name, unique within the split."""
        ...

    @property
    def split(self) -> str:
        """The split it belongs to, "" without splits."""
        ...

    @property
    def files(self) -> Mapping[str, Path]:
        """Its files by role: image, depth, label."""
        ...

    def read(self) -> RawPair:
        """Read the pair. Errors: LeadlineError if it cannot be read."""
        ...


@dataclass(frozen=True)
class DiskPair:
    """A pair of files, read unchanged: sizes may differ, and the unit may be unknown.

    `declared` are the declarations of `dataset.yaml` and of the options, which are applied.
    """

    split: str
    pair: Pair
    declared: Declarations = field(default_factory=Declarations)

    @property
    def id(self) -> str:
        """The pair's name."""
        return self.pair.id

    @property
    def files(self) -> Mapping[str, Path]:
        """The files by role."""
        return self.pair.files

    def read(self) -> RawPair:
        """Read the files, of any sizes."""
        pair, form, camera_file = self.pair, self.declared.form, self.declared.camera
        photo = read_photo(pair.image, self.declared.grey_levels)
        image = photo.pixels
        values, metadata = form.read_values(pair.depth)
        if pair.mask is not None:
            values = masked(values, pair.mask, pair.depth)
        camera = metadata.intrinsics
        if camera_file is not None:
            camera = camera_file.pinhole(photo.width, photo.height)
        elif camera is None:
            camera = exif_camera(photo)
        if form.depth_size != "same":
            image, values = form.to_one_size(image, values, pair.image, pair.depth)
        if camera is not None:
            camera = camera.scaled_to(values.shape[1], values.shape[0])
        values = form.to_planar(values, camera, pair.depth)
        labels = None if pair.label is None else read_labels(pair.label)
        if labels is not None:
            labels = form.labels_in_one_size(labels, image)
        if camera_file is not None and camera is not None and camera_file.bends(camera):
            image, values, labels = straighten(camera_file, camera, image, values, labels)
        turned = planar_factor(camera) if form.depth_kind == "ray" and camera else None
        known = camera is not None
        return RawPair(image, values, metadata.units_per_metre, labels, turned, known)


@dataclass(frozen=True)
class ReaderPair:
    """Sample `index` of a layout's reader, as integers in `units` per metre, or in metres if 1."""

    id: str
    split: str
    data: DepthDataset
    index: int
    files: Mapping[str, Path] = field(default_factory=dict)
    units: float = 1.0

    def read(self) -> RawPair:
        """Read the sample; invalid depth is 0."""
        sample = self.data[self.index]
        values: NDArray[Any] = np.where(sample.valid, sample.depth, np.float32(0))
        if self.units != 1:  # as in the files, so that another unit can be detected
            values = np.minimum(np.rint(values * np.float64(self.units)), LARGEST).astype(np.uint16)
        known = sample.intrinsics is not None
        return RawPair(sample.image, values, None, sample.labels, has_camera=known)


@dataclass(frozen=True)
class Listing:
    """The pairs of a data set, and the `findings` from listing them.

    `declared_units` is the scale declared by the user or the data set, `declared_by` says by which;
    `evidence` is why the layout was recognised. `depth_in_colour`: colours encode the depth.
    `opened` are all splits of a published data set, () if one could not be opened; `other_units`
    are other units in which its depth occurs, with how to read such files.
    """

    path: Path
    layout: str
    evidence: str
    pairs: tuple[ListedPair, ...]
    findings: tuple[Finding, ...] = ()
    declared_units: float | None = None
    declared_by: str = ""
    depth_in_colour: bool = False
    opened: tuple[Layout, ...] = ()
    other_units: Mapping[float, str] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, int]:
        """Number of pairs in each split."""
        return dict(Counter(pair.split for pair in self.pairs))


def list_data(
    path: Path,
    split: str | None = None,
    layout: str = "auto",
    units_per_metre: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Listing:
    """List the pairs at `path`, of one split, or of all (None, `all`).

    `units_per_metre` is declared by the user; `options` are the layout's own.
    Errors: LeadlineError if nothing is there, no layout matches, or the split does not exist.
    """
    source = find_data(path, layout=layout, units_per_metre=units_per_metre, options=options)
    split = None if split == ALL else split
    if split is not None and split not in source.splits:
        have = ", ".join((*source.splits, ALL))
        raise LeadlineError(f"{path}: has no split {split!r}; choose one of {have}")
    if source.layout is PairsDataset:
        return _list_files(source, split, units_per_metre)
    return _list_samples(source, split)


def _list_samples(source: DataSource, split: str | None) -> Listing:
    """List the samples of the layout's own reader, which converts its unit to metres."""
    pairs: list[ListedPair] = []
    findings: list[Finding] = []
    opened: list[Layout] = []
    in_colour, units = False, 1.0
    for name in [split] if split else (source.splits or [None]):
        try:
            data = source.open(name)
        except LeadlineError as problem:
            remedy = "correct what the message names"
            findings.append(error("cannot-open", str(problem), remedy, [name or ALL]))
            continue
        units = _whole_units(data)
        opened += [data] if isinstance(data, Layout) else []
        pairs += [
            ReaderPair(
                data.sample_id(index), name or "", data, index, dict(data.files(index)), units
            )
            for index in range(len(data))
        ]
        form = data.form if isinstance(data, Layout) else PLAIN
        in_colour = form.depth_encoding in COLOUR_UNITS
    name, evidence = source.layout.name, source.evidence
    reader = "the layout's reader" if units == 1 else f"layout {name}"
    complete = tuple(opened) if split is None and not findings else ()
    return Listing(
        source.path,
        name,
        evidence,
        tuple(pairs),
        tuple(findings),
        units,
        reader,
        in_colour,
        complete,
        source.layout.other_units(source.opening.layout_options),
    )


def _whole_units(data: DepthDataset) -> float:
    """Return the units per metre of 16-bit depth files if all have one unit; 1 for others."""
    units = data.units_per_metre if isinstance(data, Layout) else None
    return units if units is not None and 1 < units < LARGEST else 1.0


def _list_files(source: DataSource, split: str | None, units: float | None) -> Listing:
    """List the pairs of a CSV, of a folder's CSVs, or of an image and a depth folder."""
    path = source.path
    root = path.parent if path.is_file() else path
    names = [split] if split else (source.splits or [""])
    listings = {name: list_split(path, name or None) for name in names}
    findings = [finding for listing in listings.values() for finding in _findings_of(listing)]
    declared, declared_by = Declarations(), "the given depth scale" if units else ""
    try:
        declared = Declarations.read(root, source.opening.layout_options)
        given, units = units, declared.units(root, units)
        if units is not None and given is None:
            encoding = declared.form.units_per_metre is not None
            declared_by = "depth_encoding" if encoding else DECLARATIONS
    except LeadlineError as problem:
        remedy = "write for instance depth_scale: 1000"
        findings.append(error("dataset-yaml", str(problem), remedy))
    if declared.grey_levels is None:
        declared = replace(declared, grey_levels=_grey_levels(source, listings))
    pairs = [
        DiskPair(name, pair, declared)
        for name, listing in listings.items()
        for pair in listing.pairs
    ]
    if split is None and (path.is_file() or source.splits):
        findings += _unlisted_images(root, pairs)
    name, evidence = source.layout.name, source.evidence
    in_colour = declared.form.depth_encoding in COLOUR_UNITS
    found = tuple(findings)
    return Listing(path, name, evidence, tuple(pairs), found, units, declared_by, in_colour)


def _grey_levels(source: DataSource, listings: Mapping[str, PairListing]) -> tuple[int, int] | None:
    """Return the black and white levels of 16-bit grey pictures as in training: of all splits."""
    listed = [[pair.image for pair in listing.pairs] for listing in listings.values()]
    if common_grey_levels(listed) is None:
        return None
    beside = [
        list_split(path, split)
        for path, split in source.lists()
        if path != source.path or (split or "") not in listings
    ]
    return common_grey_levels([*listed, *([pair.image for pair in each.pairs] for each in beside)])


class _Wording(NamedTuple):
    """How to report faults of one kind; `count` stands for their number with `noun`."""

    severity: Severity
    noun: str
    message: str
    remedy: str


_PARTNER_REMEDY = (
    "add the partner or remove the file; partners have the same stem, or differ by a word (x_rgb, "
    "x_depth)"
)
_WORDINGS: dict[Code, _Wording] = {
    "csv-unreadable": _Wording(
        Severity.ERROR,
        "",
        "{name}: not readable as CSV ({detail})",
        "save it as UTF-8 text, one pair a line",
    ),
    "csv-columns": _Wording(
        Severity.ERROR,
        "",
        "{name}: no column image or depth (its columns: {detail})",
        "make the first line image,depth[,label][,mask]",
    ),
    "csv-empty": _Wording(Severity.ERROR, "", "{name} lists no pair", "add lines to it"),
    "csv-missing-file": _Wording(
        Severity.ERROR,
        "missing file",
        "{name} names {count}",
        "correct the paths (they are relative to the CSV), or remove the lines",
    ),
    "csv-line": _Wording(
        Severity.ERROR,
        "line",
        "{name}: {count} without an image or a depth file",
        "fill in both columns",
    ),
    "same-stem": _Wording(
        Severity.ERROR,
        "file",
        "{count} in {source} with the same stem as another file",
        "keep one file a stem",
    ),
    "lonely-image": _Wording(
        Severity.ERROR, "image file", "{count} without a depth map", _PARTNER_REMEDY
    ),
    "lonely-depth": _Wording(
        Severity.ERROR, "depth file", "{count} without an image", _PARTNER_REMEDY
    ),
    "unlabelled": _Wording(
        Severity.NOTE,
        "pair",
        "{count} without a label file",
        "add the labels, or train without classes",
    ),
}
"""Kinds of faults in the order of reporting; no-folders is reported as no-pairs."""


def _findings_of(listing: PairListing) -> Iterator[Finding]:
    """Yield one finding for all faults of one kind and source."""
    for kind, wording in _WORDINGS.items():
        groups: dict[Path, list[PairFault]] = {}
        for fault in listing.faults:
            if fault.kind == kind:
                groups.setdefault(fault.source, []).append(fault)
        for source, faults in groups.items():
            message = wording.message.format(
                name=source.name,
                source=source,
                detail=faults[0].detail,
                count=plural(len(faults), wording.noun),
            )
            where = [fault.place for fault in faults]
            yield finding(wording.severity, kind, message, wording.remedy, where)


def _unlisted_images(root: Path, pairs: Sequence[DiskPair]) -> Iterable[Finding]:
    """Note images that are beside the listed ones but not listed."""
    listed = {pair.files["image"].resolve() for pair in pairs}
    folders = {path.parent for path in listed}
    divided = {folder.parent for folder in folders if folder.name in ALL_SPLIT_FOLDERS}
    folders |= {folder for folder in divided if folder.name in IMAGE_FOLDERS}
    unlisted = sorted(
        str(file)
        for folder in folders
        if folder.is_relative_to(root.resolve())
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and file not in listed and not is_result_png(file)
    )
    # In a folder that also holds the depth maps, the two cannot be distinguished.
    depth_folders = {pair.files["depth"].resolve().parent for pair in pairs}
    if unlisted and not depth_folders & folders:
        yield note(
            "unlisted-images",
            f"{plural(len(unlisted), 'image')} beside the listed ones, but in no "
            f"{'split' if divided else 'CSV'}",
            "nothing, if they are left out on purpose",
            unlisted,
        )
