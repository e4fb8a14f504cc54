"""7-Scenes: rooms by a Kinect, in sequences of frames.

Format: the data set's page (microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes) and the
importer of github.com/naver/kapture (`kapture_import_7scenes.py`): millimetres, 65535 is invalid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import (
    files_ending,
    folders_in,
    read_lines,
    require_files,
    scenes_in,
)
from leadline.datasets.layout import FilePair, Layout, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.errors import LeadlineError
from leadline.io.cameras import published_camera
from leadline.io.files import read_bytes
from leadline.io.png16 import LARGEST, decode_grey_png

UNITS = 1000.0
CAMERA = Intrinsics(585.0, 585.0, 320.0, 240.0, 640, 480)
LISTS = {"train": "TrainSplit.txt", "test": "TestSplit.txt"}
_COLOUR = ".color.png"
_SEQUENCE = re.compile(r"sequence(\d+)")


@dataclass(frozen=True)
class SevenScenesDataset(Layout):
    """The frames of one scene or of several, with the published split of their sequences."""

    name = "7scenes"
    title = "7-Scenes"
    data_argument = "a scene (seq-01/, ..., TrainSplit.txt), or the folder of scenes"
    source = "Shotton et al.: Scene Coordinate Regression Forests, CVPR 2013"
    origin = Origin(
        "https://www.microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes/",
        "Microsoft Research licence; not commercial",
        "43,000 frames of seven scenes, about 12 GB",
        "a scene's zip, and in it each seq-XX.zip",
    )
    fixed_units = UNITS
    unpaired_files = "fault"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a sequence and a list of sequences."""
        for scene in scenes_in(path, _is_scene)[:1]:
            return f"{(path / scene).name} has seq-... folders and a split"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and test, if any scene has their list."""
        scenes = scenes_in(path, _is_scene)
        return tuple(
            s for s, name in LISTS.items() if any((path / each / name).is_file() for each in scenes)
        )

    @classmethod
    def open(cls, path: Path, split: str | None, _units: float | None) -> SevenScenesDataset:
        """Open the frames of the split's sequences."""
        items: list[FilePair] = []
        for scene in scenes_in(path, _is_scene):
            prefix = f"{scene}/" if scene else ""
            for name in _sequences(path / scene, split):
                folder = path / scene / name
                names = files_ending(folder, _COLOUR)
                stems = [n.removesuffix(_COLOUR) for n in names if n.startswith("frame-")]
                if not stems:
                    raise LeadlineError(
                        f"{folder}: has no frames; unpack {name}.zip, which lies in the scene's zip"
                    )
                frames = [f"{prefix}{name}/{stem}" for stem in stems]
                items += [FilePair(f"{each}{_COLOUR}", f"{each}.depth.png") for each in frames]
        files = (path / item.depth for item in items)
        require_files(path, files, "unpack the sequences again")
        return cls(path, tuple(items), UNITS)

    def read_depth(self, path: Path) -> QuantizedDepth:
        """Read millimetres; 65535 is invalid."""
        values: NDArray[Any] = decode_grey_png(path, read_bytes(path, "depth map"))[0]
        return QuantizedDepth(np.where(values == LARGEST, 0, values).astype(values.dtype), UNITS)

    def camera(self, item: FilePair, size: tuple[int, int]) -> Intrinsics:
        """Return the camera that the page states for all frames."""
        return published_camera(CAMERA, size[1], size[0], f"{self.root}: the camera of {self.name}")


def _is_scene(path: Path) -> bool:
    has_list = any((path / name).is_file() for name in LISTS.values())
    return has_list and any(name.startswith("seq-") for name in folders_in(path))


def _sequences(scene: Path, split: str | None) -> list[str]:
    """Return the folders of a split's sequences, for None of both splits; sequence3 is seq-03."""
    names = set()
    for each in LISTS if split is None else (split,):
        listing = scene / LISTS[each]
        if split is None and not listing.is_file():
            continue
        for number, line in read_lines(listing, "list of sequences"):
            found = _SEQUENCE.fullmatch(line)
            if found is None:
                raise LeadlineError(
                    f"{listing}: line {number} is {line[:60]!r}, not sequence1, ..."
                )
            names.add(f"seq-{int(found[1]):02d}")
    return sorted(names)
