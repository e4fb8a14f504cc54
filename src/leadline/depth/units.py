"""Units of depth files: how many of the file's units make a metre."""

from __future__ import annotations

import math
from pathlib import Path

from leadline.errors import LeadlineError

DEPTH_UNITS: dict[str, float] = {
    "nyu-mm": 1000.0,
    "kitti": 256.0,
    "vkitti-cm": 100.0,
    "tum": 5000.0,
    "metres": 1.0,
}
"""Names for the units of the well-known data sets, in file units per metre."""


def parse_units(text: str | float) -> float:
    """Return the file units per metre that `text` names or is.

    `text` is a key of `DEPTH_UNITS` or a positive number, for instance "kitti" or "256".
    Raises LeadlineError for anything else.
    """
    if isinstance(text, str) and text.strip().lower() in DEPTH_UNITS:
        return DEPTH_UNITS[text.strip().lower()]
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise LeadlineError(
            f"depth unit {text!r} is neither a positive number of units per metre nor one of "
            f"{', '.join(DEPTH_UNITS)}; write for instance 1000 for millimetres"
        )
    return value


def describe_units(units_per_metre: float) -> str:
    """Return the unit in words: "metre", "1/1000 metre", ..."""
    return "metre" if units_per_metre == 1 else f"1/{units_per_metre:g} metre"


def settle_units(path: Path, asked: float | None, declared: float | None) -> float | None:
    """Return the one unit that the caller and the file agree on, None if neither says.

    Raises LeadlineError, naming the file and both values, if they contradict each other.
    """
    if asked is not None:
        asked = parse_units(asked)
    if asked is None or declared is None:
        return declared if asked is None else asked
    if not math.isclose(asked, declared, rel_tol=1e-6):
        raise LeadlineError(
            f"{path}: declares {declared:g} units per metre but {asked:g} was asked for; "
            "drop the depth scale, or correct it"
        )
    return declared


class UndeclaredUnitsError(LeadlineError):
    """Whole-number depths of unknown unit."""


def undeclared_units(
    path: Path,
    remedy: str = "--depth-scale 1000 for millimetres, or depth_scale: 1000 in dataset.yaml",
) -> UndeclaredUnitsError:
    """Return the error for whole-number depths of unknown unit; `remedy` is one declaration."""
    return UndeclaredUnitsError(
        f"{path}: holds whole numbers of an unknown unit; declare it, for instance {remedy}"
    )
