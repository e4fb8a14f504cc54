"""`leadline convert` and `leadline calibrate`, run as commands on small files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from leadline.cli import app
from leadline.datasets import open_data
from leadline.datasets.warp import resize_sample
from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineError
from leadline.io import read_depth, write_depth, write_labels
from leadline.models.catalog import CATALOG
from leadline.models.size_policy import processing_size
from leadline.training.recipe import load_recipe
from tests.cli.helpers import fails_in_one_line, leadline
from tests.conftest import write_pairs

CAMERA = Intrinsics(10.0, 11.0, 3.5, 2.5, 8, 6)


def run(*arguments: object, status: int = 0) -> str:
    """Run the command in this process and return what it printed; LeadlineErrors are raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, LeadlineError):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


def some_depth(seed: int = 0, far: float = 9.0) -> DepthMap:
    rng = np.random.default_rng(seed)
    metres = np.rint(rng.uniform(0.2, far, (6, 8)) * 1000) / 1000
    metres[0] = 0
    return DepthMap.from_metres(metres, intrinsics=CAMERA, provenance={"model": "m"})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two kinds of files in two folders, and one that is no depth file."""
    write_depth(tmp_path / "in" / "a.png", some_depth(0))
    write_depth(tmp_path / "in" / "deep" / "b.npy", some_depth(1))
    return tmp_path


@pytest.mark.parametrize("to", ["png16", "npy", "npz", "exr", "pfm"])
def test_a_folder_is_mirrored_in_any_format_with_its_metadata(tree, to):
    run("convert", tree / "in", "-o", tree / "out", "--to", to)
    suffix = ".png" if to == "png16" else f".{to}"
    for name, seed in (("a", 0), ("deep/b", 1)):
        found = read_depth(tree / "out" / f"{name}{suffix}")
        np.testing.assert_allclose(found.depth, some_depth(seed).depth, rtol=1e-6)
        assert found.provenance == {"model": "m"}
        assert found.intrinsics == CAMERA


def test_a_declared_scale_is_read_and_another_is_written(tmp_path):
    kitti = np.array([[256, 512, 0]], np.uint16)
    Image.fromarray(kitti).save(tmp_path / "k.png")
    out = tmp_path / "mm.png"
    run("convert", tmp_path / "k.png", "-o", out, "--from", "kitti", "--units", "nyu-mm")
    with Image.open(out) as image:
        assert np.asarray(image).tolist() == [[1000, 2000, 0]]


def test_clamping_is_said_in_a_warning(tmp_path):
    write_depth(tmp_path / "far.npy", some_depth(far=90.0))
    output = run("convert", tmp_path / "far.npy", "-o", tmp_path / "out", "--to", "png16")
    assert "pixels beyond 65.535 m were clamped" in output


def test_what_cannot_be_read_is_skipped_and_listed(tree):
    (tree / "in" / "cut.png").write_bytes((tree / "in" / "a.png").read_bytes()[:60])
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tree / "in" / "photo.png")
    output = run("convert", tree / "in", "-o", tree / "out", "--to", "npz", status=1)
    assert "2 of 4 converted" in output
    assert "2 of 4 skipped" in output
    assert "cut.png: is cut short" in output
    assert "photo.png: looks like a colour picture" in output
    assert not (tree / "out" / "cut.npz").exists()


def test_an_undeclared_unit_is_reported_once_for_many_files_and_from_declares_it(tmp_path):
    for number in range(7):
        Image.fromarray(np.full((2, 3), 1500, np.uint16)).save(tmp_path / f"{number}.png")
    (tmp_path / "dataset.yaml").write_text("depth_scale: 1000\n")
    command = ("convert", tmp_path, "-o", tmp_path / "out", "--to", "npz")
    told = run(*command, status=1)
    assert told.count("unknown unit") == 1
    assert f"7 files, the first {tmp_path / '0.png'}: holds whole numbers" in told
    assert "--from 1000" in told
    assert "dataset.yaml" not in told
    run(*command, "--from", 1000)
    assert read_depth(tmp_path / "out" / "6.npz").at(1, 1) == pytest.approx(1.5)


def test_an_input_is_never_overwritten(tree):
    before = (tree / "in" / "a.png").read_bytes()
    with pytest.raises(LeadlineError, match="would overwrite an input"):
        run("convert", tree / "in", "-o", tree / "in", "--to", "png16", "--units", "256")
    with pytest.raises(LeadlineError, match="would overwrite an input"):
        run("convert", tree / "in" / "a.png", "-o", tree / "in" / "a.png")
    assert (tree / "in" / "a.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no input"),
        (["IN"], "no output"),
        (["IN", "-o", "out"], "no format"),
        (["IN", "-o", "out", "--to", "jpeg"], "unknown depth format"),
        (["IN", "-o", "out", "--to", "npy", "--units", "1000"], "units are for format png16"),
        (["IN", "-o", "out", "--to", "npy", "--area", "2000"], "--area is for --to shards"),
        (["IN", "-o", "out", "--to", "npy", "--recipe", "crisp"], "--recipe is for --to shards"),
        (["IN", "-o", "out.npz", "--to", "exr"], "rename the output"),
        (["IN", "-o", "out.tif"], "read but not written"),
        (["nowhere", "-o", "out", "--to", "npy"], "no such file"),
        (["IN", "IN", "-o", "out", "--to", "shards"], "one data set"),
        (["IN", "--to", "shards"], "no output folder"),
        (["IN", "--verify"], "no packed shards"),
        (["IN", "--verify", "-o", "out"], "--verify alone .*: leave -o out"),
        (["IN", "--verify", "--size", "48x64"], "leave --area, --size or --recipe out"),
        (["IN", "--verify", "--depth-scale", "1000"], "leave --depth-scale out"),
    ],
)
def test_wrong_use_is_one_line(tree, arguments, words, monkeypatch):
    monkeypatch.chdir(tree)
    with pytest.raises(LeadlineError, match=words):
        run("convert", *[tree / "in" if text == "IN" else text for text in arguments])
    assert sorted(path.name for path in tree.iterdir()) == ["in"]


def test_a_data_set_is_packed_verified_and_trained_on_as_it_was(pairs, tmp_path):
    out = tmp_path / "shards"
    said = run("convert", pairs, "-o", out, "--to", "shards", "--verify")
    assert "12 samples, image uint8, depth uint16 1/1000 m (lossless)" in said
    assert "GB free" in said
    assert "12 samples in 1 block, every byte as it was written" in said
    np.testing.assert_array_equal(open_data(out)[5].depth, open_data(pairs)[5].depth)
    assert "already packed" in run("convert", pairs, "-o", out, "--to", "shards")
    content = bytearray((out / "depth.npy").read_bytes())
    content[-1] ^= 1
    (out / "depth.npy").write_bytes(content)
    assert "damaged in samples 0 to 11" in run("convert", out, "--verify", status=1)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["--size", "48x64"], (48, 64)),
        (["--area", "3072"], (48, 64)),
        (["--area", "2700"], (45, 60)),
        (["--area", "2700", "--recipe", "compact"], (48, 64)),
        (["--area", "2700", "--recipe", "resnet50-upproj"], (44, 60)),
    ],
)
def test_packing_at_a_smaller_size(pairs, tmp_path, options, size):
    run("convert", pairs, "-o", tmp_path / "s", "--to", "shards", *options)
    assert open_data(tmp_path / "s")[0].image.shape == (*size, 3)


def test_shards_of_a_recipe_hold_what_it_makes_of_the_files(tmp_path):
    data = write_pairs(tmp_path / "data", 2, (100, 120))
    run("convert", data, "-o", tmp_path / "s", "--to", "shards", "--recipe", "densedepth")
    packed, recipe = open_data(tmp_path / "s")[0], load_recipe("densedepth")
    stride = CATALOG[recipe.model.architecture].stride
    size = processing_size(100, 120, recipe.data.area, stride)
    made = resize_sample(open_data(data)[0], size, fill=True)
    assert packed.size == made.size != (100, 120)
    for name in ("image", "depth", "valid"):
        np.testing.assert_array_equal(getattr(packed, name), getattr(made, name))
    with pytest.raises(LeadlineError, match="give --size, or --area and --recipe, not both"):
        run(*f"convert {data} -o x --to shards --size 48x64 --recipe crisp".split())


def test_a_wrong_size_is_refused(pairs, tmp_path):
    for size in ("48", "0x3", "48x64x3"):
        with pytest.raises(LeadlineError, match="expected height x width"):
            run("convert", pairs, "-o", tmp_path / "s", "--to", "shards", "--size", size)


def test_packing_into_the_data_itself_is_refused(pairs):
    with pytest.raises(LeadlineError, match="is the data set itself"):
        run("convert", pairs, "-o", pairs, "--to", "shards")
    for command in (("convert", "--to", "shards"), ("expand",)):
        with pytest.raises(LeadlineError, match="lies in the data set"):
            run(command[0], pairs, "-o", pairs / "new", *command[1:])
    assert not (pairs / "new").exists()


def test_known_points_correct_a_depth_file(tmp_path):
    truth = some_depth()
    write_depth(
        tmp_path / "p.npy", DepthMap.from_metres(truth.depth / 2, provenance={"model": "m"})
    )
    points = [f"--point={x},{y}={truth.at(x, y):.3f}" for x, y in ((0, 2), (4, 3), (7, 5))]
    said = run("calibrate", tmp_path / "p.npy", *points, "-o", tmp_path / "out", "--color")
    assert "scale 2   (median of 3 known distances)" in said
    found = read_depth(tmp_path / "out" / "p.npy")
    np.testing.assert_allclose(found.depth, truth.depth, rtol=1e-4)
    assert found.provenance["calibration"].startswith("scale 2")
    saved = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert saved["scale"] == pytest.approx(2, rel=1e-4)
    assert saved["about"]["model"] == "m"
    assert (tmp_path / "out" / "p_color.png").is_file()


def test_a_sparse_file_or_a_list_of_points_corrects_scale_and_shift(tmp_path):
    truth = some_depth()
    off = np.where(truth.valid, 1 / (2 / np.maximum(truth.depth, 0.1) + 0.05), 0)
    write_depth(tmp_path / "p.npz", DepthMap.from_metres(off))
    known = np.where(np.arange(48).reshape(6, 8) % 3 == 0, truth.depth, 0)
    Image.fromarray(np.rint(known * 256).astype(np.uint16)).save(tmp_path / "lidar.png")
    rows = [f"{x} {y} {known[y, x]}" for y, x in zip(*np.nonzero(known), strict=True)]
    (tmp_path / "points.txt").write_text("# x y metres\n" + "\n".join(rows) + "\n0, 0, 5.0\n")
    for sparse in (["lidar.png", "--sparse-scale", "kitti"], ["points.txt"]):
        said = run(
            "calibrate", tmp_path / "p.npz", "--shift", "-o", tmp_path / "out",
            "--sparse", tmp_path / sparse[0], *sparse[1:],
        )  # fmt: skip
        found = read_depth(tmp_path / "out" / "p.npy").depth[truth.valid]
        np.testing.assert_allclose(found, truth.depth[truth.valid], rtol=0.02)
    assert "1 of " in said  # the point on invalid depth is counted, and left out
    assert "known distances lie on invalid depth" in said


def test_a_calibration_is_applied_by_predict(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    run("predict", tmp_path / "photo.jpg", "-o", tmp_path / "plain")
    plain = read_depth(tmp_path / "plain" / "photo.npy")
    known = f"--point=10,20={3 * plain.at(10, 20)}"
    run("calibrate", tmp_path / "photo.jpg", known, "-o", tmp_path / "cal")
    calibration = tmp_path / "cal" / "calibration.json"
    run("predict", tmp_path / "photo.jpg", "-o", tmp_path / "out", "--calibration", calibration)
    corrected = read_depth(tmp_path / "out" / "photo.npy")
    np.testing.assert_allclose(corrected.depth, 3 * plain.depth, rtol=1e-5)
    np.testing.assert_array_equal(corrected.depth, read_depth(tmp_path / "cal" / "photo.npy").depth)
    other = json.loads(calibration.read_text())
    other["about"]["model"] = "another"
    calibration.write_text(json.dumps(other))
    said = run(
        "predict", tmp_path / "photo.jpg", "-o", tmp_path / "out", "--calibration", calibration
    )
    assert "made for another, not crisp-nyu" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "out"], "give known distances"),
        (["-o", "out", "--point", "4,4"], "expected X,Y=METRES"),
        (["-o", "out", "--point", "4,4=nan"], "4,4=nan: expected X,Y=METRES"),
        (["-o", "out", "--point", "4,4=2", "--sparse", "wide.npy"], "not both"),
        (["-o", "out", "--sparse", "whole.png"], r"^whole\.png: .*--sparse-scale 1000"),
        (["-o", "out", "--point", "8,0=2"], "outside the 8x6"),
        (["-o", "out", "--point", "3,0=2"], "no valid depth"),
        (["-o", "out", "--point", "4,4=2", "--shift"], "cannot fix 2 unknowns"),
        (["-o", "in", "--point", "4,4=2", "--format", "png16"], "would be overwritten by a result"),
        (["-o", "/proc/x", "--point", "4,4=2"], "^/proc/x: cannot write here"),
        (["-o", "points.txt", "--point", "4,4=2"], "^points.txt: is a file; give a folder"),
        (["-o", "out", "--sparse", "points.txt"], "points.txt: line 2"),
        (["-o", "out", "--sparse", "outside.txt"], r"point \(99, 2\) is outside"),
        (["-o", "out", "--sparse", "wide.npy"], "is 9x6 but the prediction is 8x6"),
        (["-o", "out", "--sparse", "none.npy"], "no such file"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line(tree, arguments, words, monkeypatch):
    monkeypatch.chdir(tree)
    Path("points.txt").write_text("1 2 3\n1 2 three\n")
    Path("outside.txt").write_text("99 2 3\n")
    Image.fromarray(np.ones((6, 8), np.uint16)).save("whole.png")
    np.save("wide.npy", np.ones((6, 9), np.float32))
    with pytest.raises(LeadlineError, match=words):
        run("calibrate", tree / "in" / "a.png", *arguments)
    assert not (tree / "out" / "a.npy").exists()


def test_arguments_that_are_missing_or_of_no_kind_are_one_line(tree):
    source = tree / "in" / "a.png"
    fails_in_one_line(leadline("calibrate", source, "--point", "4,4=2"), "--out")
    result = leadline("calibrate", source, "-o", tree / "o", "--point", "4,4=2", "--fit", "mean")
    fails_in_one_line(result, "mean", "least-squares")


NEW_FORMAT = """
import sys
import numpy as np
from leadline.io.atomic import atomic_path
from leadline.io.formats import DEPTH_FORMATS, DepthFormat

def write(path, depth_map, about):
    with atomic_path(path) as temporary:
        np.savetxt(temporary, depth_map.depth)

DEPTH_FORMATS["text"] = DepthFormat(
    (".dtxt",),
    lambda path, data: (np.loadtxt(path, ndmin=2), {}),
    write,
)
from leadline.cli import main
main()
"""


def test_a_new_format_is_one_row_that_commands_know(tree):
    """Every command that takes a format lists the row, converts to it and reads it in a folder."""

    def with_new_format(*arguments: object) -> str:
        command = [sys.executable, "-c", NEW_FORMAT, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    for command in ("predict", "calibrate", "convert"):
        assert "npy|npz|png16|exr|pfm|grey16|text" in with_new_format(command, "--help")
    said = with_new_format("convert", tree / "in", "-o", tree / "out", "--to", "text")
    assert "2 of 2 converted" in said
    np.testing.assert_allclose(np.loadtxt(tree / "out" / "a.dtxt"), some_depth(0).depth)
    with_new_format("convert", tree / "out", "-o", tree / "back", "--to", "npy")
    np.testing.assert_array_equal(np.load(tree / "back" / "deep" / "b.npy"), some_depth(1).depth)


def test_the_real_command_fails_in_one_line(tmp_path):
    fails_in_one_line(
        leadline("convert", tmp_path / "no", "-o", tmp_path, "--to", "npy"), "no such"
    )


def test_pictures_of_depth_beside_depth_files_are_no_depth_files(tmp_path):
    depth = DepthMap.from_metres(np.full((6, 8), 2.0, np.float32))
    write_depth(tmp_path / "in" / "a.npy", depth)
    run("calibrate", tmp_path / "in" / "a.npy", "-o", tmp_path / "in" / "more", "--color",
        "--point", "1,1=2")  # fmt: skip
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(photo)
    run("predict", photo, "-o", tmp_path / "in" / "p.npy", "--mask")
    write_labels(tmp_path / "in" / "p_labels.png", np.ones((48, 64), np.uint8))
    out = run("convert", tmp_path / "in", "-o", tmp_path / "out", "--to", "npz")
    assert "3 of 3 converted" in out
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.npz"))
    assert names == ["a.npz", "a.npz", "p.npz"]
