"""KITTI depth benchmark: annotated depth (`data_depth_annotated`) over the raw photographs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import ClassVar

from leadline.datasets.facts import eigen_train_drives
from leadline.datasets.folders import folders_in, frames_in
from leadline.datasets.kitti_frames import (
    KittiFrame,
    drives_in,
    eigen_test_frames,
    frames_of_drive,
    present,
)
from leadline.datasets.layout import Layout, Option, Options, Origin
from leadline.datasets.velodyne import read_intrinsics
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.cameras import published_camera

UNITS = 256.0
CALIBRATION = "calib_cam_to_cam.txt"
PARTS = ("train", "val")
DEPTH_FOLDERS = {"annotated": "groundtruth", "velodyne": "velodyne_raw"}


@dataclass(frozen=True)
class AnnotatedFrame:
    """A photograph, and the part of the benchmark that holds its depth."""

    photo: KittiFrame
    part: str

    @property
    def id(self) -> str:
        """The photograph's path below the raw recordings."""
        return self.photo.id

    def depth(self, folder: str) -> str:
        """Return the depth's path below the benchmark's folder."""
        drive = f"{self.part}/{self.photo.drive}/proj_depth/{folder}"
        return f"{drive}/image_{self.photo.camera:02d}/{self.photo.frame:010d}.png"


@dataclass(frozen=True)
class KittiBenchmarkDataset(Layout):
    """Depth below `root`, photographs below `raw`; cameras if the calibration exists."""

    name = "kitti-benchmark"
    published_as = "kitti"
    title = "KITTI depth benchmark, its own split"
    data_argument = "data_depth_annotated (train/ and val/ with drives)"
    source = "Uhrig et al.: Sparsity Invariant CNNs, 3DV 2017"
    origin = Origin(
        "https://www.cvlibs.net/datasets/kitti/eval_depth_all.php",
        "CC BY-NC-SA 3.0",
        "depth 14 GB, and the raw recordings",
        "data_depth_annotated.zip, beside or in the folder of the raw recordings",
    )
    fixed_units = UNITS
    unpaired_files = "usual"
    options: ClassVar[Options] = {
        "camera": Option("2 left, 3 right, or both", "both", ("both", 2, 3)),
        "depth": Option("annotated, or the single scan", "annotated", ("annotated", "velodyne")),
        "raw": Option(
            "folder of the raw recordings; empty: in or beside the data", "", is_path=True
        ),
        "missing": Option("skip: take the frames that exist", "error", ("error", "skip")),
    }

    raw: Path = Path()
    depth: str = "annotated"
    cameras: Mapping[tuple[str, int], Intrinsics] = field(default_factory=dict)

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the first drive with projected depth."""
        parts = _parts(path)
        return f"has {parts[0]}/{_drives(path, parts[0])[0]}/proj_depth" if parts else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and val, if they have drives."""
        return _parts(path)

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        camera: int | str = "both",
        depth: str = "annotated",
        raw: str = "",
        missing: str = "error",
    ) -> KittiBenchmarkDataset:
        """Open the frames with depth, with their photographs and cameras."""
        photos = _raw_folder(path, raw)
        frames = [*_frames(path, photos, depth, camera)]
        frames = cls.select(path, frames, split, camera, skip=missing == "skip")
        without_photo = [frame for frame in frames if not frame.photo.suffix]
        if missing == "skip":
            frames = [frame for frame in frames if frame.photo.suffix]
        elif without_photo:
            raise LeadlineError(
                f"{path}: {len(without_photo)} of {len(frames)} depth maps have no photograph in "
                f"{photos}, the first is {without_photo[0].depth(DEPTH_FOLDERS[depth])}; fetch its "
                "raw drive, or take what is there with --data-option missing=skip"
            )
        days = sorted({(frame.photo.date, frame.photo.camera) for frame in frames})
        known = [day for day in days if (photos / day[0] / CALIBRATION).is_file()]
        cameras = {day: read_intrinsics(photos / day[0], day[1]) for day in known}
        return cls(path, tuple(frames), UNITS, raw=photos, depth=depth, cameras=cameras)

    @classmethod
    def select(
        cls,
        path: Path,
        frames: Sequence[AnnotatedFrame],
        split: str | None,
        camera: int | str,
        *,
        skip: bool,
    ) -> list[AnnotatedFrame]:
        """Return the frames of a split."""
        return [frame for frame in frames if split in (None, frame.part)]

    def paths(self, item: AnnotatedFrame) -> dict[str, Path]:
        """Return the image and the depth."""
        depth = item.depth(DEPTH_FOLDERS[self.depth])
        return {"image": self.raw / item.photo.id, "depth": self.root / depth}

    def scene(self, item: AnnotatedFrame) -> str:
        """Return the drive, shared by its cameras."""
        return item.photo.drive

    def camera(self, item: AnnotatedFrame, size: tuple[int, int]) -> Intrinsics | None:
        """Return the camera of the frame's day."""
        camera = self.cameras.get((item.photo.date, item.photo.camera))
        if camera is None:
            return None
        origin = str(self.raw / item.photo.date / CALIBRATION)
        return published_camera(camera, size[1], size[0], origin)


@dataclass(frozen=True)
class KittiEigenDataset(KittiBenchmarkDataset):
    """The same data, split by Eigen's drives; used only if requested by name."""

    name = "kitti-eigen"
    title = "KITTI depth benchmark, split by Eigen's drives (--layout kitti-eigen)"
    source = (
        f"{KittiBenchmarkDataset.source}; the 33 training drives and the 652 annotated of the "
        "697 test frames"
    )
    options: ClassVar[Options] = {
        **KittiBenchmarkDataset.options,
        "camera": Option("2 left, 3 right, or both", 2, (2, 3, "both")),
    }

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Return None: the same files are recognised as the benchmark's."""
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and test."""
        return ("train", "test")

    @classmethod
    def select(
        cls,
        path: Path,
        frames: Sequence[AnnotatedFrame],
        split: str | None,
        camera: int | str,
        *,
        skip: bool,
    ) -> list[AnnotatedFrame]:
        """Return the frames of Eigen's drives, or his annotated test frames.

        Errors: LeadlineError if test frames are missing and `skip` is False.
        """
        if split == "test":
            parts = {frame.photo: frame.part for frame in frames}
            listed = eigen_test_frames(camera, annotated=True)
            photos = present(listed, parts, f"{path}: Eigen test split", skip)
            return [AnnotatedFrame(photo, parts[photo]) for photo in photos]
        drives = eigen_train_drives()
        return [frame for frame in frames if split is None or frame.photo.drive in drives]


def _drives(path: Path, part: str) -> list[str]:
    names = [name for name in folders_in(path / part) if name.endswith("_sync")]
    return [name for name in names if (path / part / name / "proj_depth").is_dir()]


def _all_drives(path: Path) -> list[str]:
    return sorted({drive for part in PARTS for drive in _drives(path, part)})


def _parts(path: Path) -> tuple[str, ...]:
    return tuple(part for part in PARTS if path.is_dir() and _drives(path, part))


def _frames(path: Path, raw: Path, depth: str, camera: int | str) -> Iterator[AnnotatedFrame]:
    """Yield every frame with depth, named as its photograph.

    A frame without a photograph has no suffix.
    """
    cameras = (2, 3) if camera == "both" else (int(camera),)
    for part, drive, number in product(_parts(path), _all_drives(path), cameras):
        folder = path / part / drive / "proj_depth" / DEPTH_FOLDERS[depth] / f"image_{number:02d}"
        stems = [stem for stem in frames_in(folder, (".png",)) if stem.isdecimal()]
        photos = {f.frame: f for f in frames_of_drive(raw, drive, number)} if stems else {}
        for stem in stems:
            without_photo = KittiFrame(drive, number, int(stem), suffix="")
            yield AnnotatedFrame(photos.get(int(stem), without_photo), part)


def _raw_folder(path: Path, given: str) -> Path:
    """Return the folder of the photographs: as given, or in or beside `path`."""
    folders = [Path(given)] if given else [path, path.parent]
    for folder in folders:
        if drives_in(folder):
            return folder
    raise LeadlineError(
        f"{folders[0]}: no photographs (2011_09_26/2011_09_26_drive_0001_sync/image_02/data); the "
        "benchmark's depth belongs to the raw recordings: --data-option raw=DIR"
    )
