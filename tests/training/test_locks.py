"""A folder is trained in by one process at a time, and one that was killed early begins anew."""

import os
import subprocess
import sys

import pytest

from leadline.errors import LeadlineError
from leadline.io.locks import LOCK_FILE, locked
from leadline.training.checkpoint import remove_leftovers
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import RunInfo, check_is_new, create_run_folder
from leadline.training.train import resume, train
from tests.conftest import QUICK, SilentReporter

pytestmark = pytest.mark.usefixtures("no_curves")

HOLD = """
import sys, time
from pathlib import Path
from leadline.io.locks import locked

with locked(Path(sys.argv[1]), "trained"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(quick_run):
    """Another process that trains in the folder of a run."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(quick_run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_a_living_trainer_is_left_alone_and_a_dead_one_blocks_nobody(quick_run, holder):
    before = sorted(path.name for path in (quick_run / "checkpoints").iterdir())
    with pytest.raises(LeadlineError, match=rf"is being trained by process {holder.pid} on"):
        resume(quick_run, score=False)
    assert sorted(path.name for path in (quick_run / "checkpoints").iterdir()) == before
    holder.kill()
    holder.wait()
    reporter = SilentReporter()
    resume(quick_run, score=False, progress=reporter)
    assert "already finished" in reporter.lines[0]
    assert not (quick_run / LOCK_FILE).exists()


def test_a_lock_is_released_by_an_error_too(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path, "trained"):
        assert str(os.getpid()) in (tmp_path / LOCK_FILE).read_text()
        with pytest.raises(LeadlineError, match="is being packed"), locked(tmp_path, "packed"):
            pass
        raise RuntimeError
    with locked(tmp_path, "trained"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_before_its_first_checkpoint_can_be_started_again(pairs, tmp_path):
    run = tmp_path / "run"
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=1"])
    create_run_folder(run, recipe, RunInfo(str(pairs), None, "random weights"))
    (run / "metrics.csv").write_text("step\n")
    with pytest.raises(LeadlineError, match=f"no checkpoint .*start it again .*--out {run}"):
        resume(run, score=False)
    result = train(recipe, pairs, run, progress=SilentReporter(), score=False)
    assert result.reason.is_final
    with pytest.raises(LeadlineError, match="already holds a run"):
        check_is_new(run)


def test_a_second_run_writes_nothing_into_the_folder_of_a_living_one(pairs, tmp_path):
    """Before the first checkpoint, too: its recipe, its start and its images stay its own."""
    run = tmp_path / "run"
    first = load_recipe("compact", [*QUICK, "trainer.max_steps=3"])
    create_run_folder(run, first, RunInfo("first", None, "random weights"))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    second = load_recipe("compact", [*QUICK, "trainer.max_steps=1"])
    with locked(run, "trained"), pytest.raises(LeadlineError, match="is being trained by"):
        train(second, pairs, run, progress=SilentReporter(), score=False)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_what_a_kill_left_half_written_goes(tmp_path):
    for folder in ("", "model", "checkpoints"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / ".leadline-0123.safetensors").write_text("half")
        (tmp_path / folder / "kept.txt").write_text("whole")
    remove_leftovers(tmp_path)
    names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert names == ["kept.txt"] * 3


def test_an_expansion_is_written_by_one_process_and_tidies_up(pairs, tmp_path):
    from leadline.datasets.expansion import ExpandOptions, expand

    options = ExpandOptions(per_image=1)
    expand(pairs, tmp_path / "out", options, val_fraction=0.1)
    left = tmp_path / "out" / "val" / "rgb" / ".leadline-0123.png"
    left.write_bytes(b"half")
    (tmp_path / "out" / "train.csv").unlink()
    with (
        locked(tmp_path / "out", "expanded"),
        pytest.raises(LeadlineError, match="is being expanded by process"),
    ):
        expand(pairs, tmp_path / "out", options, val_fraction=0.1)
    expand(pairs, tmp_path / "out", options, val_fraction=0.1)
    assert not left.exists()
    assert (tmp_path / "out" / "train.csv").is_file()
