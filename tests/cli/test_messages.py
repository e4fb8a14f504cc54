"""What people read is one short line of printable characters, whatever their files are called."""

import os
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from leadline.errors import LeadlineError, LeadlineWarning, printable, value_words
from leadline.evaluation import evaluate
from leadline.evaluation.result import Result
from leadline.export import files
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import RunInfo
from leadline.training.train import train
from tests.cli.helpers import fails_in_one_line, leadline, leadline_here
from tests.conftest import QUICK, SilentReporter
from tests.evaluation.results import ScaledTruth

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"
LATIN_1 = os.fsdecode(b"000-caf\xe9")
"""A name that is no UTF-8, as an old archive unpacks it."""


@pytest.fixture
def odd_names(pairs, tmp_path):
    """Pairs of which one has a name that is no UTF-8."""
    folder = shutil.copytree(pairs, tmp_path / "data")
    for name in ("rgb", "depth"):
        (folder / name / "000.png").rename(folder / name / f"{LATIN_1}.png")
    return folder


@pytest.mark.parametrize("arguments", [["", "-o", "out"], [ROOM, "-o", ""]])
def test_a_variable_that_is_not_set_is_no_folder(arguments, tmp_path):
    done = leadline("predict", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "an argument is empty" in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_group_without_a_command_shows_its_help():
    done = leadline("worlds")
    assert done.returncode == 2
    assert "render" in done.stderr and done.stderr.count("\n") > 5


def test_names_that_are_no_utf_8_are_evaluated_saved_and_loaded(odd_names, tmp_path):
    out = tmp_path / "out"
    result = evaluate(
        ScaledTruth(lambda number: 1.1), odd_names, protocol="full", cases=12, out=out
    )
    loaded = Result.load(out)
    assert loaded.table.ids == result.table.ids
    assert f"rgb/{LATIN_1}.png" in loaded.table.ids
    assert b"caf\xe9" in (out / "per_image.csv").read_bytes()
    assert "caf\\udce9" in (out / "report.html").read_text(encoding="utf-8")


def test_names_that_are_no_utf_8_are_trained_on_and_scored(odd_names, tmp_path):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=1", "data.val_fraction=0.9"])
    result = train(recipe, odd_names, tmp_path / "run", progress=SilentReporter())
    assert result.evaluation.images_scored >= 10
    data = odd_names.rename(odd_names.with_name(LATIN_1))
    RunInfo(str(data), None, "random weights").write(tmp_path)
    assert RunInfo.read(tmp_path).data_path == data


def test_a_name_that_is_no_utf_8_is_printed(odd_names):
    shown = leadline("check-data", odd_names / "rgb" / f"{LATIN_1}.csv")
    assert shown.returncode == 2
    assert "caf\\udce9.csv: no such data" in shown.stderr


def test_control_characters_of_names_never_reach_the_terminal(tmp_path):
    evil = tmp_path / "a\x1b[2Jb"
    shown = leadline_here("evaluate", "--pred-dir", evil, "--data", evil)
    assert shown.returncode == 2
    assert "\x1b" not in shown.stderr and "a\\x1b[2Jb: no such data" in shown.stderr
    assert printable("t\u00e4\u4e2d \n\x07\udce9") == "t\u00e4\u4e2d \n\\x07\\udce9"


@pytest.mark.parametrize(
    "given",
    [
        ("recipes", "x" * 5000),
        ("train", "--recipe", "compact", "-o", "r", "--set", "data.options=" + "[1]" * 3000),
        ("train", "--recipe", "compact", "-o", "r", "--set", f"optimizer.lr={'9' * 5000}x"),
        ("evaluate", "--data", ".", "--model", "m" * 3000),
        ("evaluate", "--data", ".", "--model", "compact-nyu", "--layout", "l" * 3000),
        ("evaluate", "--data", ".", "--model", "compact-nyu", "--depth-scale", "d" * 3000),
        ("evaluate", "--data", ".", "--model", "compact-nyu", "--breakdown", "b" * 3000),
    ],
)
def test_no_message_echoes_a_long_value(given):
    shown = leadline_here(*given)
    assert shown.returncode == 2
    assert len(shown.stderr.splitlines()) == 1
    assert len(shown.stderr) < 1300


def test_a_cut_message_keeps_its_beginning_its_end_and_commands():
    error = LeadlineError("start " + "x" * 5000 + " end")
    assert str(error).startswith("start xx") and str(error).endswith("xx end")
    assert len(str(error)) < 1200
    command = f"go on with 'leadline train --resume /{'d' * 300}'"
    assert str(LeadlineError(command)) == command
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert value_words("v" * 100) == "'" + "v" * 79 + "..."


def test_an_export_to_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    import openvino

    def full(_model, path, **_options):
        path.with_suffix(".bin").write_bytes(np.zeros(9).tobytes())
        raise RuntimeError("Check 'bin_file' failed: could not write weights")

    monkeypatch.setattr(openvino, "save_model", full)

    class Core:
        def read_model(self, _model):
            return None

    monkeypatch.setattr(files, "openvino_core", Core)
    with pytest.raises(LeadlineError, match=r"x\.xml: cannot write here .*could not write weights"):
        files.write_sealed(b"", tmp_path / "x.xml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", ROOM, "-o", "out", "--model", "@"),
        ("predict", "@", "-o", "out"),
        ("convert", "PAIRS", "-o", "@", "--to", "npy"),
        ("convert", "PAIRS", "-o", "@", "--to", "shards"),
        ("expand", "PAIRS", "-o", "@"),
        ("measure", ROOM, "--mask", "@", "--box", "0,0,9,9"),
        ("evaluate", "--model", "compact-nyu", "--data", "@"),
        ("evaluate", "--model", "@", "--data", "nowhere"),
        ("convert", "@", "-o", "out", "--to", "npy"),
        ("check-data", "@"),
        ("check-data", "PAIRS", "-o", "@"),
        ("train", "--recipe", "@", "--data", "PAIRS", "-o", "run"),
        ("train", "--resume", "@"),
    ],
    ids=lambda each: " ".join(map(str, each)),
)
@pytest.mark.parametrize(
    "name", ["a" * 5000, "x/" * 1500 + "a", "a\0b.yaml"], ids=["long", "deep", "nul"]
)
def test_a_name_that_no_file_can_have_is_one_short_line(
    arguments, name, pairs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = {"@": name, "PAIRS": str(pairs)}
    shown = leadline_here(*(words.get(each, each) for each in arguments))
    assert shown.returncode == 2
    assert shown.stderr.count("\n") == 1
    assert len(shown.stderr) < 400
    assert "errno" not in shown.stderr.lower()


@pytest.mark.parametrize(
    "words",
    [
        ("predict", ROOM, "--model", "wrong"),
        ("predict", ROOM, "--model", "wrong", "-o", "made/depth.npy"),
        ("predict", ROOM, "--uncertainty", "--model", "compact-nyu"),
        ("evaluate", "--model", "wrong", "--data", "data"),
        ("evaluate", "--model", "compact-nyu", "--data", "none"),
        ("export", "compact-nyu", "-o", "made/model.onnx", "--images", "none"),
        ("export", "wrong", "-o", "made/model.xml"),
        ("calibrate", ROOM, "--point", "5,5=2", "--model", "wrong"),
        ("calibrate", "none.npy", "--point", "5,5=2"),
        ("convert", "none.npy", "--to", "npz"),
        ("web", "--model", "wrong"),
        ("check-data", "none"),
        ("expand", "none"),
        ("worlds", "render", "--labels", "wrong"),
        ("train", "--recipe", "compact", "--data", "none"),
        ("push", "wrong"),
    ],
    ids=lambda words: f"{words[0]} {words[-1] if isinstance(words[-1], str) else ''}",
)
def test_a_refused_call_leaves_no_folder(pairs, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(pairs)
    out = () if "-o" in words else ("--out", "made/deep")
    fails_in_one_line(leadline_here(*words, *out))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("words", "belongs_to"),
    [
        ("measure depth.npy --box 0,0,2,2 --relative-error 0.1", "--points"),
        ("measure depth.npy --box 0,0,2,2 --fov 60", "only points need a camera"),
        ("measure depth.npy --box 0,0,2,2 --depth-scale 1000 --model compact-nyu", "--model"),
        ("calibrate depth.npy --point 1,1=2 --sparse-scale 256", "--sparse"),
        ("calibrate depth.npy --sparse list.txt --sparse-scale 256", "list in metres"),
        ("calibrate depth.npy --point 1,1=2 --depth-scale 256 --model compact-nyu", "--model"),
        ("video none.mp4 --format npz", "--frames"),
        ("predict none.jpg -o - --skip-existing", "a folder or file as -o"),
        ("predict none.jpg --vmin 1", "--color"),
        ("evaluate --data none --model compact-nyu --flip-averaged", "--pred-dir"),
        ("evaluate --data none --model compact-nyu --cases 3 --no-out", "-o"),
        ("convert depth.npy --to npz --layout nyu", "--to shards"),
        ("web --port 8080", "--open"),
        ("web --no-browser", "--open"),
        ("benchmark --protocol full --no-out", "--data"),
        ("benchmark --store --no-out", "--data"),
        ("push compact-nyu -m words", "--to"),
        ("push compact-nyu --private", "--to"),
    ],
)
def test_an_option_without_effect_is_refused(tmp_path, monkeypatch, words, belongs_to):
    monkeypatch.chdir(tmp_path)
    np.save("depth.npy", np.ones((4, 6), np.float32))
    Path("list.txt").write_text("1 1 2.0\n")
    given = [word for word in words.split() if word != "--no-out"]
    has_no_out = "-o" in given or given[0] == "measure" or "--no-out" in words
    out = () if has_no_out else ("-o", "made.mp4" if given[0] == "video" else "made")
    fails_in_one_line(leadline_here(*given, *out), belongs_to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["depth.npy", "list.txt"]


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("evaluate.evaluate", ("evaluate", "--data", "x", "--model", "compact-nyu")),
        ("export.export_model", ("export", "compact-nyu", "-o", "m.onnx")),
        ("benchmark.benchmark", ("benchmark", "compact-nyu")),
    ],
)
def test_a_warning_of_any_command_is_one_line(function, command, monkeypatch):
    def warn(*_, **__):
        warnings.warn("mind this", LeadlineWarning, stacklevel=1)
        warnings.warn("mind this", LeadlineWarning, stacklevel=1)
        raise LeadlineError("the end")

    monkeypatch.setattr(f"leadline.cli.{function}", warn)
    said = leadline_here(*command).stderr
    assert said == "leadline: mind this\nleadline: error: the end\n"
