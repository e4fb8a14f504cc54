"""Image-depth(-label) pairs from a folder or a CSV: the layout anybody can make."""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.depth.errors import LeadlineError
from leadline.depth.formats import read_depth
from leadline.depth.images import IMAGE_SUFFIXES, read_photo
from leadline.depth.units import parse_units

IMAGE_FOLDERS = ("rgb", "image", "images", "color", "colour")
DEPTH_FOLDERS = ("depth", "depths", "depth_gt")
LABEL_FOLDERS = ("label", "labels")
DEPTH_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz", ".exr", ".pfm")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Pair:
    """The files of one sample; `label` may be missing."""

    id: str
    image: Path
    depth: Path
    label: Path | None = None


@dataclass(frozen=True)
class PairsDataset:
    """Pairs read from disk one at a time.

    `units_per_metre` is the scale of integer depth files (1000: millimetres, 256: KITTI); None
    leaves it to what each file says of itself. Depth beyond `max_depth` metres, where given,
    is invalid, as is what lies below `min_depth`.
    """

    root: Path
    pairs: tuple[Pair, ...]
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    def sample_id(self, index: int) -> str:
        """Return the image's path below the data set's folder."""
        return self.pairs[index].id

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        image = read_photo(pair.image).pixels
        depth_map = read_depth(pair.depth, self.units_per_metre)
        depth, valid = depth_map.depth, depth_map.valid
        if depth.shape != image.shape[:2]:
            raise LeadlineError(
                f"{pair.depth}: depth is {depth.shape[1]}x{depth.shape[0]} but {pair.image} is "
                f"{image.shape[1]}x{image.shape[0]}; a pair must have one size"
            )
        valid = valid & (depth > self.min_depth)
        if self.max_depth is not None:
            valid &= depth <= self.max_depth
        labels = _read_labels(pair.label, depth.shape) if pair.label else None
        return Sample(pair.id, image, depth, valid, labels, depth_map.intrinsics)

    def subset(self, indices: Sequence[int]) -> "PairsDataset":
        """Return the data set of these samples."""
        return replace(self, pairs=tuple(self.pairs[i] for i in indices))


def _read_labels(path: Path, shape: tuple[int, ...]) -> NDArray[np.int32]:
    import cv2

    labels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2:
        raise LeadlineError(f"{path}: not a single-channel label image (one class id a pixel)")
    if labels.shape != shape:
        raise LeadlineError(
            f"{path}: labels are {labels.shape[1]}x{labels.shape[0]}, the depth is "
            f"{shape[1]}x{shape[0]}; a pair must have one size"
        )
    return labels.astype(np.int32)


def open_pairs(
    path: Path,
    split: str | None = None,
    *,
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
) -> PairsDataset:
    """Open pairs from a CSV, a folder with `<split>.csv`, or a folder of image and depth folders.

    A CSV has a header with `image`, `depth` and optionally `label`, and paths relative to its own
    folder. A folder without CSVs has `rgb/` (or image, images, color) and `depth/` (or depths,
    depth_gt), paired by file stem. `dataset.yaml` beside the data may declare `depth_scale`
    in units per metre; an argument wins over it.

    Errors: LeadlineError where the path, the split, a column or a partner file is missing.
    """
    if not path.exists():
        raise LeadlineError(f"{path}: no such data; give a folder of pairs or a CSV file")
    root = path.parent if path.is_file() else path
    if path.is_file():
        pairs = _pairs_from_csv(path)
    elif split is not None and (path / f"{split}.csv").is_file():
        pairs = _pairs_from_csv(path / f"{split}.csv")
    elif split is not None and available_splits(path):
        raise LeadlineError(
            f"{path}: has no {split}.csv, only {', '.join(available_splits(path))}; "
            f"choose one of these with --split"
        )
    else:
        pairs = _pairs_from_folder(path)
    if not pairs:
        raise LeadlineError(f"{path}: no image-depth pairs in it")
    scale = units_per_metre if units_per_metre is not None else _declared_scale(root)
    return PairsDataset(root, tuple(pairs), scale, min_depth, max_depth)


def available_splits(path: Path) -> list[str]:
    """Return which of train, val and test the data set declares by a CSV."""
    return [split for split in SPLITS if path.is_dir() and (path / f"{split}.csv").is_file()]


def open_train_and_val(
    path: Path,
    *,
    val_fraction: float,
    seed: int,
    limit: int | None = None,
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
) -> tuple[PairsDataset, PairsDataset | None]:
    """Open the training data and, beside it, the validation data.

    Where the data set has no `val.csv`, `val_fraction` of the samples, drawn with `seed`, are
    put aside; with a fraction of 0 there is no validation (None). `limit` samples, drawn with
    `seed`, are kept of what is not validation by its own CSV.
    """
    options: dict[str, Any] = {
        "units_per_metre": units_per_metre,
        "min_depth": min_depth,
        "max_depth": max_depth,
    }
    splits = available_splits(path)
    train = open_pairs(path, "train" if splits else None, **options)
    order = list(range(len(train)))
    random.Random(seed).shuffle(order)
    order = order[:limit]
    val = _declared_val(path, splits, options)
    if val is not None:
        return train.subset(sorted(order)), val
    count = round(len(order) * val_fraction)
    if count == 0:
        return train.subset(sorted(order)), None
    if count >= len(order):
        raise LeadlineError(
            f"{path}: val_fraction {val_fraction} of {len(order)} pairs leaves none to train on"
        )
    return train.subset(sorted(order[count:])), train.subset(sorted(order[:count]))


def _declared_val(
    path: Path, splits: Sequence[str], options: dict[str, Any]
) -> PairsDataset | None:
    if "val" in splits:
        return open_pairs(path, "val", **options)
    if path.is_file() and path.name == "train.csv" and (path.parent / "val.csv").is_file():
        return open_pairs(path.parent / "val.csv", **options)
    return None


def _pairs_from_csv(path: Path) -> list[Pair]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = {"image", "depth"} - set(columns)
            if missing:
                raise LeadlineError(
                    f"{path}: column {', '.join(sorted(missing))} is missing (found: "
                    f"{', '.join(columns) or 'nothing'}); "
                    "the first line must be image,depth[,label]"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LeadlineError(f"{path}: not readable as CSV ({error})") from error
    return [_pair_from_row(path, number, row) for number, row in enumerate(rows, start=2)]


def _pair_from_row(path: Path, number: int, row: dict[str, str | None]) -> Pair:
    if not row["image"] or not row["depth"]:
        raise LeadlineError(f"{path}: line {number} lacks an image or a depth file")
    image, depth = path.parent / row["image"], path.parent / row["depth"]
    label = path.parent / label_name if (label_name := row.get("label")) else None
    for file in (image, depth, label):
        if file is not None and not file.is_file():
            raise LeadlineError(f"{path}: line {number} names {file}, which does not exist")
    return Pair(row["image"], image, depth, label)


def _pairs_from_folder(path: Path) -> list[Pair]:
    images = _files_by_stem(path, IMAGE_FOLDERS, tuple(IMAGE_SUFFIXES))
    depths = _files_by_stem(path, DEPTH_FOLDERS, DEPTH_SUFFIXES)
    if images is None or depths is None:
        raise LeadlineError(
            f"{path}: not a folder of pairs: expected train.csv/val.csv, or the folders rgb/ "
            f"(or {', '.join(IMAGE_FOLDERS[1:])}) and depth/ (or {', '.join(DEPTH_FOLDERS[1:])})"
        )
    lonely = sorted(set(images) ^ set(depths))
    if lonely:
        have = "image" if lonely[0] in images else "depth"
        raise LeadlineError(
            f"{path}: {len(lonely)} files have no partner of the same stem, "
            f"the first is {have} {lonely[0]!r}; pair or remove them"
        )
    labels = _files_by_stem(path, LABEL_FOLDERS, (".png",)) or {}
    return [
        Pair(str(images[stem].relative_to(path)), images[stem], depths[stem], labels.get(stem))
        for stem in sorted(images)
    ]


def _files_by_stem(
    path: Path, folders: Sequence[str], suffixes: Sequence[str]
) -> dict[str, Path] | None:
    for name in folders:
        folder = path / name
        if folder.is_dir():
            return {
                str(file.relative_to(folder).with_suffix("")): file
                for file in sorted(folder.rglob("*"))
                if file.suffix.lower() in suffixes
            }
    return None


def _declared_scale(root: Path) -> float | None:
    path = root / "dataset.yaml"
    if not path.is_file():
        return None
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LeadlineError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(content, dict) or "depth_scale" not in content:
        return None
    return parse_units(str(content["depth_scale"]))
