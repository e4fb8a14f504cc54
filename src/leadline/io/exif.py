"""What a photograph's EXIF block says of the lens, and the camera that follows from it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadline.depth.intrinsics import FULL_FRAME_DIAGONAL_MM, Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning

_MODEL = 0x0110
_FOCAL_LENGTH = 0x920A
_WIDTH, _HEIGHT = 0xA002, 0xA003  # PixelXDimension, PixelYDimension
_PLANE_RESOLUTION, _PLANE_UNIT = 0xA20E, 0xA210
_FOCAL_35MM = 0xA405

_MM_OF_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""FocalPlaneResolutionUnit: inch and centimetre (CIPA DC-008), millimetre and micrometre, which
some cameras write. Without a unit it is the inch."""

EQUIVALENTS_MM = (5.0, 3000.0)
"""35 mm-equivalent focal lengths of real lenses, from fisheye to superzoom."""


def warn_of_no_lens(camera: Intrinsics, named: str) -> None:
    """Warn where no lens is as short or as long as a camera that was given: a wrong unit maybe."""
    shortest, longest = EQUIVALENTS_MM
    if not shortest <= camera.focal_35mm <= longest:
        warnings.warn(
            f"{named}: a focal length of {camera.focal:.3g} pixels for a picture of {camera.width} "
            f"x {camera.height} is {camera.focal_35mm:.3g} mm in 35 mm terms; no lens has it, so "
            "the metres will be wrong; give pixels of the picture, not millimetres",
            LeadlineWarning,
            stacklevel=4,
        )


SENSOR_DIAGONALS_MM = (2.0, 100.0)
"""Sensors, from an endoscope's to a medium-format back's."""

SAME_ASPECT = 1.02
"""Sides of a resized picture are rounded; beyond this factor it was cropped."""


@dataclass(frozen=True)
class Lens:
    """The lens as an EXIF block describes it; None where it does not say.

    `focal_35mm` is the 35 mm-equivalent focal length and `focal_mm` the real one, in millimetres.
    `pixels_per_mm` is the resolution on the sensor of the picture as it was recorded, of
    `recorded_size` (width, height) pixels, which may have been resized or turned since.
    """

    focal_35mm: float | None = None
    focal_mm: float | None = None
    pixels_per_mm: float | None = None
    recorded_size: tuple[float, float] | None = None
    camera_model: str | None = None

    @classmethod
    def from_exif(cls, exif: Mapping[int, Any]) -> Lens:
        """Read the tags of an EXIF block by their numbers; 0, or 0/0, is its word for unknown."""
        resolution = _positive_or_none(exif.get(_PLANE_RESOLUTION))
        unit_mm = _MM_OF_UNIT.get(exif.get(_PLANE_UNIT, 2), 25.4)
        sides = _positive_or_none(exif.get(_WIDTH)), _positive_or_none(exif.get(_HEIGHT))
        return cls(
            focal_35mm=_positive_or_none(exif.get(_FOCAL_35MM)),
            focal_mm=_positive_or_none(exif.get(_FOCAL_LENGTH)),
            pixels_per_mm=None if resolution is None else resolution / unit_mm,
            recorded_size=None if None in sides else (sides[0] or 0, sides[1] or 0),
            camera_model=str(exif[_MODEL]).strip("\0 ") or None if _MODEL in exif else None,
        )

    def intrinsics(self, width: int, height: int) -> Intrinsics | None:
        """Return the camera of the picture, upright or as stored, at `width` x `height` pixels.

        It follows from the 35 mm-equivalent focal length, else from the real one and the
        resolution on the sensor; None where the block has neither. Pixels are taken for square
        and the axis for central. A picture that was resized whole keeps its camera.
        Errors: LeadlineError for values that no camera has, or a picture that was cropped.
        """
        equivalent = self._equivalent_mm(width, height)
        if equivalent is None:
            return None
        if self.recorded_size is not None:
            self._check_whole(width, height)
        return Intrinsics.from_focal_35mm(equivalent, width, height)

    def _equivalent_mm(self, width: int, height: int) -> float | None:
        """Return the 35 mm-equivalent focal length, None where it is not known."""
        shortest, longest = EQUIVALENTS_MM
        equivalent = self.focal_35mm
        if equivalent is None:
            if self.focal_mm is None or self.pixels_per_mm is None:
                return None
            diagonal = math.hypot(*(self.recorded_size or (width, height))) / self.pixels_per_mm
            smallest, largest = SENSOR_DIAGONALS_MM
            if not smallest <= diagonal <= largest:
                raise LeadlineError(
                    f"its EXIF block describes a sensor of {diagonal:.3g} mm across; no camera has "
                    "one, so its focal length is ignored; give --fov or --intrinsics"
                )
            equivalent = self.focal_mm * FULL_FRAME_DIAGONAL_MM / diagonal
        if not shortest <= equivalent <= longest:
            raise LeadlineError(
                f"its EXIF block has a focal length of {equivalent:.3g} mm (35 mm equivalent); no "
                "lens has one, so it is ignored; give --fov or --intrinsics"
            )
        return equivalent

    def _check_whole(self, width: int, height: int) -> None:
        recorded = self.recorded_size or (width, height)
        was, now = (max(sides) / min(sides) for sides in (recorded, (width, height)))
        if max(was, now) > SAME_ASPECT * min(was, now):
            raise LeadlineError(
                f"its EXIF block is of a picture of {recorded[0]:.0f} x {recorded[1]:.0f}, from "
                f"which this one of {width} x {height} was cropped, so its focal length is "
                "ignored; give --fov or --intrinsics"
            )


def _positive_or_none(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and number > 0 else None
