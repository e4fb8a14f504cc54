"""`RuntimeConfig`: the config of the model in a runtime, checked once.

An exported file holds the model's `config.json` and may add keys that concern the file alone. A
file of an older version, or of another library, has fewer keys than `ModelConfig` needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from leadline.errors import LeadlineError
from leadline.models.config import ModelConfig

FACTORS_KEY = "interval_factors"
"""Config key of {percentage of the pixels: factor of the uncertainty}."""

LOSS_KEY = "precision_loss"
"""Config key of {precision: relative change of abs_rel}; above 0 is worse."""

ChannelOrder = Literal["rgb", "bgr"]
"""The channel order of an exported file's input."""
CHANNELS_KEY = "input_channels"
"""Config key of that order; rgb by default."""

PICTURE_SIZE_KEY = "picture_size"
"""Config key of the [H, W] of the only photographs that a file takes."""

QUANTISED_FROM = "quantised_from"
"""Config key of an 8-bit file: the `weights_digest` of the graph it was made from."""


@dataclass(frozen=True)
class RuntimeConfig:
    """The config of the model in a runtime; missing keys take the defaults.

    `training_focal`, `training_area`, `stride`, `options`, `precision_loss`, `interval_factors` and
    the depth range are as in `ModelConfig`; without a range, any depth may be predicted. The other
    fields concern the exported file: the channel order and the only size (H,W) that it takes, None
    for any size, and for an 8-bit file the digest of the weights it was made from.
    """

    training_focal: float | None = None
    training_area: int = ModelConfig.training_area
    stride: int = ModelConfig.stride
    min_depth: float = 0.0
    max_depth: float = math.inf
    options: Mapping[str, Any] = field(default_factory=dict)
    precision_loss: Mapping[str, float] = field(default_factory=dict)
    interval_factors: Mapping[str, float] = field(default_factory=dict)
    input_channels: ChannelOrder = "rgb"
    picture_size: tuple[int, int] | None = None
    quantised_from: str | None = None

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> RuntimeConfig:
        """Read the fields from a model's config; other keys are ignored.

        Errors: LeadlineError for an impossible value.
        """
        focal, options = content.get("training_focal"), content.get("options")
        area = content.get("training_area", cls.training_area)
        stride = content.get("stride", cls.stride)
        if focal is not None:
            focal = _positive("training_focal", focal, "pixels at the training size")
        return cls(
            training_focal=focal,
            training_area=int(_positive("training_area", area, "pixels")),
            stride=int(_positive("stride", stride, "pixels")),
            min_depth=_number("min_depth", content.get("min_depth", cls.min_depth)),
            max_depth=_number("max_depth", content.get("max_depth", cls.max_depth)),
            options=options if isinstance(options, Mapping) else {},
            precision_loss=_precision_loss(content),
            interval_factors=_interval_factors(content),
            input_channels="bgr" if content.get(CHANNELS_KEY) == "bgr" else "rgb",
            picture_size=_picture_size(content),
            quantised_from=content.get(QUANTISED_FROM),
        )

    @classmethod
    def from_file(cls, path: Path, content: Mapping[str, Any]) -> RuntimeConfig:
        """Read it from the config in an exported file.

        Errors: LeadlineError, naming the file, for an invalid value.
        """
        try:
            return cls.parse(content)
        except LeadlineError as error:
            raise LeadlineError(f"{path}: {error}; export the model again") from None

    @classmethod
    def from_model(cls, config: ModelConfig) -> RuntimeConfig:
        """Return the config of a model that is not in an exported file."""
        return cls.parse(asdict(config))


def _positive(key: str, value: object, expected: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 < value < math.inf:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    raise LeadlineError(f"{key} = {value!r} in the model's config is invalid, expected {expected}")


def _number(key: str, value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise LeadlineError(f"{key} = {value!r} in the model's config is no number")


def _precision_loss(content: Mapping[str, Any]) -> Mapping[str, float]:
    losses = _mapping(LOSS_KEY, content)
    for precision, loss in losses.items():
        if not isinstance(loss, int | float):
            raise LeadlineError(f"{LOSS_KEY} of {precision} = {loss!r} is no number")
    return losses


def _interval_factors(content: Mapping[str, Any]) -> Mapping[str, float]:
    factors = _mapping(FACTORS_KEY, content)
    for percent, factor in factors.items():
        if not isinstance(factor, int | float) or not 0 < factor < math.inf:
            raise LeadlineError(f"{FACTORS_KEY} of {percent} % = {factor!r} is no positive number")
    return {str(percent): float(factor) for percent, factor in factors.items()}


def _mapping(key: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise LeadlineError(f"{key} = {value!r} in the model's config is no mapping")
    return value


def _picture_size(content: Mapping[str, Any]) -> tuple[int, int] | None:
    match content.get(PICTURE_SIZE_KEY):
        case None:
            return None
        case [int(height), int(width)]:
            return height, width
        case size:
            raise LeadlineError(f"{PICTURE_SIZE_KEY} = {size!r} in the model's config is no [H, W]")
