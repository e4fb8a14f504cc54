"""Depth as whole numbers in a 16-bit PNG: the format of NYU, KITTI, Virtual KITTI and TUM."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.io.limits import check_pixels
from leadline.io.metadata import PREFIX, Metadata
from leadline.io.photos import check_upright, explain_decode_errors, write_png
from leadline.io.pictures import open_picture

LARGEST = 65535

DEFAULT_UNITS = 1000.0
"""Units per metre where the caller names none: millimetres."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = 0


def quantise(depth_map: DepthMap, units_per_metre: float) -> tuple[NDArray[np.uint16], int]:
    """Return the map as (H,W) uint16 and how many pixels were too far and became 65535.

    Rounds to nearest; 0 is kept for invalid pixels, so that a valid distance below half a unit
    becomes 1.
    """
    units = np.rint(depth_map.depth * np.float64(units_per_metre))
    clamped = int(np.count_nonzero(units > LARGEST))
    units = np.minimum(units, LARGEST).astype(np.uint16)
    units[depth_map.valid & (units == 0)] = 1
    return units, clamped


def write_png16(path: Path, depth_map: DepthMap, about: Metadata) -> None:
    """Write whole units, 0 where invalid; `about` becomes tEXt chunks.

    Distances beyond 65535 units are clamped to it, which a LeadlineWarning says.
    """
    units_per_metre = about.units_per_metre or DEFAULT_UNITS
    values, clamped = quantise(depth_map, units_per_metre)
    write_png(path, values, about.to_text())
    warn_of_clamped(path, clamped, units_per_metre)


def warn_of_clamped(path: Path, clamped: int, units_per_metre: float) -> None:
    """Warn where pixels were too far for whole units of 16 bits."""
    farthest = LARGEST / units_per_metre
    if clamped:
        warnings.warn(
            f"{path}: {clamped} pixels beyond {farthest:g} m were clamped to {farthest:g} m; "
            "write a float format (npy, npz, exr, pfm) or use fewer units per metre",
            LeadlineWarning,
            stacklevel=4,  # the caller of write_depth
        )


def is_depth_png(_path: Path, data: bytes) -> bool:
    """Return whether the first bytes are those of a grey PNG with 16 bits."""
    return data[24:26] == b"\x10\x00"


def decode_grey_png(path: Path, data: bytes) -> tuple[NDArray[np.generic], dict[str, str]]:
    """Return the values of a grey PNG, (H,W) uint8 or uint16, and its `leadline:` text chunks.

    Every chunk's check sum and the closing IEND chunk are verified first, because OpenCV, used
    for its speed, may decode a damaged file to a half-empty picture without a word.
    Raises LeadlineError for a damaged file and for a picture that is not plain grey.
    """
    import cv2

    text = texts_of_png(path, data)
    width, height, bits, colour_type = struct.unpack(">IIBB", data[16:26])
    if colour_type != _GREY:
        raise LeadlineError(
            f"{path}: looks like a colour picture, not a depth map; give the raw 8- or 16-bit grey "
            "PNG (a colour-mapped one has lost its metres; 24 bits of CARLA: depth_encoding: carla)"
        )
    if bits < 8:
        raise LeadlineError(
            f"{path}: has {bits} bits per pixel, too few for depth; give an 8- or 16-bit grey PNG"
        )
    check_pixels(path, width * height)
    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2:  # a grey PNG with a transparent value gains channels
        with explain_decode_errors(path, "depth map"), open_picture(data) as image:
            return np.array(image), text
    return np.asarray(values), text


def texts_of_png(path: Path, data: bytes) -> dict[str, str]:
    """Walk the chunks of a PNG, check them, and return our text chunks.

    Errors: LeadlineError for a damaged file.
    """
    if not data.startswith(_SIGNATURE):
        raise LeadlineError(
            f"{path}: is not a PNG, whatever its name says; give a PNG or correct the suffix"
        )
    text: dict[str, str] = {}
    view, position = memoryview(data), len(_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", view[position : position + 8])
        end = position + 12 + length
        if end > len(data):
            break
        (expected,) = struct.unpack(">I", view[end - 4 : end])
        if zlib.crc32(view[position + 4 : end - 4]) != expected:
            raise LeadlineError(
                f"{path}: is damaged (check sum of a {kind.decode('latin-1')} chunk at byte "
                f"{position}); copy the depth map again"
            )
        if position == len(_SIGNATURE) and (kind != b"IHDR" or length != 13):
            break
        if kind == b"IEND":
            return text
        if kind == b"eXIf":
            check_upright(path, data, "depth map")
        if kind == b"tEXt":
            key, _, value = bytes(view[position + 8 : end - 4]).partition(b"\0")
            if key.startswith(PREFIX.encode()):
                text[key.decode("latin-1")] = value.decode("latin-1")
        position = end
    raise LeadlineError(f"{path}: is cut short after {len(data)} bytes; copy the depth map again")
