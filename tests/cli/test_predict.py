"""`leadline predict` on what people really have: odd pictures, folders, globs, broken files."""

import json

import numpy as np
import pytest
from PIL import Image

from leadline.depth import Intrinsics
from leadline.io import read_depth
from tests.cli.helpers import fails_in_one_line, leadline, leadline_here


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def photos(tmp_path):
    """A tree of readable pictures of every kind."""
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    Image.fromarray(noise(60, 80, 3)).save(folder / "plain.jpg")
    Image.fromarray(noise(60, 80, 1)).save(folder / "grey.png")
    Image.fromarray(noise(60, 80, 4)).save(folder / "alpha.png")
    Image.fromarray(noise(1, 80, 3)).save(folder / "one_row.png")
    Image.fromarray(noise(60, 80, 4), "CMYK").save(folder / "print.jpg")
    sixteen = (noise(60, 80, 1).astype(np.uint16) * 257).astype(np.uint16)
    Image.fromarray(sixteen).save(folder / "sixteen.png")
    Image.fromarray(noise(60, 80, 3)).save(folder / "deep" / "er" / "nested.webp")
    return folder


def test_every_kind_of_picture_gives_metres_at_its_own_size(photos, tmp_path):
    result = leadline("predict", photos, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "7 of 7 predicted" in result.stdout
    for source in photos.rglob("*.*"):
        target = (tmp_path / "out" / source.relative_to(photos)).with_suffix(".npy")
        depth = np.load(target)
        with Image.open(source) as image:
            assert depth.shape == (image.height, image.width)
        assert depth.dtype == np.float32
        assert (depth > 0).all()
        assert (depth <= 10).all()


def test_sixteen_bits_and_eight_bits_of_one_picture_agree(tmp_path):
    grey = noise(48, 64, 1, seed=4)
    Image.fromarray(grey).save(tmp_path / "eight.png")
    Image.fromarray((grey.astype(np.uint16) * 257).astype(np.uint16)).save(tmp_path / "sixteen.png")
    leadline_here(
        "predict", tmp_path / "eight.png", tmp_path / "sixteen.png", "-o", tmp_path / "out"
    )
    np.testing.assert_array_equal(
        np.load(tmp_path / "out" / "eight.npy"), np.load(tmp_path / "out" / "sixteen.npy")
    )


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(40, 90, 3)).save(tmp_path / "turned.jpg", exif=exif)
    leadline_here("predict", tmp_path / "turned.jpg", "-o", tmp_path / "out")
    assert np.load(tmp_path / "out" / "turned.npy").shape == (90, 40)


@pytest.mark.parametrize("format", ["png16", "npy", "npz", "exr", "pfm"])
def test_every_format_holds_the_same_metres(photos, tmp_path, format):
    leadline_here("predict", photos / "plain.jpg", "-o", tmp_path / "a")
    result = leadline_here(
        "predict", photos / "plain.jpg", "-o", tmp_path / "b", "--format", format
    )
    assert result.returncode == 0, result.stderr
    truth = np.load(tmp_path / "a" / "plain.npy")
    written = next((tmp_path / "b").glob("plain.*[!n]"))
    tolerance = 0.0006 if format == "png16" else 1e-6
    np.testing.assert_allclose(read_depth(written).depth, truth, atol=tolerance)


def test_colour_picture_and_point_cloud_lie_beside_the_depth(photos, tmp_path):
    result = leadline_here(
        "predict", photos / "plain.jpg", "-o", tmp_path, "--color", "--ply", "--glb"
    )
    assert result.returncode == 0, result.stderr
    assert "camera: 1 assumed (as in training, metres x 1)" in result.stdout
    assert result.stderr == ""
    with Image.open(tmp_path / "plain_color.png") as picture:
        assert picture.height == 60
        assert picture.width > 80
    assert (tmp_path / "plain.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")
    assert (tmp_path / "plain.glb").read_bytes().startswith(b"glTF")


def test_broken_pictures_are_skipped_listed_and_give_status_one(photos, tmp_path):
    whole = (photos / "plain.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "letter.jpg").write_text("Dear reader")
    (photos / "empty.png").write_bytes(b"")
    result = leadline_here("predict", photos, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert "7 of 10 predicted" in result.stdout
    assert "3 of 10 skipped" in result.stderr
    for name in ("cut.jpg", "letter.jpg", "empty.png"):
        assert sum(name in line for line in result.stderr.splitlines()) == 1
    assert not (tmp_path / "out" / "cut.npy").exists()
    assert "Traceback" not in result.stderr


def test_globs_files_and_options_may_follow_one_another(photos, tmp_path):
    result = leadline_here(
        "predict",
        photos / "*.jpg",
        photos / "grey.png",
        "-i",
        photos / "deep",
        "-o",
        tmp_path / "o",
    )
    assert result.returncode == 0, result.stderr
    written = {str(p.relative_to(tmp_path / "o")) for p in (tmp_path / "o").rglob("*.npy")}
    assert written == {"plain.npy", "print.npy", "grey.npy", "er/nested.npy"}


def test_two_pictures_of_one_stem_keep_both_results(photos, tmp_path):
    Image.fromarray(noise(30, 30, 3)).save(photos / "plain.png")
    leadline_here("predict", photos, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "plain.jpg.npy").is_file()
    assert (tmp_path / "out" / "plain.png.npy").is_file()


def test_wrong_inputs_are_one_line(photos, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "out"
    fails_in_one_line(leadline_here("predict", empty, "-o", out), str(empty), "no pictures")
    fails_in_one_line(
        leadline_here("predict", tmp_path / "no.jpg", "-o", out), "no.jpg", "no such file"
    )
    fails_in_one_line(leadline_here("predict", tmp_path / "*.tga", "-o", out), "matches no file")
    fails_in_one_line(leadline_here("predict", photos, "-o", out, "--model", "nope"), "nope")
    fails_in_one_line(leadline_here("predict", photos, "-o", out, "--format", "gif"), "gif")
    fails_in_one_line(
        leadline_here("predict", photos / "grey.png", "-o", photos, "--format", "png16"),
        "overwrite",
    )
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    result = leadline_here("predict", photos / "plain.jpg", "-o", blocked)
    assert result.returncode in {1, 2}
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr


def test_png16_clamps_with_a_warning_instead_of_wrapping(photos, tmp_path):
    result = leadline_here(
        "predict", photos / "plain.jpg", "-o", tmp_path, "--format", "png16", "--units", "60000",
        "--model", "compact-nyu",
    )  # fmt: skip
    assert result.returncode == 0
    assert "clamped" in result.stderr
    with Image.open(tmp_path / "plain.png") as picture:
        assert np.asarray(picture).max() == 65535


def test_a_camera_file_shapes_the_point_cloud(photos, tmp_path):
    camera = tmp_path / "k.json"
    camera.write_text(json.dumps({"fx": 80, "fy": 80, "cx": 39.5, "cy": 29.5}))
    leadline_here("predict", photos / "plain.jpg", "-o", tmp_path, "--ply", "--intrinsics", camera)
    data = (tmp_path / "plain.ply").read_bytes()
    head, _, body = data.partition(b"end_header\n")
    assert b"comment unit metre" in head
    points = np.frombuffer(body, dtype=[("p", "<f4", 3), ("c", "u1", 3)])["p"]
    # fx = 80 at 80 columns: nothing lies farther aside than half its distance.
    assert np.abs(points[:, 0] / points[:, 2]).max() <= 39.5 / 80 + 1e-4


def points_of(ply):
    head, _, body = ply.read_bytes().partition(b"end_header\n")
    assert head.startswith(b"ply")
    return np.frombuffer(body, dtype=[("p", "<f4", 3), ("c", "u1", 3)])["p"]


def test_a_camera_is_checked_against_the_picture_it_is_for(tmp_path):
    """12 pixels of focal length are wide for 64 columns, and impossible for 640."""
    Image.fromarray(noise(48, 64, 3)).save(tmp_path / "tiny.png")
    (tmp_path / "K.txt").write_text("12 12 31.5 23.5")
    camera = ["--intrinsics", tmp_path / "K.txt"]
    result = leadline_here(
        "predict", tmp_path / "tiny.png", "-o", tmp_path / "out", "--ply", *camera
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    depth = read_depth(tmp_path / "out" / "tiny.npy")
    assert depth.intrinsics == Intrinsics(12, 12, 31.5, 23.5, 64, 48)
    points = points_of(tmp_path / "out" / "tiny.ply")
    # The corner pixel lies 31.5 / 12 of its distance to the left and 23.5 / 12 above the axis.
    np.testing.assert_allclose(
        points[0], depth.at(0, 0) * np.array([-31.5 / 12, 23.5 / 12, -1]), rtol=1e-5
    )


def test_cameras_are_counted_by_how_they_are_known(tmp_path):
    exif = Image.Exif()
    exif[0x0110] = "Plumb 3"  # Pillow takes a block without such a tag for an empty one
    for name, focal in (("wide", 26), ("long", 50), ("none", 0), ("odd", 1)):
        exif.get_ifd(0x8769)[0xA405] = focal
        Image.fromarray(noise(48, 64, 3)).save(tmp_path / f"{name}.png", exif=exif)
    result = leadline_here("predict", tmp_path, "-o", tmp_path / "out")
    line = result.stdout.splitlines()[1]
    # 26 mm: 48.07 pixels of 64 columns, where the Kinect has 51.92.
    assumed = "2 assumed (as in training, metres x 1)"
    assert line == f"camera: {assumed}, 2 exif (metres x 0.926 to 1.78)"
    assert "odd.png: its EXIF block has a focal length of 1 mm" in result.stderr
    ignored = leadline_here(
        "predict", tmp_path / "long.png", "-o", tmp_path / "b", "--camera", "ignore"
    )
    assert "camera: 1 exif (ignored: metres as the network says)" in ignored.stdout
    fails_in_one_line(
        leadline_here("predict", tmp_path / "long.png", "-o", tmp_path / "b", "--camera", "x"),
        "ignore",
    )


def test_a_camera_of_another_picture_is_said_once(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(noise(48, 48, 3)).save(tmp_path / f"{name}.png")
    camera = {"fx": 525, "fy": 525, "cx": 319.5, "cy": 239.5, "width": 640, "height": 480}
    (tmp_path / "K.json").write_text(json.dumps(camera))
    result = leadline_here(
        "predict", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "out",
        "--intrinsics", tmp_path / "K.json",
    )  # fmt: skip
    assert result.returncode == 0
    assert result.stderr.count("is for pictures of 640 x 480, and 48 x 48 has another aspect") == 1


def test_normalised_intrinsics_are_refused_before_anything_is_predicted(photos, tmp_path):
    (tmp_path / "K.txt").write_text("0.9 1.2 0.5 0.5")
    out = tmp_path / "out"
    result = leadline_here("predict", photos, "-o", out, "--intrinsics", tmp_path / "K.txt")
    fails_in_one_line(result, "K.txt", "look normalised", "in pixels")
    assert not out.exists()


def test_no_result_overwrites_an_input_or_another_result(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(noise(30, 40, 3)).save(folder / "a.png")
    Image.fromarray(noise(30, 40, 3, seed=1)).save(folder / "a_color.png")
    before = (folder / "a_color.png").read_bytes()
    fails_in_one_line(
        leadline_here("predict", folder, "-o", folder, "--color"), "a_color.png", "overwrite"
    )
    assert (folder / "a_color.png").read_bytes() == before
    fails_in_one_line(
        leadline_here("predict", folder, "-o", tmp_path / "o", "--color", "--format", "png16"),
        "a_color.png",
        "two results",
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--color", "--cmap", "nope"], "nope"),
        (["--color", "--vmin", "5", "--vmax", "1"], "vmin = 5 m is not below vmax = 1 m"),
        (["--ply", "--fov", "180"], "180"),
        (["--ply", "--fov", "60", "--intrinsics", "k.txt"], "not both"),
        (["--units", "nyu-mm"], "png16"),
        (["--intrinsics", "none.txt"], "none.txt: no such file"),
        (["--processing-area", "0"], "give a number of pixels, 1 to"),
        (["-o", "/proc/x"], "/proc/x"),
    ],
)
def test_a_wrong_option_is_found_before_anything_is_predicted(photos, tmp_path, options, word):
    out = [] if "-o" in options else ["-o", tmp_path / "out"]
    fails_in_one_line(leadline_here("predict", photos / "plain.jpg", *out, *options), word)
    assert not list(tmp_path.glob("out/*.npy"))


def test_a_multi_task_model_writes_its_classes_and_says_so(photos, tmp_path):
    from leadline.models import ModelConfig, create_model

    options = {"encoder": "resnet18", "classes": 6}
    create_model(ModelConfig("ds-net", options, stride=16, training_area=5_120)).save(
        tmp_path / "model"
    )
    result = leadline_here(
        "predict", photos / "plain.jpg", "-o", tmp_path, "--model", tmp_path / "model", "--color"
    )
    assert result.returncode == 0, result.stderr
    assert "<name>_labels.png, <name>_labels_color.png" in result.stdout
    labels = np.asarray(Image.open(tmp_path / "plain_labels.png"))
    assert labels.shape == (60, 80)
    assert labels.max() < 6
    colors = np.asarray(Image.open(tmp_path / "plain_labels_color.png"))
    for label in np.unique(labels):
        assert len(np.unique(colors[labels == label], axis=0)) == 1
