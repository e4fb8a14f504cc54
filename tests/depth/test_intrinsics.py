import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.depth import Intrinsics
from leadline.errors import LeadlineWarning
from leadline.io import read_camera
from leadline.io.cameras import read_camera_file
from tests.complaints import complaint

NYU = Intrinsics(518.857901, 519.469611, 325.582449, 253.736166, 640, 480)
FLAT = "518.857901 0 325.582449 0 519.469611 253.736166 0 0 1"


def project(camera: Intrinsics, point: tuple[float, float, float]) -> tuple[float, float]:
    u, v, w = camera.matrix @ np.array(point)
    return u / w, v / w


def test_matrix_and_back() -> None:
    expected = [[518.857901, 0, 325.582449], [0, 519.469611, 253.736166], [0, 0, 1]]
    np.testing.assert_array_equal(NYU.matrix, expected)
    assert NYU.matrix.dtype == np.float64
    assert Intrinsics.from_matrix(NYU.matrix, 640, 480) == NYU


@pytest.mark.parametrize(
    "text",
    [
        FLAT,
        "518.857901, 0, 325.582449,\n0, 519.469611, 253.736166,\n0, 0, 1\n",
        "# NYU\n518.857901 519.469611 325.582449 253.736166  # fx fy cx cy",
    ],
)
def test_text_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k.txt"
    path.write_text(text)
    assert read_camera(path, 640, 480) == NYU


@pytest.mark.parametrize(
    "content",
    [
        {"fx": 518.857901, "fy": 519.469611, "cx": 325.582449, "cy": 253.736166},
        {"K": NYU.matrix.tolist(), "lens": "kinect"},
        {"K": [float(word) for word in FLAT.split()]},
        NYU.matrix.tolist(),
    ],
)
def test_json_files(tmp_path: Path, content: object) -> None:
    path = tmp_path / "k.json"
    path.write_text(json.dumps(content))
    assert read_camera(path, 640, 480) == NYU


def test_json_with_a_size_is_scaled_to_the_size_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    path.write_text(json.dumps(NYU.to_dict()))
    assert read_camera(path, 320, 240) == NYU.scaled_to(320, 240)


@pytest.mark.parametrize(
    "array", [NYU.matrix, NYU.matrix.ravel(), NYU.matrix[[0, 1, 0, 1], [0, 1, 2, 2]]]
)
def test_npy_files(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "k.npy"
    np.save(path, array)
    assert read_camera(path, 640, 480) == NYU


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("k.txt", "1 2 3", "holds 3 numbers; expected nine"),
        ("k.txt", "a b c d", "expected nine numbers"),
        ("k.txt", FLAT.replace("518.857901", "nan"), "not a finite number"),
        ("k.txt", "-500 500 320 240", "must be positive"),
        ("k.txt", "500 500 inf 240", "not a finite number"),
        ("k.txt", "0.8 1.1 0.5 0.5", "look normalised"),
        ("k.txt", "500 3 320 0 500 240 0 0 1", "skew"),
        ("k.txt", "500 0 0 0 500 0 320 240 1", "row by row"),
        ("k.json", "{", "expected nine numbers"),
        ("k.json", '{"fx": 500}', "expected nine numbers"),
        ("k.json", '{"K": "wide"}', "expected nine numbers"),
        ("k.json", "3", "expected nine numbers"),
        ("k.npy", "not an array", "expected nine numbers"),
        ("k.bin", "\0\1", "is not COLMAP's cameras.bin"),
    ],
)
def test_bad_files_are_explained(tmp_path: Path, name: str, content: str, hint: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert hint in complaint(lambda: read_camera(path, 640, 480), path)


def test_pickled_intrinsics_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "k.npy"
    np.save(path, np.array([{"fx": 1}], dtype=object), allow_pickle=True)
    assert "expected nine numbers" in complaint(lambda: read_camera(path, 640, 480), path)


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    assert "no such file" in complaint(lambda: read_camera(path, 640, 480), path)


def test_a_full_frame_camera_has_its_real_focal_length() -> None:
    """36 mm over 3600 pixels is 100 pixels per mm, so 50 mm is 5000 pixels."""
    camera = Intrinsics.from_focal_35mm(50, 3600, 2400)
    assert camera.fx == pytest.approx(5000)
    assert (camera.fy, camera.cx, camera.cy) == (camera.fx, 1799.5, 1199.5)


def test_focal_35mm_is_taken_over_the_diagonal() -> None:
    """A 4:3 phone picture, 4000 x 3000, has a diagonal of 5000 pixels for 43.2666 mm."""
    camera = Intrinsics.from_focal_35mm(26, 4000, 3000)
    assert camera.fx == pytest.approx(26 * 5000 / 43.26661530556787)


def horizontal_fov(camera: Intrinsics) -> float:
    """The angle between the left and the right edge of the picture, in degrees."""
    left = math.atan((camera.cx + 0.5) / camera.fx)
    return math.degrees(left + math.atan((camera.width - 0.5 - camera.cx) / camera.fx))


def test_ninety_degrees_are_twice_the_focal_length() -> None:
    camera = Intrinsics.from_fov(90, 800, 600)
    assert camera.fx == pytest.approx(400)
    assert camera.fy == camera.fx


@given(st.floats(1, 175), st.integers(1, 5000), st.integers(1, 5000))
def test_the_field_of_view_lies_between_the_edges(degrees: float, width: int, height: int) -> None:
    assert horizontal_fov(Intrinsics.from_fov(degrees, width, height)) == pytest.approx(degrees)


def test_scaling_keeps_the_edges_of_the_picture_in_place() -> None:
    """Two by two pixels become one: the centre of the first block is pixel (0, 0) of the half."""
    half = NYU.scaled_to(320, 240)
    u, v = project(NYU, (0.4, -0.3, 2.0))
    assert project(half, (0.4, -0.3, 2.0)) == pytest.approx(((u - 0.5) / 2, (v - 0.5) / 2))
    assert Intrinsics.from_fov(60, 640, 480).scaled_to(320, 240).cx == 159.5


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_scaling_there_and_back_is_the_same_camera(width: int, height: int) -> None:
    back = NYU.scaled_to(width, height).scaled_to(640, 480)
    np.testing.assert_allclose(back.matrix, NYU.matrix, rtol=1e-12)
    assert horizontal_fov(NYU.scaled_to(width, 480)) == pytest.approx(horizontal_fov(NYU))


@pytest.mark.parametrize("focal", [0, -3, math.nan, math.inf])
def test_impossible_focal_lengths(focal: float) -> None:
    assert "for instance 26" in complaint(lambda: Intrinsics.from_focal_35mm(focal, 64, 48))


@pytest.mark.parametrize("degrees", [0, -10, 180, math.nan])
def test_impossible_fields_of_view(degrees: float) -> None:
    assert "between 0 and 180" in complaint(lambda: Intrinsics.from_fov(degrees, 64, 48))


def test_wrong_matrix_shape() -> None:
    assert "(3, 4)" in complaint(lambda: Intrinsics.from_matrix(np.zeros((3, 4)), 64, 48))


def test_dict_and_back_and_a_missing_key() -> None:
    assert Intrinsics.from_dict(NYU.to_dict()) == NYU
    assert "'cx'" in complaint(lambda: Intrinsics.from_dict({"fx": 1, "fy": 1}))


def test_the_focal_length_of_a_resized_picture():
    camera = Intrinsics(500, 500, 319.5, 239.5, 640, 480)
    assert camera.focal_at(240, 320) == 250
    # Half as wide, as high as before: fx 250, fy 500.
    assert camera.focal_at(480, 320) == pytest.approx((250 * 500) ** 0.5)


@pytest.mark.parametrize("shape", [(96, 128), (960, 1280)])
def test_the_camera_of_a_turned_picture_is_turned(tmp_path, shape):
    """A picture held upright, by its EXIF block for instance: no side is squeezed."""
    path = tmp_path / "camera.json"
    path.write_text('{"fx": 100, "fy": 101, "cx": 60, "cy": 50, "width": 128, "height": 96}')
    with pytest.warns(LeadlineWarning, match="this one is turned by 90 degrees"):
        camera = read_camera_file(path).for_size(*shape)
    scale = shape[0] / 96
    assert (camera.fx, camera.fy) == pytest.approx((101 * scale, 100 * scale))
    assert (camera.cx, camera.cy) == pytest.approx(((shape[0] - 1) / 2, (shape[1] - 1) / 2))


def test_the_camera_of_a_smaller_or_larger_picture_is_suspected(tmp_path, recwarn):
    path = tmp_path / "camera.txt"
    path.write_text("518.86 519.47 325.58 253.74")
    for width, height in ((2000, 1500), (320, 240), (1280, 960)):
        with pytest.warns(LeadlineWarning, match="is far from the middle of a picture"):
            read_camera_file(path).for_size(width, height)
    recwarn.clear()
    read_camera_file(path).for_size(640, 480)
    read_camera_file(path).for_size(561, 427)  # NYU's own crop
    assert not recwarn


def test_the_equivalent_focal_length_is_that_of_the_diagonals():
    camera = Intrinsics.from_focal_35mm(26, 4000, 3000)
    assert camera.focal_35mm == pytest.approx(26)
    assert Intrinsics.centred(500, 300, 400).focal_35mm == pytest.approx(43.2666, rel=1e-4)


def test_millimetres_given_for_pixels_are_said(tmp_path):
    path = tmp_path / "camera.txt"
    path.write_text("35 35 319.5 239.5")  # 35 x 43.27 / 800 = 1.89
    with pytest.warns(LeadlineWarning, match=r"35 pixels .*640 x 480 is 1.89 mm in 35 mm terms"):
        read_camera_file(path).for_size(640, 480)


def test_a_camera_file_without_a_key_or_text_is_refused_in_words(tmp_path):
    (tmp_path / "k.json").write_text('{"fy": 500, "cx": 3, "cy": 4}')
    assert "it has no 'fx'" in complaint(lambda: read_camera(tmp_path / "k.json", 640, 480))
    (tmp_path / "k.txt").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    assert "is no text, nor a camera" in complaint(
        lambda: read_camera(tmp_path / "k.txt", 640, 480)
    )


@pytest.mark.parametrize("size", [(640, 638), (640, 640), (100, 99), (1020, 1024)])
def test_a_nearly_square_camera_is_not_taken_for_a_turned_one(tmp_path, recwarn, size):
    width, height = size
    path = tmp_path / "camera.json"
    camera = {"fx": 600, "fy": 600, "cx": width / 2, "cy": height / 2}
    path.write_text(json.dumps(camera | {"width": width, "height": height}))
    assert read_camera_file(path).for_size(width, height).fx == 600
    assert not recwarn


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"fx": 110, "fx": 500, "fy": 110, "cx": 64, "cy": 48}', "'fx' stands twice"),
        (
            '{"fx": 110, "fy": 110, "cx": 64, "cy": 48, "K": [[500,0,64],[0,500,48],[0,0,1]]}',
            "fx is 110 and the matrix says 500",
        ),
        ('{"fx": 110, "fy": 110, "cx": 64, "cy": 48, "width": 0, "height": 96}', "of 0 x 96"),
    ],
)
def test_of_two_cameras_in_a_file_none_is_chosen(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "k.json").write_text(text)
    message = complaint(lambda: read_camera(tmp_path / "k.json", 128, 96), tmp_path / "k.json")
    assert words in message


def test_one_camera_may_be_said_twice(tmp_path: Path) -> None:
    content = {**dict(zip(("fx", "fy", "cx", "cy"), (110, 111, 64, 48), strict=True))}
    content |= {"K": [110, 0, 64, 0, 111, 48, 0, 0, 1]}
    (tmp_path / "k.json").write_text(json.dumps(content))
    assert read_camera(tmp_path / "k.json", 128, 96).fy == 111
