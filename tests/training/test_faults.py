"""What happens to runs: each fault is one line that helps, and nothing learned is lost."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.training import batches, run_logger
from leadline.training.checkpoint import load_checkpoint
from leadline.training.recipe import load_recipe
from leadline.training.train import resume, train
from leadline.training.training_result import StopReason
from tests.conftest import QUICK, SilentReporter

pytestmark = pytest.mark.usefixtures("no_curves")

SMALL = [*QUICK, "data.area=1536", "trainer.max_steps=6"]


def state_of(run: Path) -> dict:
    return load_checkpoint(run / "checkpoints")[0]


def plant_nan(monkeypatch, sample_id):
    """Let a sample arrive with pixels that are not numbers, past every check of the readers."""
    real = batches.prepare

    def planted(sample, *arguments):
        item = real(sample, *arguments)
        if sample.id == sample_id:
            item.image[4:6, 4:6] = np.nan
        return item

    monkeypatch.setattr(batches, "prepare", planted)


def test_a_nan_in_a_sample_is_named_and_kept_before_it_touches_a_weight(
    pairs, tmp_path, monkeypatch
):
    recipe = load_recipe("compact", [*SMALL, "data.val_fraction=0"])
    train(recipe, pairs, tmp_path / "whole", progress=SilentReporter(), score=False)
    with monkeypatch.context() as patch:
        plant_nan(patch, "rgb/007.png")
        with pytest.raises(LeadlineError, match=r"rgb/007\.png: its image") as caught:
            train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)
    step = state_of(tmp_path / "run")["step"]
    with np.load(tmp_path / "run" / "not_finite" / f"step_{step:06d}.npz") as kept:
        assert kept["ids"].shape == (4,)
        assert "rgb/007.png" in kept["ids"]
        assert "no weight was changed" in str(kept["message"])
        assert not np.isfinite(kept["image"]).all()
    resume(tmp_path / "run", progress=SilentReporter(), score=False)  # with correct data
    corrected, whole = state_of(tmp_path / "run"), state_of(tmp_path / "whole")
    for name, value in whole["model"].items():
        assert torch.equal(corrected["model"][name], value), name


def test_a_depth_file_with_nans_trains_on_its_other_pixels(pairs, tmp_path):
    folder = shutil.copytree(pairs, tmp_path / "data")
    for index, path in enumerate(sorted((folder / "depth").iterdir())):
        depth = np.full((96, 128), 2.0, np.float32)
        depth[10:40] = [np.nan, np.inf, -1.0][index % 3]
        np.save(path.with_suffix(".npy"), depth)
        path.unlink()
    (folder / "dataset.yaml").unlink()
    reporter = SilentReporter()
    train(load_recipe("compact", SMALL), folder, tmp_path / "run", progress=reporter, score=False)
    assert np.isfinite(reporter.losses).all()


class KillsAWorker(SilentReporter):
    """Kills one data worker, as the system does when memory runs out, in the middle of a step."""

    def step(self, step, loss, images, waited):
        super().step(step, loss, images, waited)
        if step == 2:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            workers = [pid for pid in children if b"resource_tracker" not in cmdline(pid)]
            os.kill(int(workers[-1]), signal.SIGKILL)


def cmdline(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers through /proc")
def test_a_killed_data_worker_ends_the_run_at_a_whole_step(pairs, tmp_path):
    recipe = load_recipe("compact", [*SMALL, "data.workers=1", "trainer.max_steps=30"])
    remedy = r"data worker process was killed.*--resume.*--set data\.workers=0"
    with pytest.raises(LeadlineError, match=remedy) as caught:
        train(recipe, pairs, tmp_path / "run", progress=KillsAWorker(), score=False)
    assert "\n" not in str(caught.value)
    assert state_of(tmp_path / "run")["step"] >= 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("megabytes", [20, 95])
def test_a_full_disk_is_one_line_and_the_checkpoint_before_it_is_whole(pairs, tmp_path, megabytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        with pytest.raises(LeadlineError, match=r"disk|space") as caught:
            train(
                load_recipe("compact", SMALL),
                pairs,
                disk / "run",
                progress=SilentReporter(),
                score=False,
            )
        assert "\n" not in str(caught.value)
        assert not list((disk / "run").rglob(".leadline-*"))
        if megabytes > 50:
            assert state_of(disk / "run")["step"] == 3
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_place_that_cannot_be_written_is_one_line_before_training(pairs):
    reporter = SilentReporter()
    with pytest.raises(LeadlineError, match=r"/proc/run.*cannot write here"):
        train(
            load_recipe("compact", SMALL), pairs, Path("/proc/run"), progress=reporter, score=False
        )
    assert not reporter.losses


class Terminates(SilentReporter):
    """Is told to stop by the system, once."""

    def step(self, step, loss, images, waited):
        super().step(step, loss, images, waited)
        if step == 2:
            signal.raise_signal(signal.SIGTERM)


def test_sigterm_ends_with_a_checkpoint_and_the_status_of_a_signal(pairs, tmp_path):
    recipe = load_recipe("compact", SMALL)
    result = train(recipe, pairs, tmp_path / "run", progress=Terminates(), score=False)
    assert result.reason is StopReason.SIGTERM
    assert result.reason.exit_status == 143
    assert state_of(tmp_path / "run")["step"] == 2


def test_a_step_that_fails_in_the_scoring_keeps_its_checkpoint(pairs, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_logger.RunLogger, "draw_samples", full)
    with pytest.raises(LeadlineError, match=r"cannot be written.*step 6 is saved.*--resume"):
        train(
            load_recipe("compact", SMALL),
            pairs,
            tmp_path / "run",
            progress=SilentReporter(),
            score=False,
        )
    assert state_of(tmp_path / "run")["step"] == 6


def test_compiling_without_a_compiler_is_one_line_before_there_is_a_run(pairs, tmp_path):
    from torch._inductor import config

    recipe = load_recipe("compact", [*SMALL, "trainer.compile=true"])
    with (
        config.patch({"cpp.cxx": (None, "/nonexistent/g++")}),
        pytest.raises(LeadlineError, match=r"trainer\.compile=true.*C\+\+.*false") as caught,
    ):
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
