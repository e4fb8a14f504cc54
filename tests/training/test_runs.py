"""Run folders are listed as they are, and the curves of several are drawn in one picture."""

import json

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.training import run_logger
from leadline.training.curves import _describe, draw_curves, running_mean
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import Run, RunInfo, Status, list_runs, sort_runs
from leadline.training.train import train
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.conftest import QUICK, SilentReporter


def write_run(folder, losses, abs_rel=0.25, loss="l1", state="finished", data="/data"):
    """A run of ten steps a row, validated twice; the second validation is the worse one."""
    folder.mkdir(parents=True)
    total = 10 * len(losses)
    lines = ["step,epoch,loss,lr,val_delta1,val_abs_rel,val_rmse"]
    lines += [f"{10 * (i + 1)},{i},{value},0.001,,," for i, value in enumerate(losses)]
    lines.append(f"{total - 10},{len(losses) - 2},,,0.6,{abs_rel},1.1")
    lines.append(f"{total},{len(losses) - 1},,,0.5,{abs_rel + 0.1},1.5")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    (folder / "recipe.yaml").write_text(f"name: tiny\nloss: [{{name: {loss}, weight: 1.0}}]\n")
    RunInfo(data, None, "random weights").write(folder)
    status = Status(
        state=state,
        step=total,
        total_steps=total,
        steps_per_epoch=5,
        images_per_step=4,
        started="2026-01-02T03:04:05+00:00",
        updated="2026-01-02T03:09:05+00:00",
        seconds=300.0,
        protocol="full",
    )
    status.write(folder)
    return folder


def test_the_best_row_is_the_one_whose_model_is_kept(tmp_path):
    run = Run.open(write_run(tmp_path / "a", [0.9, 0.6, 0.3], abs_rel=0.2))
    assert run.kept == {
        "epoch": 1, "step": 20, "delta1": 0.6, "abs_rel": 0.2, "rmse": 1.1
    }  # fmt: skip
    assert run.state == "finished"


def test_a_run_that_keeps_the_last_model_shows_the_scores_of_that(tmp_path):
    folder = write_run(tmp_path / "a", [0.9, 0.6, 0.3], abs_rel=0.2)
    (folder / "recipe.yaml").write_text("name: tiny\ntrainer: {keep: last}\n")
    run = Run.open(folder)
    assert (run.kept["step"], run.kept["abs_rel"]) == (30, pytest.approx(0.3))
    assert run.summary()["best_step"] == 30
    assert "* epoch 2: delta1 0.500" in _describe(run)


def test_a_series_can_be_laid_over_steps_epochs_and_images(tmp_path):
    run = Run.open(write_run(tmp_path / "a", [0.9, 0.6, 0.3]))
    assert run.series("loss") == ([10, 20, 30], [0.9, 0.6, 0.3])
    assert run.series("loss", "epoch")[0] == pytest.approx([2, 4, 6])
    assert run.series("loss", "images")[0] == [40, 80, 120]


def test_a_killed_run_is_stopped_and_a_run_without_status_still_counts(tmp_path):
    run = write_run(tmp_path / "a", [0.9, 0.6], state="running")
    content = json.loads((run / "status.json").read_text())
    import socket

    # A process number that no process has: Linux gives none above 2**22.
    (run / "status.json").write_text(
        json.dumps({**content, "host": socket.gethostname(), "pid": 2**22 + 1})
    )
    assert Run.open(run).state == "stopped, 20 of 20"
    (run / "status.json").unlink()
    assert Run.open(run).state == "at step 20"
    with pytest.raises(LeadlineError, match="use --x step"):
        Run.open(run).series("loss", "epoch")


def test_a_half_written_last_line_is_left_out(tmp_path):
    run = write_run(tmp_path / "a", [0.9, 0.6])
    with (run / "metrics.csv").open("a") as file:
        file.write("30,2,0.")
        file.write("x")
    assert Run.open(run).step == 20
    assert Run.open(run).series("loss")[1] == [0.9, 0.6]


def test_runs_are_sorted_best_first_and_foreign_folders_are_named(tmp_path):
    for name, abs_rel in (("a", 0.3), ("b", 0.1), ("c", 0.2)):
        write_run(tmp_path / name, [0.9, 0.5], abs_rel)
    (tmp_path / "notes").mkdir()
    write_run(tmp_path / "torn", [0.9, 0.5])
    (tmp_path / "torn" / "recipe.yaml").write_text("a: [")
    listing = list_runs([tmp_path])
    assert [run.name for run in sort_runs(listing.runs, "abs_rel")] == ["b", "c", "a"]
    assert [run.name for run in sort_runs(listing.runs, "run")] == ["a", "b", "c"]
    assert [folder.name for folder, _ in listing.skipped] == ["notes", "torn"]
    assert "not a run folder" in listing.skipped[0][1]
    with pytest.raises(LeadlineError, match="sort key colour"):
        sort_runs(listing.runs, "colour")


def test_the_running_mean_is_the_mean_of_the_last_values():
    means = running_mean(np.array([1.0, 2.0, 6.0, 1.0]), 3)
    assert means == pytest.approx([1.0, 1.5, 3.0, 3.0])


def test_the_command_lists_and_draws(tmp_path):
    for name in ("slow", "fast"):
        write_run(tmp_path / "runs" / name, [0.9, 0.5, 0.2])
    listed = leadline_here("runs", tmp_path / "runs")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["run", "fast", "slow"]
    assert "0.250" in listed.stdout
    as_json = json.loads(leadline_here("runs", tmp_path / "runs", "--json").stdout)
    assert [each["best_step"] for each in as_json["runs"]] == [20, 20]
    picture = tmp_path / "two.png"
    drawn = leadline_here(
        "runs", tmp_path / "runs" / "slow", tmp_path / "runs" / "fast", "--plot", picture
    )
    assert drawn.returncode == 0, drawn.stderr
    with Image.open(picture) as opened:
        colours = {tuple(c) for c in np.asarray(opened.convert("RGB")).reshape(-1, 3).tolist()}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0)} <= colours  # one colour for each of the two


def test_scores_on_other_data_are_said_not_to_compare(tmp_path):
    for name, data in (("a", "/data/one"), ("b", "/data/two")):
        write_run(tmp_path / "runs" / name, [0.9, 0.5, 0.2], data=data)
    together = leadline_here("runs", tmp_path / "runs")
    assert "not all scored on the same data" in together.stderr
    assert "same data" not in leadline_here("runs", tmp_path / "runs" / "a").stderr
    as_json = json.loads(leadline_here("runs", tmp_path / "runs", "--json").stdout)
    assert [each["data"] for each in as_json["runs"]] == ["/data/one", "/data/two"]


def test_losses_of_different_recipes_are_said_not_to_compare(tmp_path):
    runs = [Run.open(write_run(tmp_path / loss, [0.9, 0.5], loss=loss)) for loss in ("l1", "l2")]
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_curves(runs, tmp_path / "differ.svg")
        draw_curves(runs[:1], tmp_path / "one.svg")
    assert "different losses" in (tmp_path / "differ.svg").read_text()
    assert "different losses" not in (tmp_path / "one.svg").read_text()


def drawn_in_svg(runs, path):
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_curves(runs, path)
    return path.read_text()


@pytest.mark.parametrize(("rows", "thick"), [(4, False), (60, True)])
def test_a_thick_line_is_spoken_of_where_there_is_one(tmp_path, rows, thick):
    run = Run.open(write_run(tmp_path / "run", [1 / (1 + i) for i in range(rows)]))
    assert ("thick" in drawn_in_svg([run], tmp_path / "one.svg")) == thick


def test_of_equal_curves_both_are_seen_in_every_part(tmp_path):
    runs = [Run.open(write_run(tmp_path / name, [0.9, 0.8, 0.6])) for name in ("a", "b")]
    draw_curves(runs, tmp_path / "two.png")
    pixels = np.asarray(Image.open(tmp_path / "two.png").convert("RGB")).astype(int)
    half, third = pixels.shape[0] // 2, pixels.shape[1] // 3
    parts = [pixels[y : y + half, x : x + third] for y in (0, half) for x in (0, third, 2 * third)]
    for part in parts:
        for colour in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0)):
            assert (part == colour).all(axis=-1).sum() > 20


def test_a_single_value_is_seen_in_every_part(tmp_path):
    folder = write_run(tmp_path / "run", [0.9, 0.8])
    head, first, *_, last = (folder / "metrics.csv").read_text().splitlines()
    (folder / "metrics.csv").write_text("\n".join([head, first, last]) + "\n")
    draw_curves([Run.open(folder)], tmp_path / "one.png")
    pixels = np.asarray(Image.open(tmp_path / "one.png").convert("RGB")).astype(int)
    half, third = pixels.shape[0] // 2, pixels.shape[1] // 3
    for y in (0, half):
        for x in (0, third, 2 * third):
            blue = (pixels[y : y + half, x : x + third] == (0, 0x72, 0xB2)).all(axis=-1)
            assert blue.sum() > 4, (x, y)


def test_what_is_wrong_is_one_line(tmp_path):
    fails_in_one_line(leadline_here("runs", tmp_path / "none"), "none", "no such folder")
    run = write_run(tmp_path / "a", [0.9, 0.5])
    fails_in_one_line(leadline_here("runs", run, "--plot", "--x", "hours"), "--x", "hours")
    (run / "status.json").write_text("{")
    listed = leadline_here("runs", run)
    assert "status.json: is damaged" in listed.stderr


def test_the_last_curves_of_a_run_say_that_it_is_finished(pairs, tmp_path, monkeypatch):
    states = []
    monkeypatch.setattr(run_logger, "draw_curves", lambda runs, path: states.append(runs[0].state))
    recipe = load_recipe("compact", [*QUICK, "data.val_fraction=0.25", "trainer.max_steps=4"])
    recipe = recipe.model_copy(
        update={"trainer": recipe.trainer.model_copy(update={"validate_every_epochs": 1})}
    )
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert states[-1] == "finished"
    assert all(state.startswith("running") for state in states[:-1])
