"""What a run trained on: said when it is scored, held out again by --split, warned of by --init."""

import json
import shutil

import pytest

from leadline.datasets.open import open_data, open_train_and_val
from leadline.datasets.trained_on import HoldOut, training_data
from leadline.errors import LeadlineError
from leadline.evaluation import evaluate
from leadline.evaluation.compare import _scored_data
from leadline.evaluation.evaluate import trained_on_warnings
from leadline.evaluation.result import Result
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import RunInfo, create_run_folder


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
