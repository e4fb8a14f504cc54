"""KITTI depth benchmark's `val_selection_cropped`: 1000 frames of 1216x352 with their cameras."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from leadline.datasets.layout import Layout, Option
from leadline.datasets.listing import names_in, require_files
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample, StoredSample, to_be_warped
from leadline.errors import LeadlineError
from leadline.io.cameras import read_camera
from leadline.io.formats import read_stored_depth
from leadline.io.photos import read_photo

UNITS = 256.0
DEPTH_FOLDERS = {"annotated": "groundtruth_depth", "velodyne": "velodyne_raw"}
PLACES = ("", "val_selection_cropped", "depth_selection/val_selection_cropped")
_NAME = re.compile(r"(.+_sync)_image_(\d{10}_image_0[23])\.png")


@dataclass(frozen=True)
class SelectedFrame:
    """`drive` and `frame` are the parts of the file names around the name of the folder."""

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
class KittiSelectionDataset(Reader[SelectedFrame]):
    """`depth` is `annotated` or `velodyne` (the single scan)."""

    depth: str = "annotated"

    def paths(self, item: SelectedFrame) -> dict[str, Path]:
        """Return the image, the depth and the camera file."""
        depth = item.depth(DEPTH_FOLDERS[self.depth])
        files = {"image": item.id, "depth": depth, "intrinsics": item.intrinsics}
        return {kind: self.root / name for kind, name in files.items()}

    def scene(self, item: SelectedFrame) -> str:
        """Return the drive, whichever the camera."""
        return item.drive

    def read(self, item: SelectedFrame) -> Sample | StoredSample:
        """Read one photograph, its depth and its camera."""
        photo, path, intrinsics = self.paths(item).values()
        image = read_photo(photo).pixels
        depth = read_stored_depth(path, UNITS)
        check_one_size("depth", depth, path, image, photo)
        height, width = depth.shape
        camera = read_camera(intrinsics, width, height)
        return to_be_warped(item.id, image, depth, None, camera)


def _root(path: Path) -> Path | None:
    for place in PLACES:
        root = path / place
        if (root / "image").is_dir() and (root / "groundtruth_depth").is_dir():
            return root
    return None


def _matches(path: Path) -> str | None:
    root = _root(path)
    return None if root is None else f"{root.name} has image/ and groundtruth_depth/"


def _open(
    path: Path, _split: str | None, _units: float | None, *, depth: str
) -> KittiSelectionDataset:
    root = _root(path)
    if root is None:
        raise LeadlineError(f"{path}: has no image/ and groundtruth_depth/; {LAYOUT.points_at}")
    names = (_NAME.fullmatch(name) for name in sorted(names_in(root / "image")))
    items = tuple(SelectedFrame(name[1], name[2]) for name in names if name is not None)
    folder = DEPTH_FOLDERS[depth]
    files = (root / name for item in items for name in (item.depth(folder), item.intrinsics))
    require_files(root, files, "unpack data_depth_selection.zip again")
    return KittiSelectionDataset(root, items, UNITS, depth=depth)


LAYOUT = Layout(
    name="kitti-selection",
    title="KITTI depth benchmark, validation selection",
    points_at="val_selection_cropped (of data_depth_selection), or a folder above it",
    source="Uhrig et al.: Sparsity Invariant CNNs, 3DV 2017",
    matches=_matches,
    open=_open,
    units_per_metre=UNITS,
    options={
        "depth": Option("annotated, or the single scan", "annotated", ("annotated", "velodyne"))
    },
)
