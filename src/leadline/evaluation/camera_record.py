"""A record of how the cameras of the scored images changed a model's metres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from leadline.inference.camera import PhotoCamera


class CameraRecord(BaseModel):
    """Whether a model's metres followed the cameras stated by the data.

    `use` is ignored if requested, or if the model does not know its training camera, of
    `training_focal` pixels at its size. Metres of the `images` that state a camera were multiplied
    by `smallest_scale` to `largest_scale`.
    """

    model_config = ConfigDict(frozen=True)

    use: Literal["used", "ignored"]
    images: int
    smallest_scale: float
    largest_scale: float
    training_focal: float | None = None

    @classmethod
    def from_cameras(cls, cameras: Sequence[PhotoCamera], training_focal: float | None) -> Self:
        """Summarise the cameras of at least one image."""
        scales = [camera.scale for camera in cameras]
        return cls(
            use="used" if cameras[0].use == "used" else "ignored",
            images=len(cameras),
            smallest_scale=min(scales),
            largest_scale=max(scales),
            training_focal=training_focal,
        )

    @property
    def has_effect(self) -> bool:
        """Whether any metres changed; full-frame images of the training camera change none."""
        return (self.smallest_scale, self.largest_scale) != (1, 1)

    def describe(self) -> str:
        """Describe the record in words."""
        if self.use == "ignored":
            model = ", as the model knows no training camera" if self.training_focal is None else ""
            return f"ignored{model}: {self.images} images state theirs"
        low, high = f"{self.smallest_scale:.3g}", f"{self.largest_scale:.3g}"
        return f"used: {self.images} images, metres x {low}{f' to {high}' if high != low else ''}"
