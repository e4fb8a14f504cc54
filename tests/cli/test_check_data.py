"""`leadline check-data` as a user and as a script meet it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from leadline.datasets import find_data
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.data_checks.check_scenes import change_depth, write_rooms


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rooms(tmp_path_factory.mktemp("check") / "rooms")


@pytest.fixture(scope="module")
def mirrored(rooms, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "mirrored"
    shutil.copytree(rooms, folder)
    change_depth(folder, lambda values: values[:, ::-1])
    return folder


def test_clean_data_ends_with_status_0_and_yaml_that_training_takes(rooms):
    from leadline.training.recipe import load_recipe

    result = leadline_here("check-data", rooms)
    assert result.returncode == 0, result
    assert "no reason not to train on this" in result.stdout
    assert len(result.stdout.splitlines()) < 40
    pasted = yaml.safe_load(result.stdout.partition("# in a recipe\n")[2])
    overrides = [f"data.{key}={value}" for key, value in pasted["data"].items()]
    overrides += [f"model.{key}={value}" for key, value in pasted["model"].items()]
    recipe = load_recipe("compact", overrides)
    assert (recipe.data.max_depth, recipe.model.max_depth) == (6, 6)
    assert "where most recipes end" not in result.stdout
    assert "depth_scale: 1000" in result.stdout
    ids = np.unique([np.asarray(Image.open(path)) for path in (rooms / "label").iterdir()])
    assert f"class ids {ids[0]} to {ids[-1]} in 28 pairs" in result.stdout
    assert "255" not in result.stdout.partition("class ids")[2].splitlines()[0]


def test_that_255_does_not_count_is_said_where_it_occurs(rooms, tmp_path):
    folder = tmp_path / "void"
    shutil.copytree(rooms, folder)
    path = sorted((folder / "label").iterdir())[0]
    ids = np.array(Image.open(path))
    ids[:4] = 255
    Image.fromarray(ids).save(path)
    assert (
        "in 28 pairs (and 255, which does not count)" in leadline_here("check-data", folder).stdout
    )


def test_a_fault_ends_with_status_1_and_json_alone_on_stdout(mirrored):
    result = leadline_here("check-data", mirrored, "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["ok"] is False
    (finding,) = report["findings"]
    assert (finding["severity"], finding["code"]) == ("error", "depth-mirrored")
    assert finding["count"] == report["samples"] == 28


def test_out_holds_the_report_and_a_sheet_with_the_suspicious_first(mirrored, tmp_path):
    result = leadline_here("check-data", mirrored, "-o", tmp_path / "out", "--sample", 5)
    assert "5 of 28 read" in result.stdout
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["read"] == 5
    sheet = Image.open(tmp_path / "out/contact_sheet.png")
    assert sheet.width > 1000 and sheet.height > 600


def test_the_split_all_is_all_splits(rooms):
    named, unnamed = (
        leadline_here("check-data", rooms, *split, "--json") for split in (["--split", "all"], [])
    )
    assert json.loads(named.stdout)["splits"] == {"train": 20, "val": 8}
    assert named.stdout == unnamed.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing"], ["missing", "no such data"]),
        (["rooms", "--split", "test"], ["'test'", "train, val"]),
        (["rooms", "--layout", "nyuu"], ["nyuu", "nyu-mat"]),
        (["rooms", "--depth-scale", "fathoms"], ["'fathoms'"]),
        (["rooms", "-o", "rooms/dataset.yaml"], ["dataset.yaml"]),
    ],
)
def test_what_cannot_be_checked_ends_with_status_2(rooms, tmp_path, arguments, words):
    (tmp_path / "rooms").symlink_to(rooms)
    where = [tmp_path / a if a.startswith(("rooms", "missing")) else a for a in arguments]
    fails_in_one_line(leadline_here("check-data", *where), *words)


def test_the_light_install_is_enough(rooms):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'scipy', 'matplotlib', 'h5py']))\n"
        f"sys.argv = ['leadline', 'check-data', {str(rooms)!r}]\n"
        "from leadline.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("train", "--recipe", "compact", "--data"),
        ("evaluate", "--model", "compact-nyu", "--data"),
        ("check-data",),
    ],
)
def test_nothing_is_written_where_it_would_be_taken_for_data(rooms, tmp_path, command):
    beside = tmp_path / "beside"
    beside.mkdir()
    for image in sorted((rooms / "rgb").iterdir()):
        shutil.copy(image, beside / image.name)
        np.save(beside / f"{image.stem}_depth.npy", np.ones((96, 128), np.float32))
    shutil.copytree(rooms, tmp_path / "folders", ignore=shutil.ignore_patterns("*.csv"))
    for data, new in ((beside, "new"), (tmp_path / "folders", "rgb/new")):
        out = data / new
        result = leadline_here(*command, data, "-o", out)
        fails_in_one_line(result, f"{out}: lies in the data set")
        assert not out.exists()


def test_files_may_be_written_where_only_folders_or_lists_are_looked_at(tmp_path):
    for name in ("rgb/a.png", "depth/a.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    find_data(tmp_path).check_outside(tmp_path / "run")
    (tmp_path / "train.csv").write_text("image,depth\n")
    find_data(tmp_path).check_outside(tmp_path / "rgb" / "run")
