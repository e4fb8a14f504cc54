"""Depth as metres in an OpenEXR file, channel "Z"."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.files import DECODE_ERRORS
from leadline.io.float_files import Raw, as_plane, unreadable
from leadline.io.limits import check_pixels
from leadline.io.metadata import PREFIX, Metadata

_MAGIC = b"\x76\x2f\x31\x01"
_TILED_DEEP_OR_PARTS = 0x1A00


def write_exr(path: Path, depth_map: DepthMap, about: Metadata) -> None:
    """Write one lossless float32 channel "Z"; `about` becomes header attributes."""
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    pixels, data = np.ascontiguousarray(depth_map.depth), BytesIO()
    with OpenEXR.File(header | about.to_text(), {"Z": pixels}) as file:
        file.write(data)
    # Not OpenEXR's own writing: on a full disk it raises an error without a number for its cause.
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.getbuffer())


def read_exr(path: Path, data: bytes) -> Raw:
    """Return the depth channel of an EXR file: "Z", a layer's ".Z", or the only one there is."""
    import OpenEXR

    _refuse_cut_short(path, data)
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            (left, top), (right, bottom) = np.asarray(file.header()["dataWindow"]).tolist()
    except DECODE_ERRORS as error:
        raise unreadable(path, "EXR", error) from error
    check_pixels(path, (int(right) - int(left) + 1) * (int(bottom) - int(top) + 1))
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            header = dict(file.header())  # emptied when the file closes
            channels = {name: channel.pixels for name, channel in file.channels().items()}
    except DECODE_ERRORS as error:
        raise unreadable(path, "EXR", error) from error
    if not np.array_equal(header["dataWindow"], header["displayWindow"]):
        raise LeadlineError(
            f"{path}: its data window {np.ravel(header['dataWindow']).tolist()} differs from its "
            f"display window {np.ravel(header['displayWindow']).tolist()}; "
            "export the whole picture without cropping"
        )
    named_z = [name for name in channels if name.rpartition(".")[2].upper() == "Z"]
    candidates = named_z or list(channels)
    if "Z" not in channels and len(candidates) != 1:
        raise LeadlineError(
            f"{path}: which channel is the depth? It holds {', '.join(sorted(channels))}; "
            'export one channel named "Z"'
        )
    values = as_plane(path, channels["Z" if "Z" in channels else candidates[0]])
    texts = {name: value for name, value in header.items() if name.startswith(PREFIX)}
    return values, texts


def _refuse_cut_short(path: Path, data: bytes) -> None:
    """Raise if the last block of a plain scan-line file lies beyond the end of `data`.

    OpenEXR would notice too, but it also prints lines of its own to stdout and stderr. The layout
    is that of "OpenEXR File Layout" (openexr.com); tiled, deep and multi-part files are left to
    the library.
    """
    if not data.startswith(_MAGIC):
        raise LeadlineError(
            f"{path}: is not an EXR, whatever its name says; give an EXR or correct the suffix"
        )
    try:
        (version,) = struct.unpack_from("<I", data, 4)
        if version & _TILED_DEEP_OR_PARTS:
            return
        table, line_order = _end_of_header(data)
        (first,) = struct.unpack_from("<Q", data, table)
        if line_order != 0:  # not top to bottom: the first entry does not bound the table
            return
        offsets = struct.unpack_from(f"<{(first - table) // 8}Q", data, table)
        (size,) = struct.unpack_from("<i", data, offsets[-1] + 4)
        complete = 0 not in offsets and offsets[-1] + 8 + size <= len(data)
    except (struct.error, ValueError, IndexError, OverflowError, MemoryError):
        complete = False
    if not complete:
        raise LeadlineError(
            f"{path}: is cut short after {len(data)} bytes; copy the depth map again"
        )


def _end_of_header(data: bytes) -> tuple[int, int]:
    """Return where the table of block offsets starts, and the value of `lineOrder`."""
    position, line_order = 8, 0
    while data[position] != 0:
        end_of_name = data.index(b"\0", position)
        end_of_type = data.index(b"\0", end_of_name + 1)
        (size,) = struct.unpack_from("<I", data, end_of_type + 1)
        value = end_of_type + 5
        if data[position:end_of_name] == b"lineOrder":
            line_order = data[value]
        position = value + size
    return position + 1, line_order
