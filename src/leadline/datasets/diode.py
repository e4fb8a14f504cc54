"""DIODE: laser-scanned depth of rooms and streets, with a validity mask for every photograph.

Format: README.md, diode.py and intrinsics.txt of github.com/diode-dataset/diode-devkit, and the
loader of ZoeDepth (`zoedepth/data/diode.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from leadline.datasets.depth_form import DepthForm
from leadline.datasets.folders import files_ending, folders_in, require_files
from leadline.datasets.layout import SPLITS, FilePair, Layout, Option, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.io.cameras import published_camera

PLACES = ("indoors", "outdoor")
_DEPTH = "_depth.npy"
CAMERA = Intrinsics(886.81, 927.06, 512.0, 384.0, 1024, 768)
"""The camera with which the pictures were cut out of the scans; fx and fy really differ."""


@dataclass(frozen=True)
class DiodePair(FilePair):
    """A photograph `X.png` of `scene_...`, with `X_depth.npy` and `X_depth_mask.npy`."""

    mask: str = ""
    scene: str = ""


@dataclass(frozen=True)
class DiodeDataset(Layout):
    """Metres as floats; depth is invalid where the mask is 0."""

    name = "diode"
    title = "DIODE"
    data_argument = "the folder of train/ and val/, or one of them (has indoors/ or outdoor/)"
    source = "Vasiljevic et al.: DIODE: A Dense Indoor and Outdoor DEpth Dataset, 2019"
    origin = Origin(
        "https://diode-dataset.org",
        "MIT",
        "train 81 GB, val 2.6 GB",
        "train.tar.gz and val.tar.gz, side by side",
    )
    fixed_units = 1.0
    unpaired_files = "fault"
    options: ClassVar[Options] = {
        "scenes": Option("which scenes", "all", ("all", *PLACES)),
        "depth_kind": Option("z along the axis, or along the ray", "z", ("z", "ray")),
    }

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for indoors/scene_... or outdoor/scene_..., in the folder or in its splits."""
        for root in (path, *(path / split for split in SPLITS)):
            for place in PLACES:
                scenes = [n for n in folders_in(root / place) if n.startswith("scene_")]
                if scenes:
                    return f"has {Path(root.relative_to(path), place, scenes[0])}"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits that have a folder."""
        return tuple(s for s in SPLITS if any((path / s / place).is_dir() for place in PLACES))

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        scenes: str = "all",
        depth_kind: str = "z",
    ) -> DiodeDataset:
        """Open every photograph that has a depth map and a mask."""
        splits = [split] if split else (cls.splits(path) or [""])
        places = PLACES if scenes == "all" else (scenes,)
        items = tuple(
            item
            for part in splits
            for place in places
            for item in _pairs(path, Path(part, place).as_posix())
        )
        files = (path / name for i in items for name in (i.image, i.depth, i.mask))
        require_files(path, files, "unpack DIODE's archive again")
        return cls(
            path, items, 1.0, form=DepthForm(depth_kind="ray" if depth_kind == "ray" else "z")
        )

    def paths(self, item: DiodePair) -> dict[str, Path]:
        """Return the image, the depth and the mask."""
        files = {"image": item.image, "depth": item.depth, "mask": item.mask}
        return {kind: self.root / name for kind, name in files.items()}

    def scene(self, item: DiodePair) -> str:
        """Return the scene, shared by its scans."""
        return item.scene

    def camera(self, item: DiodePair, size: tuple[int, int]) -> Intrinsics:
        """Return the camera, the same for all photographs."""
        return published_camera(CAMERA, size[1], size[0], f"{self.root}: the camera of {self.name}")


def _pairs(root: Path, folder: str) -> Iterator[DiodePair]:
    """Yield the pairs of scene_XXXXX/scan_YYYYY/ below `folder`, in order, even incomplete ones."""
    for scene in folders_in(root / folder):
        for scan in folders_in(root / folder / scene):
            place = f"{folder}/{scene}/{scan}".removeprefix("./")
            stems = {
                name.removesuffix(ending)
                for ending in (".png", _DEPTH)
                for name in files_ending(root / place, ending)
            }
            for name in sorted(stems):
                stem = f"{place}/{name}"
                depth, mask = f"{stem}{_DEPTH}", f"{stem}_depth_mask.npy"
                yield DiodePair(f"{stem}.png", depth, mask=mask, scene=scene)
