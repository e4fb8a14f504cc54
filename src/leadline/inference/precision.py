"""Choose the precision of a model: the fastest whose loss of accuracy is small enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal["f32", "bf16", "int8"]
"""The number format in which a network computes."""

PrecisionOption = Literal["auto", "f32", "bf16", "int8"]
PRECISIONS: tuple[PrecisionOption, ...] = get_args(PrecisionOption)

LARGEST_LOSS = 0.005
"""Largest relative increase of abs_rel on validation images with which `auto` takes a precision."""


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision, and why it was chosen."""

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
    """Return `wanted`, or for auto the first of `available` (fastest first) with a small loss.

    `losses` are the `precision_loss` of the model; f32 has none and is always available.
    `measured_on` names the pictures on which the loss of a precision was measured, if they are not
    validation images.
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
