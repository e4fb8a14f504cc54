"""How the camera of a photograph affects its depth.

An object of W metres at Z metres is f W / Z pixels wide, where f is the focal length in pixels. A
network sees only pixels and has learnt the f of its training data. With another lens its depth is
off by the ratio of the focal lengths, and multiplying by that ratio corrects it. This is the
"canonical camera" of Yin et al. 2023, Metric3D, in the variant that transforms labels (CSTM_label).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics, check_fov
from leadline.errors import LeadlineError
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.cameras import CameraFile, read_camera_file
from leadline.io.exif import warn_of_no_lens
from leadline.models.config import ModelConfig
from leadline.models.size_policy import processing_size

CameraMode = Literal["auto", "ignore"]
CAMERA_MODES: tuple[CameraMode, ...] = get_args(CameraMode)

CameraSource = Literal["measured", "declared", "exif", "assumed", "unknown"]
"""How a camera is known: calibrated; stated by the user; from the EXIF block of the photograph;
assumed to be that of the training data; not at all."""

SAME_LENS = 1e-3
"""Relative difference below which focal lengths are equal: calibrations and sizes are rounded."""

CameraUse = Literal["used", "ignored", "no training camera"]
"""Whether depth was multiplied by the ratio of focal lengths; if not, why."""


@dataclass(frozen=True)
class PhotoCamera:
    """The camera of one photograph, how it is known, and how it affects the depth.

    Depth was multiplied by `scale`. `intrinsics` is None if `source` is unknown.
    """

    intrinsics: Intrinsics | None
    source: CameraSource
    use: CameraUse
    scale: float = 1.0

    def metres(self, depth: NDArray[np.floating]) -> NDArray[np.float32]:
        """Convert depth in metres for the training camera to float32 metres for this camera.

        Any shape; `scale` is the ratio of the focal lengths.
        """
        return np.asarray(depth, dtype=np.float32) * np.float32(self.scale)

    def provenance(self) -> dict[str, str]:
        """Return the provenance entries of a depth map for this camera."""
        return {
            "camera": self.source,
            "camera_use": self.use,
            "camera_scale": f"{self.scale:.6g}",
        }


@dataclass(frozen=True)
class TrainingCamera:
    """The camera for which the metres of a model are valid.

    `focal` is its focal length in pixels at the training size of `area` pixels; None if unknown.
    Photographs are processed at `processing_area` pixels, with sides rounded to `stride`.
    """

    focal: float | None
    area: int
    stride: int
    processing_area: int

    @classmethod
    def from_config(
        cls, config: RuntimeConfig | ModelConfig, processing_area: int | None = None
    ) -> TrainingCamera:
        """Return the training camera of a model."""
        area = config.training_area
        return cls(config.training_focal, area, config.stride, processing_area or area)

    def use(self, mode: CameraMode) -> CameraUse:
        """Return how `mode` uses the camera of a photograph."""
        if self.focal is None:
            return "no training camera"
        return "ignored" if mode == "ignore" else "used"

    def resolve(
        self,
        width: int,
        height: int,
        intrinsics: Intrinsics | None,
        source: CameraSource,
        mode: CameraMode = "auto",
    ) -> PhotoCamera:
        """Return the camera of a photograph of `width` x `height` pixels and its scale.

        If `intrinsics` is None, the training camera is assumed, if known.
        Errors: LeadlineError for intrinsics of another size.
        """
        if intrinsics is None:
            intrinsics = self._assumed(width, height)
            source = "unknown" if intrinsics is None else "assumed"
        elif (intrinsics.width, intrinsics.height) != (width, height):
            raise LeadlineError(
                f"intrinsics for {intrinsics.width} x {intrinsics.height} pixels do not fit a "
                f"photograph of {width} x {height}; use Intrinsics.scaled_to"
            )
        use = self.use(mode)
        if self.focal is None or intrinsics is None or use != "used":
            return PhotoCamera(intrinsics, source, use)
        size = processing_size(height, width, self.processing_area, self.stride)
        scale = focal_ratio(intrinsics.focal_at(*size), self.focal)
        return PhotoCamera(intrinsics, source, use, scale)

    def _assumed(self, width: int, height: int) -> Intrinsics | None:
        """Return the camera that has the training focal length at the training size."""
        if self.focal is None:
            return None
        size = processing_size(height, width, self.area, self.stride)
        one_pixel = Intrinsics.centred(1.0, width, height).focal_at(*size)
        return Intrinsics.centred(self.focal / one_pixel, width, height)


def focal_ratio(focal: float, reference: float) -> float:
    """Return `focal` / `reference`, both in pixels of one size; 1 if they differ by rounding."""
    ratio = focal / reference
    return 1.0 if abs(ratio - 1) < SAME_LENS else ratio


@dataclass(frozen=True)
class GivenCamera:
    """The camera that a user states for all photographs: a file, a field of view, or neither."""

    file: CameraFile | None = None
    fov: float | None = None

    @classmethod
    def open(cls, intrinsics: str | Path | None, fov: float | None) -> GivenCamera:
        """Read the camera file `intrinsics`, and check the field of view `fov` in degrees.

        Errors: LeadlineError if both are given, or for an impossible angle or an invalid file.
        """
        if fov is not None and intrinsics is not None:
            raise LeadlineError("give --fov or --intrinsics, not both")
        if fov is not None:
            check_fov(fov)
        return cls(None if intrinsics is None else read_camera_file(intrinsics), fov)

    def for_size(self, width: int, height: int) -> tuple[Intrinsics | None, CameraSource]:
        """Return the camera of pictures of a size, and how it is known.

        Returns (None, "unknown") if neither was given.
        """
        if self.file is not None:
            return self.file.for_size(width, height), "measured"
        if self.fov is not None:
            camera = Intrinsics.from_fov(self.fov, width, height)
            warn_of_no_lens(camera, f"fov {self.fov:g}")
            return camera, "declared"
        return None, "unknown"
