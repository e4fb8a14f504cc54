"""Open data of any known layout: the list of layouts, and their detection at a path."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.arkitscenes import ArkitScenesDataset
from leadline.datasets.bts import BtsDataset
from leadline.datasets.densedepth import DenseDepthDataset
from leadline.datasets.diode import DiodeDataset
from leadline.datasets.folders import check_outside
from leadline.datasets.holdout import SplitBy, hold_out
from leadline.datasets.hypersim import HypersimDataset
from leadline.datasets.ibims import IbimsDataset
from leadline.datasets.kitti_benchmark import KittiBenchmarkDataset, KittiEigenDataset
from leadline.datasets.kitti_raw import KittiRawDataset
from leadline.datasets.kitti_selection import KittiSelectionDataset
from leadline.datasets.layout import ALL, SPLITS, Layout
from leadline.datasets.middlebury import MiddleburyDataset
from leadline.datasets.nyu_mat import NyuMatDataset
from leadline.datasets.opened_as import opened_as
from leadline.datasets.pairs import PairsDataset, unfinished
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.datasets.scannet import ScanNetDataset
from leadline.datasets.seven_scenes import SevenScenesDataset
from leadline.datasets.shards import ShardsDataset
from leadline.datasets.shift import ShiftDataset
from leadline.datasets.sunrgbd import SunRgbdDataset
from leadline.datasets.tum import TumDataset
from leadline.datasets.vkitti import Vkitti1Dataset, Vkitti2Dataset
from leadline.errors import LeadlineError, nearest
from leadline.io.files import check_ordinary, is_address
from leadline.io.photos import GreyLevels, levels_of, read_deep_grey

LAYOUTS: list[type[Layout]] = [
    ShardsDataset,
    NyuMatDataset,
    DenseDepthDataset,
    BtsDataset,
    KittiBenchmarkDataset,
    KittiEigenDataset,
    KittiSelectionDataset,
    KittiRawDataset,
    Vkitti1Dataset,
    Vkitti2Dataset,
    TumDataset,
    DiodeDataset,
    SunRgbdDataset,
    ScanNetDataset,
    HypersimDataset,
    ArkitScenesDataset,
    IbimsDataset,
    ShiftDataset,
    SevenScenesDataset,
    MiddleburyDataset,
    PairsDataset,
]
"""All layouts, specific before general: the first that matches a path is taken."""

DEEP_GREY_SUFFIXES = {".png", ".tif", ".tiff"}
PICTURES_LOOKED_AT = 16
"""Number of pictures per split from which black and white of 16-bit grey are determined."""


class Opening(TypedDict, total=False):
    """The keyword arguments of `find_data`, which the functions here pass on."""

    layout: str
    units_per_metre: float | None
    min_depth: float
    max_depth: float | None
    options: Mapping[str, Any] | None


@dataclass(frozen=True)
class OpenOptions:
    """How to open data of any layout; the fields are as in `open_data`."""

    layout: str = "auto"
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    layout_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSource:
    """Data at `path` of a recognised layout, ready to be opened; returned by `find_data`.

    `splits` are the existing ones, () if the data has none. `opening` holds the layout's name and a
    value for each of its options; `evidence` is why the data is of this layout.
    """

    path: Path
    layout: type[Layout]
    splits: tuple[str, ...]
    opening: OpenOptions
    evidence: str

    def open(self, split: str | None = None) -> DepthDataset:
        """Open a split; None or `all` means everything.

        Errors: LeadlineError for a split that does not exist, or data without samples.
        """
        split = None if split == ALL else split
        name, opening = self.layout.name, self.opening
        if split is not None and split not in self.splits:
            have = ", ".join(self.splits)
            have = f"only {have}; choose one of these" if have else "nor any other"
            raise LeadlineError(f"{self.path}: layout {name} has no split {split!r} here, {have}")
        units = self.layout.fixed_units or opening.units_per_metre
        data = self.layout.open(self.path, split, units, **opening.layout_options)
        description = f"{name}, {split}" if split else name
        if len(data) == 0:
            raise LeadlineError(
                f"{self.path}: no samples in it as {description}, which takes "
                f"{self.layout.data_argument}"
            )
        dataset = data.dataset or self.layout.published_as
        levels = data.grey_levels or self._grey_levels(data)
        data = replace(data, description=description, dataset=dataset, grey_levels=levels)
        data = data.within(opening.min_depth, opening.max_depth)
        return replace(data, opened_as=opened_as(data, opening.layout_options))

    def _grey_levels(self, data: DepthDataset) -> GreyLevels | None:
        """Return common black and white levels for 16-bit grey pictures of `lists`, else None."""
        if _deep_grey(data.files(0).get("image")) is None:
            return None
        units = self.layout.fixed_units or self.opening.units_per_metre
        options = self.opening.layout_options
        every = [self.layout.open(path, split, units, **options) for path, split in self.lists()]
        return common_grey_levels(
            [[whole.files(i).get("image") for i in range(len(whole))] for whole in every]
        )

    def lists(self) -> list[tuple[Path, str | None]]:
        """Return the path and split of each list of samples, at `path` and beside it.

        A data set has the same lists whether `path` is its folder or one of its lists.
        """
        if self.splits:
            return [(self.path, split) for split in self.splits]
        beside = (self.layout.sibling(self.path, split) for split in SPLITS)
        every = {path.resolve(): path for path in (self.path, *beside) if path is not None}
        return [(path, None) for path in every.values()]

    def check_outside(self, out: Path) -> None:
        """Raise LeadlineError if files written to `out` would be taken as part of the data."""
        for folder in self.layout.scanned_folders(self.path):
            check_outside(out, folder)

    def open_if_declared(self, split: str) -> DepthDataset | None:
        """Open a split in the data or beside it; None if there is none."""
        if split in self.splits:
            return self.open(split)
        sibling = self.layout.sibling(self.path, split)
        return None if sibling is None else replace(self, path=sibling, splits=()).open()

    def split_to_score(self) -> str | None:
        """Return the split scored by default: val, else test, else everything (None).

        Errors: LeadlineError if the data has only other splits, since training data is scored only
        on request.
        """
        for name in ("val", "test"):
            if name in self.splits:
                return name
        if self.splits:
            raise LeadlineError(
                f"{self.path}: has neither a val nor a test split, only "
                f"{', '.join(self.splits)}; choose one of these with --split"
            )
        return None

    def open_train_and_val(
        self,
        *,
        val_fraction: float,
        seed: int,
        val_unit: SplitBy = "sample",
        limit: int | None = None,
    ) -> tuple[DepthDataset, DepthDataset | None]:
        """Open the training data and the validation data; see the function of this name."""
        train = self.open("train" if self.splits else None)
        order = list(range(len(train)))
        random.Random(seed).shuffle(order)
        order = order[:limit]
        val = self.open_if_declared("val")
        if val is not None:
            return train.subset(sorted(order)), val.within(0.0, None)
        held_out = hold_out(train, order, val_fraction, val_unit)
        if not held_out:
            return train.subset(sorted(order)), None
        kept = set(order) - set(held_out)
        return train.subset(sorted(kept)), train.subset(sorted(held_out)).within(0.0, None)


def common_grey_levels(splits: Sequence[Sequence[Path | None]]) -> GreyLevels | None:
    """Return common black and white levels for the pictures of all splits, None for other pictures.

    A few pictures of each split are read; splits whose first picture is not 16-bit grey are
    skipped.
    """
    values = [
        picture.ravel()
        for paths in splits
        if paths and _deep_grey(paths[0]) is not None
        for index in evenly_spaced(len(paths), PICTURES_LOOKED_AT)
        if (picture := _deep_grey(paths[index])) is not None
    ]
    return levels_of(np.concatenate(values)) if values else None


def _deep_grey(path: Path | None) -> NDArray[np.uint16] | None:
    """Return the values of a 16-bit grey picture; None for any other, or none."""
    if path is None or path.suffix.lower() not in DEEP_GREY_SUFFIXES:
        return None
    try:
        return read_deep_grey(path)
    except LeadlineError:  # reported when the picture is read as a sample
        return None


def find_data(
    path: str | Path,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> DataSource:
    """Recognise the data at `path` and check how it is to be opened; reads no sample.

    A command calls this once and opens all splits from the result. The arguments are as in
    `open_data`.
    Errors: LeadlineError for missing or unknown data, an unknown option, or a contradicting unit.
    """
    path = Path(path)
    known, evidence = _recognise(path, layout)
    splits = known.splits(path)
    if units_per_metre is not None and known.fixed_units not in (None, units_per_metre):
        raise LeadlineError(
            f"{path}: layout {known.name} holds {known.fixed_units:g} units per metre, not "
            f"{units_per_metre:g}; drop the depth scale, or give --layout pairs for files of your "
            "own making"
        )
    resolved = known.resolve_options(options or {})
    opening = OpenOptions(known.name, units_per_metre, min_depth, max_depth, resolved)
    return DataSource(path, known, splits, opening, evidence)


def get_layout(name: str) -> type[Layout]:
    """Return the layout called `name`."""
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    near = nearest(name, [layout.name for layout in LAYOUTS])
    raise LeadlineError(
        f"layout {name}: is not known{near}; 'leadline layouts' lists them, auto recognises one"
    )


def with_absolute_paths(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return layout options, maybe unknown ones, with the paths among them made absolute.

    The name of a path option has no other meaning in any layout.
    """
    known = {name: each for layout in LAYOUTS for name, each in layout.options.items()}
    return {
        name: known[name].parse(value) if name in known and known[name].is_path else value
        for name, value in options.items()
    }


def _recognise(path: Path, layout: str) -> tuple[type[Layout], str]:
    """Return the layout of the data at `path`, as named or the first that matches, and why.

    Errors: LeadlineError if nothing is at `path`, or nothing of a known layout.
    """
    if not path.exists():
        remedy = (
            "download it first" if is_address(path) else "give a folder or a list file of pairs"
        )
        raise LeadlineError(f"{path}: no such data; {remedy}")
    check_ordinary(path)
    if command := unfinished(path):
        raise LeadlineError(
            f"{path}: is unfinished: '{command}' was stopped; run the same command again"
        )
    if layout != "auto":
        return get_layout(layout), "as given"
    for candidate in LAYOUTS:
        evidence = candidate.matches(path)
        if evidence is not None:
            return candidate, evidence
    if path.is_file() and path.stat().st_size == 0:
        raise LeadlineError(f"{path}: the file is empty (0 bytes); copy it again")
    empty = ", the folder is empty" if path.is_dir() and not any(path.iterdir()) else ""
    raise LeadlineError(
        f"{path}: no known layout{empty}; give {PairsDataset.data_argument}, or a published data "
        "set ('leadline layouts' lists them)"
    )


def open_data(
    path: str | Path,
    split: str | None = None,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> DepthDataset:
    """Open the data at `path`, in the given or recognised layout.

    `split` is one of the data's; None or `all` means everything. `units_per_metre` is the scale of
    integer depth files that do not state it. Depth of at most `min_depth`, or beyond `max_depth`
    metres, is invalid. `options` are the layout's own (`Layout.options`).
    Errors: LeadlineError for missing or unknown data, split, option, or a contradicting unit.
    """
    source = find_data(
        path,
        layout=layout,
        units_per_metre=units_per_metre,
        min_depth=min_depth,
        max_depth=max_depth,
        options=options,
    )
    return source.open(split)


def open_train_and_val(
    path: str | Path,
    *,
    val_fraction: float,
    seed: int,
    val_unit: SplitBy = "sample",
    limit: int | None = None,
    **opening: Unpack[Opening],
) -> tuple[DepthDataset, DepthDataset | None]:
    """Open the training data and the validation data.

    If the data has no `val` split, `val_fraction` of the samples, drawn with `seed`, are held out;
    with a fraction of 0 there is no validation (None). `val_unit` scene holds out whole scenes, so
    that no neighbour of a validation frame is trained on. A `test` split is not used. `limit`
    samples, drawn with `seed`, are kept of those outside a `val` split. Depth outside `min_depth`
    to `max_depth` is invalid only in the training data; for validation, the protocol determines
    which truth is scored. `opening`: the keyword arguments of `find_data`.
    """
    source = find_data(path, **opening)
    return source.open_train_and_val(
        val_fraction=val_fraction, seed=seed, val_unit=val_unit, limit=limit
    )
