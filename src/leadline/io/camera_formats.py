"""Cameras as COLMAP, OpenCV, ROS and JSON files hold them, their distortion included.

Formats: COLMAP (colmap.github.io/cameras.html; src/colmap/sensor/models.h), where the centre of the
first pixel is (0.5, 0.5); OpenCV's FileStorage YAML as its calibration sample writes it; ROS's
camera_info (camera_calibration_parsers; sensor_msgs/CameraInfo).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import pinhole_of_matrix
from leadline.errors import LeadlineError

ACCEPTED = (
    'nine numbers (3x3, row by row), four ("fx fy cx cy"), JSON or YAML with fx, fy, cx, cy or K '
    "(OpenCV, ROS), or COLMAP's cameras.txt"
)

_COLMAP_MODELS: dict[str, str] = {
    "SIMPLE_PINHOLE": "f cx cy",
    "PINHOLE": "fx fy cx cy",
    "SIMPLE_RADIAL": "f cx cy k1",
    "RADIAL": "f cx cy k1 k2",
    "OPENCV": "fx fy cx cy k1 k2 p1 p2",
    "FULL_OPENCV": "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6",
}
_COLMAP_IDS = (
    *("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE"),
    *("FULL_OPENCV", "FOV", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE", "THIN_PRISM_FISHEYE"),
)
_COLMAP_LINE = re.compile(r"\d+\s+([A-Z][A-Z_]+)\s+(\d+)\s+(\d+)\s+(\S.*)")
_FISHEYE = re.compile("fish|equidist|kannala|fov$|omni|unified|mei$|thin_prism|^ds$|^eucm$", re.I)
_PANORAMA = re.compile("spher|equirect|360|panoram|cylind", re.I)
_ORDER = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_NAMES = {
    "width": ("width", "image_width", "imagewidth", "camera.width"),
    "height": ("height", "image_height", "imageheight", "camera.height"),
    "K": ("k", "camera_matrix", "cameramatrix", "intrinsic_matrix", "m1"),
    "D": (
        *("d", "distortion_coefficients", "distortion", "dist_coeffs", "distcoeffs", "dist"),
        *("distortion_coeffs", "d1"),
    ),
    "model": ("distortion_model", "camera_model", "model", "projection_type", "camera.type"),
}


@dataclass(frozen=True)
class Calibration:
    """A camera as a file says it: in pixels, of pictures of `size` (width, height), if it says so.

    `distortion` is k1, k2, p1, p2[, k3[, k4, k5, k6]], () for a pinhole.
    """

    pinhole: tuple[float, float, float, float]
    size: tuple[int, int] | None = None
    distortion: tuple[float, ...] = ()


def calibration_of_numbers(numbers: NDArray[np.float64]) -> Calibration:
    """Return the camera of nine numbers (K, row by row) or four (fx fy cx cy)."""
    if numbers.size == 9:
        return Calibration(pinhole_of_matrix(numbers.reshape(3, 3)))
    if numbers.size != 4:
        raise LeadlineError(f"holds {numbers.size} numbers; expected {ACCEPTED}")
    fx, fy, cx, cy = (float(value) for value in numbers.ravel())
    return Calibration((fx, fy, cx, cy))


def calibration_of_mapping(content: Mapping[Any, Any]) -> Calibration:
    """Return the camera of a mapping such as JSON's, ROS's camera_info or OpenCV's FileStorage.

    Errors: LeadlineError for a fisheye lens, a panorama, and what says a part only.
    """
    names = {str(key).lower(): value for key, value in content.items()}
    names |= {k.rpartition(".")[2]: v for k, v in names.items() if k.startswith("camera.")}
    values = {
        name: next((names[each] for each in aliases if each in names), None)
        for name, aliases in _NAMES.items()
    }
    refuse_model(str(values["model"] or ""))
    if (values["width"] is None) != (values["height"] is None):
        raise LeadlineError("states one of width and height; give both, or neither")
    sides = values["width"], values["height"]
    size = None if None in sides else (int(sides[0] or 0), int(sides[1] or 0))
    if values["K"] is not None:
        matrix = _numbers_of(values["K"])
        if "intrinsic_matrix" in names and matrix.size == 9 and not matrix[[2, 5]].any():
            matrix = matrix.reshape(3, 3).T.ravel()  # Open3D writes column by column
        pinhole = calibration_of_numbers(matrix).pinhole
        _refuse_two_cameras(names, pinhole)
    else:
        fx, fy, cx, cy = (float(names[name]) for name in ("fx", "fy", "cx", "cy"))
        pinhole = (fx, fy, cx, cy)
    given = values["D"]
    distortion = [names.get(name, 0.0) for name in _ORDER] if given is None else given
    return Calibration(pinhole, size, _distortion_of(_numbers_of(distortion)))


def _refuse_two_cameras(
    names: Mapping[str, Any], pinhole: tuple[float, float, float, float]
) -> None:
    """Raise LeadlineError where fx, fy, cx, cy are given beside a matrix that says otherwise."""
    for name, value in zip(("fx", "fy", "cx", "cy"), pinhole, strict=True):
        if name in names and not math.isclose(float(names[name]), value, rel_tol=1e-6):
            raise LeadlineError(
                f"{name} is {float(names[name]):g} and the matrix says {value:g}; leave one out"
            )


def refuse_model(model: str) -> None:
    """Raise LeadlineError for a projection that is no pinhole with OpenCV's distortion."""
    if _PANORAMA.search(model):
        raise LeadlineError(
            f"is of a 360-degree picture (model {model[:40]}), which has no pinhole camera; cut "
            "perspective views out of it"
        )
    if _FISHEYE.search(model):
        raise LeadlineError(
            f"is of a fisheye lens (model {model[:40]}), which is not read; undistort the pictures "
            "to a pinhole first, and give that camera"
        )


def calibration_of_colmap(text: str) -> Calibration | None:
    """Return the camera of COLMAP's cameras.txt, None where the text is not that."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    found = [_COLMAP_LINE.fullmatch(line) for line in lines]
    if not lines or found[0] is None:
        return None
    cameras = {
        _colmap(each[1], int(each[2]), int(each[3]), [float(v) for v in each[4].split()])
        for each in found
        if each
    }
    return _only(cameras)


def calibration_of_colmap_binary(data: bytes) -> Calibration:
    """Return the camera of COLMAP's cameras.bin."""
    cameras = set()
    try:
        (count,) = struct.unpack_from("<Q", data)
        position = 8
        for _ in range(count):
            _, model, width, height = struct.unpack_from("<iiQQ", data, position)
            name = _COLMAP_IDS[model]
            parameters = len(_COLMAP_MODELS.get(name, "").split())
            numbers = struct.unpack_from(f"<{parameters}d", data, position + 24)
            cameras.add(_colmap(name, width, height, numbers))
            position += 24 + 8 * parameters
    except (struct.error, IndexError, OverflowError):
        raise LeadlineError("is not COLMAP's cameras.bin, or cut short; copy it again") from None
    return _only(cameras)


def _colmap(model: str, width: int, height: int, numbers: Sequence[float]) -> Calibration:
    refuse_model(model)
    words = _COLMAP_MODELS.get(model, "").split()
    if not words or len(words) != len(numbers):
        raise LeadlineError(f"has {len(numbers)} parameters of the camera model {model[:40]!r}")
    values = dict(zip(words, numbers, strict=True))
    fx, fy = values.get("fx", values.get("f", 0.0)), values.get("fy", values.get("f", 0.0))
    pinhole = (fx, fy, values["cx"] - 0.5, values["cy"] - 0.5)
    distortion = np.array([values.get(name, 0.0) for name in _ORDER])
    return Calibration(pinhole, (width, height), _distortion_of(distortion))


def _only(cameras: set[Calibration]) -> Calibration:
    if len(cameras) != 1:
        raise LeadlineError(
            f"holds {len(cameras)} cameras; keep the line of the one that took the pictures"
        )
    return cameras.pop()


def _numbers_of(value: Any) -> NDArray[np.float64]:
    """Return the numbers of a list, nested or not, or of {rows, cols, data}."""
    if isinstance(value, Mapping):
        value = value["data"]
    return np.asarray(value, np.float64).ravel()


def _distortion_of(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the coefficients as OpenCV takes them, () where all are 0."""
    if not np.isfinite(numbers).all():
        raise LeadlineError("holds a distortion that is not a finite number; correct it")
    if numbers.size > 8 and numbers[8:].any():
        raise LeadlineError(
            f"holds {numbers.size} coefficients of distortion, a thin prism or a tilted sensor, "
            "which are not read; undistort the pictures first"
        )
    numbers = numbers[:8]
    if not numbers.any():
        return ()
    if numbers.size not in (4, 5, 8):
        raise LeadlineError(
            f"holds {numbers.size} coefficients of distortion; expected k1, k2, p1, p2[, k3[, k4, "
            "k5, k6]]"
        )
    return tuple(float(number) for number in numbers)
