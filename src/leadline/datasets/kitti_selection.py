"""KITTI depth benchmark's `val_selection_cropped`: 1000 frames of 1216x352 with their cameras."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from leadline.datasets.folders import names_in, require_files
from leadline.datasets.layout import Layout, Option, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.cameras import read_camera

UNITS = 256.0
DEPTH_FOLDERS = {"annotated": "groundtruth_depth", "velodyne": "velodyne_raw"}
ROOTS = ("", "val_selection_cropped", "depth_selection/val_selection_cropped")
_NAME = re.compile(r"(.+_sync)_image_(\d{10}_image_0[23])\.png")


@dataclass(frozen=True)
class SelectedFrame:
    """`drive` and `frame` are the parts of the file names before and after the folder name."""

    drive: str
    frame: str

    @property
    def id(self) -> str:
        """The photograph's path."""
        return f"image/{self.drive}_image_{self.frame}.png"

    @property
    def intrinsics(self) -> str:
        """The camera file's path."""
        return f"intrinsics/{self.drive}_image_{self.frame}.txt"

    def depth(self, folder: str) -> str:
        """Return the depth's path."""
        return f"{folder}/{self.drive}_{folder}_{self.frame}.png"


@dataclass(frozen=True)
class KittiSelectionDataset(Layout):
    """`depth` is `annotated` or `velodyne` (the single scan)."""

    name = "kitti-selection"
    published_as = "kitti"
    title = "KITTI depth benchmark, validation selection"
    data_argument = "val_selection_cropped (of data_depth_selection), or a folder above it"
    source = "Uhrig et al.: Sparsity Invariant CNNs, 3DV 2017"
    origin = Origin(
        "https://www.cvlibs.net/datasets/kitti/eval_depth_all.php",
        "CC BY-NC-SA 3.0",
        "1000 frames",
        "data_depth_selection.zip",
    )
    fixed_units = UNITS
    unpaired_files = "fault"
    options: ClassVar[Options] = {
        "depth": Option("annotated, or the single scan", "annotated", ("annotated", "velodyne"))
    }

    depth: str = "annotated"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the folders of photographs and annotated depth."""
        root = _root(path)
        return None if root is None else f"{root.name} has image/ and groundtruth_depth/"

    @classmethod
    def open(
        cls, path: Path, _split: str | None, _units: float | None, *, depth: str = "annotated"
    ) -> KittiSelectionDataset:
        """Open every frame."""
        root = _root(path)
        if root is None:
            raise LeadlineError(
                f"{path}: has no image/ and groundtruth_depth/; {cls.data_argument}"
            )
        names = (_NAME.fullmatch(name) for name in sorted(names_in(root / "image")))
        items = tuple(SelectedFrame(name[1], name[2]) for name in names if name is not None)
        folder = DEPTH_FOLDERS[depth]
        files = (root / name for item in items for name in (item.depth(folder), item.intrinsics))
        require_files(root, files, "unpack data_depth_selection.zip again")
        return cls(root, items, UNITS, depth=depth)

    def paths(self, item: SelectedFrame) -> dict[str, Path]:
        """Return the image, the depth and the camera file."""
        depth = item.depth(DEPTH_FOLDERS[self.depth])
        files = {"image": item.id, "depth": depth, "intrinsics": item.intrinsics}
        return {kind: self.root / name for kind, name in files.items()}

    def scene(self, item: SelectedFrame) -> str:
        """Return the drive, shared by its cameras."""
        return item.drive

    def camera(self, item: SelectedFrame, size: tuple[int, int]) -> Intrinsics:
        """Return the camera of the frame's own file."""
        height, width = size
        return read_camera(self.root / item.intrinsics, width, height)


def _root(path: Path) -> Path | None:
    for name in ROOTS:
        root = path / name
        if (root / "image").is_dir() and (root / "groundtruth_depth").is_dir():
            return root
    return None
