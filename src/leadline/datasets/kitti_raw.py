"""KITTI raw recordings: photographs, laser scans and calibration as distributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from leadline.datasets.facts import eigen_test, eigen_train_drives
from leadline.datasets.folders import frames_in
from leadline.datasets.kitti_frames import (
    KittiFrame,
    drives_in,
    eigen_test_frames,
    frames_of_drive,
    present,
    read_frame_list,
)
from leadline.datasets.layout import Layout, Option, Options, Origin
from leadline.datasets.sample import Sample
from leadline.datasets.velodyne import (
    Camera,
    Rounding,
    ScanDepth,
    project_velodyne,
    read_camera,
    read_scan,
)
from leadline.errors import LeadlineError, size_words
from leadline.io.photos import read_photo


@dataclass(frozen=True)
class KittiRawDataset(Layout):
    """Scans projected into the photographs; `cameras` has one entry per (date, camera)."""

    name = "kitti-raw"
    published_as = "kitti"
    title = "KITTI raw recordings"
    data_argument = "the folder of the days (2011_09_26/ with drives and calib_*.txt)"
    source = "Geiger et al.: Vision meets Robotics, IJRR 2013; test split of Eigen et al. 2014"
    origin = Origin(
        "https://www.cvlibs.net/datasets/kitti/raw_data.php",
        "CC BY-NC-SA 3.0",
        "about 175 GB",
        "each drive's _sync.zip (synced, rectified) and each day's _calib.zip",
    )
    fixed_units = 1.0
    unpaired_files = "usual"
    options: ClassVar[Options] = {
        "camera": Option("colour camera, 2 left or 3 right; the test split is of 2", 2, (2, 3)),
        "depth_kind": Option("z: along the axis; forward: the scanner's x", "z", ("z", "forward")),
        "rounding": Option(
            "nearest pixel, or one less as published", "nearest", ("nearest", "published")
        ),
        "frames": Option("file that lists frames, to take instead of a split's", "", is_path=True),
        "missing": Option("skip: take the frames of a list that exist", "error", ("error", "skip")),
    }

    cameras: Mapping[tuple[str, int], Camera] = field(default_factory=dict)
    depth_kind: ScanDepth = "z"
    rounding: Rounding = "nearest"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a drive in the folder of its day."""
        drives = drives_in(path) if path.is_dir() else []
        return f"has {drives[0][:10]}/{drives[0]}" if drives else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and test, if drives of Eigen's split exist."""
        drives = set(drives_in(path))
        test = {drive for drive, _ in eigen_test()}
        return ("train",) * bool(drives & eigen_train_drives()) + ("test",) * bool(drives & test)

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        camera: int = 2,
        depth_kind: ScanDepth = "z",
        rounding: Rounding = "nearest",
        frames: str = "",
        missing: str = "error",
    ) -> KittiRawDataset:
        """Open the frames of a list, Eigen's test frames, or every complete frame of the drives."""
        skip = missing == "skip"
        if frames:
            listed = read_frame_list(Path(frames))
            items = present(listed, _complete(path, listed), frames, skip)
        elif split == "test":
            listed = eigen_test_frames(camera, annotated=False)
            items = present(listed, _complete(path, listed), f"{path}: Eigen test split", skip)
        else:
            kept = eigen_train_drives() if split == "train" else set(drives_in(path))
            drives = [drive for drive in drives_in(path) if drive in kept]
            items = [frame for drive in drives for frame in complete_frames(path, drive, camera)]
        keys = {(frame.date, frame.camera) for frame in items}
        cameras = {key: read_camera(path / key[0], key[1]) for key in sorted(keys)}
        return cls(path, tuple(items), cameras=cameras, depth_kind=depth_kind, rounding=rounding)

    def paths(self, item: KittiFrame) -> dict[str, Path]:
        """Return the image and the scan."""
        return {"image": self.root / item.id, "scan": self.root / item.scan}

    def scene(self, item: KittiFrame) -> str:
        """Return the drive, shared by its cameras."""
        return item.drive

    def read(self, item: KittiFrame) -> Sample:
        """Read one photograph and project its scan."""
        camera = self.cameras[item.date, item.camera]
        photo, scan = self.paths(item).values()
        image = read_photo(photo).pixels
        if image.shape[:2] != camera.size:
            raise LeadlineError(
                f"{photo}: is {size_words(image.shape)} but the calibration "
                f"of {item.date} is for {size_words(camera.size)} (S_rect); "
                "use the rectified pictures at their own size"
            )
        points = read_scan(scan)
        depth = project_velodyne(
            points, camera.projection, camera.size, self.depth_kind, self.rounding
        )
        return Sample.from_metres(item.id, image, depth, intrinsics=camera.intrinsics)


def complete_frames(root: Path, drive: str, camera: int) -> list[KittiFrame]:
    """Return the frames of a drive that have a scan, which some recordings lack."""
    scans = frames_in(root / drive[:10] / drive / "velodyne_points" / "data", (".bin",))
    return [
        frame for frame in frames_of_drive(root, drive, camera) if f"{frame.frame:010d}" in scans
    ]


def _complete(path: Path, listed: list[KittiFrame]) -> list[KittiFrame]:
    """Return the frames with a scan of the drives and cameras of a list."""
    drives = dict.fromkeys((frame.drive, frame.camera) for frame in listed)
    return [frame for drive, camera in drives for frame in complete_frames(path, drive, camera)]
