"""Units of depth files: how many of the file's units make a metre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from leadline.errors import LeadlineError, nearest


@dataclass(frozen=True)
class DepthUnit:
    """A unit in which published depth files are stored: a row of `KNOWN_UNITS`.

    `parse_units` accepts `name` and `aliases`; reports print `words`; `data_sets` lists who stores
    depth this way. `stored_as` lists the value types that use the unit: "u1" and "u2" for 8-bit and
    16-bit integers, "f" for floating point.
    """

    name: str
    units_per_metre: float
    words: str
    data_sets: str
    stored_as: tuple[str, ...]
    aliases: tuple[str, ...] = ()


KNOWN_UNITS = (
    DepthUnit("metres", 1.0, "metres", "most float files", ("f",), ("m", "metre", "meters")),
    DepthUnit(
        "nyu-mm",
        1000.0,
        "millimetres",
        "NYU Depth v2, ScanNet, RealSense, Kinect",
        ("u2", "f"),
        ("mm", "millimetres"),
    ),
    DepthUnit("kitti", 256.0, "1/256 m (KITTI)", "KITTI", ("u2",)),
    DepthUnit(
        "vkitti-cm",
        100.0,
        "centimetres (Virtual KITTI)",
        "Virtual KITTI",
        ("u2", "f"),
        ("cm", "centimetres"),
    ),
    DepthUnit("tum", 5000.0, "1/5000 m (TUM RGB-D)", "TUM RGB-D, Bonn, ICL-NUIM", ("u2",)),
    DepthUnit("matterport", 4000.0, "1/4000 m (Matterport3D, L515)", "Matterport3D, L515", ("u2",)),
    DepthUnit("d405", 10000.0, "1/10000 m (RealSense D405)", "RealSense D405, BOP", ("u2",)),
    DepthUnit("shifted-mm", 8000.0, "1/8000 m (millimetres, shifted by 3 bits)", "", ("u2",)),
    DepthUnit("densedepth-8bit", 25.5, "8 bit, 255 = 10 m (DenseDepth)", "DenseDepth", ("u1",)),
)
"""Every unit that Leadline knows by name or tries where a file does not say its own.

The usual ones come first: of units that fit equally well, the first is taken.
"""

DEPTH_UNITS: dict[str, float] = {unit.name: unit.units_per_metre for unit in KNOWN_UNITS}
"""Units per metre by name."""


def units_stored_as(kind: str) -> tuple[float, ...]:
    """Return the known units per metre of files of a type: "u1", "u2" or "f"."""
    return tuple(unit.units_per_metre for unit in KNOWN_UNITS if kind in unit.stored_as)


def parse_units(text: str | float) -> float:
    """Return the file units per metre that `text` names or is.

    `text` is the name or an alias of one of `KNOWN_UNITS`, or a positive number, for instance
    "kitti" or "256".
    Errors: LeadlineError for anything else.

    >>> parse_units("kitti"), parse_units("mm"), parse_units("1000")
    (256.0, 1000.0, 1000.0)
    """
    name = str(text).strip().lower()
    for unit in KNOWN_UNITS:
        if name in (unit.name, *unit.aliases):
            return unit.units_per_metre
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise LeadlineError(
            f"depth unit {text!r} is neither a positive number of units per metre nor one of "
            f"{', '.join(DEPTH_UNITS)}{nearest(name, DEPTH_UNITS)}; "
            "write for instance 1000 for millimetres"
        )
    return value


def describe_units(units_per_metre: float) -> str:
    """Return the unit in words: "metre", "1/1000 metre", ..."""
    return "metre" if units_per_metre == 1 else f"1/{units_per_metre:g} metre"


def resolve_units(path: Path, given: float | None, declared: float | None) -> float | None:
    """Return the unit of the file `path`: the one it declares, or the one the caller gives.

    None where neither is known.
    Errors: LeadlineError, naming the file and both values, if they contradict each other.
    """
    if given is not None:
        given = parse_units(given)
    if given is None or declared is None:
        return declared if given is None else given
    if not math.isclose(given, declared, rel_tol=1e-6):
        raise LeadlineError(
            f"{path}: declares {declared:g} units per metre but {given:g} was given; "
            "leave the depth scale out, or correct it"
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
