"""The model in the package: it is small, it is good, and a light install can use it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import leadline
from leadline.inference import find_checkpoint
from leadline.io import read_depth, read_photo
from leadline.weights import FOLDER, shipped_checkpoint, shipped_model_file
from tests.cli.helpers import leadline as run

ROOT = Path(__file__).parents[1]


def test_it_takes_at_most_twelve_megabytes():
    size = sum(p.stat().st_size for p in FOLDER.glob("compact-nyu.*"))
    assert 1e6 < size <= 12e6
    assert shipped_model_file("compact-nyu").is_file()
    card = (shipped_checkpoint("compact-nyu") / "README.md").read_text()
    for fact in ("691", "initialised from", "nyu-eigen", "delta1"):
        assert fact in card


def test_its_checkpoint_gives_the_metres_of_its_exported_file():
    image = read_photo(ROOT / "examples" / "room.jpg").pixels[None]
    in_torch = leadline.load(find_checkpoint("compact-nyu")).predict_batch(image).depth
    exported = leadline.load("compact-nyu").predict_batch(image).depth
    np.testing.assert_allclose(in_torch, exported, atol=1e-4)


def test_the_example_room_is_understood():
    photo = read_photo(ROOT / "examples" / "room.jpg")
    truth = read_depth(ROOT / "examples" / "room_depth.png")
    depth = leadline.load()(photo).depth
    relative = np.abs(depth - truth.depth) / truth.depth
    assert relative[truth.valid].mean() < 0.25
    # Near things are near and far things far, pixel by pixel.
    assert np.corrcoef(depth[truth.valid], truth.depth[truth.valid])[0, 1] > 0.7


def test_its_score_on_the_real_validation_images(shared_data):
    data = shared_data / "nyu_labeled_train"
    result = run("evaluate", "--model", "compact-nyu", "--data", data, "--json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert content["images_scored"] == 80
    assert content["metrics"]["delta1"] >= 0.62
    assert content["metrics"]["abs_rel"] <= 0.25
    assert content["metrics"]["rmse"] <= 0.72
    assert content["baselines"]["mean training depth map"]["delta1"] == pytest.approx(
        0.397, abs=5e-3
    )


def test_a_light_install_without_torch_predicts(tmp_path):
    """A fresh environment with the base dependencies alone, from a built wheel."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    if not Path(uv).is_file():
        pytest.skip("uv is not installed")
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt", ROOT],
        check=True,
    )
    command = [tmp_path / "venv" / "bin" / "leadline", "predict", ROOT / "examples" / "room.jpg"]
    subprocess.run([*command, "-o", tmp_path / "out", "--color", "--ply"], check=True, cwd=tmp_path)
    assert np.load(tmp_path / "out" / "room.npy").shape == (480, 640)
    absent = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    assert absent.returncode != 0
    trained = subprocess.run(
        [command[0], "train", "--recipe", "compact", "--data", tmp_path, "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert trained.returncode == 2
    assert "leadline[train]" in trained.stderr
