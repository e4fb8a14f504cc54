"""Opening data of any known layout: one function, one table."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.datasets import (
    bts,
    densedepth,
    kitti_benchmark,
    kitti_raw,
    kitti_selection,
    nyu_mat,
    pairs,
    shards,
    tum,
    vkitti,
)
from leadline.datasets.holdout import Unit, hold_out
from leadline.datasets.layout import Layout
from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError

LAYOUTS: tuple[Layout, ...] = (
    shards.LAYOUT,
    nyu_mat.LAYOUT,
    densedepth.LAYOUT,
    bts.LAYOUT,
    kitti_benchmark.LAYOUT,
    kitti_benchmark.EIGEN_LAYOUT,
    kitti_selection.LAYOUT,
    kitti_raw.LAYOUT,
    vkitti.LAYOUT_1,
    vkitti.LAYOUT_2,
    tum.LAYOUT,
    pairs.LAYOUT,
)
"""Every layout, the particular before the general: the first that matches a path is taken."""


EVERYTHING = "all"
"""The split that every data set has."""


@dataclass(frozen=True)
class Asked:
    """What the caller wants of the data, whichever layout it turns out to have."""

    layout: str = "auto"
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def get_layout(name: str) -> Layout:
    """Return the layout called `name`."""
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    names = ", ".join(layout.name for layout in LAYOUTS)
    raise LeadlineError(f"layout {name!r} is not known; choose auto or one of {names}")


def recognise(path: Path, layout: str = "auto") -> Layout:
    """Return the layout of the data at `path`: the one named, or the first that fits.

    Errors: LeadlineError where nothing is at `path`, or nothing that any layout knows.
    """
    if not path.exists():
        raise LeadlineError(f"{path}: no such data; give a folder or a list file of pairs")
    if layout != "auto":
        return get_layout(layout)
    for candidate in LAYOUTS:
        if candidate.matches(path) is not None:
            return candidate
    if path.is_file() and path.stat().st_size == 0:
        raise LeadlineError(f"{path}: the file is empty (0 bytes); copy it again")
    names = ", ".join(known.name for known in LAYOUTS)
    raise LeadlineError(
        f"{path}: no known layout; {pairs.LAYOUT.points_at}, or a published data set ({names}): "
        "'leadline layouts' says what to point at, --layout NAME insists"
    )


def available_splits(path: Path, layout: str = "auto") -> tuple[str, ...]:
    """Return the names of the splits that the data at `path` has, () where it has none."""
    return recognise(path, layout).splits(path)


def split_to_score(path: Path, layout: str = "auto") -> str | None:
    """Return what is scored when nobody says: val, else test, else everything (None).

    Errors: LeadlineError where the data has other splits only; training data is not scored unasked.
    """
    splits = available_splits(path, layout)
    for name in ("val", "test"):
        if name in splits:
            return name
    if splits:
        raise LeadlineError(
            f"{path}: has neither a val nor a test split, only {', '.join(splits)}; "
            f"choose one of these with --split"
        )
    return None


def open_data(
    path: Path,
    split: str | None = None,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> DepthDataset:
    """Open the data at `path`, of the layout given or recognised.

    `split` is one of the data's; None or `all` means everything.
    `units_per_metre` is the scale of whole-number depth files that do not say it themselves.
    Depth of at most `min_depth`, or beyond `max_depth` metres, is invalid. `options` are the
    layout's own (`Layout.options`).
    Errors: LeadlineError for missing or unknown data, split, option, or a contradicting unit.
    """
    asked = Asked(layout, units_per_metre, min_depth, max_depth, options or {})
    return _open(path, None if split == EVERYTHING else split, asked)


def open_train_split(
    path: Path,
    *,
    layout: str = "auto",
    units_per_metre: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> DepthDataset | None:
    """Return the training data that `path` has or lies beside, None where it declares none."""
    return _declared(path, "train", Asked(layout, units_per_metre, options=options or {}))


def open_train_and_val(
    path: Path,
    *,
    val_fraction: float,
    seed: int,
    val_unit: Unit = "sample",
    limit: int | None = None,
    layout: str = "auto",
    options: Mapping[str, Any] | None = None,
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
) -> tuple[DepthDataset, DepthDataset | None]:
    """Open the training data and, beside it, the validation data.

    Where the data has no `val` split, `val_fraction` of the samples, drawn with `seed`, are
    put aside; with a fraction of 0 there is no validation (None). `val_unit` scene puts whole
    scenes aside, so that no neighbour of a frame is trained on. A `test` split is left alone.
    `limit` samples, drawn with `seed`, are kept of what is not validation by its own split.
    """
    asked = Asked(layout, units_per_metre, min_depth, max_depth, options or {})
    train = _open(path, "train" if available_splits(path, layout) else None, asked)
    order = list(range(len(train)))
    random.Random(seed).shuffle(order)
    order = order[:limit]
    val = _declared(path, "val", asked)
    if val is not None:
        return train.subset(sorted(order)), val
    held = hold_out(train, order, val_fraction, val_unit)
    if not held:
        return train.subset(sorted(order)), None
    return train.subset(sorted(set(order) - set(held))), train.subset(sorted(held))


def _open(path: Path, split: str | None, asked: Asked) -> DepthDataset:
    known = recognise(path, asked.layout)
    splits = known.splits(path)
    if split is not None and split not in splits:
        have = f"only {', '.join(splits)}; choose one of these" if splits else "nor any other"
        raise LeadlineError(f"{path}: layout {known.name} has no split {split!r} here, {have}")
    units = asked.units_per_metre
    if units is not None and known.units_per_metre not in (None, units):
        raise LeadlineError(
            f"{path}: layout {known.name} holds {known.units_per_metre:g} units per metre, not "
            f"{units:g}; drop the depth scale, or give --layout pairs for files of your own making"
        )
    options = known.settle_options(asked.options)
    data = known.open(path, split, known.units_per_metre or units, **options)
    name = f"{known.name}, {split}" if split else known.name
    if len(data) == 0:
        raise LeadlineError(f"{path}: no samples in it as {name}, which takes {known.points_at}")
    return data.named(name).within(asked.min_depth, asked.max_depth)


def _declared(path: Path, split: str, asked: Asked) -> DepthDataset | None:
    known = recognise(path, asked.layout)
    if split in known.splits(path):
        return _open(path, split, asked)
    beside = known.sibling(path, split)
    return None if beside is None else _open(beside, None, asked)
