"""Types of options that several commands share."""

import re
from typing import Annotated

import typer

from leadline.errors import LeadlineError


def parse_depth_scale(text: str | float) -> float:
    """Return the units per metre that `text` names or is.

    Errors: LeadlineError for anything else.
    """
    from leadline.depth.units import parse_units

    return parse_units(text)


def parse_size(text: str | tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) that a text such as 240x320 gives.

    Errors: LeadlineError for anything else.
    """
    if not isinstance(text, str):
        return text
    sides = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if sides is None or 0 in (size := (int(sides[1]), int(sides[2]))):
        raise LeadlineError(f"--size {text}: expected height x width, for instance 240x320")
    return size


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]

DepthScaleOption = Annotated[
    float | None,
    typer.Option(
        "--depth-scale",
        parser=parse_depth_scale,
        metavar="UNITS",
        help="Units per metre of depth files that do not state it: 1000, 256, nyu-mm, ...",
    ),
]
