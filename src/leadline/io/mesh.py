"""Depth maps as textured meshes: glTF binary (GLB), with the photograph inside."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from leadline.depth.depth_map import DepthMap
from leadline.depth.surface import Mesh
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.glb import ARRAY_BUFFER, ELEMENT_BUFFER, FLOAT, UNSIGNED_INT, glb_bytes
from leadline.io.pointcloud import check_colours

TEXTURE_QUALITY = 92
LARGEST_TEXTURE = 4096
"""Pixels of a side: what viewers load everywhere."""


def write_mesh(
    path: Path | str, depth_map: DepthMap, rgb: ArrayLike, step: int | None = None
) -> Mesh:
    """Write the map as a glTF 2.0 mesh with the photograph as its texture; return the mesh.

    `rgb` is (H,W,3) uint8 of the map's size, or a Pillow picture. `step` is as in `DepthMap.mesh`.
    Axes are as in `write_ply`: x right, y up, z towards the viewer, in metres. The surface is
    double-sided and unlit, since the photograph contains the light. The texture is at most 4096
    pixels on a side.

    Errors: LeadlineError without intrinsics, if the sizes differ, if no triangle is left, or if the
    file cannot be written.
    """
    path = Path(path)
    data, mesh = mesh_bytes(depth_map, rgb, step, path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return mesh


def mesh_bytes(
    depth_map: DepthMap,
    rgb: ArrayLike,
    step: int | None = None,
    path: Path = Path("mesh"),
) -> tuple[bytes, Mesh]:
    """Return what `write_mesh` writes, and the mesh; `path` is for its messages."""
    colours = check_colours(path, rgb, depth_map)
    try:
        mesh = depth_map.mesh(step)
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
    vertices = mesh.vertices * np.array([1, -1, -1], dtype=np.float32)
    parts = [
        np.ascontiguousarray(vertices, dtype="<f4").tobytes(),
        np.ascontiguousarray(mesh.uv, dtype="<f4").tobytes(),
        np.ascontiguousarray(mesh.triangles, dtype="<u4").tobytes(),
        _texture(colours),
    ]
    parts = [part + b"\0" * (-len(part) % 4) for part in parts]
    gltf = _gltf(depth_map, vertices, mesh, [len(part) for part in parts])
    return glb_bytes(gltf, b"".join(parts)), mesh


def _texture(rgb: NDArray[np.uint8]) -> bytes:
    """Return the photograph as JPEG."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    image.thumbnail((LARGEST_TEXTURE, LARGEST_TEXTURE))
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=TEXTURE_QUALITY)
    return buffer.getvalue()


def _gltf(
    depth_map: DepthMap, vertices: NDArray[np.float32], mesh: Mesh, sizes: list[int]
) -> dict[str, Any]:
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    views: list[dict[str, Any]] = [
        {"buffer": 0, "byteOffset": start, "byteLength": size}
        for start, size in zip(starts, sizes, strict=True)
    ]
    for view, target in zip(views, (ARRAY_BUFFER, ARRAY_BUFFER, ELEMENT_BUFFER), strict=False):
        view["target"] = target
    accessors = [
        {
            "bufferView": 0,
            "componentType": FLOAT,
            "count": len(vertices),
            "type": "VEC3",
            "min": vertices.min(axis=0).tolist(),
            "max": vertices.max(axis=0).tolist(),
        },
        {"bufferView": 1, "componentType": FLOAT, "count": len(vertices), "type": "VEC2"},
        {
            "bufferView": 2,
            "componentType": UNSIGNED_INT,
            "count": mesh.triangles.size,
            "type": "SCALAR",
        },
    ]
    primitive = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}
    extras = {"unit": "metre", **depth_map.provenance}
    return {
        "asset": {"version": "2.0", "generator": "leadline", "extras": extras},
        "extensionsUsed": ["KHR_materials_unlit"],
        "materials": [
            {
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0},
                "doubleSided": True,
                "extensions": {"KHR_materials_unlit": {}},
            }
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071, "wrapT": 33071}],  # clamped to the edge
        "images": [{"bufferView": 3, "mimeType": "image/jpeg"}],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": sum(sizes)}],
    }
