"""SHIFT: driving through CARLA's towns in changing weather; depth in 24 bits of colour.

Format: README.md, config/sensors.yaml and shift_dev/dataloader/shift_dataset.py of
github.com/SysCV/shift-dev, and CARLA's description of its depth camera (carla.readthedocs.io,
ref_sensors). They disagree: the loader divides the number by 1000, while the authors' answer in
issue 2 is CARLA's own formula, which is used here; `depth_encoding=shift-mm` is the loader's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from leadline.datasets.depth_form import DepthForm
from leadline.datasets.folders import files_ending, folders_in, require_files
from leadline.datasets.layout import SPLITS, FilePair, Layout, Option, Options, Origin
from leadline.depth.depth_map import DepthMap
from leadline.depth.encodings import COLOUR_UNITS
from leadline.depth.intrinsics import Intrinsics

VIEWS = ("front", "left_45", "left_90", "right_45", "right_90", "left_stereo")
FOV = 90.0
ROOTS = ("", "images", "discrete/images")
_FAR = 256**3 - 1


@dataclass(frozen=True)
class ShiftFrame(FilePair):
    """One frame of `sequence`."""

    sequence: str = ""


@dataclass(frozen=True)
class ShiftDataset(Layout):
    """`sky`: the far plane (no surface) is invalid, or `far`: 1000 m as stored."""

    name = "shift"
    title = "SHIFT"
    data_argument = (
        "the folder of discrete/images/train/front/img, depth, ... (unpacked), or of train/"
    )
    source = "Sun et al.: SHIFT: A Synthetic Driving Dataset, CVPR 2022"
    origin = Origin(
        "https://www.vis.xyz/shift/",
        "CC BY-NC-SA 4.0",
        "by view and kind; see the page",
        "img.zip into img/ and depth.zip into depth/ of discrete/images/<split>/<view>",
    )
    fixed_units = 1.0
    unpaired_files = "fault"
    options: ClassVar[Options] = {
        "view": Option("which camera", "front", VIEWS),
        "sky": Option("the far plane: invalid, or far at 1000 m", "invalid", ("invalid", "far")),
        "depth_encoding": Option("see docs", "carla", ("carla", "shift-mm")),
    }

    sky: str = "invalid"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the depth of a view of a split."""
        root = _root(path) or path
        for split in cls.splits(path):
            view = next((v for v in VIEWS if (root / split / v / "depth").is_dir()), "")
            return f"has {split}/{view}/img and depth"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits that have a view."""
        root = _root(path)
        return () if root is None else tuple(s for s in SPLITS if _has_view(root / s))

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        view: str = "front",
        sky: str = "invalid",
        depth_encoding: str = "carla",
    ) -> ShiftDataset:
        """Open every frame of a view with depth."""
        root = _root(path) or path
        splits = [split] if split else cls.splits(path)
        items = tuple(item for part in splits for item in _frames(root, f"{part}/{view}", view))
        files = (root / item.image for item in items)
        require_files(root, files, "unpack img.zip into img/ beside depth/")
        form = DepthForm("shift-mm" if depth_encoding == "shift-mm" else "carla")
        return cls(root, items, 1.0, form=form, sky=sky)

    @classmethod
    def other_units(cls, options: Mapping[str, Any]) -> dict[float, str]:
        """Return the alternative decoding of its colours."""
        now = options["depth_encoding"]
        other = "carla" if now == "shift-mm" else "shift-mm"
        return {COLOUR_UNITS[other] / COLOUR_UNITS[now]: f"--data-option depth_encoding={other}"}

    def read_depth(self, path: Path) -> DepthMap:
        """Decode the colours; all 255 means no surface."""
        metres, _ = self.form.read_values(path)
        far = np.float32(_FAR / COLOUR_UNITS[self.form.depth_encoding])
        valid = None if self.sky == "far" else metres < far
        return DepthMap.from_metres(metres, valid)

    def scene(self, item: ShiftFrame) -> str:
        """Return the sequence."""
        return item.sequence

    def camera(self, item: ShiftFrame, size: tuple[int, int]) -> Intrinsics:
        """Return the camera, the same for all views: 90 degrees."""
        return Intrinsics.from_fov(FOV, size[1], size[0])


def _root(path: Path) -> Path | None:
    """Return the folder of the splits."""
    for name in ROOTS:
        if any(_has_view(path / name / split) for split in SPLITS):
            return path / name
    return None


def _has_view(folder: Path) -> bool:
    return any((folder / v / "img").is_dir() and (folder / v / "depth").is_dir() for v in VIEWS)


def _frames(root: Path, folder: str, view: str) -> Iterator[ShiftFrame]:
    """Yield the frames `<sequence>/<number>_depth_<view>.png` with their photographs, in order."""
    end = f"_depth_{view}.png"
    for sequence in folders_in(root / folder / "depth"):
        for name in files_ending(root / folder / "depth" / sequence, end):
            photo = f"{name.removesuffix(end)}_img_{view}.jpg"
            place = f"{folder}/img/{sequence}/{photo}"
            yield ShiftFrame(place, f"{folder}/depth/{sequence}/{name}", sequence=sequence)
