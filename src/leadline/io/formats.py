"""Depth maps to and from files, each of which says its own unit.

| format | values | where the unit and the provenance are |
| --- | --- | --- |
| npy | float32 metres | `<name>.npy.json` beside it |
| npz | float32 metres, `valid` | fields of the archive |
| png16 | whole units, 0 invalid, at most 65535 | tEXt chunks |
| grey16 (write only) | inverse depth, near = white: no metres | tEXt chunks |
| exr | float32 metres, channel "Z" | header attributes |
| pfm | float32 metres, bottom row first | `<name>.pfm.json` beside it |
| tiff (read only) | whole numbers or floats | nowhere |

A format is one row of `DEPTH_FORMATS`. Readers, writers, the search for depth files, commands and
their help take what they know of formats from there.

| reader | returns |
| --- | --- |
| `read_depth` | a `DepthMap` in metres |
| `read_checked_depth` | the same; warns of numbers that can be no distances |
| `read_any_depth` | the same, or affine-inverse depth, which has no unit |
| `read_stored_depth` | the same as `read_depth`, whole numbers left in their unit |
| `read_metres` | metres as an array; infinite, NaN and zero are kept |
| `read_depth_values` | the numbers as stored, and what the file says of them |
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthKind, DepthMap
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.units import describe_units, parse_units, resolve_units, undeclared_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.io.exr import read_exr, write_exr
from leadline.io.files import read_bytes
from leadline.io.float_files import (
    Raw,
    read_npy,
    read_npz,
    read_pfm,
    write_npy,
    write_npz,
    write_pfm,
)
from leadline.io.grey16 import write_grey16
from leadline.io.metadata import (
    AFFINE_KIND,
    Metadata,
    atomic_with_sidecar,
    read_sidecar,
    sidecar_of,
)
from leadline.io.png16 import (
    DEFAULT_UNITS,
    decode_grey_png,
    is_depth_png,
    texts_of_png,
    write_png16,
)
from leadline.io.tiff import is_depth_tiff, read_tiff

FARTHEST = 1e5
"""Metres: no surface of a photograph lies beyond, nor does a scene in millimetres."""


def _always_depth(_path: Path, _data: bytes) -> bool:
    return True


@dataclass(frozen=True)
class DepthFormat:
    """A kind of depth file.

    suffixes: lower case, with their dot; files are written with the first one.
    read: (path, bytes) -> the values as stored, (H,W), and the `leadline:` texts of the file.
    write: (path, map, metadata) -> None, through `atomic_path`; None for a read-only format.
    sidecar: the texts are in `<name>.json` beside the file, and `read` returns no texts; `write`
        writes to a temporary path, since both files take their places together.
    whole_units: the values are integers in a unit that the writer may choose; otherwise metres.
    metric: False if the files hold no distances; reading them as depth is refused.
    probe: (path, bytes) -> whether the file holds depth, for suffixes that photographs use too.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Path, bytes], Raw]
    write: Callable[[Path, DepthMap, Metadata], None] | None = None
    sidecar: bool = False
    whole_units: bool = False
    metric: bool = True
    probe: Callable[[Path, bytes], bool] = _always_depth

    @property
    def suffix(self) -> str:
        """The suffix of written files, with its dot."""
        return self.suffixes[0]

    def files(self, path: Path) -> list[Path]:
        """Return the files that writing a map to `path` creates: `path` and any sidecar."""
        return [path, sidecar_of(path)] if self.sidecar else [path]


DEPTH_FORMATS: dict[str, DepthFormat] = {
    "npy": DepthFormat((".npy",), read_npy, write_npy, sidecar=True),
    "npz": DepthFormat((".npz",), read_npz, write_npz),
    "png16": DepthFormat(
        (".png",), decode_grey_png, write_png16, whole_units=True, probe=is_depth_png
    ),
    "exr": DepthFormat((".exr",), read_exr, write_exr),
    "pfm": DepthFormat((".pfm",), read_pfm, write_pfm, sidecar=True),
    # Behind png16: a .png is read as depth, which says of this one that it is none.
    "grey16": DepthFormat(
        (".png",), decode_grey_png, write_grey16, metric=False, probe=is_depth_png
    ),
    "tiff": DepthFormat((".tif", ".tiff"), read_tiff, probe=is_depth_tiff),
}
"""Every depth format by name. Of several files for one image, the format listed first is taken."""


def depth_suffixes() -> tuple[str, ...]:
    """Return every suffix, lower case and with its dot, that `read_depth` opens."""
    every = (suffix for row in DEPTH_FORMATS.values() for suffix in row.suffixes)
    return tuple(dict.fromkeys(every))


def describe_values(
    format: str, units_per_metre: float = DEFAULT_UNITS, kind: DepthKind = "metric"
) -> str:
    """Return in words what the numbers of a file in `format` are."""
    row = depth_format(format)
    if kind != "metric" and row.metric:
        return AFFINE_KIND
    if not row.metric:
        return "inverse depth from 0, unknown, to white, nearest: not metres"
    unit = describe_units(units_per_metre) if row.whole_units else "metres"
    return f"depth in {unit}, planar z"


def writable_formats() -> tuple[str, ...]:
    """Return the names of the formats that `write_depth` writes."""
    return tuple(name for name, row in DEPTH_FORMATS.items() if row.write is not None)


def depth_format(name: str) -> DepthFormat:
    """Return the format called `name`.

    Errors: LeadlineError for a format that `write_depth` does not write.
    """
    if name not in writable_formats():
        raise LeadlineError(
            f"unknown depth format {name!r}; choose one of {', '.join(writable_formats())}"
        )
    return DEPTH_FORMATS[name]


def format_of_suffix(path: Path) -> str:
    """Return the name of the format whose suffix `path` has.

    Errors: LeadlineError for a suffix that no format has.
    """
    for name, row in DEPTH_FORMATS.items():
        if path.suffix.lower() in row.suffixes:
            return name
    suffixes = [DEPTH_FORMATS[name].suffix for name in writable_formats()]  # two formats are .png
    raise LeadlineError(
        f"{path}: {path.suffix or 'no suffix'!r} is not a depth format; "
        f"use one of {', '.join(dict.fromkeys(suffixes))}"
    )


def write_depth(
    path: Path | str,
    depth_map: DepthMap,
    format: str | None = None,
    units_per_metre: float = DEFAULT_UNITS,
) -> None:
    """Write a depth map, with its unit, camera and provenance, in one step.

    `format` is one of `writable_formats()`, by default the one of the suffix. `units_per_metre` is
    for png16 (1000: millimetres, up to 65.535 m); the other formats always hold metres. Distances
    too far for png16 are clamped to 65535, and a LeadlineWarning states their number. A valid
    distance that would round to 0, which means invalid, becomes 1.

    Errors: LeadlineError for an unknown format or suffix, or if the file cannot be written.

    >>> write_depth("wall.png", DepthMap.from_metres([[2.5, 0.0]]))
    >>> read_depth("wall.png")
    DepthMap(2x1, 2.5 to 2.5 m, 50.0% valid)
    """
    path = Path(path)
    name = format_of_suffix(path) if format is None else format
    row = depth_format(name) if format is not None else DEPTH_FORMATS[name]
    if row.write is None:
        raise LeadlineError(f"{path}: {path.suffix} is read but not written; give another suffix")
    if path.suffix.lower() not in row.suffixes:
        raise LeadlineError(f"{path}: format {name} is written as {row.suffix}; rename the output")
    units = parse_units(units_per_metre) if row.whole_units else 1.0
    about = Metadata(units, depth_map.intrinsics, depth_map.provenance, depth_map.kind)
    if depth_map.kind != "metric" and row.metric:
        if row.whole_units:
            raise LeadlineError(
                f"{path}: {name} holds whole units of length, and this depth is {depth_map.kind}, "
                "without unit; write npy, npz, exr or pfm"
            )
        # The writers write what they are given, here inverse depth.
        depth_map = DepthMap.from_metres(
            depth_map.inverse, intrinsics=depth_map.intrinsics, provenance=depth_map.provenance
        )
    if not row.sidecar:
        row.write(path, depth_map, about)
        return
    with atomic_with_sidecar(path, about.to_text()) as temporary:
        row.write(temporary, depth_map, about)


def save_depth(
    depth_map: DepthMap, path: Path | str, format: str | None, units: float | str | None
) -> Path:
    """Do what `DepthMap.save` says; return the path."""
    path = Path(path)
    if units is not None and not depth_format(format or format_of_suffix(path)).whole_units:
        raise LeadlineError(f"{path}: units are for png16; the other formats hold metres")
    units_per_metre = DEFAULT_UNITS if units is None else parse_units(units)
    write_depth(path, depth_map, format, units_per_metre)
    return path


def read_depth(path: Path | str, units_per_metre: float | None = None) -> DepthMap:
    """Read a depth map from a file of any of `DEPTH_FORMATS`.

    Integers need a unit: from the file's own metadata, or from `units_per_metre` (see
    `KNOWN_UNITS`). Floating-point values are metres unless one of the two says otherwise. Zero,
    negative, NaN and infinite values become invalid. Nothing else does: a far plane such as Virtual
    KITTI's sky at 655.35 m stays a distance.

    Errors: LeadlineError for a missing or damaged file, a colour picture, a shape that is not one
    plane, an unknown unit, or a `units_per_metre` that contradicts the file.
    """
    path = Path(path)
    return _metric_depth(path, *read_depth_values(path), units_per_metre)


def read_checked_depth(path: Path | str, units_per_metre: float | None = None) -> DepthMap:
    """Do what `read_depth` does; a LeadlineWarning says where the numbers can be no distances."""
    depth_map = read_depth(path, units_per_metre)
    _warn_of_no_distances(path, depth_map)
    return depth_map


def read_any_depth(path: Path | str, units_per_metre: float | None = None) -> DepthMap:
    """Do what `read_checked_depth` does, and read affine-inverse depth, which has no unit, too."""
    path = Path(path)
    values, about = read_depth_values(path)
    if about.kind != "metric":
        return DepthMap.from_inverse(values.astype(np.float32), about.intrinsics, about.provenance)
    depth_map = _metric_depth(path, values, about, units_per_metre)
    _warn_of_no_distances(path, depth_map)
    return depth_map


def read_stored_depth(
    path: Path | str, units_per_metre: float | None = None
) -> DepthMap | QuantizedDepth:
    """Do what `read_depth` does, but leave the whole numbers of PNG and TIFF files undivided."""
    path = Path(path)
    values, about = read_depth_values(path)
    return stored_depth(path, values, _units_of(path, values, units_per_metre, about), about)


def stored_depth(
    path: Path, values: NDArray[Any], units_per_metre: float, about: Metadata
) -> DepthMap | QuantizedDepth:
    """Return the values of a file undivided where they are whole numbers, else in metres.

    Errors: LeadlineError, naming `path`, for values that are no depth map.
    """
    if QuantizedDepth.can_hold(values, units_per_metre):
        return QuantizedDepth(values, units_per_metre, about.intrinsics, about.provenance)
    try:
        return DepthMap.from_metres(
            _in_metres(values, units_per_metre),
            intrinsics=about.intrinsics,
            provenance=about.provenance,
        )
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def _metric_depth(
    path: Path, values: NDArray[Any], about: Metadata, units_per_metre: float | None
) -> DepthMap:
    stored = stored_depth(path, values, _units_of(path, values, units_per_metre, about), about)
    return stored if isinstance(stored, DepthMap) else DepthMap.from_quantized(stored)


def _warn_of_no_distances(path: Path | str, depth_map: DepthMap) -> None:
    depth, valid = depth_map.depth, depth_map.valid
    text = ""
    if not valid.any():
        text = "no pixel has valid depth: all are zero, negative or not finite"
    elif (beyond := np.count_nonzero(depth > FARTHEST)) > 0:
        text = (
            f"{beyond / depth.size:.1%} of the pixels lie beyond {FARTHEST:g} m: a renderer's "
            "background, or not metres; it is taken for a distance"
        )
    if text:
        warnings.warn(f"{path}: {text}", LeadlineWarning, stacklevel=3)


def read_metres(path: Path | str, units_per_metre: float | None = None) -> NDArray[np.float32]:
    """Read the values of a depth file in metres, (H,W), as they are: infinite, NaN, zero too.

    For callers who must tell "infinitely far" from "unknown", which `read_depth` makes one. The
    unit is chosen, and errors are raised, as there.
    """
    path = Path(path)
    values, about = read_depth_values(path)
    return _in_metres(values, _units_of(path, values, units_per_metre, about))


def _units_of(path: Path, values: NDArray[Any], given: float | None, about: Metadata) -> float:
    if about.kind != "metric":
        raise LeadlineError(
            f"{path}: holds {about.kind} depth, without scale and shift: no metres; calibrate it "
            "('leadline calibrate --shift'), or score it with --pred-output inverse"
        )
    units = resolve_units(path, given, about.units_per_metre)
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

    Errors: LeadlineError where `read_depth` raises one, but for the unit, which is not needed.
    """
    data = read_bytes(path, "depth map")
    row = DEPTH_FORMATS[format_of_suffix(path)]
    values, texts = row.read(path, data)
    return values, Metadata.from_text(path, read_sidecar(path) if row.sidecar else texts)


def read_texts(path: Path, format: str) -> dict[str, str]:
    """Return what a depth file in `format` says of itself: its `leadline:` texts, {} for none.

    Errors: LeadlineError for a missing or damaged file.
    """
    row = DEPTH_FORMATS[format]
    if row.sidecar:
        return read_sidecar(path)
    data = read_bytes(path, "depth map")
    return texts_of_png(path, data) if row.suffix == ".png" else row.read(path, data)[1]


def is_depth_file(path: Path | str) -> bool:
    """Return whether a file holds depth rather than a photograph, by its suffix and first bytes.

    PNG and TIFF files can be either; one channel of more than 8 bits counts as depth.
    Errors: LeadlineError for a missing or unreadable file.
    """
    path = Path(path)
    data = read_bytes(path, "depth map or photograph")
    if path.suffix.lower() not in depth_suffixes():
        return False
    return DEPTH_FORMATS[format_of_suffix(path)].probe(path, data)
