"""KITTI's recordings: names of frames, frames in a folder, lists of frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from leadline.datasets.facts import eigen_test
from leadline.datasets.folders import folders_in, frames_in, read_lines
from leadline.errors import LeadlineError

_DATE = re.compile(r"\d{4}_\d\d_\d\d")
_DRIVE = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}_sync")
_IMAGE = re.compile(rf"({_DRIVE.pattern})/image_0([23])/data/(\d{{10}})\.")
CAMERA_OF_SIDE = {"l": 2, "r": 3, "2": 2, "3": 3}


@dataclass(frozen=True)
class KittiFrame:
    """One photograph of the raw recordings."""

    drive: str
    camera: int
    frame: int
    suffix: str = ".png"

    @property
    def date(self) -> str:
        """The day, which is also the name of the calibration folder."""
        return self.drive[:10]

    @property
    def id(self) -> str:
        """The photograph's path below the raw recordings."""
        folder = f"{self.date}/{self.drive}/image_{self.camera:02d}/data"
        return f"{folder}/{self.frame:010d}{self.suffix}"

    @property
    def scan(self) -> str:
        """The laser scan's path below the raw recordings."""
        return f"{self.date}/{self.drive}/velodyne_points/data/{self.frame:010d}.bin"


def drives_in(root: Path) -> list[str]:
    """Return the drives found in `root/<date>/<drive>`."""
    dates = [name for name in folders_in(root) if _DATE.fullmatch(name)]
    drives = [drive for date in dates for drive in folders_in(root / date)]
    return [drive for drive in drives if _DRIVE.fullmatch(drive)]


def frames_of_drive(root: Path, drive: str, camera: int) -> Iterator[KittiFrame]:
    """Yield the photographs of one drive and camera, in order."""
    folder = root / drive[:10] / drive / f"image_{camera:02d}" / "data"
    for stem, name in frames_in(folder).items():
        if stem.isdecimal():
            yield KittiFrame(drive, camera, int(stem), Path(name).suffix)


def read_frame_list(path: Path) -> list[KittiFrame]:
    """Read a list of frames: per line `date/drive frame l|r`, or the path of the left image first.

    The first form is monodepth2's, the second that of monodepth and of the BTS family.
    """
    frames = []
    for number, line in read_lines(path, "list of frames"):
        image, drive, words = _IMAGE.search(line), _DRIVE.search(line), line.split()
        if image is not None:
            frames.append(KittiFrame(image[1], int(image[2]), int(image[3])))
        elif drive is not None and len(words) >= 2 and words[1].isdecimal():
            side = words[2] if len(words) > 2 else "l"
            if side not in CAMERA_OF_SIDE:
                raise LeadlineError(f"{path}: line {number} has the side {side!r}, expected l or r")
            frames.append(KittiFrame(drive[0], CAMERA_OF_SIDE[side], int(words[1])))
        else:
            raise LeadlineError(
                f"{path}: line {number} is {line[:80]!r}, expected 'date/drive frame l' or "
                "'date/drive/image_02/data/0000000000.png ...'"
            )
    return frames


def eigen_test_frames(camera: int | str, *, annotated: bool) -> list[KittiFrame]:
    """Return Eigen's test frames, all 697 or the 652 with annotated depth: left photographs.

    Errors: LeadlineError for another `camera`.
    """
    if camera != 2:
        raise LeadlineError(
            f"Eigen's test frames are of camera 2, not {camera}; drop the option camera"
        )
    return [KittiFrame(drive, 2, frame) for drive, frame in eigen_test(annotated)]


def present(
    wanted: Iterable[KittiFrame], available: Iterable[KittiFrame], origin: str, skip: bool
) -> list[KittiFrame]:
    """Return the `wanted` frames that are `available` (with any suffix).

    Errors: LeadlineError, naming the first missing one, if `skip` is False.
    """
    by_key = {(frame.drive, frame.camera, frame.frame): frame for frame in available}
    listed = list(wanted)
    keys = [(frame.drive, frame.camera, frame.frame) for frame in listed]
    missing = [frame for frame, key in zip(listed, keys, strict=True) if key not in by_key]
    if missing and not skip:
        raise LeadlineError(
            f"{origin}: {len(missing)} of {len(listed)} listed frames are incomplete or missing, "
            f"the first is {missing[0].id}; fetch them, or take what is there with "
            "--data-option missing=skip"
        )
    return [by_key[key] for key in keys if key in by_key]
