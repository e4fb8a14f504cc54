"""KITTI depth benchmark: annotated depth (`data_depth_annotated`) over the raw photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from leadline.datasets.facts import eigen_test, eigen_train_drives
from leadline.datasets.kitti_frames import KittiFrame, drives_in, frames_of_drive, present
from leadline.datasets.layout import Layout, Option
from leadline.datasets.listing import frames_in, names_in
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample
from leadline.datasets.velodyne import read_intrinsics
from leadline.depth.errors import LeadlineError
from leadline.depth.formats import read_depth
from leadline.depth.images import read_photo
from leadline.depth.intrinsics import Intrinsics

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

    def read(self, item: AnnotatedFrame) -> Sample:
        """Read one photograph and its depth."""
        photo, path = self.paths(item).values()
        image = read_photo(photo).pixels
        depth_map = read_depth(path, UNITS)
        check_one_size("depth", depth_map.depth, path, image, photo)
        camera = self.cameras.get((item.photo.date, item.photo.camera))
        return Sample(item.id, image, depth_map.depth, depth_map.valid, None, camera)


def _drives(path: Path, part: str) -> list[str]:
    return sorted(
        name
        for name in names_in(path / part)
        if name.endswith("_sync") and (path / part / name / "proj_depth").is_dir()
    )


def _parts(path: Path) -> tuple[str, ...]:
    return tuple(part for part in PARTS if path.is_dir() and _drives(path, part))


def _matches(path: Path) -> str | None:
    parts = _parts(path)
    return f"has {parts[0]}/{_drives(path, parts[0])[0]}/proj_depth" if parts else None


def _frames(
    path: Path, raw: Path, depth: str, cameras: tuple[int, ...]
) -> Iterator[AnnotatedFrame]:
    """Yield every frame that has depth, as the photograph that belongs to it is named."""
    for part in _parts(path):
        for drive in _drives(path, part):
            for camera in cameras:
                folder = path / part / drive / "proj_depth" / DEPTH_FOLDERS[depth]
                stems = frames_in(folder / f"image_{camera:02d}", (".png",))
                photos = {frame.frame: frame for frame in frames_of_drive(raw, drive, camera)}
                for stem in stems:
                    frame = KittiFrame(drive, camera, int(stem))
                    yield AnnotatedFrame(photos.get(int(stem), replace(frame, suffix="")), part)


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


Select = Callable[[Path, str | None, list[AnnotatedFrame], bool], list[AnnotatedFrame]]


def _selected(
    _path: Path, split: str | None, frames: list[AnnotatedFrame], _skip: bool
) -> list[AnnotatedFrame]:
    return [frame for frame in frames if split in (None, frame.part)]


def _selected_by_eigen(
    path: Path, split: str | None, frames: list[AnnotatedFrame], skip: bool
) -> list[AnnotatedFrame]:
    if split == "test":
        parts = {frame.photo: frame.part for frame in frames}
        wanted = [KittiFrame(drive, 2, frame) for drive, frame in eigen_test(annotated=True)]
        listed = present(wanted, parts, f"{path}: Eigen test split", skip)
        return [AnnotatedFrame(photo, parts[photo]) for photo in listed]
    drives = eigen_train_drives()
    return [frame for frame in frames if split is None or frame.photo.drive in drives]


def _opener(select: Select) -> Callable[..., KittiBenchmarkDataset]:
    def open_benchmark(
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        camera: int | str,
        depth: str,
        raw: str,
        missing: str = "error",
    ) -> KittiBenchmarkDataset:
        photos = _raw_folder(path, raw)
        wanted = (2, 3) if camera == "both" else (int(camera),)
        there = [*_frames(path, photos, depth, wanted)]
        frames = select(path, split, there, missing == "skip")
        lonely = [frame for frame in frames if not frame.photo.suffix]
        if lonely:
            raise LeadlineError(
                f"{path}: {len(lonely)} of {len(frames)} depth maps have no photograph in "
                f"{photos}, the first is {lonely[0].depth(DEPTH_FOLDERS[depth])}; "
                "fetch its raw drive"
            )
        days = sorted({(frame.photo.date, frame.photo.camera) for frame in frames})
        known = [day for day in days if (photos / day[0] / "calib_cam_to_cam.txt").is_file()]
        cameras = {day: read_intrinsics(photos / day[0], day[1]) for day in known}
        return KittiBenchmarkDataset(
            path, tuple(frames), UNITS, raw=photos, depth=depth, cameras=cameras
        )

    return open_benchmark


_SOURCE = "Uhrig et al.: Sparsity Invariant CNNs, 3DV 2017"
_DEPTH = Option("annotated, or the single scan", "annotated", ("annotated", "velodyne"))
_RAW = Option("folder of the raw recordings; empty: in or beside the data", "")

LAYOUT = Layout(
    name="kitti-benchmark",
    title="KITTI depth benchmark, its own split",
    points_at="data_depth_annotated (train/ and val/ with drives)",
    source=_SOURCE,
    matches=_matches,
    open=_opener(_selected),
    splits=_parts,
    units_per_metre=UNITS,
    options={
        "camera": Option("2 left, 3 right, or both", "both", ("both", 2, 3)),
        "depth": _DEPTH,
        "raw": _RAW,
    },
)

EIGEN_LAYOUT = Layout(
    name="kitti-eigen",
    title="KITTI depth benchmark, split by Eigen's drives (--layout kitti-eigen)",
    points_at=LAYOUT.points_at,
    source=f"{_SOURCE}; the 33 training drives and the 652 annotated of the 697 test frames",
    matches=lambda _path: None,
    open=_opener(_selected_by_eigen),
    splits=lambda _path: ("train", "test"),
    units_per_metre=UNITS,
    options={
        "camera": Option("2 left, 3 right, or both", 2, (2, 3, "both")),
        "depth": _DEPTH,
        "raw": _RAW,
        "missing": Option("skip: take what is there of the list", "error", ("error", "skip")),
    },
)
