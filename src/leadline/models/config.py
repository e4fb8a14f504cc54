"""`ModelConfig`: everything but the weights that is needed to rebuild a network. Needs no torch."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, value_words
from leadline.io.files import read_json
from leadline.models.storage import LIBRARY, LIBRARY_KEY

NORMALIZATIONS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""(mean, std) of the RGB input in [0,1]; `symmetric` gives [-1,1], `unit` leaves [0,1]."""

CHANNEL_ORDERS = ("rgb", "bgr")
"""Channel order that the network takes; the images given to a model are always RGB."""

DEPTH_SPACES = ("linear", "log", "reciprocal")
"""What a network may regress: metres, their logarithm, or maximum depth / depth."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to rebuild a network around a weights file; stored as `config.json`.

    `training_area` is the approximate number of input pixels in training, before the sides were
    rounded to `stride`: together they are the size policy of prediction. `interval_factors` are
    the q of the intervals depth * exp(-+ q b) around a depth with the Laplace scale b of
    ln(metres), by the percentage of the pixels that they cover ("80": 1.7). `training_focal` is the
    focal length sqrt(fx fy) of the training data's camera, in pixels at that size, for which the
    metres hold; None if unknown. `precision_loss` is the relative change of abs_rel on validation
    images in a precision below float32, where measured.
    """

    architecture: str
    options: Mapping[str, Any] = field(default_factory=dict)
    normalization: str = "imagenet"
    depth_space: str = "log"
    min_depth: float = 1e-3
    max_depth: float = 10.0
    stride: int = 32
    training_area: int = 76_800
    channel_order: str = "rgb"
    training_focal: float | None = None
    precision_loss: Mapping[str, float] = field(default_factory=dict)
    interval_factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.normalization not in NORMALIZATIONS:
            raise LeadlineError(
                f"normalization {self.normalization!r} is not known; "
                f"choose one of {', '.join(NORMALIZATIONS)}"
            )
        if self.channel_order not in CHANNEL_ORDERS:
            raise LeadlineError(
                f"channel_order {self.channel_order!r} is not known; "
                f"choose one of {', '.join(CHANNEL_ORDERS)}"
            )
        focal = self.training_focal
        if focal is not None and not 0 < focal < math.inf:
            raise LeadlineError(f"training_focal {focal}: expected pixels above 0, or null")
        for name in ("stride", "training_area"):
            if getattr(self, name) < 1:
                raise LeadlineError(f"{name} {getattr(self, name)}: expected at least 1")
        check_depth_space(self.depth_space)
        check_depth_range(self.min_depth, self.max_depth)


def check_depth_space(name: str) -> None:
    """Raise LeadlineError for an unknown depth space."""
    if name not in DEPTH_SPACES:
        raise LeadlineError(
            f"depth space {name!r} is not known; choose one of {', '.join(DEPTH_SPACES)}"
        )


def check_depth_range(min_depth: float, max_depth: float) -> None:
    """Raise LeadlineError for an invalid depth range in metres."""
    if not 0 < min_depth < max_depth < math.inf:
        raise LeadlineError(
            f"depth range {min_depth}..{max_depth} m: expected 0 < min_depth < max_depth"
        )


def read_config(path: Path) -> ModelConfig:
    """Read a `config.json` written by `DepthModel.save`.

    Errors: LeadlineError that names the file, and the key of an invalid value.
    """
    from pydantic import TypeAdapter, ValidationError

    content = read_json(path, "model's configuration")
    known = {field.name for field in fields(ModelConfig)}
    if not isinstance(content, dict) or not set(content) >= {"architecture"}:
        raise LeadlineError(f"{path}: not a Leadline model configuration")
    if content.pop(LIBRARY_KEY, LIBRARY) != LIBRARY:
        raise LeadlineError(f"{path}: is for another library than Leadline")
    unknown = sorted(set(content) - known)
    if unknown:
        raise LeadlineError(f"{path}: unknown key {unknown[0]!r}; written by a newer version?")
    try:
        # As JSON, where integers are valid floats, and no other conversion is allowed.
        return TypeAdapter(ModelConfig).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LeadlineError(
            f"{path}: {where} = {value_words(first['input'])}: {first['msg']}"
        ) from error
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from error
