"""What the camera of a photograph means for its metres.

A thing of W metres at Z metres is f W / Z pixels wide, f being the focal length in pixels. A
network sees the pixels and has learnt one f, that of its training data; through another lens its
depth is off by the ratio of both, and right again when multiplied by it: the "canonical camera" of
Yin et al. 2023, Metric3D, whose labels are transformed (CSTM_label).
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
"""How a camera is known: calibrated; stated by the user; from the photograph's EXIF block; taken
to be that of the training data; not at all."""

SAME_LENS = 1e-3
"""Focal lengths that differ by less are equal: rounding of calibrations and of sizes."""

CameraUse = Literal["used", "ignored", "no training camera"]
"""Whether metres were multiplied by the ratio of focal lengths, and why not."""


@dataclass(frozen=True)
class PhotoCamera:
    """The camera of one photograph, how it is known, and what it does to its metres.

    Metres were multiplied by `scale`. `intrinsics` are None where `source` is unknown.
    """

    intrinsics: Intrinsics | None
    source: CameraSource
    use: CameraUse
    scale: float = 1.0

    def metres(self, depth: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return float32 metres for this camera, of depth in metres for the training camera.

        Of any shape; `scale` is the ratio of both focal lengths.
        """
        return np.asarray(depth, dtype=np.float32) * np.float32(self.scale)

    def provenance(self) -> dict[str, str]:
        """Return what a depth map says of it."""
        return {
            "camera": self.source,
            "camera_use": self.use,
            "camera_scale": f"{self.scale:.6g}",
        }


@dataclass(frozen=True)
class TrainingCamera:
    """The camera that the metres of a model hold for.

    `focal` is its focal length in pixels at the size of training, of `area` pixels; None where it
    is not known. Photographs are processed at `processing_area` pixels, sides rounded to `stride`.
    """

    focal: float | None
    area: int
    stride: int
    processing_area: int

    @classmethod
    def from_config(
        cls, config: RuntimeConfig | ModelConfig, processing_area: int | None = None
    ) -> TrainingCamera:
        """Return the camera that a model was trained with."""
        area = config.training_area
        return cls(config.training_focal, area, config.stride, processing_area or area)

    def use(self, mode: CameraMode) -> CameraUse:
        """Return what `mode` does with a photograph's camera."""
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
        """Return what a camera does to a photograph of `width` x `height` pixels.

        Where it is None, the training camera is assumed, if that is known.
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
        """Return the camera whose picture has the training focal length at the training size."""
        if self.focal is None:
            return None
        size = processing_size(height, width, self.area, self.stride)
        one_pixel = Intrinsics.centred(1.0, width, height).focal_at(*size)
        return Intrinsics.centred(self.focal / one_pixel, width, height)


def focal_ratio(focal: float, reference: float) -> float:
    """Return `focal` / `reference`, both in pixels of one size; 1 where they differ by rounding."""
    ratio = focal / reference
    return 1.0 if abs(ratio - 1) < SAME_LENS else ratio


@dataclass(frozen=True)
class GivenCamera:
    """The camera that a user states for every photograph: a file, degrees across, or neither."""

    file: CameraFile | None = None
    fov: float | None = None

    @classmethod
    def open(cls, intrinsics: str | Path | None, fov: float | None) -> GivenCamera:
        """Read the file `intrinsics`, and check the degrees.

        Errors: LeadlineError for both at once, an impossible angle or a wrong file.
        """
        if fov is not None and intrinsics is not None:
            raise LeadlineError("give --fov or --intrinsics, not both")
        if fov is not None:
            check_fov(fov)
        return cls(None if intrinsics is None else read_camera_file(intrinsics), fov)

    def for_size(self, width: int, height: int) -> tuple[Intrinsics | None, CameraSource]:
        """Return the camera of pictures of a size and how it is known.

        (None, "unknown") where neither is given.
        """
        if self.file is not None:
            return self.file.for_size(width, height), "measured"
        if self.fov is not None:
            camera = Intrinsics.from_fov(self.fov, width, height)
            warn_of_no_lens(camera, f"--fov {self.fov:g}")
            return camera, "declared"
        return None, "unknown"
