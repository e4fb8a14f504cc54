"""Looking at every file without decoding it: headers, sizes, ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.errors import one_line
from leadline.io.photos import IMAGE_SUFFIXES

_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xae\x42\x60\x82"
# Some cameras and tools append a few kilobytes of their own after the end marker.
_TAIL = 65536
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error)


@dataclass(frozen=True)
class FileFacts:
    """What a file is by its header.

    `size` is (width, height) and `kind` words such as "8-bit RGB JPEG", None and "" where the
    format is not looked into. `fault` is what is wrong with it, "" where nothing is: "empty",
    "not what its name says" or "cut short".
    """

    path: Path
    bytes: int
    size: tuple[int, int] | None = None
    kind: str = ""
    channels: int = 0
    fault: str = ""
    detail: str = ""


def look_at(path: Path) -> FileFacts:
    """Return the facts about one file; never raises for a bad one."""
    try:
        bytes_ = path.stat().st_size
        if bytes_ == 0:
            return FileFacts(path, 0, fault="empty", detail="0 bytes")
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _picture(path, bytes_)
        if path.suffix.lower() == ".npy":
            return _npy(path, bytes_)
        return FileFacts(path, bytes_, kind=path.suffix.lower().lstrip("."))
    except Image.DecompressionBombError:
        return FileFacts(path, bytes_, fault="too large", detail="more than 179 million pixels")
    except _UNREADABLE as problem:
        return FileFacts(path, bytes_, fault="not what its name says", detail=one_line(problem))


_BITS = {"1": 1, "L": 8, "P": 8, "RGB": 8, "RGBA": 8, "LA": 8, "CMYK": 8, "I": 32, "F": 32}
_WORDS = {"L": "grey", "P": "palette", "I": "grey", "F": "float", "1": "grey"}


def _picture(path: Path, bytes_: int) -> FileFacts:
    with Image.open(path) as image:  # reads the header only
        mode, size, format_ = image.mode, image.size, image.format or ""
        channels = len(image.getbands())
    bits = 16 if mode.startswith("I;16") else _BITS.get(mode, 8)
    word = "grey" if mode.startswith("I;16") else _WORDS.get(mode, mode)
    cut = _is_cut(path, bytes_, format_)
    return FileFacts(
        path,
        bytes_,
        size,
        f"{bits}-bit {word} {format_}",
        channels,
        "cut short" if cut else "",
        "the end marker is missing" if cut else "",
    )


def _is_cut(path: Path, bytes_: int, format_: str) -> bool:
    marker = {"PNG": _PNG_END, "JPEG": _JPEG_END}.get(format_)
    if marker is None:
        return False
    with path.open("rb") as file:
        file.seek(max(0, bytes_ - _TAIL))
        return marker not in file.read()


def _npy(path: Path, bytes_: int) -> FileFacts:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        read = read or np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        start = file.tell()
    needed = start + dtype.itemsize * int(np.prod(shape))
    plane = [length for length in shape if length > 1]
    size = (plane[1], plane[0]) if len(plane) == 2 else None
    channels = 1 if len(plane) == 2 else plane[-1] if plane else 0
    cut = needed > bytes_
    return FileFacts(
        path,
        bytes_,
        size,
        f"{dtype.name} NPY",
        channels,
        "cut short" if cut else "",
        f"{bytes_:,} of {needed:,} bytes" if cut else "",
    )
