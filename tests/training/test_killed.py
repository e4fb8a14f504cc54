"""kill -9 at any moment, resume: the same bits as a run that nobody touched."""

import random
import time
from pathlib import Path

import pytest
import torch

from leadline.training.checkpoint import load_checkpoint
from tests.training.children import Trainer, descendants

EVERYTHING = [
    "model.encoder_weights=none",
    "data.area=1536",
    "data.batch_size=4",
    "data.val_fraction=0.25",
    "data.last_batch=keep",
    "trainer.precision=fp32",
    "trainer.accumulate=2",
    "trainer.ema=0.9",
    "trainer.checkpoint_every_steps=4",
    "trainer.log_every_steps=3",
    "trainer.validate_every_epochs=3",
    "schedule.name=plateau",
    "schedule.patience=1",
]
"""Whatever has a state that a checkpoint could forget."""


def kill_and_compare(trainer, folder, steps, kills):
    """Kill the run of `steps` steps `kills` times at random moments, resume, compare all of it."""
    trainer.run(folder / "whole")
    rng = random.Random(time.time_ns())
    killed = []
    while len(killed) < kills:
        step = rng.randint(steps * len(killed) // kills, steps - 2)
        killed.append(trainer.run_until_killed(folder / "run", step, rng.uniform(0, 0.1)))
        if killed[-1] is None:
            break
    trainer.run(folder / "run")
    whole, _ = load_checkpoint(folder / "whole" / "checkpoints")
    resumed, warning = load_checkpoint(folder / "run" / "checkpoints")
    assert warning is None
    assert_same(resumed, whole, f"killed at {killed}")
    one, two = ((folder / run / "metrics.csv").read_text().splitlines() for run in ("run", "whole"))
    # A validation that had to be made again may stand in the table again.
    assert list(dict.fromkeys(one)) == two
    models = [(folder / run / "model" / "model.safetensors") for run in ("run", "whole")]
    assert models[0].read_bytes() == models[1].read_bytes()
    return [step for step in killed if step is not None]


def assert_same(one, two, where):
    """Compare nested dicts and lists of tensors and numbers, to the bit."""
    if isinstance(two, dict):
        assert one.keys() == two.keys(), where
        for key in two:
            assert_same(one[key], two[key], f"{where}.{key}")
    elif isinstance(two, list | tuple):
        assert len(one) == len(two), where
        for index, (a, b) in enumerate(zip(one, two, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(two, torch.Tensor):
        assert torch.equal(one, two), where
    else:
        assert one == two, where


def test_a_run_killed_again_and_again_ends_with_the_same_bits(pairs, tmp_path):
    trainer = Trainer("compact", [*EVERYTHING, "data.workers=0", "trainer.max_steps=13"], pairs)
    assert kill_and_compare(trainer, tmp_path, steps=13, kills=2)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers through /proc")
def test_no_data_worker_outlives_a_killed_run(pairs, tmp_path):
    settings = [*EVERYTHING, "data.workers=2", "trainer.max_steps=10000"]
    process, progress = Trainer("compact", settings, pairs).start(tmp_path / "run")
    while progress.value < 2:
        assert process.is_alive()
        time.sleep(0.01)
    started = descendants(process.pid)
    assert len(started) >= 2
    process.kill()
    process.join()
    deadline = time.monotonic() + 20
    while alive := [pid for pid in started if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("schedule", ["plateau", "one_cycle", "cosine", "step", "polynomial"])
def test_five_kills_and_more_end_with_the_same_bits(pairs, tmp_path, workers, schedule):
    patience = [setting for setting in EVERYTHING if setting.startswith("schedule.patience")]
    overrides = [
        *(each for each in EVERYTHING if each not in patience or schedule == "plateau"),
        f"schedule.name={schedule}",
        f"data.workers={workers}",
        "trainer.max_steps=60",
    ]
    assert len(kill_and_compare(Trainer("compact", overrides, pairs), tmp_path, 60, 6)) >= 5
