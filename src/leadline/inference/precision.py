"""Which precision a model runs in: the fastest that costs no more accuracy than is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal["f32", "bf16", "int8"]
"""In which numbers a network computes."""

PrecisionOption = Literal["auto", "f32", "bf16", "int8"]
PRECISIONS: tuple[PrecisionOption, ...] = get_args(PrecisionOption)

LARGEST_LOSS = 0.005
"""By which share abs_rel may grow on validation images for `auto` to take a precision."""


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision, and why it was taken."""

    precision: Precision
    reason: str

    def __str__(self) -> str:
        return f"precision {self.precision}: {self.reason}"


def choose_precision(
    wanted: PrecisionOption,
    losses: Mapping[str, float],
    available: Sequence[Precision],
    measured_on: Mapping[str, str] | None = None,
) -> PrecisionChoice:
    """Return `wanted`, or for auto the first of `available`, fastest first, whose loss is small.

    `losses` are the `precision_loss` of the model; float32 has none and is always available.
    `measured_on` says of which pictures the loss of a precision is, where not of validation images.
    """
    if wanted != "auto":
        return PrecisionChoice(wanted, "as asked for")
    reasons = []
    for precision in available:
        if precision == "f32":
            break
        loss = losses.get(precision)
        if loss is None:
            reasons.append(f"what {precision} costs is not stored with the model")
            continue
        pictures = (measured_on or {}).get(precision, "validation images")
        change = f"{precision} changes abs_rel on {pictures} by {100 * loss:+.2g} %"
        if loss <= LARGEST_LOSS:
            return PrecisionChoice(precision, f"{change}, {_limit()} is allowed")
        reasons.append(f"{change}, only {_limit()} is allowed")
    return PrecisionChoice("f32", "; ".join(reasons) or "nothing faster runs here")


def _limit() -> str:
    return f"{100 * LARGEST_LOSS:+.2g} %"
