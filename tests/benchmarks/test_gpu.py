"""The scripts that carry data to a GPU machine, train there in slices and carry weights back."""

import importlib.util
import json
import subprocess
import tarfile
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from leadline.datasets import open_data
from leadline.datasets.warp import resize_sample
from leadline.errors import LeadlineError
from leadline.models.build import load_model
from leadline.training.recipe import list_recipes, load_recipe
from leadline.training.run_folder import Run
from tests.conftest import QUICK

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "gpu"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"gpu_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packed(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, splits = tmp_path_factory.mktemp("packed"), tmp_path_factory.mktemp("splits")
    images = sorted((pairs / "rgb").iterdir())
    depths = sorted((pairs / "depth").iterdir())
    rows = [f"{i},{d}" for i, d in zip(images, depths, strict=True)]
    (splits / "train.csv").write_text("\n".join(["image,depth", *rows[:-2]]) + "\n")
    (splits / "val.csv").write_text("\n".join(["image,depth", *rows[-2:]]) + "\n")
    (splits / "dataset.yaml").write_text("depth_scale: 1000\n")
    call = ["--data", str(splits), "-o", str(folder / "p.tar"), "--size", "48x64"]
    assert script("pack").main(call) == 0
    with tarfile.open(folder / "p.tar") as tar:
        tar.extractall(folder, filter="data")
    return folder / "packed"


def slice_call(data: Path, out: Path, minutes: float, steps: int = 5) -> list[str]:
    call = ["--recipe", "compact", "--data", str(data), "--out", str(out), "--steps", str(steps)]
    call += ["--minutes", str(minutes)]
    for setting in QUICK:
        call += ["--set", setting]
    return call


def test_a_packed_sample_is_the_resized_one_to_a_millimetre(pairs: Path, packed: Path) -> None:
    train, source = open_data(packed, "train"), open_data(pairs)
    assert (len(train), len(open_data(packed, "val"))) == (len(source) - 2, 2)
    for index in range(len(train)):
        expected, found = resize_sample(source[index], (48, 64)), train[index]
        assert (found.valid == expected.valid).all()
        assert np.abs(found.depth - expected.depth).max() <= 0.00051
        error = found.image.astype(float) - expected.image
        assert np.sqrt(np.mean(error**2)) < 12  # JPEG


def test_slices_resume_on_moved_data_until_the_run_is_finished(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, run = script("train"), tmp_path / "run"
    assert train.main(slice_call(packed, run, minutes=1e-6)) == 0
    assert "same call continues" in capsys.readouterr().out
    assert Run.open(run).step == 1
    moved = tmp_path / "elsewhere"
    packed_again = moved / "packed"
    moved.mkdir()
    packed_again.symlink_to(packed)
    facts = json.loads((run / "run.json").read_text()) | {"data": str(tmp_path / "gone")}
    (run / "run.json").write_text(json.dumps(facts))
    for _ in range(4):
        assert train.main(slice_call(packed_again, run, minutes=1e-6)) == 0
    assert "finished" in capsys.readouterr().out
    assert Run.open(run).step == 5


def test_another_number_of_steps_does_not_continue_a_run(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, run = script("train"), tmp_path / "run"
    assert train.main(slice_call(packed, run, minutes=1e-6)) == 0
    assert train.main(slice_call(packed, run, minutes=1e-6, steps=6)) == 2
    assert "over 5 steps" in capsys.readouterr().err


def test_a_model_joined_from_pieces_predicts_like_the_model_of_the_run(
    quick_run: Path, tmp_path: Path
) -> None:
    pieces = script("pieces")
    assert pieces.main(["cut", str(quick_run), "-o", str(tmp_path / "p"), "--piece-mib", "2"]) == 0
    files = sorted((tmp_path / "p").glob("*.bin"))
    assert len(files) == 4 and all(file.stat().st_size <= 2 << 20 for file in files)
    assert pieces.main(["join", str(tmp_path / "p"), "-o", str(tmp_path / "m")]) == 0
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = load_model(quick_run / "model")(image)["depth"]
        after = load_model(tmp_path / "m")(image)["depth"]
    assert torch.allclose(before, after, rtol=1e-2)


def test_a_damaged_piece_is_named(
    quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = script("pieces")
    pieces.main(["cut", str(quick_run), "-o", str(tmp_path / "p")])
    file = tmp_path / "p" / "weights-000.bin"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert pieces.main(["join", str(tmp_path / "p"), "-o", str(tmp_path / "m")]) == 2
    assert "weights-000.bin: damaged" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_weight_beyond_fp16_is_refused() -> None:
    with pytest.raises(LeadlineError, match="big: holds values that fp16 cannot"):
        script("pieces").halve("big", torch.full((2, 2), 7e4))


def commands_of_the_readme() -> dict[str, list[str]]:
    """The arguments of every row's command, as a shell would give them to the script."""
    text = (SCRIPTS / "README.md").read_text()
    block = next(part for part in text.split("```") if part.startswith("\ntrain="))
    shell = 'python() { printf "%s\\t" "$@"; echo; }\n' + block
    printed = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    calls = [line.rstrip("\t").split("\t") for line in printed.stdout.splitlines()]
    return {call[call.index("--recipe") + 1]: call for call in calls}


def test_the_readme_has_a_command_for_every_row_with_its_epochs_over_our_images() -> None:
    commands = commands_of_the_readme()
    others = {name for name in list_recipes() if name.endswith("-worlds")}
    others |= {"crisp", "crisp-edges", "crisp-street", "crisp-uncertainty", "densedepth-kitti"}
    others |= {"finetune"}
    assert set(commands) == set(list_recipes()) - others
    for name, call in commands.items():
        settings = [value for flag, value in pairwise(call) if flag == "--set"]
        recipe, steps = load_recipe(name, settings), int(call[call.index("--steps") + 1])
        assert call[call.index("--out") + 1] == f"runs/{name}"
        if recipe.trainer.max_steps is None:
            assert steps == recipe.trainer.epochs * (691 // recipe.data.batch_size), name
        ships = recipe.model.encoder_weights == "shipped"
        assert ships or recipe.model.encoder_weights == "none", name
