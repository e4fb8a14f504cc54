"""Camera files of COLMAP, OpenCV, ROS and JSON: pinhole, and lens, which is never dropped."""

import json
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.datasets import open_data
from leadline.errors import LeadlineWarning
from leadline.io.cameras import read_camera, read_camera_file
from leadline.io.photos import read_photo
from tests.complaints import complaint

OPENCV = """%YAML:1.0
---
calibration_time: "Mon 01 Jan 2024"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 5.3e+02, 0., 3.2e+02, 0., 531., 241.5, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.8e-01, 7.0e-02, 1e-3, -2e-3, 0. ]
"""
ROS = """image_width: 640
image_height: 480
camera_name: rgb
camera_matrix:
  rows: 3
  cols: 3
  data: [530.0, 0, 320.0, 0, 531.0, 241.5, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.28, 0.07, 0.001, -0.002, 0]
projection_matrix:
  rows: 3
  cols: 4
  data: [516.2, 0, 310.3, 0, 0, 514.0, 246.8, 0, 0, 0, 1, 0]
"""
JSON = {
    **{"K": [[530, 0, 320], [0, 531, 241.5], [0, 0, 1]], "width": 640, "height": 480},
    **{"k1": -0.28, "k2": 0.07, "p1": 0.001, "p2": -0.002},
}
LENS = (-0.28, 0.07, 0.001, -0.002)


def write(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", OPENCV),
        ("a.yml", ROS),
        ("a.json", JSON),
        ("a.json", {"K": JSON["K"], "width": 640, "height": 480, "D": [*LENS, 0]}),
        ("a.yaml", ROS.replace("camera_matrix", "K").replace("distortion_coefficients", "D")),
        (
            "orb.yaml",
            "%YAML:1.0\nCamera.type: PinHole\nCamera.fx: 530.0\nCamera.fy: 531.0\n"
            "Camera.cx: 320.0\nCamera.cy: 241.5\nCamera.width: 640\n"
            "Camera.height: 480\nCamera.k1: -0.28\n"
            "Camera.k2: 0.07\nCamera.p1: 0.001\nCamera.p2: -0.002\n",
        ),
        ("cameras.txt", "# list\n1 OPENCV 640 480 530 531 320.5 242 -0.28 0.07 0.001 -0.002\n"),
    ],
)
def test_the_pinhole_and_the_lens_are_read(tmp_path, name, content):
    file = read_camera_file(write(tmp_path, name, content))
    assert (file.fx, file.fy, file.cx, file.cy) == (530, 531, 320, 241.5)
    assert file.size == (640, 480)
    assert file.distortion[:4] == LENS and not any(file.distortion[4:])
    assert "bends the picture by up to" in complaint(lambda: file.for_size(640, 480), name)


@pytest.mark.parametrize(
    ("line", "pinhole"),
    [
        ("SIMPLE_PINHOLE 640 480 500 320.5 240.5", (500, 500, 320, 240)),
        ("PINHOLE 640 480 500 510 320.5 240.5", (500, 510, 320, 240)),
        ("SIMPLE_RADIAL 640 480 500 320.5 240.5 0", (500, 500, 320, 240)),
        ("RADIAL 640 480 500 320.5 240.5 1e-6 0", (500, 500, 320, 240)),
        ("FULL_OPENCV 640 480 500 510 320.5 240.5" + " 0" * 8, (500, 510, 320, 240)),
    ],
)
def test_colmap_counts_pixels_from_their_corner(tmp_path, line, pinhole):
    """Its first pixel's centre is (0.5, 0.5), ours (0, 0); a lens of 1e-6 bends nothing."""
    camera = read_camera(write(tmp_path, "cameras.txt", f"# comment\n3 {line}\n"), 640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pinhole
    half = read_camera(tmp_path / "cameras.txt", 320, 240)
    assert (half.fx, half.cx) == (250, 320.5 / 2 - 0.5)


def test_colmaps_binary_says_the_same(tmp_path):
    numbers = struct.pack("<iiQQ4d", 1, 2, 640, 480, 500, 320.5, 240.5, -0.2)
    path = tmp_path / "cameras.bin"
    path.write_bytes(struct.pack("<Q", 1) + numbers)
    file = read_camera_file(path)
    assert (file.fx, file.cx, file.distortion) == (500, 320, (-0.2, *[0.0] * 7))
    path.write_bytes(struct.pack("<Q", 2) + numbers)
    assert "cut short" in complaint(lambda: read_camera_file(path), path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cameras.txt", "1 OPENCV_FISHEYE 640 480 1 1 1 1 0 0 0 0", "fisheye"),
        ("cameras.txt", "1 FOV 640 480 1 1 1 1 0", "fisheye"),
        ("cameras.txt", "1 PINHOLE 640 480 1 2 3", "3 parameters"),
        ("cameras.txt", "1 PINHOLE 9 9 9 9 4 4\n2 PINHOLE 9 9 8 8 4 4", "holds 2 cameras"),
        ("a.yaml", ROS.replace("plumb_bob", "equidistant"), "fisheye"),
        ("a.yaml", OPENCV + "camera_model: KannalaBrandt8\n", "fisheye"),
        ("a.json", {**JSON, "projection_type": "spherical"}, "360-degree"),
        ("a.json", {**JSON, "model": "equirectangular"}, "360-degree"),
        ("a.json", {**JSON, "D": [0.1] * 12}, "thin prism"),
        ("a.json", {**JSON, "D": [0.1, 0.2]}, "2 coefficients"),
        ("a.json", {**JSON, "D": [float("nan")] * 4}, "not a finite number"),
        ("a.json", {"K": JSON["K"], "width": 320, "height": 120}, "far outside its own"),
    ],
)
def test_what_is_no_pinhole_is_refused_by_name(tmp_path, name, content, words):
    path = write(tmp_path, name, content)
    assert words in complaint(lambda: read_camera_file(path), path)


def test_a_principal_point_far_outside_is_refused_and_near_outside_warned(tmp_path):
    path = write(tmp_path, "k.txt", "1000 1000 960 540")
    assert "far outside a picture of 640 x 480" in complaint(
        lambda: read_camera(path, 640, 480), path
    )
    write(tmp_path, "k.txt", "500 500 650 240")
    with pytest.warns(LeadlineWarning, match="far from the middle"):
        read_camera(path, 640, 480)
    write(
        tmp_path,
        "k.json",
        {"K": [1000, 0, 960, 0, 1000, 540, 0, 0, 1], "width": 1920, "height": 1080},
    )
    camera = read_camera(tmp_path / "k.json", 960, 540)
    assert (camera.fx, camera.cx) == (500, 479.75)


@pytest.fixture
def bent(tmp_path):
    """A pair whose depth and label hold the column of their pixel, seen through a bent lens."""
    for name in ("rgb", "depth", "label"):
        (tmp_path / name).mkdir()
    columns = np.tile(np.arange(64, dtype=np.uint16), (48, 1))
    Image.fromarray(np.stack([columns * 3] * 3, axis=-1).astype(np.uint8)).save(
        tmp_path / "rgb/0.png"
    )
    Image.fromarray((columns + 1) * 100).save(tmp_path / "depth/0.png")
    Image.fromarray(columns.astype(np.uint8)).save(tmp_path / "label/0.png")
    camera = {"fx": 40, "fy": 41, "cx": 31.5, "cy": 23.5, "width": 64, "height": 48, "k1": -0.2}
    (tmp_path / "camera.json").write_text(json.dumps(camera))
    (tmp_path / "dataset.yaml").write_text("depth_scale: 1000\ncamera: camera.json\n")
    return tmp_path


def test_data_is_straightened_by_the_lens(bent):
    sample = open_data(bent)[0]
    for row, column in ((0, 0), (23, 31), (40, 7), (47, 63), (5, 50)):
        x, y = (column - 31.5) / 40, (row - 23.5) / 41
        seen = 31.5 + 40 * x * (1 - 0.2 * (x * x + y * y))  # where the bent lens saw that ray
        assert sample.depth[row, column] == pytest.approx((round(seen) + 1) / 10, abs=1e-6)
        assert sample.labels[row, column] == round(seen)
        assert sample.image[row, column, 0] == pytest.approx(3 * seen, abs=1.1)
    assert (sample.intrinsics.fx, sample.intrinsics.cx) == (40, 31.5)
    assert "unreadable" not in {finding.code for finding in check_data(bent).findings}


def test_rays_of_a_bent_lens_are_refused(bent):
    with (bent / "dataset.yaml").open("a") as file:
        file.write("depth_kind: ray\n")
    assert "undistort the data first" in complaint(lambda: open_data(bent), bent)


def test_bending_agrees_with_opencv(tmp_path):
    from leadline.depth import Intrinsics
    from leadline.io.distortion import bending

    camera = Intrinsics(500, 505, 320, 240, 640, 480)
    lens = np.array([-0.3, 0.1, 0.002, -0.001, 0.05, 0.01, 0.02, 0.003])
    corners = [[x, y] for x in np.linspace(-0.5, 639.5, 33) for y in np.linspace(-0.5, 479.5, 33)]
    points = np.array(corners)
    rays = np.column_stack(
        [(points[:, 0] - 320) / 500, (points[:, 1] - 240) / 505, np.ones(33 * 33)]
    )
    seen = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), camera.matrix, lens)[0][:, 0]
    assert bending(camera, lens) == pytest.approx(np.hypot(*(seen - points).T).max(), rel=1e-6)


def test_a_photograph_of_360_degrees_is_refused_by_name(tmp_path):
    path = tmp_path / "sphere.jpg"
    xmp = b'<rdf:Description GPano:ProjectionType="equirectangular"/>'
    Image.new("RGB", (64, 32)).save(path, xmp=xmp)
    assert "360-degree picture (GPano: equirectangular)" in complaint(
        lambda: read_photo(path), path
    )
    Image.new("RGB", (64, 32)).save(path)
    assert read_photo(path).width == 64
