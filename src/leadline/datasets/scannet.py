"""ScanNet: exported frames of rooms by a depth camera on a tablet; depth is smaller than colour.

Format: github.com/ScanNet/ScanNet (SensReader/python/SensorData.py; issue 17: millimetres) and the
loader of TensorFlow Datasets for `scannet_frames_25k`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from leadline.datasets.depth_form import DepthForm
from leadline.datasets.folders import frames_in, read_lines, require_files, scenes_in
from leadline.datasets.layout import SIZE_OPTION, SPLITS, FilePair, Layout, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError

UNITS = 1000.0
CAMERAS = ("intrinsics_color.txt", "intrinsic/intrinsic_color.txt")
"""The file of the colour camera in scannet_frames_25k, and as exported by SensReader."""
_NAME = re.compile(r"scene\d{4}_\d\d")


@dataclass(frozen=True)
class ScanNetPair(FilePair):
    """A frame of the scan `scan`, and the file of its camera."""

    scan: str = ""
    intrinsics: str = ""


@dataclass(frozen=True)
class ScanNetDataset(Layout):
    """The frames of every scan, or of the scans in a split's list."""

    name = "scannet"
    title = "ScanNet"
    data_argument = "the folder of scene0000_00/, ... (color/, depth/, the camera), or one scan"
    source = "Dai et al.: ScanNet: Richly-annotated 3D Reconstructions of Indoor Scenes, CVPR 2017"
    origin = Origin(
        "http://www.scan-net.org",
        "ScanNet Terms of Use, by request; not commercial",
        "scannet_frames_25k 5.6 GB; all scans 1.2 TB",
        "scannet_frames_25k.zip; or each .sens file with SensReader (color, depth, intrinsics)",
    )
    fixed_units = UNITS
    unpaired_files = "fault"
    options: ClassVar[Options] = {"depth_size": SIZE_OPTION}

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a scan: color/, depth/ and the file of the colour camera."""
        for scan in _scans(path)[:1]:
            return (
                f"{(path / scan).name} has color/, depth/ and {_camera(path / scan) or 'no camera'}"
            )
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits whose list exists (scannetv2_train.txt etc.)."""
        return tuple(s for s in SPLITS if (path / f"scannetv2_{s}.txt").is_file())

    @classmethod
    def open(
        cls, path: Path, split: str | None, _units: float | None, *, depth_size: str = "depth"
    ) -> ScanNetDataset:
        """Open the frames of the scans; scans of a list that do not exist are skipped."""
        scans = _scans(path)
        if split is not None:
            listing = path / f"scannetv2_{split}.txt"
            listed = {line for _, line in read_lines(listing, "list of scans")}
            scans = [scan for scan in scans if scan in listed]
        items = tuple(item for scan in scans for item in _frames(path, scan))
        files = (path / name for i in items for name in (i.image, i.depth, i.intrinsics))
        require_files(path, files, "export color, depth and intrinsics again")
        form = DepthForm(depth_size="image" if depth_size == "image" else "depth")
        return cls(path, items, UNITS, form=form)

    def scene(self, item: ScanNetPair) -> str:
        """Return the room: the scans scene0000_00 and scene0000_01 show the same one."""
        return item.scan.rpartition("_")[0]

    def camera(self, item: ScanNetPair, size: tuple[int, int]) -> Intrinsics:
        """Return the scan's colour camera."""
        return _read_camera(self.root / item.intrinsics, size)


def _scans(path: Path) -> list[str]:
    """Return the scans in a folder, or "" if it is one itself.

    A folder named as a scan counts even without its camera, which opening it reports.
    """
    scans = scenes_in(path, _is_scan)
    return [name for name in scans if name.startswith("scene") or not name]


def _is_scan(folder: Path) -> bool:
    has_pictures = (folder / "color").is_dir() and (folder / "depth").is_dir()
    named = _NAME.fullmatch(folder.resolve().name) is not None
    return has_pictures and (named or _camera(folder) is not None)


def _camera(scan: Path) -> str | None:
    """Return the file of a scan's colour camera, None if there is none."""
    return next((name for name in CAMERAS if (scan / name).is_file()), None)


def _frames(root: Path, scan: str) -> list[ScanNetPair]:
    prefix, name = (f"{scan}/" if scan else ""), (scan or root.resolve().name)
    images, depths = frames_in(root / scan / "color"), frames_in(root / scan / "depth")
    camera = f"{prefix}{_camera(root / scan) or CAMERAS[0]}"
    order = sorted(images, key=lambda stem: (len(stem), stem))  # SensReader writes 0, 1, ... 10
    return [
        ScanNetPair(
            f"{prefix}color/{images[stem]}",
            f"{prefix}depth/{depths.get(stem, f'{stem}.png')}",
            scan=name,
            intrinsics=camera,
        )
        for stem in order
    ]


def _read_camera(path: Path, size: tuple[int, int]) -> Intrinsics:
    """Read a 4x4 matrix whose upper left 3x3 is K.

    Errors: LeadlineError, naming the file, for any other content.
    """
    numbers = " ".join(line for _, line in read_lines(path, "camera file")).split()
    try:
        matrix = np.array([float(number) for number in numbers]).reshape(4, 4)
        return Intrinsics.from_matrix(matrix[:3, :3], size[1], size[0])
    except ValueError:
        raise LeadlineError(
            f"{path}: holds {len(numbers)} numbers or words, expected the 16 of a 4x4 matrix; "
            "export the intrinsics again"
        ) from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
