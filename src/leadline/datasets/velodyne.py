"""KITTI's laser scanner in a camera's view: calibration files, scans, and the projection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import read_lines
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes

ScanDepth = Literal["z", "forward"]
Rounding = Literal["nearest", "published"]

NOT_NUMBERS = frozenset({"calib_time"})


@dataclass(frozen=True, eq=False)
class Camera:
    """One rectified KITTI camera: the projection of scanner points, and its pinhole model.

    `projection` (3,4) float64 maps scanner coordinates (x forward, y left, z up, metres) to
    (u w, v w, w) with pixels u, v and metres w along the optical axis.
    """

    projection: NDArray[np.float64]
    intrinsics: Intrinsics

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the rectified pictures."""
        return self.intrinsics.height, self.intrinsics.width


def project_velodyne(
    points: NDArray[np.floating],
    projection: NDArray[np.float64],
    size: tuple[int, int],
    kind: ScanDepth = "z",
    rounding: Rounding = "nearest",
) -> NDArray[np.float32]:
    """Project a scan to a depth map (H,W) in float32 metres, 0 where there is no point.

    `points` (N,3+): scanner x forward, y left, z up. Points that are behind the camera or not
    finite are dropped; of several in a pixel the nearest is kept. `kind`: `z` is the distance along
    the camera's axis, `forward` the scanner's x, from which Eigen's published truth is made. They
    differ by about 0.27 m, the distance of the scanner behind the camera.

    `rounding`: `nearest` takes the pixel with the nearest centre, with centres at integers from 0.
    `published` subtracts one more, as monodepth's `kitti_utils` does to match MATLAB code that
    counts from 1; that map is shifted by one pixel to the left and up. That code's search for
    duplicates also numbers pixels row * (W - 1) + column - 1, which confuses the last pixel of a
    row with the first of the next; here every pixel has a unique number in both modes.
    """
    height, width = size
    xyz = points[np.isfinite(points[:, :3]).all(axis=1), :3].astype(np.float64)
    uvw = xyz @ projection[:, :3].T + projection[:, 3]
    depth = uvw[:, 2] if kind == "z" else xyz[:, 0]
    ahead = (uvw[:, 2] > 0) & (depth > 0)
    uvw, depth = uvw[ahead], depth[ahead]
    pixel_of = np.floor(uvw[:, :2] / uvw[:, 2:] + 0.5) - (rounding == "published")
    inside = ((pixel_of >= 0) & (pixel_of < (width, height))).all(axis=1)
    column, row = pixel_of[inside].astype(np.intp).T
    nearest = np.full(height * width, np.inf, dtype=np.float32)
    np.minimum.at(nearest, row * width + column, depth[inside].astype(np.float32))
    nearest[np.isinf(nearest)] = 0
    return nearest.reshape(height, width)


def read_scan(path: Path) -> NDArray[np.float32]:
    """Read a scan, (N,4) float32: x forward, y left, z up in metres, reflectance."""
    data = read_bytes(path, "scan")
    if len(data) % 16:
        raise LeadlineError(
            f"{path}: {len(data)} bytes are not whole points of 16 bytes; it is cut short, "
            "copy the scan again"
        )
    return np.frombuffer(data, dtype="<f4").reshape(-1, 4)


def read_calibration(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read a KITTI calibration file: lines `key: numbers`, without the time of calibration."""
    values = {}
    for number, line in read_lines(path, "calibration"):
        key, colon, text = line.partition(":")
        if key in NOT_NUMBERS:
            continue
        try:
            values[key] = np.array([float(word) for word in text.split()])
        except ValueError:
            colon = ""
        if not colon:
            raise LeadlineError(
                f"{path}: line {number} is {line[:60]!r}, expected 'key: numbers'; "
                "copy the calibration of that day again"
            )
    return values


def read_camera(folder: Path, camera: int) -> Camera:
    """Read camera 2 or 3 of a day from `calib_cam_to_cam.txt` and `calib_velo_to_cam.txt`.

    The projection is P_rect_0c · R_rect_00 · [R|T], as KITTI's development kit defines it.
    """
    cameras, velodyne = folder / "calib_cam_to_cam.txt", folder / "calib_velo_to_cam.txt"
    cam, velo = read_calibration(cameras), read_calibration(velodyne)
    rectify, scanner = np.eye(4), np.eye(4)
    rectify[:3, :3] = _entry(cameras, cam, "R_rect_00", 9).reshape(3, 3)
    scanner[:3, :3] = _entry(velodyne, velo, "R", 9).reshape(3, 3)
    scanner[:3, 3] = _entry(velodyne, velo, "T", 3)
    P = _entry(cameras, cam, f"P_rect_{camera:02d}", 12).reshape(3, 4)
    return Camera(P @ rectify @ scanner, read_intrinsics(folder, camera))


def read_intrinsics(folder: Path, camera: int) -> Intrinsics:
    """Read the pinhole model of rectified camera 2 or 3 of a day, at its size `S_rect`."""
    path = folder / "calib_cam_to_cam.txt"
    values = read_calibration(path)
    P = _entry(path, values, f"P_rect_{camera:02d}", 12).reshape(3, 4)
    width, height = _entry(path, values, f"S_rect_{camera:02d}", 2)
    return Intrinsics(P[0, 0], P[1, 1], P[0, 2], P[1, 2], int(width), int(height))


def _entry(
    path: Path, values: dict[str, NDArray[np.float64]], key: str, count: int
) -> NDArray[np.float64]:
    if key not in values:
        raise LeadlineError(f"{path}: has no line {key!r}; copy the calibration of that day again")
    if len(values[key]) != count or not np.isfinite(values[key]).all():
        raise LeadlineError(
            f"{path}: {key} holds {len(values[key])} numbers, expected {count} finite ones; "
            "copy the calibration of that day again"
        )
    return values[key]
