"""The pinhole camera: focal lengths and principal point, in pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import LeadlineError, one_line

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
"""Diagonal of a 36 x 24 mm frame, 43.27 mm: the yardstick of 35 mm-equivalent focal lengths."""

_FOUR = ("fx", "fy", "cx", "cy")


def check_pinhole(fx: float, fy: float, cx: float, cy: float) -> None:
    """Raise LeadlineError for a value that is not finite or a focal length that is not positive."""
    for name, value in zip(_FOUR, (fx, fy, cx, cy), strict=True):
        if not math.isfinite(value):
            raise LeadlineError(f"intrinsics: {name} = {value} is not a finite number; correct it")
        if name in ("fx", "fy") and not value > 0:
            raise LeadlineError(f"intrinsics: {name} = {value} must be positive; give it in pixels")


def pinhole_of_matrix(K: ArrayLike) -> tuple[float, float, float, float]:
    """Return (fx, fy, cx, cy) of a camera matrix K, (3,3).

    Errors: LeadlineError for another shape, a last row other than 0 0 1, or a skew.
    """
    matrix = np.asarray(K, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise LeadlineError(f"intrinsics: K has shape {matrix.shape}; give a 3x3 matrix")
    if not np.isfinite(matrix).all():
        raise LeadlineError("intrinsics: K holds a value that is not a finite number")
    if not np.allclose(matrix[2], (0, 0, 1)) or matrix[1, 0] != 0:
        raise LeadlineError(
            f"intrinsics: K's rows {matrix[1].tolist()}, {matrix[2].tolist()} are not a "
            "pinhole camera's (0 fy cy), (0 0 1); give the matrix row by row"
        )
    if abs(matrix[0, 1]) > 1e-6 * abs(matrix[0, 0]):
        raise LeadlineError(
            f"intrinsics: K has a skew of {matrix[0, 1]:g}, which leadline does not model; "
            "rectify the pictures"
        )
    return (
        float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2]),
    )  # fmt: skip


def check_fov(degrees: float) -> None:
    """Raise LeadlineError for a field of view that is not between 0 and 180 degrees."""
    if not 0 < degrees < 180:
        raise LeadlineError(
            f"a field of view of {degrees:g} degrees is impossible; give an angle between 0 and 180"
        )


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera for pictures of `width` x `height` pixels.

    All values are in pixels. Pixel centres lie at integer coordinates, so the centre of the
    picture is ((width - 1) / 2, (height - 1) / 2) and the picture spans -0.5 .. width - 0.5.
    Raises LeadlineError for a focal length that is not positive or a value that is not finite.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        check_pinhole(self.fx, self.fy, self.cx, self.cy)
        for name in ("width", "height"):
            if not getattr(self, name) > 0:
                raise LeadlineError(
                    f"intrinsics: {name} = {getattr(self, name)} must be positive; "
                    "give it in pixels"
                )

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The camera matrix K, (3,3) float64."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    @property
    def focal(self) -> float:
        """The focal length in pixels, sqrt(fx fy) if pixels are not square.

        A picture and its rotated copy have the same value.
        """
        return math.sqrt(self.fx * self.fy)

    @property
    def focal_35mm(self) -> float:
        """The 35 mm-equivalent focal length in millimetres, as `from_focal_35mm` takes it."""
        return self.focal * FULL_FRAME_DIAGONAL_MM / math.hypot(self.width, self.height)

    def focal_at(self, height: int, width: int) -> float:
        """Return `focal` in pixels of the picture once it is resized to `height` x `width`.

        If the aspect ratio changes, the mean of both scale factors is used.
        """
        return self.focal * math.sqrt(height * width / (self.height * self.width))

    @classmethod
    def from_matrix(cls, K: ArrayLike, width: int, height: int) -> Intrinsics:
        """Build from a camera matrix K, (3,3), for pictures of `width` x `height` pixels.

        Errors: LeadlineError for another shape, a last row other than 0 0 1, or a skew.
        """
        return cls(*pinhole_of_matrix(K), width, height)

    @classmethod
    def from_focal_35mm(cls, focal_35mm: float, width: int, height: int) -> Intrinsics:
        """Build a centred camera from a 35 mm-equivalent focal length in millimetres.

        Equivalence is taken over the DIAGONAL (43.27 mm), as CIPA DCG-001 defines the EXIF tag
        FocalLengthIn35mmFilm, so that the aspect ratio of the sensor does not matter. It holds
        for uncropped pictures only.
        """
        if not (math.isfinite(focal_35mm) and focal_35mm > 0):
            raise LeadlineError(
                f"a 35 mm-equivalent focal length of {focal_35mm} mm is impossible; "
                "give millimetres, for instance 26"
            )
        focal = focal_35mm * math.hypot(width, height) / FULL_FRAME_DIAGONAL_MM
        return cls.centred(focal, width, height)

    @classmethod
    def from_fov(cls, degrees: float, width: int, height: int) -> Intrinsics:
        """Build a centred camera with square pixels from a horizontal field of view.

        `degrees`, above 0 and below 180, is the angle between the left and the right edge.
        """
        check_fov(degrees)
        focal = width / 2 / math.tan(math.radians(degrees) / 2)
        return cls.centred(focal, width, height)

    @classmethod
    def centred(cls, focal: float, width: int, height: int) -> Intrinsics:
        """Build a camera of square pixels whose axis meets the centre of the picture."""
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)

    def scaled_to(self, width: int, height: int) -> Intrinsics:
        """Return the camera of the same picture resized to `width` x `height` pixels.

        Exact for area resizing, which keeps the outer edges of the picture in place. With integer
        pixel centres, the principal point becomes (c + 0.5) * scale - 0.5.
        """
        sx, sy = width / self.width, height / self.height
        return Intrinsics(
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )

    def to_dict(self) -> dict[str, float]:
        """Return the six fields by name, ready for JSON."""
        size = {"width": self.width, "height": self.height}
        return {name: float(getattr(self, name)) for name in _FOUR} | size

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Intrinsics:
        """Undo `to_dict`; raises LeadlineError for a missing or non-numeric field."""
        try:
            fx, fy, cx, cy = (float(values[name]) for name in _FOUR)
            return cls(fx, fy, cx, cy, int(values["width"]), int(values["height"]))
        except (KeyError, TypeError, ValueError) as error:
            raise LeadlineError(
                f"intrinsics: {one_line(error)} is missing or not a number; "
                "give fx, fy, cx, cy, width and height"
            ) from error
