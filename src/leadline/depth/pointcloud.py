"""Depth maps as coloured point clouds for viewers: PLY and glTF binary (GLB)."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.atomic import atomic_path
from leadline.depth.depth_map import DepthMap
from leadline.depth.errors import LeadlineError

_HALF_WINDOW = 6
_BATCH = 1 << 18
_GLB_MAGIC, _GLB_VERSION, _GLB_JSON, _GLB_BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED_SHORT = 5126, 5123
_ARRAY_BUFFER = 34962
_POINTS = 0


def edge_mask(depth_map: DepthMap, relative_threshold: float = 0.05) -> NDArray[np.bool_]:
    """Return (H,W) bool, True where a pixel floats between the two sides of a depth edge.

    Such "flying pixels" come from resizing and from networks, which turn a jump in depth into a
    short ramp. A pixel is one if, along its row or its column, it is more than
    `relative_threshold` (a part of the nearer distance) away from both its neighbours, nearer than
    one and farther than the other, and a slanted surface does not explain either step. A surface
    explains its steps because the reciprocal depth of a plane is a linear function of the pixel:
    the median step of reciprocal depth over the thirteen around is the surface's part, so a floor
    seen at a grazing angle keeps its points while a ramp of up to five pixels loses them. The two
    sides of a clean jump belong to real surfaces and are kept.

    Raises LeadlineError if the threshold is not positive.
    """
    if not relative_threshold > 0:
        raise LeadlineError(
            f"edge threshold {relative_threshold} must be positive; give for instance 0.05"
        )
    reciprocal = np.full(depth_map.shape, np.nan, dtype=np.float32)
    np.divide(1, depth_map.depth, out=reciprocal, where=depth_map.valid)
    along_rows = _between(reciprocal, relative_threshold)
    along_columns = _between(np.ascontiguousarray(reciprocal.T), relative_threshold).T
    return along_rows | along_columns


def _between(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Flying pixels along the rows: an unexplained step in, and one out in the same direction."""
    direction = _unexplained_steps(reciprocal, threshold)
    flying = np.zeros(reciprocal.shape, dtype=bool)
    flying[:, 1:-1] = (direction[:, :-1] != 0) & (direction[:, :-1] == direction[:, 1:])
    return flying


def _unexplained_steps(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.int8]:
    """(H,W-1) int8: the sign of each step to the right that no slanted plane explains, else 0."""
    steps = np.diff(reciprocal, axis=1)
    smaller = np.minimum(reciprocal[:, :-1], reciprocal[:, 1:])
    direction = np.zeros(steps.shape, dtype=np.int8)
    rows, columns = np.nonzero(np.abs(steps) > threshold * smaller)  # False for NaN
    if rows.size == 0:
        return direction
    residual = steps[rows, columns] - _surface_steps(steps, rows, columns)
    jumps = np.abs(residual) > threshold * smaller[rows, columns]
    direction[rows[jumps], columns[jumps]] = np.sign(residual[jumps])
    return direction


def _surface_steps(
    steps: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the median step over the thirteen around each (row, column), ignoring NaN."""
    padded = np.pad(steps, ((0, 0), (_HALF_WINDOW, _HALF_WINDOW)), constant_values=np.nan)
    around = np.arange(2 * _HALF_WINDOW + 1)
    surface = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BATCH):  # a noisy map has millions: bound the memory
        part = slice(start, start + _BATCH)
        window = columns[part, None] + around
        surface[part] = np.nanmedian(padded[rows[part, None], window], axis=1)
    return surface


def write_ply(
    path: Path | str,
    depth_map: DepthMap,
    rgb: NDArray[np.uint8],
    *,
    edge_threshold: float | None = 0.05,
    stride: int = 1,
) -> int:
    """Write a binary little-endian PLY and return the number of points in it.

    `rgb` is (H,W,3) uint8 of the map's size. Positions are float32 metres in the axes viewers
    expect, x right, y UP, z BACKWARD (towards the viewer): the OpenCV camera with y and z negated.
    Flying pixels are left out (`edge_mask`; None keeps them), and of the rest every `stride`-th
    pixel of every `stride`-th row is taken. The unit and the provenance are comments.

    Raises LeadlineError without intrinsics, for sizes that differ, if no point is left, or if the
    file cannot be written.
    """
    path = Path(path)
    points, colours = _viewer_points(path, depth_map, rgb, edge_threshold, stride)
    vertices = np.empty(len(points), dtype=[("position", "<f4", 3), ("colour", "u1", 3)])
    vertices["position"], vertices["colour"] = points, colours
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_ply_header(depth_map, len(points)))
        file.write(vertices.tobytes())
    return len(points)


def _ply_header(depth_map: DepthMap, count: int) -> bytes:
    comments = ["unit metre", "axes x right, y up, z backward"]
    comments += [f"{key} {value}" for key, value in depth_map.provenance.items()]
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += ["comment " + " ".join(comment.split()) for comment in comments]
    lines += [f"element vertex {count}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uchar {channel}" for channel in ("red", "green", "blue")]
    lines += ["end_header", ""]
    return "\n".join(lines).encode("ascii", errors="backslashreplace")


def write_glb(
    path: Path | str,
    depth_map: DepthMap,
    rgb: NDArray[np.uint8],
    *,
    edge_threshold: float | None = 0.05,
    stride: int = 1,
) -> int:
    """Write a glTF 2.0 binary point cloud and return the number of points in it.

    Arguments, axes and errors are those of `write_ply`; glTF's unit is the metre. Colours are
    LINEAR light, as glTF 2.0 section 3.7.2.1 asks of COLOR_0 (viewers would show sRGB values too
    pale), in 16 bits because 8 linear bits are too few for the shadows.
    """
    path = Path(path)
    points, colours = _viewer_points(path, depth_map, rgb, edge_threshold, stride)
    vertices = np.empty(len(points), dtype=[("position", "<f4", 3), ("colour", "<u2", 4)])
    vertices["position"] = points
    vertices["colour"][:, :3] = _linear_light()[colours]
    vertices["colour"][:, 3] = 65535
    body = vertices.tobytes()
    description = json.dumps(_gltf(depth_map, points, len(body)), separators=(",", ":")).encode()
    description += b" " * (-len(description) % 4)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        total = 12 + 8 + len(description) + 8 + len(body)
        file.write(struct.pack("<III", _GLB_MAGIC, _GLB_VERSION, total))
        file.write(struct.pack("<II", len(description), _GLB_JSON) + description)
        file.write(struct.pack("<II", len(body), _GLB_BIN) + body)
    return len(points)


def _linear_light() -> NDArray[np.uint16]:
    """Return the sRGB decoding curve (IEC 61966-2-1) from 0..255 to 0..65535."""
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    curve: NDArray[np.uint16] = np.rint(linear * 65535).astype(np.uint16)
    return curve


def _gltf(depth_map: DepthMap, points: NDArray[np.float32], size: int) -> dict[str, Any]:
    stride = 20  # 12 bytes of position, 8 of colour
    accessors = [
        {
            "bufferView": 0,
            "byteOffset": 0,
            "componentType": _FLOAT,
            "count": len(points),
            "type": "VEC3",
            "min": points.min(axis=0).tolist(),
            "max": points.max(axis=0).tolist(),
        },
        {
            "bufferView": 0,
            "byteOffset": 12,
            "componentType": _UNSIGNED_SHORT,
            "normalized": True,
            "count": len(points),
            "type": "VEC4",
        },
    ]
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 1}, "mode": _POINTS, "material": 0}
    return {
        "asset": {
            "version": "2.0",
            "generator": "leadline",
            "extras": {"unit": "metre", **depth_map.provenance},
        },
        "extensionsUsed": ["KHR_materials_unlit"],  # the colours are light already
        "materials": [{"extensions": {"KHR_materials_unlit": {}}}],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": [
            {"buffer": 0, "byteLength": size, "byteStride": stride, "target": _ARRAY_BUFFER}
        ],
        "buffers": [{"byteLength": size}],
    }


def _viewer_points(
    path: Path,
    depth_map: DepthMap,
    rgb: NDArray[np.uint8],
    edge_threshold: float | None,
    stride: int,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the kept points in viewer axes, (N,3) float32, and their colours, (N,3) uint8."""
    if rgb.shape != (*depth_map.shape, 3) or rgb.dtype != np.uint8:
        raise LeadlineError(
            f"{path}: the colours are {rgb.shape} {rgb.dtype} but the depth map is "
            f"{depth_map.shape}; give (H,W,3) uint8 RGB of the same size"
        )
    if stride < 1:
        raise LeadlineError(f"{path}: stride {stride} is impossible; give 1 or more")
    kept = np.zeros(depth_map.shape, dtype=bool)
    kept[::stride, ::stride] = True
    if edge_threshold is not None:
        kept &= ~edge_mask(depth_map, edge_threshold)
    points, indices = depth_map.points()
    chosen = kept.ravel()[indices]
    if not chosen.any():
        raise LeadlineError(
            f"{path}: no valid point is left to write; "
            "check the depth map, or raise the edge threshold"
        )
    points = points[chosen] * np.array([1, -1, -1], dtype=np.float32)
    return points, rgb.reshape(-1, 3)[indices[chosen]]
