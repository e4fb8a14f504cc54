"""`leadline measure`, `leadline doctor`, completion, and predictions that are kept in memory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import leadline as package
from leadline.depth import DepthMap
from leadline.depth.encodings import highest_byte
from leadline.io import write_depth, write_labels
from leadline.io.photos import DERIVED, write_png
from tests.cli.helpers import RUN, fails_in_one_line, leadline, leadline_here
from tests.complaints import complaint

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


@pytest.fixture
def wall(tmp_path):
    """A depth file of a wall 2 m away whose right half is 4 m away, and no camera."""
    depth = np.full((40, 60), 2.0)
    depth[:, 30:] = 4.0
    write_depth(tmp_path / "wall.npy", DepthMap.from_metres(depth))
    return tmp_path / "wall.npy"


def test_measure_a_depth_file(wall, tmp_path):
    Image.fromarray(np.eye(40, 60, 35, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    shown = leadline_here(
        "measure", wall, "--box", "0,0,30,40", "--polygon", "35,0 60,0 60,40", "--mask",
        tmp_path / "mask.png", "--points", "10,20", "20,20", "--fov", "90", "--json",
        "--at", "29,39", "--at", "30,0",
    )  # fmt: skip
    content = json.loads(shown.stdout)
    assert content["regions"]["29,39"]["metres"] == 2.0
    assert content["regions"]["30,0"]["metres"] == 4.0
    box, polygon, mask = list(content["regions"].values())[2:]
    assert (box["metres"], polygon["metres"], mask["metres"]) == (2.0, 4.0, 4.0)
    # 90 degrees across 60 pixels: fx is 30; ten pixels at 2 m are 2/3 m.
    assert content["spans"]["10,20 to 20,20"]["metres"] == pytest.approx(2 / 3)


def test_the_distance_of_a_pixel_has_no_spread(wall):
    assert leadline_here("measure", wall, "--at", "59,39").stdout == "59,39: 4.00 m\n"


def test_the_camera_that_is_taken_is_advised_where_it_can_be_given(tmp_path):
    depth = DepthMap.from_metres(np.ones((4, 6)), provenance={"camera": "assumed"})
    write_depth(tmp_path / "a.npy", depth)
    said = leadline_here("measure", tmp_path / "a.npy", "--at", "1,1").stdout
    assert "give --fov to 'leadline predict', which made this file, if it is known" in said
    said = leadline_here("measure", ROOM, "--at", "1,1").stdout
    assert "give --fov if it is known" in said


def test_a_thing_partly_outside_is_named_on_stderr(wall):
    shown = leadline_here("measure", wall, "--box", "20,0,80,40", "--polygon", "0,0 90,0 0,40")
    assert shown.returncode == 0
    assert re.findall(r"^leadline: (.*?): (\d+%)", shown.stderr, re.MULTILINE) == [
        ("box 20,0,80,40", "33%"),
        ("polygon of 3 corners from 0,0", "11%"),
    ]
    assert "only box 20,0,60,40 is measured" in shown.stderr
    assert shown.stdout.startswith("box 20,0,80,40: 4.00 m")


def test_measure_a_photograph_as_its_prediction_says():
    box = "100,100,200,200"
    shown = leadline_here("measure", ROOM, "--box", box, "--json")
    expected = np.median(package.load()(ROOM).depth[100:200, 100:200])
    metres = json.loads(shown.stdout)["regions"][f"box {box}"]["metres"]
    assert metres == pytest.approx(float(expected), abs=1e-6)
    words = leadline_here("measure", ROOM, "--box", box)
    assert f"box {box}: {metres:.2f} m" in words.stdout
    assert "give --fov if it is known" in words.stdout


def test_the_page_quotes_what_is_printed(monkeypatch):
    root = Path(__file__).parents[2]
    page = (root / "docs" / "prediction.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\$ leadline (measure examples/.*)\n(.*)$", page, re.MULTILINE)
    assert len(quoted) == 3
    monkeypatch.chdir(root)
    number = re.compile(r"\d+\.\d+")
    for command, line in quoted:
        shown = leadline_here(*command.split()).stdout.rstrip()
        assert number.sub("#", shown) == number.sub("#", line)
        metres = [[float(each) for each in number.findall(text)] for text in (shown, line)]
        assert metres[0] == pytest.approx(metres[1], rel=0.03), shown  # bf16, or f32


def test_a_calibration_is_applied_once(wall, tmp_path):
    made = leadline_here("calibrate", wall, "--point", "5,5=3", "-o", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    fit = ("--calibration", tmp_path / "out" / "calibration.json")
    assert leadline_here("measure", wall, "--at", "5,5", *fit).stdout == "5,5: 3.00 m\n"
    corrected = tmp_path / "out" / "wall.npy"
    assert leadline_here("measure", corrected, "--at", "5,5").stdout == "5,5: 3.00 m\n"
    again = leadline_here("measure", corrected, "--at", "5,5", *fit)
    fails_in_one_line(again, "is calibrated already (scale 1.5); leave --calibration out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "nothing to measure"),
        (["--box", "1,2,3"], "--box 1,2,3: expected X0,Y0,X1,Y1"),
        (["--box", "9,0,3,4"], "left must be below right"),
        (["--points", "1,1", "2"], "--points 2: expected two pixels"),
        (["--points", "1,1", "2.5,1"], "give whole pixels"),
        (["--at", "1"], "--at 1: expected a pixel X,Y"),
        (["--at", "60,0"], "pixel (60, 0) is outside the 60x40 depth map"),
        (["--points", "1,1", "2,1"], "give a camera file, a field of view"),
        (["--mask", "none.png"], "none.png"),
        (["--mask", "small.png"], "mask small.png: the mask is 3x2 and the depth map 60x40"),
        (["--mask", "nothing.png"], "mask nothing.png: the mask is 0 everywhere"),
        (["--box", "0,0,9,9", "--camera", "ignore"], "is a depth map; leave --camera out"),
    ],
)
def test_measure_refuses_in_one_line(wall, options, words, monkeypatch):
    monkeypatch.chdir(wall.parent)
    for name, size in (("small", (2, 3)), ("nothing", (40, 60))):
        Image.fromarray(np.full(size, 255 * (name == "small"), np.uint8)).save(f"{name}.png")
    fails_in_one_line(leadline_here("measure", wall, *options), words)


def test_depth_in_the_colours_is_no_photograph(tmp_path):
    y, x = np.mgrid[:120, :160]
    road = np.where(y > 65, 1.6 * 130 / np.maximum(y - 60, 1), 30 + x * 0.01)
    number = (road / 1000 * (256**3 - 1)).astype(np.int64)
    colours = np.stack([number & 255, number >> 8 & 255, number >> 16], -1).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "carla.png")
    Image.fromarray(colours[..., ::-1].copy()).save(tmp_path / "exchanged.png")
    write_png(tmp_path / "drawn.png", np.zeros((40, 60, 3), np.uint8), DERIVED)
    for name, words in (
        ("carla", "24 bits"),
        ("exchanged", "24 bits"),
        ("drawn", "that Leadline"),
    ):
        path = tmp_path / f"{name}.png"
        fails_in_one_line(leadline_here("measure", path, "--box", "0,0,9,9"), words)
        known = ("--point", "5,5=2")
        fails_in_one_line(leadline_here("calibrate", path, *known, "-o", tmp_path / "o"), words)
    write_labels(tmp_path / "labels.png", np.zeros((40, 60), np.uint8))
    labels = leadline_here("measure", tmp_path / "labels.png", "--box", "0,0,9,9")
    fails_in_one_line(labels, "Leadline wrote")
    path = tmp_path / "carla.png"
    assert leadline_here("measure", path, "--box", "0,0,9,9", "--model", "compact-nyu").stdout


def test_red_light_and_its_noise_make_no_depth():
    rng = np.random.default_rng(3)
    photo = np.asarray(Image.open(ROOM))
    red = photo * np.array([1, 0, 0], np.uint8)
    noisy = np.clip(photo + rng.normal(0, 40, photo.shape), 0, 255).astype(np.uint8)
    pictures = (photo, red, red[..., ::-1], noisy, np.where(photo > 128, 255, 0).astype(np.uint8))
    assert [highest_byte(picture) for picture in pictures] == [None] * len(pictures)


@pytest.mark.parametrize(
    "command",
    ["predict ROOM -o NAME.ply", "predict ROOM -o NAME.jpg", "web -o NAME.html",
     "calibrate ROOM --point 1,1=2 -o NAME.npz", "convert WALL --to npy -o NAME.glb"],
)  # fmt: skip
def test_no_folder_is_made_with_the_name_of_a_file(wall, tmp_path, command):
    places = {"ROOM": str(ROOM), "WALL": str(wall), "NAME": str(tmp_path / "name")}
    words = [
        re.sub("ROOM|WALL|NAME", lambda found: places[found[0]], each) for each in command.split()
    ]
    fails_in_one_line(leadline_here(*words), "is the name of a file")
    assert not list(tmp_path.glob("name*"))


def test_doctor_tries_every_runtime_and_reports_a_removed_one():
    before = "import sys; sys.modules['torch'] = None; sys.modules['timm'] = None\n"
    done = leadline("doctor", "--json", before=before)
    assert done.returncode == 0, done.stderr
    state = json.loads(done.stdout)
    by_name = {each["name"]: each for each in state["runtimes"]}
    assert by_name["openvino"]["version"] and by_name["openvino"]["fault"] is None
    assert by_name["onnxruntime"]["fault"] is None
    assert by_name["torch"]["version"] is None
    assert "torch" in state["missing"]["train"]
    assert state["missing"]["timm"] == ["timm"]
    assert state["pictures_per_second"] > 0


def test_doctor_says_that_prediction_does_not_work():
    broken = (
        "import leadline.inference.runtimes as r\n"
        "def fails(*a, **k): raise RuntimeError('no such processor')\n"
        "r.OpenVinoRuntime = fails\n"
        "import sys; sys.modules['torch'] = None; sys.modules['onnxruntime'] = None\n"
    )
    done = leadline("doctor", before=broken)
    assert done.returncode == 1
    assert "does not work: no such processor" in done.stdout
    assert "torch       missing" in done.stdout
    assert "not measured" in done.stdout


def complete(words: str, position: int) -> list[str]:
    """What bash is told when TAB is pressed."""
    environment = {
        **os.environ,
        "_LEADLINE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
    }
    loaded = "import atexit; atexit.register(lambda: print('torch' in sys.modules))\n"
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + loaded + RUN],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    *completed, has_torch = done.stdout.split()
    assert has_torch == "False"
    return completed


def test_commands_and_options_are_completed_without_torch():
    assert complete("leadline ex", 1) == ["expand", "export"]
    assert "--format" in complete("leadline predict --fo", 2)


def test_predictions_are_kept_where_no_folder_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / name).write_bytes(ROOM.read_bytes())
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    results = package.predict("*.jpg", precision="f32")
    assert [photo.source.name for photo in results] == ["a.jpg", "b.jpg"]
    assert [failure.source.name for failure in results.failures] == ["c.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "b.jpg", "c.jpg"]
    written = package.predict("a.jpg", "out", precision="f32")
    kept, read = results.done[0].depth_map, written.done[0].depth_map
    np.testing.assert_array_equal(kept.depth, read.depth)
    assert "output and skip_existing" in complaint(
        lambda: package.predict("a.jpg", skip_existing=True)
    )


def test_dir_lists_what_there_is_and_nothing_else():
    listed = [name for name in dir(package) if not name.startswith("__")]
    assert {"predict", "load", "DepthMap", "viz", "io"} <= set(listed)
    assert not {"import_module", "Any", "TYPE_CHECKING"} & set(listed)
    code = "import leadline; print(leadline.viz.colorize.__name__, leadline.io.read_depth.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["colorize", "read_depth"]
