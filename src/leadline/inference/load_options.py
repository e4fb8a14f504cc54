"""Options for loading a model: the engine, and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leadline.errors import LeadlineError
from leadline.inference.camera import CAMERA_MODES, CameraMode
from leadline.inference.precision import PRECISIONS, PrecisionOption
from leadline.inference.runtime import DEVICES, HINTS, RUNTIMES, Device, Hint, RuntimeName
from leadline.io.limits import most_pixels

_CHOICES: dict[str, Sequence[str]] = {
    "precision": PRECISIONS,
    "runtime": RUNTIMES,
    "camera": CAMERA_MODES,
    "hint": HINTS,
    "device": DEVICES,
}


@dataclass(frozen=True)
class LoadOptions:
    """The options of `Predictor.load`, which explains them.

    Errors: LeadlineError for an unknown choice or an impossible number.
    """

    runtime: RuntimeName = "auto"
    precision: PrecisionOption = "auto"
    threads: int | None = None
    processing_area: int | None = None
    camera: CameraMode = "auto"
    hint: Hint = "auto"
    device: Device = "cpu"
    compiled: bool = False
    uncertainty: bool = True

    def __post_init__(self) -> None:
        for option, known in _CHOICES.items():
            if (value := getattr(self, option)) not in known:
                raise LeadlineError(f"{option} {value!r}: choose one of {', '.join(known)}")
        if self.processing_area is not None and not 1 <= self.processing_area <= most_pixels():
            raise LeadlineError(
                f"processing area {self.processing_area}: give a number of pixels, 1 to "
                f"{most_pixels():,}"
            )
        if self.threads is not None and self.threads < 1:
            raise LeadlineError(f"threads {self.threads}: expected a number, at least 1")
