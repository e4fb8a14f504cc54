"""EXIF blocks as cameras write them: the focal length in pixels, worked out by hand."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from leadline.depth import Intrinsics
from leadline.errors import LeadlineWarning
from leadline.io import Photo, read_photo

ORIENTATION, MODEL = 0x0112, 0x0110
FOCAL, FOCAL_35MM = 0x920A, 0xA405
RESOLUTION, UNIT = 0xA20E, 0xA210
WIDTH, HEIGHT = 0xA002, 0xA003
INCH, CENTIMETRE = 2, 3

RATIONAL = TiffImagePlugin.IFDRational


def photo_with(
    folder: Path, tags: dict[int, object], size: tuple[int, int] = (60, 40), **top: object
) -> Photo:
    """Write a JPEG of `size` (width, height) with these photographic tags, and read it."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(tags)
    if "orientation" in top:
        exif[ORIENTATION] = top["orientation"]
    exif[MODEL] = "Plumb 3"
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "p.jpg", exif=exif)
    return read_photo(folder / "p.jpg")


def test_the_lens_is_what_the_block_says(tmp_path):
    tags = {
        FOCAL_35MM: 26,
        FOCAL: 4.25,
        RESOLUTION: RATIONAL(5000),
        UNIT: INCH,
        WIDTH: 60,
        HEIGHT: 40,
    }
    lens = photo_with(tmp_path, tags).lens
    assert (lens.focal_35mm, lens.camera_model, lens.recorded_size) == (26, "Plumb 3", (60, 40))
    assert lens.focal_mm == pytest.approx(4.25)
    assert lens.pixels_per_mm == pytest.approx(5000 / 25.4)


def test_35_mm_on_a_frame_of_36_by_24_mm(tmp_path):
    """60 x 40 pixels on 36 x 24 mm are 5/3 pixels a millimetre."""
    camera = photo_with(tmp_path, {FOCAL_35MM: 36}).intrinsics
    assert camera.fx == camera.fy == pytest.approx(60)
    assert (camera.cx, camera.cy, camera.width, camera.height) == (29.5, 19.5, 60, 40)


@pytest.mark.parametrize(
    ("resolution", "unit"),
    [(RATIONAL(381, 5), INCH), (76.2, None), (30.0, CENTIMETRE), (3.0, 4), (0.003, 5)],
)
def test_focal_length_with_the_resolution_on_the_sensor(tmp_path, resolution, unit):
    """60 pixels at 3 a millimetre: a sensor 20 mm wide behind a lens of 25 mm."""
    tags = {FOCAL: RATIONAL(25), RESOLUTION: resolution} | ({} if unit is None else {UNIT: unit})
    camera = photo_with(tmp_path, tags).intrinsics
    assert camera.focal == pytest.approx(75)


def test_a_resized_picture_keeps_its_field_of_view(tmp_path):
    """Recorded at 6000 x 4000 with 300 pixels a millimetre: 20 mm wide, as above."""
    tags = {FOCAL: 25.0, RESOLUTION: 3000.0, UNIT: CENTIMETRE, WIDTH: 6000, HEIGHT: 4000}
    assert photo_with(tmp_path, tags).intrinsics.focal == pytest.approx(75)
    assert photo_with(tmp_path, tags, (120, 80)).intrinsics.focal == pytest.approx(150)


def test_the_35_mm_length_comes_first(tmp_path):
    tags = {FOCAL_35MM: 36, FOCAL: 25.0, RESOLUTION: 30.0, UNIT: CENTIMETRE}
    assert photo_with(tmp_path, tags).intrinsics.focal == pytest.approx(60)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize(
    "tags",
    [
        {FOCAL_35MM: 36, WIDTH: 60, HEIGHT: 40},
        {FOCAL: 20.0, RESOLUTION: 30.0, UNIT: CENTIMETRE, WIDTH: 60, HEIGHT: 40},
    ],
)
def test_turning_keeps_the_focal_length_in_pixels(tmp_path, orientation, tags):
    photo = photo_with(tmp_path, tags, orientation=orientation)
    width, height = (40, 60) if orientation in (6, 8) else (60, 40)
    assert (photo.width, photo.height) == (width, height)
    assert photo.intrinsics == Intrinsics.centred(photo.intrinsics.fx, width, height)
    assert photo.intrinsics.focal == pytest.approx(60)


def test_a_picture_turned_by_an_editor_keeps_it_too(tmp_path):
    """The pixels are upright, the recorded size is still that of the lying picture."""
    tags = {FOCAL: 20.0, RESOLUTION: 30.0, UNIT: CENTIMETRE, WIDTH: 60, HEIGHT: 40}
    assert photo_with(tmp_path, tags, (40, 60)).intrinsics.focal == pytest.approx(60)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "tags",
    [
        {},
        {FOCAL_35MM: 0},
        {FOCAL: RATIONAL(0, 0), RESOLUTION: 30.0},
        {FOCAL: 4.25},
        {FOCAL: 4.25, RESOLUTION: RATIONAL(0)},
        {RESOLUTION: 30.0},
    ],
)
def test_without_a_focal_length_nothing_is_known_or_said(tmp_path, tags):
    """0 and 0/0 are EXIF's words for unknown."""
    assert photo_with(tmp_path, tags).intrinsics is None


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({FOCAL_35MM: 1}, "a focal length of 1 mm"),
        ({FOCAL_35MM: 60000}, "a focal length of 6e"),
        ({FOCAL: 25.0, RESOLUTION: 1e6, UNIT: CENTIMETRE}, "a sensor of 0.000721 mm"),
        ({FOCAL: 25.0, RESOLUTION: 0.3, UNIT: CENTIMETRE}, "a sensor of 2.4e"),
        ({FOCAL: 0.1, RESOLUTION: 30.0, UNIT: CENTIMETRE}, "a focal length of 0.18 mm"),
        ({FOCAL_35MM: 36, WIDTH: 6000, HEIGHT: 3000}, "was cropped"),
    ],
)
def test_what_no_camera_has_is_ignored_with_a_warning(tmp_path, tags, words):
    photo = photo_with(tmp_path, tags)
    with pytest.warns(LeadlineWarning, match=words) as caught:
        assert photo.intrinsics is None
    assert "--fov" in str(caught[0].message)
    assert "p.jpg" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert photo.intrinsics is None, "said once"


def test_the_field_of_view_of_a_phone(tmp_path):
    """26 mm over the diagonal of 43.27 mm; 4:3 makes that 34.6 mm across."""
    camera = photo_with(tmp_path, {FOCAL_35MM: 26}, (400, 300)).intrinsics
    across = 2 * math.atan(math.hypot(36, 24) * 0.8 / 2 / 26)
    assert 2 * math.atan(200 / camera.fx) == pytest.approx(across)
