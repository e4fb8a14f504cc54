"""What a run trained on: said when it is scored, held out again by --split, warned of by --init."""

import json
import shutil

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from leadline.datasets.fingerprints import FILE, KnownPhotographs, known_photographs
from leadline.datasets.open import open_data, open_train_and_val
from leadline.datasets.trained_on import HoldOut, training_data
from leadline.errors import LeadlineError
from leadline.evaluation import evaluate
from leadline.evaluation.compare import _scored_data
from leadline.evaluation.evaluate import trained_on_warnings
from leadline.evaluation.result import Result
from leadline.training.held_out import known_warnings
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import RunInfo, create_run_folder
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter


def start_run(folder, data, *settings, init=None):
    """Write what a run writes first: its recipe and where its data is."""
    folder.mkdir()
    recipe = load_recipe("compact", settings)
    if init is not None:
        recipe = recipe.model_copy(
            update={"model": recipe.model.model_copy(update={"init": str(init)})}
        )
    create_run_folder(folder, recipe, RunInfo(str(data.resolve()), None, "random weights"))
    return folder


def photographs(count, size=(120, 160)):
    """Blurred noise: like photographs, no two alike."""
    rng = np.random.default_rng(5)
    noise = rng.uniform(0, 255, (count, *size, 3))
    smooth = gaussian_filter(noise, (0, 8, 8, 0))
    spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return (255 * spread).astype(np.uint8)


HELD = ("data.val_fraction=0.25", "data.seed=5")


@pytest.fixture
def run(pairs, tmp_path):
    return start_run(tmp_path / "run", pairs, *HELD)


def held_out_by_hand(pairs):
    _, val = open_train_and_val(pairs, val_fraction=0.25, seed=5)
    return {val.sample_id(index) for index in range(len(val))}


def test_the_hold_out_of_a_run_is_what_it_did_not_train_on(run, pairs):
    data = training_data(run)
    held = held_out_by_hand(pairs)
    assert len(held) == 3
    trained = {key.rpartition("/")[2] for key in data.images()}
    assert {f"rgb/{name}" for name in trained} | held == {f"rgb/{n:03d}.png" for n in range(12)}
    assert len(trained) == 9
    assert training_data(run / "model") == data


def test_scoring_everything_says_how_much_was_trained_on(run, pairs, quick_run):
    (line,) = trained_on_warnings(training_data(run), open_data(pairs), could_hold_out=True)
    assert line.startswith("9 of these 12 images were trained on by")
    assert line.endswith("--split val scores those that it held out")


def test_split_val_of_a_run_is_its_hold_out_and_has_its_baselines(quick_run, pairs, tmp_path):
    settings = json.loads(json.dumps(load_recipe(str(quick_run / "recipe.yaml")).data.model_dump()))
    train, val = open_train_and_val(pairs, val_fraction=settings["val_fraction"], seed=0)
    result = evaluate(str(quick_run), pairs, split="val", protocol="full", out=tmp_path)
    assert list(result.table.ids) == [val.sample_id(index) for index in range(len(val))]
    assert result.split == "val" and set(result.baselines)
    assert not [each for each in result.warnings if "trained on" in each]
    loaded = Result.load(tmp_path)
    assert loaded.data_options.hold_out == HoldOut(settings["val_fraction"], 0)
    again = _scored_data(loaded, None)
    assert [again.sample_id(index) for index in range(len(again))] == list(result.table.ids)
    whole = evaluate(str(quick_run), pairs, protocol="full", baselines=False)
    assert whole.warnings[0].startswith(f"{len(train)} of these 12 images were trained on by")


def test_other_data_is_held_out_by_nobody(run, pairs, tmp_path):
    other = shutil.copytree(pairs, tmp_path / "other")
    assert trained_on_warnings(training_data(run), open_data(other)) == []
    with pytest.raises(LeadlineError, match="no split 'val'"):
        evaluate(str(run), other, split="val")


def test_what_a_run_started_from_counts_as_well(run, pairs, tmp_path):
    (tmp_path / "half").mkdir()
    csv = tmp_path / "half.csv"
    names = [f"{pairs}/rgb/{n:03d}.png,{pairs}/depth/{n:03d}.png" for n in range(4)]
    csv.write_text("\n".join(["image,depth", *names]) + "\n")
    (tmp_path / "dataset.yaml").write_text("depth_scale: 1000\n")
    second = start_run(tmp_path / "second", csv, "data.val_fraction=0", init=run)
    trained = {key.rpartition("/")[2] for key in training_data(second).images()}
    first = {key.rpartition("/")[2] for key in training_data(run).images()}
    assert trained == first | {f"{n:03d}.png" for n in range(4)}
    (line,) = trained_on_warnings(training_data(second), open_data(csv))
    assert line.startswith("4 of these 4 images")


def test_whole_scenes_and_limits_are_held_out_alike(pairs, tmp_path):
    run = start_run(tmp_path / "run", pairs, "data.val_fraction=0.2", "data.limit=5")
    assert len(training_data(run).images()) == 4
    assert training_data(tmp_path) is None
    (run / "run.json").write_text("{}")
    assert training_data(run) is None


def test_a_photograph_is_known_again_by_its_picture():
    pictures = photographs(20)
    known = KnownPhotographs.from_photographs("m", pictures[:10])
    for picture in pictures[:10]:
        _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])
        assert known.contains(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
        assert known.contains(cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA))
        assert not known.contains(picture[:, ::-1])
    assert not any(known.contains(picture) for picture in pictures[10:])


def test_what_a_model_was_trained_on_is_said_wherever_the_data_lies(quick_run, pairs, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(quick_run / "model", run / "model")
    data = open_data(pairs)
    KnownPhotographs.from_photographs("crisp", (data[index].image for index in (1, 4, 7))).write(
        run / "model"
    )
    (said,) = [w for w in evaluate(run, pairs, protocol="full").warnings if "photographs" in w]
    assert said.startswith("3 of these 12 images are photographs that crisp was trained on")
    (said,) = known_warnings(run, data)
    assert said.startswith("3 of 12 validation images looked at")
    assert known_warnings("resnet.pth", data) == known_warnings(None, data) == ()


def test_a_run_passes_on_what_its_start_was_trained_on(quick_run, pairs, tmp_path):
    start = tmp_path / "start"
    shutil.copytree(quick_run / "model", start)
    KnownPhotographs.from_photographs("crisp", [open_data(pairs)[0].image]).write(start)
    recipe = load_recipe("compact", [*QUICK, f"model.init={start}", "trainer.max_steps=1"])
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert (tmp_path / "run" / FILE).read_bytes() == (start / FILE).read_bytes()
    assert known_photographs(tmp_path / "run" / "model").model == "crisp"


def test_damaged_fingerprints_are_one_line(tmp_path):
    (tmp_path / FILE).write_text('{"model": "m", "fingerprints": "AAAA"}')
    with pytest.raises(LeadlineError, match="is damaged; remove it"):
        known_photographs(tmp_path)
