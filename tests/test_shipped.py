"""The model in the package: it is small, it is good, and a light install can use it."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

import leadline
from leadline.errors import LeadlineError
from leadline.io import read_depth, read_photo
from leadline.io.checksums import verify_weights, weight_files
from leadline.models.encoders import read_state_dict
from leadline.weights import FOLDER, shipped_checkpoint, shipped_graph
from tests.cli.helpers import leadline as run

ROOT = Path(__file__).parents[1]


MODELS = ("crisp-nyu", "compact-nyu")


@pytest.mark.parametrize("name", MODELS)
def test_it_takes_at_most_twelve_megabytes(name):
    size = sum(p.stat().st_size for p in shipped_checkpoint(name).iterdir())
    assert 1e6 < size <= 12e6
    card = (shipped_checkpoint(name) / "README.md").read_text()
    for fact in ("691", "initialised from", "nyu-eigen", "delta1"):
        assert fact in card


@pytest.fixture(scope="module")
def photo():
    return read_photo(ROOT / "examples" / "room.jpg")


@pytest.mark.parametrize("name", MODELS)
def test_its_three_runtimes_give_the_same_metres(name, photo):
    depths = [
        leadline.load(name, runtime=runtime, precision="f32")(photo).depth
        for runtime in ("openvino", "onnxruntime", "torch")
    ]
    for depth in depths[1:]:
        np.testing.assert_allclose(depth, depths[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_its_graph_says_what_its_configuration_says(name):
    model = onnx.load(shipped_graph(name), load_external_data=False)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    config = json.loads((shipped_checkpoint(name) / "config.json").read_text())
    assert json.loads(stored["leadline"]) == config


def test_its_graph_opens_where_runtimes_are_old():
    model = onnx.load(shipped_graph("compact-nyu"), load_external_data=False)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    assert model.ir_version == 8


def test_every_shipped_weight_file_has_its_checksum():
    files = weight_files(FOLDER)
    assert len(files) == 7
    assert all(verify_weights(file) for file in files)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime", "torch"])
def test_random_flips_are_refused_in_every_runtime(runtime, tmp_path):
    folder = shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "model")
    victims = [folder / "model.safetensors"] + [folder / "model.onnx"] * (runtime != "torch")
    path = folder if runtime == "torch" else folder / "model.onnx"
    rng = np.random.default_rng(0)
    for victim in victims:
        whole = victim.read_bytes()
        for at in rng.integers(0, len(whole), 6):
            content = bytearray(whole)
            content[at] ^= 1 << rng.integers(8)
            victim.write_bytes(content)
            with pytest.raises(LeadlineError, match="damaged") as caught:
                leadline.load(path, runtime=runtime)
            assert str(victim) in str(caught.value)
        victim.write_bytes(whole)


def test_the_example_room_is_understood(photo):
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
    in_torch = subprocess.run(
        [*command, "-o", "out", "--runtime", "torch"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert in_torch.returncode == 2
    assert "leadline[train]" in in_torch.stderr
    export = [command[0], "export", "compact-nyu", "--format", "onnx", "-o", tmp_path]
    subprocess.run(export, check=True)
    onnx.checker.check_model(tmp_path / "compact-nyu.onnx")
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


def test_its_checkpoint_is_restored_to_the_bit_from_an_exported_file(tmp_path):
    module = runpy.run_path(str(ROOT / "scripts" / "restore_checkpoint.py"))
    [path, _] = leadline.export_model("compact-nyu", tmp_path, format="openvino").files
    state = module["restore"](openvino.Core().read_model(path)).state_dict()
    shipped = read_state_dict(shipped_checkpoint("compact-nyu") / "model.safetensors")
    assert state.keys() == shipped.keys()
    assert all(torch.equal(state[name], value) for name, value in shipped.items())


def test_the_one_that_ships_states_intervals_and_what_is_unlike_its_training_pictures(photo):
    predictor = leadline.load(precision="f32")
    depth = predictor(photo)
    near, far = depth.interval(80)
    assert (near < depth.depth).all()
    assert (depth.depth < far).all()
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    room, unlike = (predictor.predict_batch(image[None]).novelty for image in (photo.pixels, noise))
    assert room is not None
    assert unlike is not None
    assert room[0] < unlike[0]
    assert unlike[0] > 1
