"""Two processes, micro-batches and one process alone train the same network."""

import csv
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.training.batches import EpochOrder
from leadline.training.checkpoint import load_checkpoint
from leadline.training.distributed import start_processes
from leadline.training.launchers import launched_by
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from leadline.training.train_step import split
from tests.conftest import SilentReporter
from tests.training.children import launch, running

COUPLED_LOSS = (
    "loss=[{name: berhu, space: target}, {name: rmse_log, space: depth, weight: 0.3, "
    "options: {over_batch: true}}]"
)
"""Losses whose value depends on the whole batch, in two ways."""

SETTINGS = [
    "model.encoder_weights=none",
    "data.area=1536",
    "data.batch_size=5",  # uneven shares
    "data.last_batch=keep",  # 9 images: the last batch has 4
    "data.val_fraction=0.25",
    "data.workers=0",
    "trainer.precision=fp32",
    "trainer.freeze_batch_norm=true",
    "trainer.log_every_steps=1",
    "trainer.validate_every_epochs=100",
    "trainer.max_steps=6",
    "optimizer.name=sgd",
    "optimizer.encoder_lr=null",
    "optimizer.lr=0.01",
    "schedule.name=constant",
    COUPLED_LOSS,
]


def set_all(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def curve(run: Path) -> tuple[list[float], list[float]]:
    """The losses of all steps, and the last validation's metrics."""
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    scores = [float(value) for name, value in rows[-1].items() if name.startswith("val_")]
    return [float(row["loss"]) for row in rows if row["loss"]], scores


def assert_same_training(run: Path, reference: Path) -> None:
    (losses, scores), (expected, expected_scores) = curve(run), curve(reference)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4)
    one, two = (load_checkpoint(folder / "checkpoints")[0] for folder in (run, reference))
    for name, value in two["model"].items():
        torch.testing.assert_close(one["model"][name], value, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def alone(pairs, tmp_path_factory) -> Path:
    """The run of one process and whole batches that the others must equal."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    train(load_recipe("compact", SETTINGS), pairs, folder, progress=SilentReporter(), score=False)
    return folder


def test_accumulated_micro_batches_train_as_the_whole_batch(pairs, alone, tmp_path):
    recipe = load_recipe("compact", [*SETTINGS, "trainer.accumulate=3"])
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert_same_training(tmp_path / "run", alone)


def test_two_processes_train_as_one_and_only_one_speaks(pairs, alone, tmp_path):
    arguments = ["--recipe", "compact", "--data", pairs, "--out", tmp_path / "run"]
    settings = [*SETTINGS, "trainer.accumulate=2"]
    first, second = launch(2, tmp_path, "train", *arguments, *set_all(settings))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "2 processes" in first.stderr
    assert second.stdout == ""
    assert "leadline" not in second.stderr
    assert "images/s" not in second.stderr
    assert_same_training(tmp_path / "run", alone)


def test_an_error_of_one_process_ends_both_with_one_line(pairs, tmp_path):
    (tmp_path / "run" / "model").mkdir(parents=True)
    for run in ("recipe.yaml", "run.json"):
        (tmp_path / "run" / run).write_text("")
    arguments = ["--recipe", "compact", "--data", pairs, "--out", tmp_path / "run"]
    first, second = launch(2, tmp_path, "train", *arguments, *set_all(SETTINGS))
    assert (first.returncode, second.returncode) == (2, 2)
    lines = [line for line in first.stderr.splitlines() if line.startswith("leadline: error:")]
    assert len(lines) == 1
    assert "already holds a run" in lines[0]
    assert "leadline" not in second.stderr


def test_shares_of_all_processes_are_the_batches_of_one():
    for count, batch, ranks in ((23, 8, 3), (7, 4, 5), (16, 4, 2)):
        whole = EpochOrder(count, batch, 1, 0, 9, keep_last=True)
        shares = [
            EpochOrder(count, batch, 1, 0, 9, keep_last=True, rank=rank, ranks=ranks)
            for rank in range(ranks)
        ]
        for step in range(9):
            counted = [s.local_slots(step)[: s.image_counts(step)[0]] for s in shares]
            assert [slot for part in counted for slot in part] == whole.local_slots(step)
            assert {s.image_counts(step)[1] for s in shares} == {len(whole.local_slots(step))}
            sizes = [len(part) for part in counted]
            assert max(sizes) - min(sizes) <= 1
            assert all(len(s.local_slots(step)) >= 1 for s in shares)


@pytest.mark.parametrize(("batch", "ranks", "accumulate"), [(8, 3, 3), (10, 4, 3), (3, 4, 2)])
def test_every_process_computes_as_many_micro_batches(batch, ranks, accumulate):
    """SyncBatchNorm waits for all processes in each of them."""
    counts = []
    for rank in range(ranks):
        order = EpochOrder(batch, batch, 1, 0, 1, rank=rank, ranks=ranks)
        recipe = load_recipe("compact", [f"trainer.accumulate={accumulate}"])
        processes = SimpleNamespace(device=torch.device("cpu"), count=ranks)
        state = SimpleNamespace(order=order, recipe=recipe, processes=processes, step=0)
        images = torch.zeros(len(order.local_slots(0)), 3, 2, 2)
        micro_batches = split(state, {"image": images, "valid": images[:, :1] > 0})
        counts.append(len(micro_batches))
        mine = order.image_counts(0)[0]
        assert sum(each.share for each in micro_batches) == pytest.approx(mine / batch)
    assert len(set(counts)) == 1


def test_a_launcher_is_recognised_by_what_it_sets():
    assert launched_by({}) is None
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    assert launched_by(torchrun) == ("torchrun", 4, 2)
    slurm = {"SLURM_NTASKS": "6", "SLURM_NNODES": "3"}
    assert launched_by({**slurm, "SLURM_STEP_ID": "0"}) == ("srun", 2, 3)
    assert launched_by(slurm) is None  # inside an allocation, but not through srun


def test_a_recipe_that_disagrees_with_the_launcher_is_one_clear_line(monkeypatch):
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    trainer = load_recipe("compact", ["trainer.devices=2"]).trainer
    with pytest.raises(LeadlineError, match=r"trainer\.devices=2, but torchrun started 4"):
        start_processes(trainer)


@pytest.mark.slow
def test_two_processes_train_depth_mancini_as_one(pairs, tmp_path):
    settings = [s for s in SETTINGS if s not in ("trainer.freeze_batch_norm=true", COUPLED_LOSS)]
    settings += ["loss.0.options.over_batch=true", "optimizer.lr=1e-4", "data.max_depth=40"]
    recipe = load_recipe("depth-mancini", settings)
    train(recipe, pairs, tmp_path / "one", progress=SilentReporter(), score=False)
    arguments = ["--recipe", "depth-mancini", "--data", pairs, "--out", tmp_path / "two"]
    results = launch(2, tmp_path, "train", *arguments, *set_all(settings))
    assert [result.returncode for result in results] == [0, 0]
    assert_same_training(tmp_path / "two", tmp_path / "one")


def test_sigterm_stops_the_command_with_a_checkpoint_and_status_143(pairs, tmp_path):
    run = tmp_path / "run"
    arguments = ["--recipe", "compact", "--data", pairs, "--out", run]
    settings = [s for s in SETTINGS if "max_steps" not in s]
    with running(1, tmp_path, "train", *arguments, *set_all(settings)) as (ended, processes):
        while not (run / "metrics.csv").exists() or "\n2," not in (run / "metrics.csv").read_text():
            assert processes[0].is_alive()
            time.sleep(0.01)
        os.kill(processes[0].pid, signal.SIGTERM)
    assert ended[0].returncode == 143, ended[0].stderr
    assert "continue with: leadline train --resume" in ended[0].stderr
    assert load_checkpoint(run / "checkpoints")[0]["step"] >= 2
