"""`train --continue`: a second phase of a finished run is a new run that names its parent."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from leadline.cli import main
from leadline.datasets.trained_on import training_data
from leadline.errors import LeadlineError
from leadline.training.continuation import plan_continuation
from leadline.training.run_folder import Run
from leadline.training.train import continue_run, resume
from tests.conftest import QUICK, SilentReporter, write_pairs


@pytest.fixture(scope="module")
def parent(quick_run, tmp_path_factory):
    """A copy of the finished run."""
    return shutil.copytree(quick_run, tmp_path_factory.mktemp("phase") / "first")


def test_the_child_starts_from_the_best_model_and_names_its_parent(parent, tmp_path):
    reporter = SilentReporter()
    changes = ["optimizer.lr=1e-5", "optimizer.encoder_lr=0", "data.batch_size=2"]
    result = continue_run(
        parent,
        tmp_path / "child",
        overrides=[*changes, "data.area=1536", "trainer.max_steps=2", "trainer.loggers=[]"],
        progress=reporter,
        score=False,
    )
    first, second = (load_file(run / "model/model.safetensors") for run in (parent, result.run))
    encoder = [name for name in first if name.startswith("encoder.")]
    assert all(torch.equal(first[name], second[name]) for name in encoder)
    assert not torch.equal(first["head.weight"], second["head.weight"])
    assert "from first (all" in reporter.lines[0]
    assert "batch 2, 2 steps" in reporter.lines[0]
    info = json.loads((result.run / "run.json").read_text())
    assert info["parent"] == str(parent)
    assert info["data"] == json.loads((parent / "run.json").read_text())["data"]
    recipe = yaml.safe_load((result.run / "recipe.yaml").read_text())
    assert recipe["model"]["init"] == str(parent)
    assert recipe["optimizer"]["lr"] == 1e-5
    assert "| parent run | first |" in (result.run / "model/README.md").read_text()
    assert Run.open(result.run).summary()["parent"] == str(parent)
    # The optimizer is a new one: its first step has no memory of the parent's six.
    state = torch.load(result.run / "checkpoints/last.ckpt", weights_only=True)
    assert {int(entry["step"]) for entry in state["optimizer"]["state"].values()} == {2}
    # It was trained on what its parent was trained on, whatever it held out itself.
    assert training_data(result.run).images() == training_data(parent).images()
    # The child needs its parent no more.
    shutil.move(parent, parent.with_name("elsewhere"))
    try:
        assert resume(result.run, progress=reporter, score=False).reason.is_final
    finally:
        shutil.move(parent.with_name("elsewhere"), parent)


def test_data_scale_and_hold_outs_are_those_of_the_parent(parent):
    plan = plan_continuation(parent, [])
    first = yaml.safe_load((parent / "recipe.yaml").read_text())
    info = json.loads((parent / "run.json").read_text())
    assert str(plan.data) == info["data"]
    assert plan.units_per_metre == info["units_per_metre"]
    assert plan.recipe.data.model_dump(mode="json") == first["data"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.seed=1", r"data\.seed=1: was 0; .* would then validate; .*other --data"),
        ("data.val_fraction=0.5", r"data\.val_fraction=0\.5: was 0\.1"),
        ("data.val_unit=scene", r"data\.val_unit=scene: was sample"),
        ("model.encoder=resnet18", r"model\.encoder=resnet18: was mobilenet_v2; .*--init"),
        ("model.architecture=fcrn", r"model\.architecture=fcrn: was compact"),
        ("optimizer.lrr=1", r"unknown key 'optimizer\.lrr'"),
    ],
)
def test_a_change_of_what_stays_is_one_line(parent, override, message):
    with pytest.raises(LeadlineError, match=message) as caught:
        plan_continuation(parent, [override])
    assert "\n" not in str(caught.value)


def test_another_scale_of_the_same_data_is_refused_and_other_data_has_its_own(parent, tmp_path):
    with pytest.raises(LeadlineError, match=r"depth scale 256: .* at the data's own units"):
        plan_continuation(parent, [], units_per_metre=256)
    other = write_pairs(tmp_path / "other", 3, (32, 48))
    plan = plan_continuation(parent, ["data.val_fraction=0.3"], other, 256)
    assert (plan.data, plan.units_per_metre) == (other, 256)
    assert plan.recipe.data.val_fraction == 0.3


@pytest.fixture
def phase(parent, tmp_path):
    """Return a copy of the finished run whose recipe has other keys of `data`."""

    def with_data(**keys):
        run = shutil.copytree(parent, tmp_path / "phase")
        recipe = yaml.safe_load((run / "recipe.yaml").read_text())
        recipe["data"] |= keys
        (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        return run

    return with_data


ROOMS = {"name": "rooms", "worlds": {"kind": "rooms", "count": 20}}


@pytest.mark.parametrize(
    ("keys", "override", "message"),
    [
        ({"mix": [{"name": "real"}, ROOMS]}, "data.val_set=rooms", r"^data\.val_set: other images"),
        (
            {"mix": [{"name": "real"}, ROOMS]},
            "data.mix=[{name: other, path: elsewhere}, {name: real}]",
            r"^data\.mix: other images would validate than in .*; leave it out",
        ),
        ({"worlds": ROOMS["worlds"]}, "data.worlds.seed=1", r"^data\.worlds: other images"),
    ],
)
def test_the_images_that_validate_stay_in_mixtures_and_worlds(phase, keys, override, message):
    with pytest.raises(LeadlineError, match=message):
        plan_continuation(phase(**keys), [override])


def test_what_changes_no_validation_may_change_in_a_mixture(phase, parent):
    run = phase(mix=[{"name": "real"}, ROOMS])
    heavier = "data.mix=[{name: real, weight: 3}, {name: far, path: elsewhere}]"
    assert plan_continuation(run, [heavier]).recipe.data.mix[1].name == "far"
    assert plan_continuation(run, ["data.val_set=real"]).recipe.data.val_set == "real"
    # The same data, now with another set beside it.
    assert len(plan_continuation(parent, [heavier]).recipe.data.mix) == 2


def test_other_data_of_a_mixture_is_recognised_anew(phase, tmp_path):
    read = {"layout": "pairs", "options": {"depth_kind": "ray"}}
    run = phase(mix=[ROOMS, {"name": "real", **read}], val_set="real")
    same = plan_continuation(run, []).recipe.data.mix[1]
    assert (same.layout, same.options) == ("pairs", {"depth_kind": "ray"})
    other = write_pairs(tmp_path / "other", 3, (32, 48))
    fresh = plan_continuation(run, [], other).recipe.data.mix[1]
    assert (fresh.layout, fresh.options) == ("auto", {})
    given = plan_continuation(run, ["data.layout=nyu-mat"], other).recipe.data.mix[1]
    assert given.layout == "nyu-mat"
    with pytest.raises(LeadlineError, match=r"^data\.mix: other images would validate"):
        plan_continuation(run, ["data.options.depth_kind=z"])


def test_data_that_holds_what_was_trained_on_is_refused(parent, pairs, tmp_path):
    """The same files, named by a list: eleven of the twelve were trained on."""
    rows = [f"{pairs}/rgb/{i:03d}.png,{pairs}/depth/{i:03d}.png\n" for i in range(12)]
    (tmp_path / "all.csv").write_text("image,depth\n" + "".join(rows))
    with pytest.raises(
        LeadlineError, match=r"of the 6 validation images were trained on in .*first"
    ):
        continue_run(
            parent,
            tmp_path / "child",
            data=tmp_path / "all.csv",
            overrides=["data.val_fraction=0.5"],
            units_per_metre=1000,
            score=False,
        )
    assert not (tmp_path / "child").exists()


def test_a_second_phase_draws_other_batches_than_the_first(parent):
    plan = plan_continuation(parent, [])
    assert (plan.recipe.trainer.seed, plan.recipe.data.seed) == (1, 0)
    assert plan_continuation(parent, ["trainer.seed=0"]).recipe.trainer.seed == 0


def test_other_data_keeps_neither_the_number_of_images_nor_the_lens(phase, tmp_path):
    run = phase(limit=8, camera_fov=66.0)
    same = plan_continuation(run, [])
    assert (same.recipe.data.limit, same.recipe.data.camera_fov, same.notes) == (8, 66, ())
    other = write_pairs(tmp_path / "other", 3, (32, 48))
    plan = plan_continuation(run, [], other)
    assert (plan.recipe.data.limit, plan.recipe.data.camera_fov) == (None, None)
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith(f"data.limit=8 and data.camera_fov=66 of {run} held")
    kept = plan_continuation(run, ["data.limit=2"], other)
    assert (kept.recipe.data.limit, kept.recipe.data.camera_fov) == (2, None)
    assert kept.notes[0].startswith("data.camera_fov=66 of")


def test_a_length_in_epochs_takes_the_place_of_one_in_steps(parent):
    assert plan_continuation(parent, []).recipe.trainer.max_steps == 6
    trainer = plan_continuation(parent, ["trainer.epochs=3"]).recipe.trainer
    assert (trainer.max_steps, trainer.epochs) == (None, 3)


def test_a_run_that_is_not_finished_is_resumed_first(parent, tmp_path):
    run = shutil.copytree(parent, tmp_path / "run")
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "state": "stopped", "step": 3}))
    with pytest.raises(LeadlineError, match=r"is not finished \(stopped, 3 of 6\).*--resume"):
        plan_continuation(run, [])


@pytest.mark.parametrize(
    ("trainer", "rows", "is_finished"),
    [
        ({"max_steps": 6}, None, True),
        ({"max_steps": 6}, 3, False),
        # Two steps an epoch.
        ({"max_steps": None, "epochs": 3}, None, True),
        ({"max_steps": None, "epochs": 4}, None, False),
    ],
)
def test_a_run_without_status_is_finished_where_its_rows_reach_its_end(
    parent, tmp_path, trainer, rows, is_finished
):
    run = shutil.copytree(parent, tmp_path / "run")
    (run / "status.json").unlink()
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["trainer"] |= trainer
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    lines = (run / "metrics.csv").read_text().splitlines(keepends=True)
    (run / "metrics.csv").write_text("".join(lines[: rows and rows + 1]))
    if is_finished:
        assert plan_continuation(run, []).parent == run
    else:
        with pytest.raises(LeadlineError, match=r"is not finished \(at step \d\).*--resume"):
            plan_continuation(run, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--continue", "R"], "--continue RUN needs --out"),
        (["--continue", "R", "--recipe", "compact", "-o", "O"], "leave out --recipe and --init"),
        (["--continue", "R", "--resume", "R"], "--resume RUN stands alone"),
        (["--init", "compact-nyu", "--resume", "R"], "--resume RUN stands alone"),
        (["--continue", "nowhere", "-o", "O"], "nowhere: no such folder"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    arguments, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["leadline", "train", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_example_of_the_page_on_fine_tuning_runs(pairs, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "finetune.md").read_text(encoding="utf-8")
    example = page.split("```python")[1].split("```")[0]
    short = [*QUICK[1:], "data.area=1536", "trainer.max_steps=1", "trainer.loggers=[]"]
    example = example.replace('"own", "runs/mine")', f'"own", "runs/mine", overrides={short})')
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pairs, "own")
    for picture in list(Path("own").rglob("*.png")):
        picture.rename(picture.with_stem(f"0{picture.stem}"))
    example = example.replace("rgb/0001.jpg", "rgb/0001.png")
    names = {}
    exec(example, names)
    assert 0 < names["result"].evaluation.metrics["abs_rel"] < 2
    assert Run.open(Path("runs/mine2")).parent == str(tmp_path / "runs/mine")
    assert names["depth_map"].shape == (96, 128)
