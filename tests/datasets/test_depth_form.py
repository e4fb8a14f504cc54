"""Depth that is no plain z of the photograph's size: colours, rotated bits, rays, two sizes."""

import math

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.data_checks.pairs import list_data
from leadline.datasets import open_data
from leadline.depth.encodings import are_rotated, rotate_back
from tests.complaints import complaint

CAMERA = {"fx": 20.0, "fy": 21.0, "cx": 9.5, "cy": 7.5}


def write_pair(folder, depth, image_size=(16, 20), yaml="", name="depth/0.png"):
    """Write one photograph (noise) with `depth` as its depth file, and a dataset.yaml."""
    for each in ("rgb", "depth"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).integers(0, 255, (*image_size, 3), dtype=np.uint8)
    Image.fromarray(image).save(folder / "rgb/0.png")
    if name.endswith(".npy"):
        np.save(folder / name, depth)
    else:
        Image.fromarray(depth).save(folder / name)
    (folder / "dataset.yaml").write_text(yaml)
    return folder


def numbers(*values):
    """(16,20) of these numbers, one after another."""
    return np.resize(np.array(values), (16, 20))


@pytest.mark.parametrize(
    ("encoding", "colours", "metres"),
    [
        ("carla", (255, 255, 255), 1000.0),
        ("carla", (0, 0, 1), 65536 / 16777215 * 1000),  # 3.906 m
        ("carla", (7, 64, 0), (7 + 64 * 256) / 16777215 * 1000),
        ("shift-mm", (232, 3, 0), 1.0),
        ("carla", (0, 0, 0), 0.0),
    ],
)
@pytest.mark.parametrize("alpha", [(), (255,)])
def test_the_bytes_of_a_colour_are_a_number(tmp_path, encoding, colours, metres, alpha):
    picture = np.tile(np.array([*colours, *alpha], np.uint8), (16, 20, 1))
    folder = write_pair(tmp_path, picture, yaml=f"depth_encoding: {encoding}\n")
    sample = open_data(folder)[0]
    assert sample.depth == pytest.approx(np.full((16, 20), metres), rel=1e-6)
    assert sample.valid.all() == (metres > 0)


def test_colours_from_a_lossy_file_are_refused(tmp_path):
    picture = np.full((16, 20, 3), 9, np.uint8)
    folder = write_pair(tmp_path, picture, yaml="depth_encoding: carla\n")
    Image.fromarray(picture).save(folder / "depth/0.jpg")
    (folder / "a.csv").write_text("image,depth\nrgb/0.png,depth/0.jpg\n")
    assert "needs every bit" in complaint(lambda: open_data(folder / "a.csv")[0], "0.jpg")


def test_rotated_bits_are_turned_back(tmp_path):
    millimetres = numbers(0, 1, 1500, 8191, 8192, 9000, 65535)
    rotated = (millimetres * 8) % 65536 + millimetres // 8192
    folder = write_pair(tmp_path, rotated.astype(np.uint16), yaml="depth_encoding: rotated\n")
    assert open_data(folder)[0].depth == pytest.approx(millimetres / 1000)
    every = np.arange(65536)
    turned = rotate_back(((every * 8) % 65536 + every // 8192).astype(np.uint16))
    assert np.array_equal(turned, every)


@pytest.mark.parametrize("factor", [1, 4, 5, 10])
def test_numbers_of_another_kind_are_not_taken_for_rotated(factor):
    millimetres = np.arange(500, 6000, dtype=np.uint16)
    assert not are_rotated(millimetres * np.uint16(factor))
    assert are_rotated(millimetres * np.uint16(8))


def test_an_encoding_and_another_unit_contradict_each_other(tmp_path):
    yaml = "depth_encoding: rotated\ndepth_scale: 256\n"
    folder = write_pair(tmp_path, numbers(8000).astype(np.uint16), yaml=yaml)
    assert "drop the depth scale 256" in complaint(lambda: open_data(folder), folder)


def test_rays_become_planar_by_the_camera(tmp_path):
    """A wall 3 m away: the length of each ray is 3 m / cos of its angle."""
    length = np.array(
        [[3 * math.hypot(1, (x - 9.5) / 20, (y - 7.5) / 21) for x in range(20)] for y in range(16)]
    )
    yaml = f"depth_kind: ray\ncamera: {CAMERA}\n"
    folder = write_pair(tmp_path, length, yaml=yaml, name="depth/0.npy")
    sample = open_data(folder)[0]
    assert sample.depth == pytest.approx(np.full((16, 20), 3), rel=1e-6)
    assert sample.intrinsics.fx == 20
    assert open_data(folder, options={"depth_kind": "z"})[0].depth[0, 0] > 3.4  # the option wins


def test_whole_numbers_along_the_ray_become_metres(tmp_path):
    yaml = f"depth_kind: ray\ndepth_scale: 1000\ncamera: {CAMERA}\n"
    folder = write_pair(tmp_path, numbers(3000).astype(np.uint16), yaml=yaml)
    cosine = 1 / math.hypot(1, (0 - 9.5) / 20, (15 - 7.5) / 21)
    assert open_data(folder)[0].depth[15, 0] == pytest.approx(3 * cosine, rel=1e-6)


def test_rays_without_a_camera_are_refused(tmp_path):
    folder = write_pair(tmp_path, np.ones((16, 20)), yaml="depth_kind: ray", name="depth/0.npy")
    assert "needs the camera" in complaint(lambda: open_data(folder)[0], "0.npy")


def test_smaller_depth_is_enlarged_to_the_nearest_pixel(tmp_path):
    small = np.arange(1, 81, dtype=np.uint16).reshape(8, 10) * 100
    yaml = f"depth_scale: 1000\ndepth_size: image\ncamera: {CAMERA}\n"
    sample = open_data(write_pair(tmp_path, small, yaml=yaml))[0]
    assert sample.image.shape == (16, 20, 3)
    assert sample.depth == pytest.approx(np.kron(small, np.ones((2, 2))) / 1000)
    assert (sample.intrinsics.fx, sample.intrinsics.width) == (20, 20)


def test_the_photograph_is_shrunk_with_its_camera(tmp_path):
    small = np.full((8, 10), 2000, np.uint16)
    yaml = f"depth_scale: 1000\ncamera: {CAMERA}\n"
    folder = write_pair(tmp_path, small, yaml=yaml)
    sample = open_data(folder, options={"depth_size": "depth"})[0]
    assert sample.image.shape == (8, 10, 3) and sample.depth.shape == (8, 10)
    image = np.array(Image.open(folder / "rgb/0.png")).astype(float)
    means = image.reshape(8, 2, 10, 2, 3).mean(axis=(1, 3))
    assert np.abs(sample.image - means).max() <= 0.5
    # Half the size: half the focal length, and a centre of (9.5 + 0.5) / 2 - 0.5.
    camera = sample.intrinsics
    assert (camera.fx, camera.cx, camera.cy) == (10, 4.5, 3.5)
    assert (camera.width, camera.height) == (10, 8)


def test_two_sizes_without_a_word_are_refused_with_the_option(tmp_path):
    folder = write_pair(tmp_path, np.ones((8, 10), np.uint16), yaml="depth_scale: 1000")
    assert "depth_size=image" in complaint(lambda: open_data(folder)[0], "depth/0.png")
    (mismatch,) = (f for f in check_data(folder).findings if f.code == "size-mismatch")
    assert "depth_size: image" in mismatch.remedy


def test_a_crop_is_not_stretched(tmp_path):
    crop = np.ones((12, 10), np.uint16)  # 4:3 upright beside 5:4
    folder = write_pair(tmp_path, crop, yaml="depth_scale: 1000\ndepth_size: image\n")
    assert "cropped" in complaint(lambda: open_data(folder)[0], "depth/0.png")
    plain = write_pair(tmp_path / "plain", crop, yaml="depth_scale: 1000")
    assert "depth_size" not in complaint(lambda: open_data(plain)[0])


def test_a_word_that_is_none_is_refused_with_the_nearest(tmp_path):
    folder = write_pair(tmp_path, np.ones((16, 20), np.uint16), yaml="depth_encoding: karla")
    assert "did you mean 'carla'" in complaint(lambda: open_data(folder), "dataset.yaml")
    assert "dataset-yaml" in {finding.code for finding in check_data(folder).findings}


def test_labels_of_another_shape_are_refused_by_both_readers(tmp_path):
    """The photograph takes the size of the depth, labels of its view too, others do not."""
    yaml = "depth_scale: 1000\ndepth_size: depth\n"
    folder = write_pair(tmp_path, np.full((8, 10), 2000, np.uint16), yaml=yaml)
    (folder / "label").mkdir()
    for shape, fits in (((16, 20), True), ((8, 10), True), ((8, 8), False)):
        Image.fromarray(np.ones(shape, np.uint8)).save(folder / "label" / "0.png")
        codes = {finding.code for finding in check_data(folder).findings}
        assert ("label-size" in codes) != fits
        if fits:
            assert open_data(folder)[0].labels.shape == (8, 10)
        else:
            assert "label is 8x8" in complaint(lambda: open_data(folder)[0], "0.png")


def test_a_camera_of_the_photograph_turns_rays_in_both_readers(tmp_path):
    """35 mm across a 36 mm film: a focal length of 35/36 widths, 19.44 pixels."""
    yaml = "depth_kind: ray\n"
    folder = write_pair(tmp_path, np.full((16, 20), 3.0), yaml=yaml, name="depth/0.npy")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 35
    pixels = np.asarray(Image.open(folder / "rgb/0.png"))
    Image.fromarray(pixels).save(folder / "rgb/0.png", exif=exif.tobytes())
    sample = open_data(folder)[0]
    assert sample.depth[8, 10] > sample.depth[0, 0] > 2
    [pair] = list_data(folder).pairs
    np.testing.assert_allclose(pair.read().values, sample.depth, rtol=1e-6)
