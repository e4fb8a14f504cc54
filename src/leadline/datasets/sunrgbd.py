"""SUN RGB-D: rooms by four depth cameras, one folder per frame, millimetres with rotated bits.

Format: README of the toolbox (`SUNRGBDtoolbox`, its `read3dPoints.m`) as kept in
github.com/davidstutz/superpixel-benchmark, and the loader of
github.com/thusiyuan/cooperative_scene_parsing (`>> 3 | << 13`, then 1/1000 m).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from leadline.datasets.depth_form import DepthForm
from leadline.datasets.folders import folders_in, frames_in, read_lines
from leadline.datasets.layout import FilePair, Layout, Option, Options, Origin
from leadline.depth.depth_map import DepthMap
from leadline.depth.encodings import ROTATED_UNITS
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.errors import LeadlineError
from leadline.io.cameras import read_camera

SENSORS = ("kv1", "kv2", "realsense", "xtion")
FOLDERS = {"raw": "depth", "filled": "depth_bfx"}
FORM = DepthForm(depth_encoding="rotated")


@dataclass(frozen=True)
class SunFrame(FilePair):
    """One frame in `folder`, such as kv1/NYUdata/NYU0001."""

    folder: str = ""


@dataclass(frozen=True)
class SunRgbdDataset(Layout):
    """The frames of every sensor, or of the folders in a list; `depth` is raw or filled."""

    name = "sunrgbd"
    title = "SUN RGB-D"
    data_argument = "the unpacked SUNRGBD (has kv1/, kv2/, realsense/, xtion/)"
    source = "Song, Lichtenberg, Xiao: SUN RGB-D, CVPR 2015"
    origin = Origin(
        "https://rgbd.cs.princeton.edu",
        "none stated; research",
        "10,335 frames",
        "SUNRGBD.zip",
    )
    fixed_units = ROTATED_UNITS
    options: ClassVar[Options] = {
        "depth": Option("as measured (depth/), or filled (depth_bfx/)", "raw", ("raw", "filled")),
        "frames": Option(
            "text file of the frames' folders, one a line; empty: all", "", is_path=True
        ),
    }

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a sensor's folder with frames in it."""
        root = _root(path)
        sensors = [name for name in folders_in(root) if name in SENSORS]
        frame = next(_frames(root, sensors[0]), None) if sensors else None
        return f"has {frame} with image/ and depth/" if frame else None

    @classmethod
    def open(
        cls,
        path: Path,
        _split: str | None,
        _units: float | None,
        *,
        depth: str = "raw",
        frames: str = "",
    ) -> SunRgbdDataset:
        """Open every frame, or those of the list `frames`."""
        root = _root(path)
        if frames:
            listing = Path(frames)
            folders = [_folder_of(line) for _, line in read_lines(listing, "list of frames")]
        else:
            folders = [each for name in SENSORS for each in _frames(root, name)]
        items = tuple(_frame(root, folder, FOLDERS[depth]) for folder in folders)
        return cls(root, items, ROTATED_UNITS, form=FORM)

    def read_depth(self, path: Path) -> DepthMap | QuantizedDepth:
        """Read millimetres and rotate their bits back."""
        values, about = self.form.read_values(path)
        return QuantizedDepth(values, ROTATED_UNITS, None, about.provenance)

    def scene(self, item: SunFrame) -> str:
        """Return the parent of the frame's folder: the recording."""
        return item.folder.rpartition("/")[0]

    def camera(self, item: SunFrame, size: tuple[int, int]) -> Intrinsics:
        """Return the camera of the frame's own intrinsics.txt."""
        return read_camera(self.root / item.folder / "intrinsics.txt", size[1], size[0])


def _root(path: Path) -> Path:
    inner = path / "SUNRGBD"
    return inner if inner.is_dir() and not (path / "kv1").is_dir() else path


def _frames(root: Path, folder: str) -> Iterator[str]:
    """Yield the folders below `folder` that hold image/ and a depth folder, in order."""
    below = folders_in(root / folder)
    if "image" in below and ("depth" in below or "depth_bfx" in below):
        yield folder
        return
    for name in below:
        yield from _frames(root, f"{folder}/{name}")


def _folder_of(line: str) -> str:
    """Return the folder of a line; official lists begin with /n/fs/sun3d/data/SUNRGBD/."""
    return os.path.normpath(line.rpartition("SUNRGBD/")[2]).strip("/")


def _frame(root: Path, folder: str, depth_folder: str) -> SunFrame:
    """Return the frame of a folder, which has one photograph and one depth map, of any name."""
    names = []
    for part in ("image", depth_folder):
        files = list(frames_in(root / folder / part).values())
        if len(files) != 1:
            raise LeadlineError(
                f"{root / folder / part}: holds {len(files)} pictures, expected one; unpack "
                "SUNRGBD.zip again"
            )
        names.append(f"{folder}/{part}/{files[0]}")
    return SunFrame(names[0], names[1], folder=folder)
