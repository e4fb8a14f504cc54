"""Depth as 32-bit floating-point metres: NPY, NPZ and PFM."""

from __future__ import annotations

import json
import math
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, one_line, size_words
from leadline.io.atomic import atomic_path
from leadline.io.files import DECODE_ERRORS
from leadline.io.limits import check_pixels
from leadline.io.metadata import AFFINE_KIND, KIND, PREFIX, Metadata

_OUR_FIELDS = ("depth", "valid", "units_per_metre", "kind", "provenance", "intrinsics")

Raw = tuple[NDArray[Any], dict[str, str]]
"""The values of a file as (H,W), and its `leadline:` texts."""


def write_npy(path: Path, depth_map: DepthMap, _about: Metadata) -> None:
    """Write float32 metres to a temporary path; the format carries no metadata."""
    write_plane(path, depth_map.depth)


def write_plane(path: Path, values: NDArray[np.float32]) -> None:
    """Write any numbers (H,W) as NPY, to a temporary path."""
    # Not numpy's own writing: on a full disk it raises an error without a file or a cause.
    values = np.ascontiguousarray(values)
    head = BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(values))
    with path.open("wb") as file:
        file.write(head.getbuffer())
        file.write(values.data)


def npz_fields(depth_map: DepthMap, about: Metadata) -> dict[str, Any]:
    """Return depth, the unit, the kind, the provenance and, if known, intrinsics (3,3)."""
    fields: dict[str, Any] = {
        "depth": depth_map.depth,
        "units_per_metre": np.float64(1),
        "unit": "metre",
        "kind": KIND,
        "provenance": json.dumps(dict(depth_map.provenance)),
    }
    if about.kind != "metric":
        del fields["units_per_metre"], fields["unit"]
        fields["kind"] = AFFINE_KIND
    if depth_map.intrinsics is not None:
        fields["intrinsics"] = depth_map.intrinsics.matrix
    return fields


def write_npz(path: Path, depth_map: DepthMap, about: Metadata) -> None:
    """Write `npz_fields`, and where depth is valid."""
    fields = {**npz_fields(depth_map, about), "valid": depth_map.valid}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **fields)


def write_pfm(path: Path, depth_map: DepthMap, _about: Metadata) -> None:
    """Write a single-channel little-endian PFM, bottom row first, to a temporary path."""
    header = f"Pf\n{depth_map.width} {depth_map.height}\n-1.0\n".encode()
    with path.open("wb") as file:
        file.write(header)
        file.write(np.ascontiguousarray(depth_map.depth[::-1], dtype="<f4").data)


def read_npy(path: Path, data: bytes, *, booleans: bool = False) -> Raw:
    """Return the (H,W) values of a NPY file; (1,H,W) and (H,W,1) lose their single axis.

    With `booleans`, for masks, True and False are 1 and 0.
    """
    check_npy_extent(path, BytesIO(data), len(data))
    try:
        array = np.lib.format.read_array(BytesIO(data), allow_pickle=False)
    except DECODE_ERRORS as error:
        raise unreadable(path, "NPY", error) from error
    if booleans and array.dtype == np.bool_:
        array = array.view(np.uint8)
    return as_plane(path, np.asarray(array)), {}


def read_npz(path: Path, data: bytes) -> Raw:
    """Return "depth", or the only plane-like array, of a NPZ file; masked by our "valid"."""
    _check_npz_extent(path, data)
    try:
        with np.load(BytesIO(data), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array, not an archive")
            names = _OUR_FIELDS if "depth" in archive.files else archive.files
            fields = {name: np.asarray(archive[name]) for name in archive.files if name in names}
    except DECODE_ERRORS as error:
        raise unreadable(path, "NPZ", error) from error
    planes = [name for name, array in fields.items() if _is_plane(array)]
    if "depth" not in fields and len(planes) != 1:
        raise LeadlineError(
            f"{path}: which array is the depth? It holds {', '.join(fields) or 'nothing'}; "
            'name one "depth"'
        )
    depth = as_plane(path, fields["depth" if "depth" in fields else planes[0]])
    if str(fields.get("kind")) not in (
        KIND,
        AFFINE_KIND,
    ):  # somebody else's archive: its other fields mean nothing
        return depth, {}
    if "valid" in fields and fields["valid"].shape == depth.shape:
        depth = np.where(fields["valid"].astype(bool), depth, 0)
    return depth, _texts_of_npz(path, fields, depth.shape)


def check_npy_extent(path: Path, file: IO[bytes], most_bytes: int | None = None) -> None:
    """Read the header of a NPY file; raise LeadlineError for an array too large to be depth.

    `most_bytes` is how many bytes there are for it, None where they are compressed.
    """
    try:
        major, _ = version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file) if major < 3 else ((), False, np.dtype(float))
        values = math.prod(int(side) for side in shape)
    except DECODE_ERRORS as error:
        raise unreadable(path, "NPY", error) from error
    check_pixels(path, values)
    if most_bytes is not None and values * dtype.itemsize > most_bytes and not dtype.hasobject:
        needed = values * dtype.itemsize
        raise LeadlineError(
            f"{path}: is cut short: its {values} values need {needed} bytes and the file holds "
            f"{most_bytes}; copy the depth map again"
        )


def _check_npz_extent(path: Path, data: bytes) -> None:
    """Raise LeadlineError for an archive with an array too large to be depth."""
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except DECODE_ERRORS as error:
        raise unreadable(path, "NPZ", error) from error
    for name in archive.namelist():
        try:
            member = archive.open(name)
        except DECODE_ERRORS as error:
            raise unreadable(path, "NPZ", error) from error
        with member:
            if name.endswith(".npy"):
                check_npy_extent(path, member)


def _texts_of_npz(
    path: Path, fields: dict[str, NDArray[Any]], shape: tuple[int, ...]
) -> dict[str, str]:
    names = [name for name in ("units_per_metre", "provenance", "kind") if name in fields]
    texts = {PREFIX + name: str(fields[name]) for name in names}
    if "intrinsics" in fields:
        try:
            camera = Intrinsics.from_matrix(fields["intrinsics"], shape[1], shape[0])
        except LeadlineError as error:
            raise LeadlineError(f"{path}: {error}") from None
        texts[PREFIX + "intrinsics"] = json.dumps(camera.to_dict())
    return texts


def read_pfm(path: Path, data: bytes) -> Raw:
    """Return the (H,W) float32 values of a single-channel PFM, top row first.

    The sign of the scale line gives the byte order; its size is not applied, as in every reader
    of depth and disparity PFMs.
    """
    header = re.match(rb"(P[fF])\s+(\d{1,9})\s+(\d{1,9})\s+([-+.\deE]+)\s", data)
    if header is None:
        raise LeadlineError(
            f"{path}: is not a PFM (a header like 'Pf 640 480 -1.0' is missing); "
            "give a PFM or correct the suffix"
        )
    if header[1] == b"PF":
        raise LeadlineError(
            f"{path}: looks like a colour picture (a three-channel PFM); give a 'Pf' depth map"
        )
    width, height = int(header[2]), int(header[3])
    try:
        little = float(header[4]) < 0
    except ValueError as error:
        raise unreadable(path, "PFM", error) from error
    needed = 4 * width * height
    body = data[header.end() :]
    if header[0].endswith(b"\r") and body.startswith(b"\n") and len(body) == needed + 1:
        body = body[1:]  # lines of Windows; without the length, it might be the first value's byte
    if len(body) != needed:
        fault = "is cut short" if len(body) < needed else "is longer than it says"
        raise LeadlineError(
            f"{path}: {fault}: {size_words((height, width))} values need {needed} bytes and the "
            f"file holds {len(body)}; copy or export the depth map again"
        )
    check_pixels(path, width * height)
    values = np.frombuffer(body, dtype="<f4" if little else ">f4", count=width * height)
    return values.reshape(height, width)[::-1].astype(np.float32), {}


def _is_plane(array: NDArray[Any]) -> bool:
    return array.ndim == 2 or (array.ndim == 3 and 1 in (array.shape[0], array.shape[2]))


def as_plane(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` as (H,W), or raise a LeadlineError naming `path`."""
    if array.dtype.kind not in "fiu":
        raise LeadlineError(
            f"{path}: holds values of type {array.dtype}, not numbers; save a numeric array"
        )
    if not _is_plane(array) or array.size == 0:
        hint = "looks like a colour picture; " if array.ndim == 3 and array.shape[2] == 3 else ""
        raise LeadlineError(
            f"{path}: has shape {array.shape}; {hint}save one depth map of shape (H,W)"
        )
    if array.ndim == 2:
        return array
    return array[0] if array.shape[0] == 1 else array[..., 0]


def unreadable(path: Path, kind: str, error: BaseException) -> LeadlineError:
    """Return the error for a file that is not what its suffix says, or is damaged."""
    if "allow_pickle" in str(error):
        reason = "it holds Python objects, which are never loaded"
    else:
        reason = one_line(error)
    return LeadlineError(
        f"{path}: cannot be read as {kind} ({reason}); "
        "copy or write the depth map again, or correct the suffix"
    )
