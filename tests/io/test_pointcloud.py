import json
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap, Intrinsics, flying_pixel_mask
from leadline.io import write_glb, write_ply
from tests.complaints import complaint

RNG = np.random.default_rng(3)
CAMERA = Intrinsics(2.0, 4.0, 1.0, 0.5, 3, 2)
MAP = DepthMap.from_metres(
    [[2.0, 0.0, 2.0], [4.0, 4.0, 4.0]], intrinsics=CAMERA, provenance={"model": "été\nS1"}
)
RGB = RNG.integers(0, 256, (2, 3, 3), dtype=np.uint8)
BY_HAND = np.array([[-1, 0.25, -2], [1, 0.25, -2], [-2, -0.5, -4], [0, -0.5, -4], [2, -0.5, -4]])


def read_ply(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    names = [line.split()[1:] for line in lines if line.startswith("property")]
    types = {"float": "<f4", "uchar": "u1"}
    dtype = np.dtype([(name, types[kind]) for kind, name in names])
    count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
    assert len(body) == count * dtype.itemsize
    vertices = np.frombuffer(body, dtype)
    xyz = np.stack([vertices[axis] for axis in "xyz"], axis=1)
    rgb = np.stack([vertices[name] for name in ("red", "green", "blue")], axis=1)
    return xyz, rgb, [line.removeprefix("comment ") for line in lines if "comment" in line]


def read_glb(path: Path) -> tuple[dict, np.ndarray, np.ndarray]:
    data = path.read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert (kind, size % 4) == (b"JSON", 0)
    gltf = json.loads(data[20 : 20 + size])
    body_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    body = data[28 + size :]
    assert (kind, body_size, body_size % 4) == (b"BIN\0", len(body), 0)
    assert gltf["buffers"] == [{"byteLength": len(body)}]
    arrays = []
    for name in ("POSITION", "COLOR_0"):
        accessor = gltf["accessors"][gltf["meshes"][0]["primitives"][0]["attributes"][name]]
        view = gltf["bufferViews"][accessor["bufferView"]]
        dtype = {5126: "<f4", 5123: "<u2", 5121: "u1"}[accessor["componentType"]]
        arrays.append(
            np.ndarray(
                (accessor["count"], int(accessor["type"][-1])),
                dtype,
                body,
                view.get("byteOffset", 0) + accessor["byteOffset"],
                (view["byteStride"], np.dtype(dtype).itemsize),
            )
        )
    return gltf, arrays[0], arrays[1]


def test_ply_points_are_in_viewer_axes_with_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "cloud.ply"
    assert write_ply(path, MAP, RGB) == 5
    xyz, rgb, comments = read_ply(path)
    np.testing.assert_array_equal(xyz, BY_HAND)
    np.testing.assert_array_equal(rgb, RGB.reshape(-1, 3)[[0, 2, 3, 4, 5]])
    assert comments == ["unit metre", "axes x right, y up, z backward", "model \\xe9t\\xe9 S1"]
    assert write_ply(tmp_path / "pillow.ply", MAP, Image.fromarray(RGB)) == 5
    assert (tmp_path / "pillow.ply").read_bytes() == path.read_bytes()


def test_glb_points_are_the_same_and_its_colours_linear(tmp_path: Path) -> None:
    path = tmp_path / "cloud.glb"
    assert write_glb(path, MAP, RGB) == 5
    gltf, xyz, rgba = read_glb(path)
    np.testing.assert_array_equal(xyz, BY_HAND)
    accessor = gltf["accessors"][0]
    assert (accessor["min"], accessor["max"]) == ([-2, -0.5, -4], [2, 0.25, -2])
    primitive = gltf["meshes"][0]["primitives"][0]
    assert primitive["mode"] == 0
    assert gltf["asset"]["version"] == "2.0"
    assert gltf["asset"]["extras"] == {"unit": "metre", "model": "été\nS1"}
    assert gltf["accessors"][1]["normalized"] is True
    assert (rgba[:, 3] == 65535).all()
    linear = rgba[:, :3] / 65535
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_array_equal(
        np.rint(encoded * 255), RGB.reshape(-1, 3)[[0, 2, 3, 4, 5]].astype(float)
    )


# --- flying pixels -------------------------------------------------------------------------------


def wall_behind_box(ramp: list[float]) -> DepthMap:
    row = [2.0] * 12 + ramp + [4.0] * 12
    return DepthMap.from_metres(np.tile(row, (9, 1)))


@pytest.mark.parametrize("ramp", [[3.0], [2.5, 3.4], [2.3, 2.7, 3.4], [2.15, 2.4, 2.8, 3.2, 3.6]])
def test_the_ramp_between_two_surfaces_floats(ramp: list[float]) -> None:
    expected = np.zeros((9, 24 + len(ramp)), dtype=bool)
    expected[:, 12:-12] = True
    depth_map = wall_behind_box(ramp)
    np.testing.assert_array_equal(flying_pixel_mask(depth_map), expected)
    turned = DepthMap.from_metres(depth_map.depth.T[::-1])
    np.testing.assert_array_equal(flying_pixel_mask(turned), expected.T[::-1])


def test_both_sides_of_a_clean_jump_stay() -> None:
    assert not flying_pixel_mask(wall_behind_box([])).any()


def test_a_pole_of_one_pixel_stays() -> None:
    depth = np.full((9, 21), 6.0)
    depth[:, 10] = 2.0
    assert not flying_pixel_mask(DepthMap.from_metres(depth)).any()


def test_a_floor_at_a_grazing_angle_stays() -> None:
    """Close to the horizon a floor's rows differ by far more than the threshold."""
    rows = np.arange(4, 200)
    floor = np.tile((1.5 * 300 / rows)[:, None], (1, 30))
    assert floor[0, 0] / floor[1, 0] > 1.2
    assert not flying_pixel_mask(DepthMap.from_metres(floor)).any()


def test_the_crease_between_two_walls_stays() -> None:
    x = np.arange(-60, 61)
    wall = 1 / (0.05 + 0.02 * np.abs(x))
    assert not flying_pixel_mask(DepthMap.from_metres(np.tile(wall, (5, 1)))).any()


def test_resizing_a_sphere_in_front_of_a_wall_makes_pixels_fly_and_they_are_found() -> None:
    y, x = np.mgrid[:120, :160]
    inside = (x - 80) ** 2 + (y - 60) ** 2 < 40**2
    sharp = np.where(inside, 2.0, 5.0).astype(np.float32)
    blurred = cv2.resize(
        cv2.resize(sharp, (80, 60), interpolation=cv2.INTER_AREA),
        (160, 120),
        interpolation=cv2.INTER_LINEAR,
    )
    floating = (np.abs(blurred - 2) / 2 > 0.1) & (np.abs(blurred - 5) / 5 > 0.1)
    found = flying_pixel_mask(DepthMap.from_metres(blurred))
    assert floating.sum() > 200
    assert found[floating].mean() > 0.95
    assert not found[~floating & (blurred < 2.05)].any()


def test_holes_are_not_edges() -> None:
    depth = np.full((9, 21), 3.0)
    depth[:, 8:12] = 0
    assert not flying_pixel_mask(DepthMap.from_metres(depth)).any()


def test_a_higher_threshold_finds_less() -> None:
    depth_map = wall_behind_box([2.3, 2.7, 3.4])
    assert flying_pixel_mask(depth_map, 0.05).sum() == 9 * 3
    assert flying_pixel_mask(depth_map, 0.16).sum() == 9 * 2
    assert flying_pixel_mask(depth_map, 0.5).sum() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (8, 1), (2, 2)])
def test_tiny_maps_have_no_edges(shape: tuple[int, int]) -> None:
    depth = np.arange(1, 1 + np.prod(shape)).reshape(shape) ** 2
    assert flying_pixel_mask(DepthMap.from_metres(depth)).shape == shape


@pytest.mark.parametrize("write", [write_ply, write_glb])
def test_flying_pixels_are_left_out(tmp_path: Path, write: object) -> None:
    depth_map = wall_behind_box([2.5, 3.4])
    camera = Intrinsics.from_fov(60, depth_map.width, depth_map.height)
    depth_map = DepthMap.from_metres(depth_map.depth, intrinsics=camera)
    rgb = np.zeros((*depth_map.shape, 3), np.uint8)
    path = tmp_path / "c.bin"
    assert write(path, depth_map, rgb) == 9 * 24  # type: ignore[operator]


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_ply, write_glb])
def test_impossible_clouds_are_explained(tmp_path: Path, write: object) -> None:
    path = tmp_path / "c.ply"
    nothing = DepthMap.from_metres(np.zeros((2, 3)), intrinsics=CAMERA)
    bare = DepthMap.from_metres(np.ones((2, 3)))

    def message(depth_map: DepthMap, rgb: np.ndarray = RGB) -> str:
        return complaint(lambda: write(path, depth_map, rgb))  # type: ignore[operator]

    assert "same size" in message(MAP, RGB[:1])
    assert "uint8" in message(MAP, RGB / 255)
    assert "no valid point" in message(nothing)
    assert "intrinsics" in message(bare)
    assert "must be positive" in complaint(lambda: flying_pixel_mask(MAP, 0))
    assert not path.exists()
