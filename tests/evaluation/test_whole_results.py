"""A result folder is of one evaluation, whatever happens while the next one is written."""

import os
import signal
import subprocess
import sys

import pytest

from leadline.errors import LeadlineError
from leadline.evaluation import evaluate
from leadline.evaluation.result import Result
from leadline.io.photos import is_result_png
from leadline.io.staging import staged
from tests.evaluation.results import ScaledTruth, write_result


def content_of(folder):
    """The bytes of every file that is not hidden."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


@pytest.fixture
def scored(pairs, tmp_path):
    """A result with a report, and its content."""
    folder = tmp_path / "scored"
    evaluate(ScaledTruth(lambda number: 1.1), pairs, protocol="full", cases=2, out=folder)
    return folder, content_of(folder)


@pytest.mark.parametrize("writer", ["write_png", "write_cases", "write_json"])
def test_an_evaluation_that_fails_while_it_writes_leaves_the_earlier_one(
    scored, pairs, monkeypatch, writer
):
    folder, before = scored
    if writer == "write_json":  # no space for the last file

        def full(path, _content):
            raise OSError(28, os.strerror(28), str(path))
    else:

        def full(*_arguments):
            raise LeadlineError(f"{folder}: cannot write here (No space left on device)")

    monkeypatch.setattr(f"leadline.evaluation.result.{writer}", full)
    with pytest.raises(LeadlineError, match=r"scored.*No space left"):
        evaluate(ScaledTruth(lambda number: 1.5), pairs, protocol="full", cases=2, out=folder)
    assert content_of(folder) == before


@pytest.mark.parametrize("moved", [1, 2, 3])
def test_a_kill_between_two_moves_leaves_no_whole_result(tmp_path, moved):
    """The files of the new folder take their places one by one; the process dies in between."""
    folder = tmp_path / "result"
    folder.mkdir()
    for name in ("a.csv", "b.png", "c.npz", "result.json"):
        (folder / name).write_text("old")
    script = f"""
import os, signal, sys
from pathlib import Path
from leadline.io.photos import is_result_png
from leadline.io.staging import staged
replace, left = Path.replace, [{moved}]
def counted(self, target):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return replace(self, target)
with staged(Path({str(folder)!r}), last="result.json") as stage:
    for name in ("a.csv", "b.png", "c.npz", "result.json"):
        (stage / name).write_text("new")
    Path.replace = counted
"""
    child = subprocess.run([sys.executable, "-c", script], check=False)
    assert child.returncode == -signal.SIGKILL
    assert list(folder.glob(".leadline-*"))
    assert not (folder / "result.json").exists()
    with pytest.raises(LeadlineError, match="no such result"):
        Result.load(folder)
    with staged(folder, last="x"):  # the next one tidies up
        pass
    assert not list(folder.glob(".leadline-*"))


def test_a_folder_is_written_after_an_interrupted_one(pairs, scored):
    folder, before = scored
    (folder / "result.json").unlink()
    (folder / ".leadline-0123456789ab").mkdir()
    evaluate(ScaledTruth(lambda number: 1.1), pairs, protocol="full", cases=2, out=folder)
    after = content_of(folder)
    assert after.keys() == before.keys()
    assert after["per_image.csv"] == before["per_image.csv"]


def test_a_result_without_pictures_leaves_none_of_an_earlier_one(pairs, scored):
    folder, _ = scored
    assert (folder / "report.html").is_file() and is_result_png(folder / "worst.png")
    write_result(folder, pairs, lambda number: 1.2, limit=1)
    assert not (folder / "report.html").exists()
    assert [path.name for path in (folder / "cases").iterdir()] == ["0.npz"]


def test_messages_name_the_final_place(tmp_path):
    with (
        pytest.raises(LeadlineError, match=rf"^{tmp_path}/table\.csv: full$"),
        staged(tmp_path, last="x") as stage,
    ):
        raise LeadlineError(f"{stage / 'table.csv'}: full")
    assert list(tmp_path.iterdir()) == []


def test_the_stage_of_a_living_process_is_left_alone(tmp_path):
    with staged(tmp_path, last="x") as first:
        (first / "x").write_text("1")
        with staged(tmp_path, last="x") as second:
            (second / "x").write_text("2")
        assert (first / "x").read_text() == "1"
    assert (tmp_path / "x").read_text() == "1"
