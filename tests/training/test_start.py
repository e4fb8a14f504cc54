"""A fine-tuning: its start is scored, and an interrupted one ends with the bits of a whole one."""

import csv
import shutil

import pytest
import torch
from safetensors.torch import load_file

from leadline import evaluate
from leadline.errors import LeadlineError
from leadline.training.checkpoint import load_checkpoint
from leadline.training.data import open_recipe_data
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import MODEL, Run
from leadline.training.train import resume, train
from tests.cli.helpers import leadline_here
from tests.conftest import QUICK, SilentReporter
from tests.training.test_loop import StopsAt

SETTINGS = [*QUICK, "trainer.loggers=[]", "data.val_fraction=0.25"]
HARMFUL = ["optimizer.lr=1", "optimizer.clip=0", "schedule.warmup=0", "trainer.max_steps=2"]


def rows_of(run):
    """Return the rows of `metrics.csv` as text."""
    return list(csv.DictReader((run / "metrics.csv").open()))


@pytest.fixture(scope="module")
def harmed(quick_run, pairs, tmp_path_factory):
    """A fine-tuning of the finished run with a rate that ruins it, and what it said."""
    reporter = SilentReporter()
    run = tmp_path_factory.mktemp("runs") / "harmed"
    settings = [*SETTINGS, *HARMFUL]
    train("compact", pairs, run, init=quick_run, overrides=settings, progress=reporter, score=False)
    return run, reporter.lines


def test_the_first_row_is_the_score_of_the_model_that_it_starts_from(harmed, quick_run, pairs):
    run, lines = harmed
    first = rows_of(run)[0]
    assert (first["step"], first["epoch"], first["loss"]) == ("0", "0", "")
    recipe = load_recipe("compact", SETTINGS)
    _, held_out = open_recipe_data(recipe, pairs, None)
    expected = evaluate(quick_run, held_out, protocol="full", baselines=False)
    assert float(first["val_abs_rel"]) == pytest.approx(expected.metrics["abs_rel"], rel=1e-4)
    assert any(line.startswith("the start: val delta1") for line in lines)


def test_a_fine_tuning_that_hurts_leaves_the_model_as_it_was_and_says_so(harmed, quick_run):
    run, lines = harmed
    rows = [row for row in rows_of(run) if row["val_abs_rel"]]
    assert [row["step"] for row in rows] == ["0", "2"]
    assert float(rows[1]["val_abs_rel"]) > float(rows[0]["val_abs_rel"])
    assert Run.open(run).kept["step"] == 0
    before, after = (load_file(each / MODEL / "model.safetensors") for each in (quick_run, run))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert "no step was better than the start" in lines[-1]
    assert "steps | 0 of 2" in (run / MODEL / "README.md").read_text()


def test_a_fine_tuning_on_what_its_model_was_trained_on_says_how_many(harmed, quick_run):
    """Two or three of three: the parent held out one picture of twelve."""
    _, lines = harmed
    said = [line for line in lines if "validation images were trained on" in line]
    assert len(said) == 1
    assert said[0].endswith("set data.val_fraction=0.1")


def test_an_interrupted_fine_tuning_ends_with_the_same_bits(quick_run, pairs, tmp_path):
    """A frozen encoder, a moving average, a start that is scored; stopped at step 2 of 4."""
    settings = [
        *SETTINGS,
        "data.area=1536",
        "optimizer.encoder_lr=0",
        "trainer.ema=0.9",
        "trainer.max_steps=4",
        "trainer.validate_every_epochs=1",
    ]
    for name, reporter in (("whole", SilentReporter()), ("run", StopsAt(2))):
        run = tmp_path / name
        train(
            "compact",
            pairs,
            run,
            init=quick_run,
            overrides=settings,
            progress=reporter,
            score=False,
        )
    assert Run.open(tmp_path / "run").state == "stopped, 2 of 4"
    assert resume(tmp_path / "run", progress=SilentReporter(), score=False).reason.is_final
    whole, _ = load_checkpoint(tmp_path / "whole" / "checkpoints")
    resumed, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert resumed["step"] == whole["step"] == 4
    assert resumed["best"] == whole["best"]
    for part in (lambda state: state["model"], lambda state: state["ema"]["model"]):
        for name, value in part(whole).items():
            assert torch.equal(part(resumed)[name], value), name
    for key, values in whole["optimizer"]["state"].items():
        for name, value in values.items():
            assert torch.equal(resumed["optimizer"]["state"][key][name], value), name
    for file in ("metrics.csv", "model/README.md", "model/config.json", "model/model.safetensors"):
        assert (tmp_path / "run" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_a_run_is_resumed_on_other_devices_than_it_was_begun_on(quick_run, tmp_path):
    """Without a second device, and without a change of its recipe."""
    run = shutil.copytree(quick_run, tmp_path / "run")
    recipe = load_recipe(str(run / "recipe.yaml"), ["trainer.devices=2"]).to_yaml()
    (run / "recipe.yaml").write_text(recipe)
    said = leadline_here("train", "--resume", run, "--set", "trainer.devices=1")
    assert said.returncode == 0, said.stderr
    assert "already finished" in said.stderr
    assert (run / "recipe.yaml").read_text() == recipe


@pytest.mark.parametrize("setting", ["optimizer.lr=1", "trainer.max_steps=9", "data.layout=pairs"])
def test_a_resumed_run_takes_no_other_change(quick_run, setting):
    with pytest.raises(LeadlineError, match=rf"^{setting}: .*trainer\.devices.*--continue"):
        resume(quick_run, overrides=[setting])
