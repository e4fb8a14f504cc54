"""KITTI depth benchmark: annotated depth (`data_depth_annotated`) over the raw photographs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from leadline.datasets.facts import eigen_train_drives
from leadline.datasets.kitti_frames import (
    KittiFrame,
    drives_in,
    eigen_test_frames,
    frames_of_drive,
    present,
)
from leadline.datasets.layout import Layout, Option
from leadline.datasets.listing import folders_in, frames_in
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample, StoredSample, to_be_warped
from leadline.datasets.velodyne import read_intrinsics
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.formats import read_stored_depth
from leadline.io.photos import read_photo

UNITS = 256.0
PARTS = ("train", "val")
DEPTH_FOLDERS = {"annotated": "groundtruth", "velodyne": "velodyne_raw"}


@dataclass(frozen=True)
class AnnotatedFrame:
    """A photograph, and which part of the benchmark its depth is in."""

    photo: KittiFrame
    part: str

    @property
    def id(self) -> str:
        """The photograph's path below the raw recordings."""
        return self.photo.id

    def depth(self, folder: str) -> str:
        """Return the depth's path below the benchmark's folder."""
        place = f"{self.part}/{self.photo.drive}/proj_depth/{folder}/image_{self.photo.camera:02d}"
        return f"{place}/{self.photo.frame:010d}.png"


@dataclass(frozen=True)
class KittiBenchmarkDataset(Reader[AnnotatedFrame]):
    """Depth below `root`, photographs below `raw`; cameras where the calibration is there."""

    raw: Path = Path()
    depth: str = "annotated"
    cameras: Mapping[tuple[str, int], Intrinsics] = field(default_factory=dict)

    def paths(self, item: AnnotatedFrame) -> dict[str, Path]:
        """Return the image and the depth."""
        depth = item.depth(DEPTH_FOLDERS[self.depth])
        return {"image": self.raw / item.photo.id, "depth": self.root / depth}

    def scene(self, item: AnnotatedFrame) -> str:
        """Return the drive, whichever the camera."""
        return item.photo.drive

    def read(self, item: AnnotatedFrame) -> Sample | StoredSample:
        """Read one photograph and its depth."""
        photo, path = self.paths(item).values()
        image = read_photo(photo).pixels
        depth = read_stored_depth(path, UNITS)
        check_one_size("depth", depth, path, image, photo)
        camera = self.cameras.get((item.photo.date, item.photo.camera))
        return to_be_warped(item.id, image, depth, None, camera)


def _drives(path: Path, part: str) -> list[str]:
    names = [name for name in folders_in(path / part) if name.endswith("_sync")]
    return [name for name in names if (path / part / name / "proj_depth").is_dir()]


def _all_drives(path: Path) -> list[str]:
    return sorted({drive for part in PARTS for drive in _drives(path, part)})


def _parts(path: Path) -> tuple[str, ...]:
    return tuple(part for part in PARTS if path.is_dir() and _drives(path, part))


def _matches(path: Path) -> str | None:
    parts = _parts(path)
    return f"has {parts[0]}/{_drives(path, parts[0])[0]}/proj_depth" if parts else None


def _frames(path: Path, raw: Path, depth: str, camera: int | str) -> Iterator[AnnotatedFrame]:
    """Yield every frame that has depth, named as the photograph that belongs to it.

    A frame without one has no suffix.
    """
    cameras = (2, 3) if camera == "both" else (int(camera),)
    for part, drive, number in product(_parts(path), _all_drives(path), cameras):
        folder = path / part / drive / "proj_depth" / DEPTH_FOLDERS[depth] / f"image_{number:02d}"
        stems = [stem for stem in frames_in(folder, (".png",)) if stem.isdecimal()]
        photos = {f.frame: f for f in frames_of_drive(raw, drive, number)} if stems else {}
        for stem in stems:
            lonely = KittiFrame(drive, number, int(stem), suffix="")
            yield AnnotatedFrame(photos.get(int(stem), lonely), part)


def _raw_folder(path: Path, given: str) -> Path:
    """Return where the photographs are: where the caller says, or in or beside `path`."""
    places = [Path(given)] if given else [path, path.parent]
    for place in places:
        if drives_in(place):
            return place
    raise LeadlineError(
        f"{places[0]}: no photographs (2011_09_26/2011_09_26_drive_0001_sync/image_02/data); the "
        "benchmark's depth belongs to the raw recordings: --data-option raw=DIR"
    )


def _open(
    path: Path,
    split: str | None,
    _units: float | None,
    *,
    camera: int | str,
    depth: str,
    raw: str,
    missing: str,
) -> KittiBenchmarkDataset:
    photos = _raw_folder(path, raw)
    there = _frames(path, photos, depth, camera)
    frames = [frame for frame in there if split in (None, frame.part)]
    return _dataset(path, photos, depth, frames, missing == "skip")


def _open_by_eigen(
    path: Path,
    split: str | None,
    _units: float | None,
    *,
    camera: int | str,
    depth: str,
    raw: str,
    missing: str,
) -> KittiBenchmarkDataset:
    photos = _raw_folder(path, raw)
    frames = [*_frames(path, photos, depth, camera)]
    if split == "test":
        parts = {frame.photo: frame.part for frame in frames}
        wanted = eigen_test_frames(camera, annotated=True)
        found = present(wanted, parts, f"{path}: Eigen test split", missing == "skip")
        frames = [AnnotatedFrame(photo, parts[photo]) for photo in found]
    elif split == "train":
        frames = [frame for frame in frames if frame.photo.drive in eigen_train_drives()]
    return _dataset(path, photos, depth, frames, missing == "skip")


def _dataset(
    path: Path, photos: Path, depth: str, frames: list[AnnotatedFrame], skip: bool
) -> KittiBenchmarkDataset:
    lonely = [frame for frame in frames if not frame.photo.suffix]
    if skip:
        frames = [frame for frame in frames if frame.photo.suffix]
    elif lonely:
        raise LeadlineError(
            f"{path}: {len(lonely)} of {len(frames)} depth maps have no photograph in {photos}, "
            f"the first is {lonely[0].depth(DEPTH_FOLDERS[depth])}; fetch its raw drive, or take "
            "what is there with --data-option missing=skip"
        )
    days = sorted({(frame.photo.date, frame.photo.camera) for frame in frames})
    known = [day for day in days if (photos / day[0] / "calib_cam_to_cam.txt").is_file()]
    cameras = {day: read_intrinsics(photos / day[0], day[1]) for day in known}
    return KittiBenchmarkDataset(
        path, tuple(frames), UNITS, raw=photos, depth=depth, cameras=cameras
    )


_SOURCE = "Uhrig et al.: Sparsity Invariant CNNs, 3DV 2017"
_DEPTH = Option("annotated, or the single scan", "annotated", ("annotated", "velodyne"))
_MISSING = Option("skip: take the frames that are there", "error", ("error", "skip"))
_RAW = Option("folder of the raw recordings; empty: in or beside the data", "")

LAYOUT = Layout(
    name="kitti-benchmark",
    title="KITTI depth benchmark, its own split",
    points_at="data_depth_annotated (train/ and val/ with drives)",
    source=_SOURCE,
    matches=_matches,
    open=_open,
    splits=_parts,
    units_per_metre=UNITS,
    options={
        "camera": Option("2 left, 3 right, or both", "both", ("both", 2, 3)),
        "depth": _DEPTH,
        "raw": _RAW,
        "missing": _MISSING,
    },
)

EIGEN_LAYOUT = Layout(
    name="kitti-eigen",
    title="KITTI depth benchmark, split by Eigen's drives (--layout kitti-eigen)",
    points_at=LAYOUT.points_at,
    source=f"{_SOURCE}; the 33 training drives and the 652 annotated of the 697 test frames",
    matches=lambda _path: None,
    open=_open_by_eigen,
    splits=lambda _path: ("train", "test"),
    units_per_metre=UNITS,
    options={
        "camera": Option("2 left, 3 right, or both", 2, (2, 3, "both")),
        "depth": _DEPTH,
        "raw": _RAW,
        "missing": _MISSING,
    },
)
