"""Camera intrinsics from text, `.npy` and JSON files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics, check_pinhole, pinhole_of_matrix
from leadline.errors import LeadlineError, LeadlineWarning, one_line
from leadline.io.files import read_bytes

_FOUR = ("fx", "fy", "cx", "cy")
_ACCEPTED = 'nine numbers (3x3, row by row), four ("fx fy cx cy"), or JSON with fx, fy, cx, cy or K'
_IN_PIXELS = "give the intrinsics in pixels (multiply by the width and the height)"

SHORTEST_FOCAL = 0.02
"""Of the picture's width: a field of view above 175 degrees."""

SMALL_FOCAL = 10.0
"""Pixels: below it, a principal point in the first pixel is a share of the picture's size."""

FAR_FROM_CENTRE = 0.2
"""Of the picture's sides: KITTI's crops come to 0.07, the camera of a half-size picture to 0.25."""


@dataclass(frozen=True)
class CameraFile:
    """A camera as a file holds it, in pixels, of pictures of any size that it fits.

    `size` is the (width, height) that JSON files may state; the camera is scaled from there.
    """

    path: Path
    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int] | None = None

    def for_size(self, width: int, height: int) -> Intrinsics:
        """Return the camera for a picture of `width` x `height` pixels.

        A LeadlineWarning says where the file seems to be for another picture: its own size has
        another aspect ratio, or it states no size and its principal point lies far from the middle
        of this one. The camera of a turned picture is turned, its axis taken for central.
        Errors: LeadlineError, naming the file, for a focal length that is no number of pixels.
        """
        if self._is_of_a_turned(width, height):
            return self._turned().for_size(width, height)
        own_width, own_height = self.size or (width, height)
        if self.fx < SHORTEST_FOCAL * own_width:
            raise LeadlineError(
                f"{self.path}: fx = {self.fx:g} for a picture {own_width} pixels wide looks "
                f"normalised; {_IN_PIXELS}"
            )
        self._warn_of_another_picture(width, height)
        camera = Intrinsics(self.fx, self.fy, self.cx, self.cy, own_width, own_height)
        return camera if self.size is None else camera.scaled_to(width, height)

    def _is_of_a_turned(self, width: int, height: int) -> bool:
        """Return whether the file's own size is that of the picture turned by 90 degrees."""
        if self.size is None or self.size[0] == self.size[1]:
            return False
        across, down = width / self.size[1], height / self.size[0]
        return abs(across - down) <= (0.01 + 1 / min(width, height)) * across

    def _turned(self) -> CameraFile:
        """Return the camera of the picture turned by 90 degrees, no matter to which side."""
        width, height = self.size or (0, 0)
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
            aside = abs(self.cx - (width - 1) / 2) / width, abs(self.cy - (height - 1) / 2) / height
            if max(aside) > FAR_FROM_CENTRE:
                text = (
                    f"its principal point ({self.cx:g}, {self.cy:g}) is far from the middle of a "
                    f"picture of {width} x {height}; where it is the camera of a larger or smaller "
                    "picture, give JSON with width and height, and it is scaled"
                )
        else:
            across, down = width / self.size[0], height / self.size[1]
            # Resizing rounds a side by up to half a pixel.
            if abs(across - down) > (0.01 + 1 / min(width, height)) * across:
                text = (
                    f"is for pictures of {self.size[0]} x {self.size[1]}, and {width} x {height} "
                    "has another aspect ratio; where the picture was cropped, give its own camera"
                )
        if text:
            warnings.warn(f"{self.path}: {text}", LeadlineWarning, stacklevel=3)


def read_camera_file(path: Path | str) -> CameraFile:
    """Read a camera from a text, .npy or .json file.

    Text and .npy hold nine numbers (K row by row) or four (fx fy cx cy); text may separate
    them by blanks, commas or line breaks and comment with #. JSON is the same list, or an
    object with the keys fx, fy, cx, cy, or with the key K; it may also state width and height.
    Errors: LeadlineError, naming the file, for anything else, and for normalised intrinsics.
    """
    path = Path(path)
    data = read_bytes(path, "camera file")
    with _explained(path):
        if path.suffix.lower() == ".json":
            return _checked(path, *_from_json(json.loads(data)))
        is_npy = path.suffix.lower() == ".npy"
        return _checked(path, _numbers_from_npy(data) if is_npy else _numbers(data))


def declared_camera(path: Path, content: object) -> CameraFile:
    """Return the camera that a file `path` about something else declares.

    `content` is what camera files in JSON hold, or the name of a camera file, relative to `path`.
    Errors: as for `read_camera_file`.
    """
    if isinstance(content, str):
        return read_camera_file(path.parent / content)
    with _explained(path):
        return _checked(path, *_from_json(content))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a malformed camera raises into a LeadlineError naming `path`."""
    try:
        yield
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
    except (ValueError, TypeError, EOFError, KeyError) as error:
        raise LeadlineError(
            f"{path}: cannot read camera intrinsics ({one_line(error)}); expected {_ACCEPTED}"
        ) from error


def _checked(
    path: Path, numbers: NDArray[np.float64], size: tuple[int, int] | None = None
) -> CameraFile:
    fx, fy, cx, cy = _pinhole(numbers)
    check_pinhole(fx, fy, cx, cy)
    if fx < SMALL_FOCAL and 0 < cx <= 1 and 0 < cy <= 1:
        raise LeadlineError(f"fx = {fx:g} and cx = {cx:g} look normalised; {_IN_PIXELS}")
    return CameraFile(path, fx, fy, cx, cy, size)


def read_camera(path: Path | str, width: int, height: int) -> Intrinsics:
    """Read a camera file for pictures of `width` x `height` pixels.

    What the file may hold, warnings and errors: `read_camera_file` and `CameraFile.for_size`.
    """
    return read_camera_file(path).for_size(width, height)


def _numbers(data: bytes) -> NDArray[np.float64]:
    lines = (line.partition("#")[0] for line in data.decode("utf-8-sig").splitlines())
    words = " ".join(lines).replace(",", " ").replace(";", " ").split()
    return np.array([float(word) for word in words], dtype=np.float64)


def _numbers_from_npy(data: bytes) -> NDArray[np.float64]:
    return np.asarray(np.load(BytesIO(data), allow_pickle=False), dtype=np.float64)


def _from_json(content: object) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
    if isinstance(content, list):
        return np.asarray(content, dtype=np.float64), None
    if not isinstance(content, dict):
        raise LeadlineError(f"holds {content!r} instead of a camera; expected {_ACCEPTED}")
    if ("width" in content) != ("height" in content):
        raise LeadlineError("states one of width and height; give both, or neither")
    size = (int(content["width"]), int(content["height"])) if "width" in content else None
    numbers = content["K"] if "K" in content else [content[name] for name in _FOUR]
    return np.asarray(numbers, dtype=np.float64), size


def _pinhole(numbers: NDArray[np.float64]) -> tuple[float, float, float, float]:
    if numbers.size == 9:
        return pinhole_of_matrix(numbers.reshape(3, 3))
    if numbers.size != 4:
        raise LeadlineError(f"holds {numbers.size} numbers; expected {_ACCEPTED}")
    fx, fy, cx, cy = (float(value) for value in numbers.ravel())
    return fx, fy, cx, cy
