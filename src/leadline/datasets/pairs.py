"""Image-depth(-label) pairs from a folder or a CSV: the layout anybody can make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.layout import Layout
from leadline.datasets.pair_listing import (
    DEPTH_FOLDERS,
    IMAGE_FOLDERS,
    Pair,
    list_csv,
    list_folders,
)
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError
from leadline.io.cameras import CameraFile, declared_camera
from leadline.io.files import read_bytes
from leadline.io.yaml_files import read_yaml

SPLITS = ("train", "val", "test")
DECLARATIONS = "dataset.yaml"


@dataclass(frozen=True)
class PairsDataset(Layout):
    """Pairs read from disk one at a time.

    `units_per_metre` is the scale of integer depth files (1000: millimetres, 256: KITTI); None
    leaves it to what each file says of itself. `camera_file` is the one camera of all images,
    where `dataset.yaml` declares it.
    """

    name = "pairs"
    title = "image-depth pairs"
    points_at = "a folder with train.csv/val.csv, such a CSV, or a folder with rgb/ and depth/"
    source = "your own data"

    camera_file: CameraFile | None = None

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a CSV, the CSV of a split, or an image and a depth folder."""
        if path.is_file():
            return f"{path.name} is a CSV" if path.suffix.lower() == ".csv" else None
        splits = cls.splits(path)
        if splits:
            return f"has {', '.join(f'{split}.csv' for split in splits)}"
        images = next((name for name in IMAGE_FOLDERS if (path / name).is_dir()), None)
        depths = next((name for name in DEPTH_FOLDERS if (path / name).is_dir()), None)
        return f"has the folders {images}/ and {depths}/" if images and depths else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return which of train, val and test the data set declares by a CSV."""
        return tuple(s for s in SPLITS if path.is_dir() and (path / f"{s}.csv").is_file())

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return `<split>.csv` beside another split's CSV."""
        other = path.parent / f"{split}.csv"
        return other if path.is_file() and path.stem in SPLITS and other.is_file() else None

    @classmethod
    def open(cls, path: Path, split: str | None, units_per_metre: float | None) -> PairsDataset:
        """Open the pairs of a CSV, of `<split>.csv` in a folder, or of the folders.

        Errors: LeadlineError where the split, a column or a partner file is missing.
        """
        root = path.parent if path.is_file() else path
        if path.is_file():
            listing = list_csv(path)
        elif split is not None and (path / f"{split}.csv").is_file():
            listing = list_csv(path / f"{split}.csv")
        elif split is not None and cls.splits(path):
            raise LeadlineError(
                f"{path}: has no {split}.csv, only {', '.join(cls.splits(path))}; "
                f"choose one of these with --split"
            )
        else:
            listing = list_folders(path)
        pairs = listing.require_complete()
        if not pairs:
            raise LeadlineError(f"{path}: no image-depth pairs in it")
        scale = units_per_metre if units_per_metre is not None else declared_scale(root)
        declared = _declarations(root).get("camera")
        camera = None if declared is None else declared_camera(root / DECLARATIONS, declared)
        return cls(root, pairs, scale, camera_file=camera)

    def camera(self, item: Pair, size: tuple[int, int]) -> Intrinsics | None:
        """Return the declared camera; without one, a depth file that says its own has that."""
        height, width = size
        return None if self.camera_file is None else self.camera_file.for_size(width, height)

    def paths(self, item: Pair) -> dict[str, Path]:
        """Return the image, the depth and, where there is one, the label."""
        return item.files

    def read_labels(self, files: Mapping[str, Path]) -> NDArray[np.int32]:
        """Read the label picture."""
        return read_labels(files["label"])


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
    in units per metre, which an argument wins over, and the `camera` of all images.

    Errors: LeadlineError where the path, the split, a column or a partner file is missing.
    """
    if not path.exists():
        raise LeadlineError(f"{path}: no such data; give a folder of pairs or a CSV file")
    return PairsDataset.open(path, split, units_per_metre).within(min_depth, max_depth)


def read_labels(path: Path) -> NDArray[np.int32]:
    """Read a single-channel picture of class ids, (H,W) int32."""
    import cv2

    labels = cv2.imdecode(np.frombuffer(read_bytes(path, "label"), np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2:
        raise LeadlineError(f"{path}: not a single-channel label image (one class id a pixel)")
    return labels.astype(np.int32)


def declared_scale(root: Path) -> float | None:
    """Return the units per metre that `dataset.yaml` in `root` declares, None where it does not.

    Errors: LeadlineError where the file is no YAML or the unit is not one.
    """
    units = _declarations(root).get("depth_scale")
    return None if units is None else parse_units(str(units))


def _declarations(root: Path) -> Mapping[str, Any]:
    """Return what `dataset.yaml` in `root` says, nothing where there is none."""
    path = root / DECLARATIONS
    content = read_yaml(path, "declaration of the unit") if path.is_file() else None
    return content if isinstance(content, dict) else {}
