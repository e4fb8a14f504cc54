"""A written mesh as an independent reader sees it."""

import json
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineError
from leadline.io import write_mesh

CAMERA = Intrinsics.centred(30.0, 24, 16)


@pytest.fixture
def scene():
    depth = np.linspace(1.0, 1.4, 24, dtype=np.float32)[None].repeat(16, axis=0)
    depth[4:9, 6:12] = 0.5
    colours = np.zeros((16, 24, 3), np.uint8)
    colours[:, :12] = (250, 10, 10)
    colours[:, 12:] = (10, 10, 250)
    return DepthMap.from_metres(depth, intrinsics=CAMERA, provenance={"model": "m"}), colours


def test_trimesh_reads_the_same_surface_and_texture(scene, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    depth_map, colours = scene
    mesh = write_mesh(tmp_path / "a.glb", depth_map, colours)
    [read] = trimesh.load(tmp_path / "a.glb", process=False).geometry.values()
    np.testing.assert_allclose(read.vertices, mesh.vertices * (1, -1, -1), atol=1e-6)
    np.testing.assert_array_equal(read.faces, mesh.triangles)
    texture = read.visual.material.baseColorTexture
    assert texture.size == (24, 16)
    # trimesh turns v round: its origin is the bottom left.
    np.testing.assert_allclose(read.visual.uv, mesh.uv * (1, -1) + (0, 1), atol=1e-6)
    left = np.flatnonzero(read.vertices[:, 0] < -0.1)[0]
    u, v = read.visual.uv[left]
    red, _, blue = texture.getpixel((int(u * 24), int((1 - v) * 16)))
    assert red > 200 and blue < 60
    assert (read.face_normals[:, 2] > 0).all()  # towards the viewer


def test_the_container_is_that_of_the_specification(scene, tmp_path):
    depth_map, colours = scene
    write_mesh(tmp_path / "a.glb", depth_map, Image.fromarray(colours))
    data = (tmp_path / "a.glb").read_bytes()
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    gltf = json.loads(data[20 : 20 + size])
    assert kind == b"JSON" and size % 4 == 0
    body_size, body_kind = struct.unpack("<I4s", data[20 + size : 28 + size])
    assert body_kind == b"BIN\0" and body_size == gltf["buffers"][0]["byteLength"]
    body = data[28 + size :]
    view = gltf["bufferViews"][gltf["images"][0]["bufferView"]]
    picture = Image.open(BytesIO(body[view["byteOffset"] :][: view["byteLength"]]))
    assert picture.format == "JPEG" and picture.size == (24, 16)
    assert gltf["asset"]["extras"] == {"unit": "metre", "model": "m"}


def test_colours_of_another_size_are_refused(scene, tmp_path):
    with pytest.raises(LeadlineError, match="colours are"):
        write_mesh(tmp_path / "a.glb", scene[0], np.zeros((3, 3, 3), np.uint8))
