"""iBims-1: a hundred rooms captured by a laser scanner, made for evaluating depth networks.

Format: the evaluation script of the data set (Koch et al.: a mask is 0 where a pixel does not
count) and the loader of ZoeDepth (`zoedepth/data/ibims.py`: 16 bits, 65535 is 50 m).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from leadline.datasets.folders import frames_in, require_files
from leadline.datasets.layout import FilePair, Layout, Option, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.io.cameras import read_camera

UNITS = 65535 / 50
FOLDERS = ("rgb", "depth", "calib", "mask_invalid", "mask_transp")


@dataclass(frozen=True)
class IbimsDataset(Layout):
    """`transparent`: whether glass, through which the scanner measured, is valid."""

    name = "ibims"
    title = "iBims-1"
    data_argument = "ibims1_core_raw (has rgb/, depth/, calib/, mask_invalid/), or the folder above"
    source = "Koch et al.: Evaluation of CNN-based Single-Image Depth Estimation, ECCVW 2018"
    origin = Origin(
        "https://www.asg.ed.tum.de/lmf/ibims1/",
        "see the page; research",
        "100 images",
        "ibims1_core_raw.zip",
    )
    fixed_units = UNITS
    unpaired_files = "fault"
    options: ClassVar[Options] = {
        "transparent": Option("pixels of glass", "invalid", ("invalid", "valid"))
    }

    transparent: str = "invalid"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the folders of calibration and masks."""
        root = _root(path)
        return None if root is None else f"{root.name} has {', '.join(FOLDERS)}"

    @classmethod
    def open(
        cls, path: Path, _split: str | None, _units: float | None, *, transparent: str = "invalid"
    ) -> IbimsDataset:
        """Open all photographs, which are all for testing."""
        root = _root(path) or path
        names = frames_in(root / "rgb")
        items = tuple(FilePair(f"rgb/{n}", f"depth/{stem}.png") for stem, n in names.items())
        data = cls(root, items, UNITS, transparent=transparent)
        files = [file for item in items for file in data.paths(item).values()]
        files += [_calibration(root, item) for item in items]
        require_files(root, files, "unpack ibims1_core_raw.zip again")
        return data

    def paths(self, item: FilePair) -> dict[str, Path]:
        """Return the image, the depth and the masks that are used."""
        files = {"image": self.root / item.image, "depth": self.root / item.depth}
        masks = {"mask": "mask_invalid", "mask_transparent": "mask_transp"}
        if self.transparent == "valid":
            del masks["mask_transparent"]
        name = Path(item.depth).name
        return files | {kind: self.root / folder / name for kind, folder in masks.items()}

    def camera(self, item: FilePair, size: tuple[int, int]) -> Intrinsics:
        """Return the camera of the photograph's own file."""
        return read_camera(_calibration(self.root, item), size[1], size[0])


def _calibration(root: Path, item: FilePair) -> Path:
    return root / "calib" / f"{Path(item.image).stem}.txt"


def _root(path: Path) -> Path | None:
    for root in (path, path / "ibims1_core_raw"):
        if all((root / name).is_dir() for name in FOLDERS):
            return root
    return None
