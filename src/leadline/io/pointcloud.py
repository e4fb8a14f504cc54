"""Depth maps as coloured point clouds for viewers: PLY and glTF binary (GLB)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.geometry import flying_pixel_mask
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.glb import ARRAY_BUFFER, FLOAT, UNSIGNED_SHORT, glb_bytes

_POINTS = 0


def write_ply(
    path: Path | str,
    depth_map: DepthMap,
    rgb: ArrayLike,
) -> int:
    """Write a binary little-endian PLY and return its number of points.

    `rgb` is (H,W,3) uint8 of the map's size, or a Pillow picture. Positions are float32 metres in
    the axes that viewers expect: x right, y UP, z BACKWARD (towards the viewer), which is the
    OpenCV camera with y and z negated. Flying pixels (`flying_pixel_mask`) are left out. The unit
    and the provenance are stored as comments.

    Raises LeadlineError without intrinsics, if the sizes differ, if no point is left, or if the
    file cannot be written.
    """
    path = Path(path)
    data, count = ply_bytes(depth_map, rgb, path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return count


def ply_bytes(depth_map: DepthMap, rgb: ArrayLike, path: Path = Path("PLY")) -> tuple[bytes, int]:
    """Return what `write_ply` writes, and the number of points; `path` is for its messages."""
    points, colours = _viewer_points(path, depth_map, rgb)
    vertices = np.empty(len(points), dtype=[("position", "<f4", 3), ("colour", "u1", 3)])
    vertices["position"], vertices["colour"] = points, colours
    return _ply_header(depth_map, len(points)) + vertices.tobytes(), len(points)


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
    rgb: ArrayLike,
) -> int:
    """Write a glTF 2.0 binary point cloud and return its number of points.

    Arguments, axes and errors are as in `write_ply`; the unit of glTF is the metre. Colours are
    LINEAR light, as glTF 2.0 section 3.7.2.1 requires for COLOR_0 (viewers would show sRGB values
    too pale), in 16 bits because 8 linear bits are too few for shadows.
    """
    path = Path(path)
    data, count = glb_points(depth_map, rgb, path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return count


def glb_points(depth_map: DepthMap, rgb: ArrayLike, path: Path = Path("GLB")) -> tuple[bytes, int]:
    """Return what `write_glb` writes, and the number of points; `path` is for its messages."""
    points, colours = _viewer_points(path, depth_map, rgb)
    vertices = np.empty(len(points), dtype=[("position", "<f4", 3), ("colour", "<u2", 4)])
    vertices["position"] = points
    vertices["colour"][:, :3] = _linear_light()[colours]
    vertices["colour"][:, 3] = 65535
    body = vertices.tobytes()
    return glb_bytes(_gltf(depth_map, points, len(body)), body), len(points)


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
            "componentType": FLOAT,
            "count": len(points),
            "type": "VEC3",
            "min": points.min(axis=0).tolist(),
            "max": points.max(axis=0).tolist(),
        },
        {
            "bufferView": 0,
            "byteOffset": 12,
            "componentType": UNSIGNED_SHORT,
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
            {"buffer": 0, "byteLength": size, "byteStride": stride, "target": ARRAY_BUFFER}
        ],
        "buffers": [{"byteLength": size}],
    }


def check_colours(path: Path, rgb: ArrayLike, depth_map: DepthMap) -> NDArray[np.uint8]:
    """Return `rgb` as an array; a LeadlineError unless it is (H,W,3) uint8 of the map's size."""
    colours = np.asarray(rgb)
    if colours.shape != (*depth_map.shape, 3) or colours.dtype != np.uint8:
        raise LeadlineError(
            f"{path}: the colours are {colours.shape} {colours.dtype} but the depth map is "
            f"{depth_map.shape}; give (H,W,3) uint8 RGB of the same size"
        )
    return colours


def _viewer_points(
    path: Path,
    depth_map: DepthMap,
    rgb: ArrayLike,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the kept points in viewer axes, (N,3) float32, and their colours, (N,3) uint8."""
    colours = check_colours(path, rgb, depth_map)
    points, indices = depth_map.points()
    chosen = ~flying_pixel_mask(depth_map).ravel()[indices]
    if not chosen.any():
        raise LeadlineError(f"{path}: no valid point is left to write; check the depth map")
    points = points[chosen] * np.array([1, -1, -1], dtype=np.float32)
    return points, colours.reshape(-1, 3)[indices[chosen]]
