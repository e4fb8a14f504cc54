"""Camera files: text, `.npy`, JSON, and those of COLMAP, OpenCV and ROS."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics, check_pinhole
from leadline.errors import LeadlineError, LeadlineWarning, one_line, value_words
from leadline.io.camera_formats import (
    ACCEPTED,
    Calibration,
    calibration_of_colmap,
    calibration_of_colmap_binary,
    calibration_of_mapping,
    calibration_of_numbers,
)
from leadline.io.distortion import NEGLIGIBLE, bending
from leadline.io.exif import warn_of_no_lens
from leadline.io.files import DECODE_ERRORS, read_bytes
from leadline.io.yaml_files import parse_yaml

_IN_PIXELS = "give the intrinsics in pixels (multiply by the width and the height)"

_OPENCV_TAG = re.compile(r"^%YAML.*$|!!opencv-matrix", re.MULTILINE)
"""What OpenCV's FileStorage writes that is no YAML 1.2."""

SHORTEST_FOCAL = 0.02
"""Of the picture's width: a field of view above 175 degrees."""

FAR_OUTSIDE = 0.1
"""Of a side: no crop in use leaves the principal point further outside."""

SMALL_FOCAL = 10.0
"""Pixels: below it, a principal point in the first pixel is a share of the picture's size."""

FAR_FROM_CENTRE = 0.2
"""Of the picture's sides: KITTI's crops come to 0.07, the camera of a half-size picture to 0.25."""


@dataclass(frozen=True)
class CameraFile:
    """A camera as a file holds it, in pixels, of pictures of any size that it fits.

    `size` is the (width, height) that it may state; the camera is scaled from there. `distortion`
    is what its lens does beside a pinhole, see `leadline.io.distortion.bending`.
    """

    path: Path
    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int] | None = None
    distortion: tuple[float, ...] = ()

    def for_size(self, width: int, height: int) -> Intrinsics:
        """Return the camera for a picture of `width` x `height` pixels, which a pinhole describes.

        Warnings and errors: as for `pinhole`; and LeadlineError for a lens that bends the picture,
        since whoever asks only for the pinhole would drop that.
        """
        camera = self.pinhole(width, height)
        if self.bends(camera):
            most, k1 = bending(camera, self.distortion), self.distortion[0]
            raise LeadlineError(
                f"{self.path}: its lens bends the picture by up to {most:.0f} pixels (k1 = "
                f"{k1:g}); undistort the pictures first, and give their camera without distortion"
            )
        return camera

    def bends(self, camera: Intrinsics) -> bool:
        """Return whether the lens moves a point of a picture by more than is negligible."""
        return bool(self.distortion) and bending(camera, self.distortion) > NEGLIGIBLE

    def pinhole(self, width: int, height: int) -> Intrinsics:
        """Return the camera of a picture of `width` x `height` pixels without its distortion.

        A LeadlineWarning says where the file seems to be for another picture: its own size has
        another aspect ratio, or it states no size and its principal point lies far from the middle
        of this one. The camera of a turned picture is turned, its axis taken for central.
        Errors: LeadlineError, naming the file, for a focal length that is no number of pixels, and
        for a principal point far outside.
        """
        if self._is_of_a_turned(width, height):
            return self._turned().pinhole(width, height)
        own_width, own_height = self.size or (width, height)
        if self.fx < SHORTEST_FOCAL * own_width:
            raise LeadlineError(
                f"{self.path}: fx = {self.fx:g} for a picture {own_width} pixels wide looks "
                f"normalised; {_IN_PIXELS}"
            )
        self._warn_of_another_picture(width, height)
        camera = Intrinsics(self.fx, self.fy, self.cx, self.cy, own_width, own_height)
        warn_of_no_lens(camera, str(self.path))
        return camera if self.size is None else camera.scaled_to(width, height)

    def _is_of_a_turned(self, width: int, height: int) -> bool:
        """Return whether the file's own size is that of the picture turned by 90 degrees."""
        if self.size is None or _is_resize(self.size, width, height):
            return False
        return _is_resize(self.size[::-1], width, height)

    def _turned(self) -> CameraFile:
        """Return the camera of the picture turned by 90 degrees, no matter to which side."""
        width, height = self.size or (0, 0)
        if self.distortion:
            raise LeadlineError(
                f"{self.path}: is for pictures of {width} x {height}, and this one is turned by 90 "
                "degrees; turn it back, since the lens's distortion is of one way up"
            )
        warnings.warn(
            f"{self.path}: is for pictures of {width} x {height}, and this one is turned by 90 "
            "degrees, so is the camera; its axis is taken for central",
            LeadlineWarning,
            stacklevel=4,
        )
        centre = (height - 1) / 2, (width - 1) / 2
        return CameraFile(self.path, self.fy, self.fx, *centre, (height, width))

    def _warn_of_another_picture(self, width: int, height: int) -> None:
        text = ""
        if self.size is None:
            if max(_outside(self.cx, width), _outside(self.cy, height)) > FAR_OUTSIDE:
                raise LeadlineError(
                    f"{self.path}: its principal point ({self.cx:g}, {self.cy:g}) lies far outside "
                    f"a picture of {width} x {height}; where it is the camera of a larger picture, "
                    "give JSON with width and height, and it is scaled"
                )
            aside = abs(self.cx - (width - 1) / 2) / width, abs(self.cy - (height - 1) / 2) / height
            if max(aside) > FAR_FROM_CENTRE:
                text = (
                    f"its principal point ({self.cx:g}, {self.cy:g}) is far from the middle of a "
                    f"picture of {width} x {height}; where it is the camera of a larger or smaller "
                    "picture, give JSON with width and height, and it is scaled"
                )
        elif not _is_resize(self.size, width, height):
            text = (
                f"is for pictures of {self.size[0]} x {self.size[1]}, and {width} x {height} "
                "has another aspect ratio, so each side is scaled by itself; where the picture "
                "was cropped, give its own camera"
            )
        if text:
            warnings.warn(f"{self.path}: {text}", LeadlineWarning, stacklevel=3)


def published_camera(camera: Intrinsics, width: int, height: int, origin: str) -> Intrinsics:
    """Return a data set's `camera` for a picture of it that was resized to `width` x `height`.

    A LeadlineWarning, naming `origin`, says where the picture is no plain resize of what the camera
    was calibrated for, such as a crop: then each side is scaled by itself.
    """
    own = camera.width, camera.height
    if own != (width, height) and not _is_resize(own, width, height):
        warnings.warn(
            f"{origin}: is for pictures of {own[0]} x {own[1]}, and {width} x {height} has another "
            "aspect ratio, so each side is scaled by itself; where these were cropped, open them "
            "as pairs (--layout pairs) with a camera of their own in dataset.yaml",
            LeadlineWarning,
            stacklevel=3,
        )
    return camera.scaled_to(width, height)


def _is_resize(size: tuple[int, int], width: int, height: int) -> bool:
    """Return whether a picture of `size` (width, height) was resized whole to another one."""
    across, down = width / size[0], height / size[1]
    # Resizing rounds a side by up to half a pixel.
    return abs(across - down) <= (0.01 + 1 / min(width, height)) * across


def _outside(centre: float, side: int) -> float:
    """Return how far a coordinate lies outside a side of the picture, as a part of it."""
    return max(-0.5 - centre, centre - (side - 0.5), 0.0) / side


def read_camera_file(path: Path | str) -> CameraFile:
    """Read a camera from a text, .npy, .json, .yaml or COLMAP file.

    Text and .npy hold nine numbers (K row by row) or four (fx fy cx cy); text may separate
    them by blanks, commas or line breaks and comment with #. JSON is the same list, or an
    object with the keys fx, fy, cx, cy, or with the key K; it may also state width and height.
    COLMAP's cameras.txt and .bin, OpenCV's YAML and ROS's camera_info come with distortion, and so
    may JSON (D, or k1, k2, p1, p2, k3).
    Errors: LeadlineError, naming the file, for anything else, for normalised intrinsics, and for
    fisheye and 360-degree cameras.
    """
    path = Path(path)
    data = read_bytes(path, "camera file")
    with _explained(path):
        return _checked(path, _parse(path, data))


def _parse(path: Path, data: bytes) -> Calibration:
    """Return the camera that the bytes of a file hold, whose suffix says its format."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(json.loads(data, object_pairs_hook=_each_key_once))
    if suffix in (".yaml", ".yml"):
        text = _OPENCV_TAG.sub("", data.decode("utf-8-sig"))
        return _from_json(parse_yaml(text, path, "camera file"))
    if suffix == ".bin":
        return calibration_of_colmap_binary(data)
    if suffix == ".npy":
        return calibration_of_numbers(_numbers_from_npy(data))
    text = data.decode("utf-8-sig")
    return calibration_of_colmap(text) or calibration_of_numbers(_numbers(text))


def declared_camera(path: Path, content: object) -> CameraFile:
    """Return the camera that a file `path` about something else declares.

    `content` is what camera files in JSON hold, or the name of a camera file, relative to `path`.
    Errors: as for `read_camera_file`.
    """
    if isinstance(content, str):
        return read_camera_file(path.parent / content)
    with _explained(path):
        return _checked(path, _from_json(content))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a malformed camera raises into a LeadlineError naming `path`."""
    try:
        yield
    except LeadlineError as error:
        words = str(error)
        raise LeadlineError(
            words if words.startswith(f"{path}: ") else f"{path}: {words}"
        ) from None
    except UnicodeDecodeError as error:
        raise LeadlineError(f"{path}: is no text, nor a camera; expected {ACCEPTED}") from error
    except DECODE_ERRORS as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else one_line(error)
        raise LeadlineError(
            f"{path}: cannot read camera intrinsics ({reason}); expected {ACCEPTED}"
        ) from error


def _checked(path: Path, found: Calibration) -> CameraFile:
    fx, fy, cx, cy = found.pinhole
    check_pinhole(fx, fy, cx, cy)
    if fx < SMALL_FOCAL and 0 < cx <= 1 and 0 < cy <= 1:
        raise LeadlineError(f"fx = {fx:g} and cx = {cx:g} look normalised; {_IN_PIXELS}")
    size = found.size
    if size is not None and min(size) < 1:
        raise LeadlineError(f"is for a picture of {size[0]} x {size[1]}; correct width and height")
    if size is not None and max(_outside(cx, size[0]), _outside(cy, size[1])) > FAR_OUTSIDE:
        raise LeadlineError(
            f"its principal point ({cx:g}, {cy:g}) lies far outside its own picture of {size[0]} x "
            f"{size[1]}; correct one of them"
        )
    return CameraFile(path, fx, fy, cx, cy, size, found.distortion)


def read_camera(path: Path | str, width: int, height: int) -> Intrinsics:
    """Read a camera file for pictures of `width` x `height` pixels.

    See `read_camera_file` and `CameraFile.for_size` for file contents, warnings and errors.
    """
    return read_camera_file(path).for_size(width, height)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, of whose keys none may stand twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LeadlineError(f"{value_words(twice)} stands twice; leave one of them")
    return content


def _numbers(text: str) -> NDArray[np.float64]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    words = " ".join(lines).replace(",", " ").replace(";", " ").split()
    return np.array([float(word) for word in words], dtype=np.float64)


def _numbers_from_npy(data: bytes) -> NDArray[np.float64]:
    return np.asarray(np.load(BytesIO(data), allow_pickle=False), dtype=np.float64)


def _from_json(content: object) -> Calibration:
    if isinstance(content, list):
        return calibration_of_numbers(np.asarray(content, dtype=np.float64))
    if not isinstance(content, dict):
        raise LeadlineError(f"holds {str(content)[:80]!r} instead of a camera; expected {ACCEPTED}")
    return calibration_of_mapping(content)
