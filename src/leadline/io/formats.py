"""Depth maps to and from files, each of which says its own unit.

| format | values | where the unit and the provenance are |
| --- | --- | --- |
| png16 | whole units, 0 invalid, at most 65535 | tEXt chunks |
| npy | float32 metres | `<name>.npy.json` beside it |
| npz | float32 metres, `valid` | fields of the archive |
| exr | float32 metres, channel "Z" | header attributes |
| pfm | float32 metres, bottom row first | `<name>.pfm.json` beside it |
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.depth.depth_map import DepthMap
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.units import DEPTH_UNITS, parse_units, settle_units, undeclared_units
from leadline.errors import LeadlineError
from leadline.io import exr, float_files
from leadline.io.files import read_bytes
from leadline.io.float_files import Raw
from leadline.io.metadata import Metadata, read_sidecar
from leadline.io.photos import explain_decode_errors, write_png
from leadline.io.png16 import LARGEST, decode_grey_png, quantise

__all__ = [
    "DEPTH_FORMATS",
    "DEPTH_UNITS",
    "WriteReport",
    "is_depth_file",
    "parse_units",
    "read_depth",
    "read_depth_values",
    "read_metres",
    "read_stored_depth",
    "suffix_of",
    "write_depth",
]

DEPTH_FORMATS = ("png16", "npy", "npz", "exr", "pfm")
"""The formats `write_depth` writes; `read_depth` reads 16-bit and float TIFF as well."""

_WRITERS: dict[str, Callable[[Path, DepthMap], None]] = {
    "npy": float_files.write_npy,
    "npz": float_files.write_npz,
    "exr": exr.write_exr,
    "pfm": float_files.write_pfm,
}


@dataclass(frozen=True)
class WriteReport:
    """What writing cost: pixels too far for the format, and the farthest distance it can hold.

    `max_metres` is infinite for the floating-point formats.
    """

    clamped_pixels: int
    max_metres: float


def suffix_of(format: str) -> str:
    """Return the file suffix, with its dot, of one of `DEPTH_FORMATS`.

    Raises LeadlineError for an unknown format.
    """
    if format not in DEPTH_FORMATS:
        raise LeadlineError(
            f"unknown depth format {format!r}; choose one of {', '.join(DEPTH_FORMATS)}"
        )
    return ".png" if format == "png16" else f".{format}"


def write_depth(
    path: Path | str,
    depth_map: DepthMap,
    format: str | None = None,
    units_per_metre: float = 1000.0,
) -> WriteReport:
    """Write a depth map, with its unit, camera and provenance, in one step.

    `format` is one of `DEPTH_FORMATS`, by default the one of the suffix. `units_per_metre` is for
    png16 (1000: millimetres, up to 65.535 m); the other formats always hold metres. A distance too
    far for png16 is clamped to 65535 and counted in a warning and in the report; a valid distance
    that would round to 0, which means invalid, becomes 1.

    Raises LeadlineError for an unknown format or suffix, or if the file cannot be written.
    """
    path = Path(path)
    format = _format_of(path) if format is None else format
    suffix = suffix_of(format)
    if path.suffix.lower() != suffix:
        raise LeadlineError(f"{path}: format {format} is written as {suffix}; rename the output")
    if format != "png16":
        _WRITERS[format](path, depth_map)
        return WriteReport(clamped_pixels=0, max_metres=float("inf"))
    units_per_metre = parse_units(units_per_metre)
    values, clamped = quantise(depth_map, units_per_metre)
    about = Metadata(units_per_metre, depth_map.intrinsics, depth_map.provenance)
    write_png(path, values, about.to_text())
    farthest = LARGEST / units_per_metre
    if clamped:
        warnings.warn(
            f"{path}: {clamped} pixels beyond {farthest:g} m were clamped to {farthest:g} m; "
            "write a float format (npy, npz, exr, pfm) or use fewer units per metre",
            stacklevel=2,
        )
    return WriteReport(clamped_pixels=clamped, max_metres=farthest)


def read_depth(path: Path | str, units_per_metre: float | None = None) -> DepthMap:
    """Read a depth map from PNG, TIFF, NPY, NPZ, EXR or PFM.

    Whole numbers need a unit: the file's own metadata, or `units_per_metre` (see `DEPTH_UNITS`);
    floating-point values are metres unless one of the two says otherwise. Zero, negative, NaN and
    infinite values become invalid. Nothing else is judged: a far plane such as Virtual KITTI's
    sky at 655.35 m stays a distance.

    Raises LeadlineError for a missing or damaged file, a colour picture, a shape that is not one
    plane, an unknown unit, or a `units_per_metre` that contradicts the file.
    """
    stored = read_stored_depth(path, units_per_metre)
    return stored if isinstance(stored, DepthMap) else DepthMap.from_quantized(stored)


def read_stored_depth(
    path: Path | str, units_per_metre: float | None = None
) -> DepthMap | QuantizedDepth:
    """Do what `read_depth` does, but leave the whole numbers of PNG and TIFF files undivided."""
    path = Path(path)
    values, about = read_depth_values(path)
    units = _settled(path, values, units_per_metre, about)
    if QuantizedDepth.fit(values, units):
        return QuantizedDepth(values, units, about.intrinsics, about.provenance)
    try:
        return DepthMap.from_metres(
            _in_metres(values, units), intrinsics=about.intrinsics, provenance=about.provenance
        )
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def read_metres(path: Path | str, units_per_metre: float | None = None) -> NDArray[np.float32]:
    """Read the values of a depth file in metres, (H,W), as they are: infinite, NaN, zero too.

    For who must tell "infinitely far" from "unknown", which `read_depth` makes one. The unit is
    settled, and errors are raised, as there.
    """
    path = Path(path)
    values, about = read_depth_values(path)
    return _in_metres(values, _settled(path, values, units_per_metre, about))


def _settled(path: Path, values: NDArray[Any], asked: float | None, about: Metadata) -> float:
    units = settle_units(path, asked, about.units_per_metre)
    if units is None:
        if values.dtype.kind != "f":
            raise undeclared_units(path)
        units = 1.0
    return units


def _in_metres(values: NDArray[Any], units: float) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        metres = np.divide(values, np.float32(units), dtype=np.float32, casting="same_kind")
    return np.asarray(metres)


def read_depth_values(path: Path) -> tuple[NDArray[Any], Metadata]:
    """Return the numbers of a depth file as stored, (H,W) of any type, and what it says of itself.

    Raises LeadlineError where `read_depth` does, but for the unit, which is not needed.
    """
    values, texts = _read_raw(path)
    return values, Metadata.from_text(path, texts)


def is_depth_file(path: Path | str) -> bool:
    """Return whether a file holds depth rather than a photograph, by its suffix and first bytes.

    Of PNG and TIFF files, which can be either, those with one channel of more than 8 bits do.
    Raises LeadlineError for a missing or unreadable file.
    """
    path = Path(path)
    data = read_bytes(path, "depth map or photograph")
    match path.suffix.lower():
        case ".npy" | ".npz" | ".exr" | ".pfm":
            return True
        case ".png":
            return data[24:26] == b"\x10\x00"  # bit depth 16, colour type grey
        case ".tif" | ".tiff":
            with explain_decode_errors(path, "picture"), Image.open(BytesIO(data)) as image:
                return image.mode in ("F", "I") or image.mode.startswith("I;16")
    return False


def _read_raw(path: Path) -> Raw:
    data = read_bytes(path, "depth map")
    match path.suffix.lower():
        case ".png":
            return decode_grey_png(path, data)
        case ".npy":
            return float_files.read_npy(path, data), read_sidecar(path)
        case ".npz":
            return float_files.read_npz(path, data)
        case ".pfm":
            return float_files.read_pfm(path, data), read_sidecar(path)
        case ".exr":
            return exr.read_exr(path, data)
        case ".tif" | ".tiff":
            return _read_tiff(path, data), {}
    raise _unknown_suffix(path)


def _read_tiff(path: Path, data: bytes) -> np.ndarray:
    with explain_decode_errors(path, "depth map"), Image.open(BytesIO(data)) as image:
        if image.mode not in ("L", "F", "I") and not image.mode.startswith("I;16"):
            raise LeadlineError(
                f"{path}: looks like a colour picture ({image.mode}), not a depth map; "
                "give a single-channel TIFF"
            )
        return np.array(image)


def _format_of(path: Path) -> str:
    for format in DEPTH_FORMATS:
        if path.suffix.lower() == suffix_of(format):
            return format
    raise _unknown_suffix(path)


def _unknown_suffix(path: Path) -> LeadlineError:
    suffixes = ", ".join(suffix_of(format) for format in DEPTH_FORMATS)
    return LeadlineError(
        f"{path}: {path.suffix or 'no suffix'!r} is not a depth format; use one of {suffixes}"
    )
