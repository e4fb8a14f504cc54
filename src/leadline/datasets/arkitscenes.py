"""ARKitScenes: rooms with the LiDAR depth of an iPad (256x192) and of a laser scanner (1920x1440).

Format: DATA.md and raw/README.md of github.com/apple/ARKitScenes with its loaders (names and
millimetres in `tenFpsDataLoader.py`; depth_upsampling/dataset.py), and the example of
github.com/rerun-io/rerun (`examples/python/arkit_scenes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from leadline.datasets.depth_form import DepthForm
from leadline.datasets.folders import folders_in, frames_in, read_lines
from leadline.datasets.layout import SIZE_OPTION, FilePair, Layout, Option, Options, Origin
from leadline.datasets.tum import associate
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.cameras import published_camera

UNITS = 1000.0
FOLDS = {"train": "Training", "val": "Validation"}
IMAGES = ("lowres_wide", "vga_wide", "wide")
DEPTHS = ("lowres_depth", "highres_depth")
SAME_MOMENT = 0.02
"""Largest time difference in seconds between photograph, depth and camera (10 to 60 Hz)."""


@dataclass(frozen=True)
class ArkitFrame(FilePair):
    """A photograph of `video` with the depth nearest in time, and the file of its camera."""

    video: str = ""
    intrinsics: str = ""


@dataclass(frozen=True)
class ArkitScenesDataset(Layout):
    """The pairs of one kind of photograph and one kind of depth, of every video.

    Pictures are as recorded: those of a tablet held upright lie on their side (`sky_direction` of
    metadata.csv).
    """

    name = "arkitscenes"
    title = "ARKitScenes"
    data_argument = "the folder of Training/ and Validation/, a folder of videos, or one video"
    source = "Baruch et al.: ARKitScenes, NeurIPS Datasets and Benchmarks 2021"
    origin = Origin(
        "https://github.com/apple/ARKitScenes",
        "CC BY-NC-SA 4.0",
        "3dod 623 GB (5047 videos)",
        "what download_data.py fetches: photographs (such as vga_wide), their intrinsics, a depth",
    )
    fixed_units = UNITS
    unpaired_files = "usual"
    options: ClassVar[Options] = {
        "image": Option("photographs; auto: the first there is", "auto", ("auto", *IMAGES)),
        "depth": Option("auto: of the photographs' size if there", "auto", ("auto", *DEPTHS)),
        "depth_size": SIZE_OPTION,
    }

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a video: a folder of photographs and one of depth, by their names."""
        for fold in ("", *FOLDS.values()):
            for video in _videos(path / fold, most=20)[:1]:
                return f"has {Path(fold, video, _depth_of(path / fold / video) or '')}"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train for Training/ and val for Validation/."""
        return tuple(split for split, fold in FOLDS.items() if (path / fold).is_dir())

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        image: str = "auto",
        depth: str = "auto",
        depth_size: str = "depth",
    ) -> ArkitScenesDataset:
        """Open the pairs of every video that has both folders."""
        folds = [FOLDS[split]] if split else [FOLDS[s] for s in cls.splits(path)] or [""]
        items = [
            item
            for fold in folds
            for video in _videos(path / fold)
            for item in _pairs(path, Path(fold, video), image, depth)
        ]
        form = DepthForm(depth_size="image" if depth_size == "image" else "depth")
        return cls(path, tuple(items), UNITS, form=form)

    def scene(self, item: ArkitFrame) -> str:
        """Return the video."""
        return item.video

    def camera(self, item: ArkitFrame, size: tuple[int, int]) -> Intrinsics | None:
        """Return the camera of the photograph's .pincam file, None if there is none."""
        return _read_pincam(self.root / item.intrinsics, size) if item.intrinsics else None


def _videos(folder: Path, most: int | None = None) -> list[str]:
    """Return the folders of the videos' pictures: "" if `folder` is one itself."""
    if _depth_of(folder) is not None:
        return [""]
    found = []
    for name in folders_in(folder)[:most]:
        for inner in (name, f"{name}/{name}_frames"):
            if _depth_of(folder / inner) is not None:
                found.append(inner)
                break
    return found


def _depth_of(video: Path) -> str | None:
    """Return the name of the first depth folder of a video, None if it is no video."""
    if not any((video / name).is_dir() for name in IMAGES):
        return None
    return next((name for name in DEPTHS if (video / name).is_dir()), None)


def _pairs(root: Path, video: Path, image: str, depth: str) -> list[ArkitFrame]:
    """Return the photographs of a video with a depth map and a camera of the same moment."""
    here = [name for name in IMAGES if (root / video / name).is_dir()]
    images = image if image != "auto" else here[0]
    fitting = "highres_depth" if images == "wide" else "lowres_depth"
    there = [name for name in DEPTHS if (root / video / name).is_dir()]
    depths = depth if depth != "auto" else (fitting if fitting in there else there[0])
    if images not in here or depths not in there:
        raise LeadlineError(
            f"{root / video}: has no {images if images not in here else depths}, only "
            f"{', '.join([*here, *there])}; choose with --data-option image=..., depth=..."
        )
    folders = (images, depths, f"{images}_intrinsics")
    photos, maps, cameras = (_by_time(root / video / name) for name in folders)
    camera_of = dict(_nearest(photos, cameras))
    return [
        ArkitFrame(
            str(video / images / photos[one]),
            str(video / depths / maps[other]),
            video=video.name.removesuffix("_frames"),
            intrinsics=str(video / folders[2] / cameras[camera_of[one]])
            if one in camera_of
            else "",
        )
        for one, other in _nearest(photos, maps)
    ]


def _by_time(folder: Path) -> dict[float, str]:
    """Return the files `<video>_<seconds>.png` or .pincam of a folder by their time."""
    files = {}
    for stem, name in frames_in(folder, (".png", ".pincam")).items():
        try:
            files[float(stem.rpartition("_")[2])] = name
        except ValueError:
            raise LeadlineError(
                f"{folder / name}: its name does not end in a time, as <video>_<seconds>; unpack "
                "the video again"
            ) from None
    return files


def _nearest(one: dict[float, str], other: dict[float, str]) -> list[tuple[float, float]]:
    """Return pairs of simultaneous times of `one` and `other`, the closest first."""
    first, second = np.array(sorted(one)), np.array(sorted(other))
    pairs = associate(first, second, SAME_MOMENT)
    return [(float(first[i]), float(second[j])) for i, j in pairs]


def _read_pincam(path: Path, size: tuple[int, int]) -> Intrinsics:
    """Read `width height fx fy cx cy` and scale it to a picture of `size` (H,W)."""
    words = " ".join(line for _, line in read_lines(path, "camera file")).split()
    try:
        width, height, fx, fy, cx, cy = (float(word) for word in words)
        camera = Intrinsics(fx, fy, cx, cy, int(width), int(height))
    except ValueError:
        raise LeadlineError(
            f"{path}: holds {' '.join(words)[:60]!r}, expected: width height fx fy cx cy"
        ) from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
    return published_camera(camera, size[1], size[0], str(path))
