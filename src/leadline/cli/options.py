"""Types of options that several commands share."""

from typing import Annotated

import typer


def parse_depth_scale(text: str | float) -> float:
    """Return the units per metre that `text` names or is.

    Errors: LeadlineError for anything else.
    """
    from leadline.depth.units import parse_units

    return parse_units(text)


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]

DepthScaleOption = Annotated[
    float | None,
    typer.Option(
        "--depth-scale",
        parser=parse_depth_scale,
        metavar="UNITS",
        help="Units per metre of the depth files: 1000, 256, nyu-mm, ...",
    ),
]
