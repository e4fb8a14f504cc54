"""Rendered data sets: readable as pairs, the same with any number of workers, resumable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.datasets.pairs import open_pairs
from leadline.errors import LeadlineError
from leadline.worlds import QUALITIES, WorldSet, render_room, render_worlds, street_views
from tests.progress import Recorder

pytest.importorskip("embreex")

SMALL = (32, 48)
ROOMS = WorldSet("rooms", 4, SMALL, val_share=0.5, labels="nyu40")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "rooms"
    render_worlds(folder, ROOMS, workers=1)
    return folder


def test_the_folder_is_a_data_set_of_pairs(rooms: Path) -> None:
    train, val = open_pairs(rooms, "train"), open_pairs(rooms, "val")
    assert (len(train), len(val)) == (2, 2)
    sample, view = train[1], render_room(0, 1, size=SMALL)
    np.testing.assert_allclose(sample.depth, view.depth.depth, atol=0.5 / 2000 + 1e-6)
    assert np.abs(sample.image.astype(int) - view.image).mean() < 6
    assert sample.intrinsics == view.camera.intrinsics
    labels = sample.labels
    assert labels is not None
    assert labels.max() <= 40


def test_every_view_has_its_camera_and_hashes(rooms: Path) -> None:
    about = json.loads((rooms / "views" / "val_000001.json").read_text())
    view = render_room(0, 1, "val", size=SMALL)
    np.testing.assert_allclose(about["camera_to_world"], view.camera.pose)
    manifest = json.loads((rooms / "manifest.json").read_text())
    assert manifest["sha256"]["val_000001"] == about["sha256"]
    assert manifest["generator"] == 3
    assert set(manifest["packages"]) == {"numpy", "embreex", "opencv-python-headless"}


def test_a_finished_set_is_not_rendered_again(rooms: Path) -> None:
    before = _files(rooms)
    progress = Recorder()
    result = render_worlds(rooms, ROOMS, workers=1, track=progress)
    assert (result.new, progress.loops) == (0, [])
    assert _files(rooms) == before


def test_other_options_are_refused(rooms: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="seed = 0, not 9"):
        render_worlds(rooms, replace(ROOMS, seed=9))
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(LeadlineError, match="not empty"):
        render_worlds(tmp_path, WorldSet("rooms", 1, SMALL))


def test_streets_are_split_by_street_and_keep_their_cameras_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(QUALITIES, "training", replace(QUALITIES["training"], tile_size=32))
    wanted = WorldSet("streets", 5, SMALL, val_share=0.2, labels="vkitti", sky="far")
    assert wanted.worlds() == [("train", 0, (0, 1, 2, 3)), ("val", 0, (0,))]
    render_worlds(tmp_path / "s", wanted, workers=1)
    train = open_pairs(tmp_path / "s", "train")
    views = list(street_views(0, 0, size=SMALL, sky="far"))
    for number in (0, 3):
        depth = train[number].depth
        np.testing.assert_allclose(depth, views[number].depth.depth, atol=0.5 / 100 + 1e-4)


def test_variations_multiply_the_cameras() -> None:
    wanted = WorldSet("streets", 16, variations=("clone", "rain"))
    assert wanted.views_of_a_world == 8
    assert [wanted._shot(k) for k in (0, 1, 2, 9)] == [
        (0, "clone"), (0, "rain"), (1, "clone"), (0, "rain")]  # fmt: skip


@pytest.mark.parametrize("wrong", [
    {"kind": "caves"}, {"count": 0}, {"val_share": 1.0}, {"labels": "ade20k"}, {"sky": "blue"},
    {"level": "fine"}, {"variations": ("snow",)}, {"size": (8, 8)},
])  # fmt: skip
def test_options_that_do_not_exist_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LeadlineError):
        WorldSet(**{"kind": "rooms", "count": 2, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("useless", "said"),
    [({"sky": "far"}, "sky far"), ({"variations": ("clone", "fog")}, "variations clone,fog")],
)
def test_what_does_nothing_in_rooms_is_refused(useless: dict[str, object], said: str) -> None:
    with pytest.raises(LeadlineError, match=f"^{said} does nothing in rooms; leave it out"):
        WorldSet("rooms", 2, **useless)  # type: ignore[arg-type]
    WorldSet("streets", 2, **useless)  # type: ignore[arg-type]


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


SCRIPT = """
from leadline.worlds import render_worlds
from tests.worlds.test_produce import ROOMS
if __name__ == "__main__":
    render_worlds({folder!r}, ROOMS, workers=2)
"""


def test_a_killed_run_of_two_workers_is_continued_to_the_bits_of_one(
    rooms: Path, tmp_path: Path
) -> None:
    folder, script = tmp_path / "killed", tmp_path / "render.py"
    script.write_text(SCRIPT.format(folder=str(folder)))
    process = subprocess.Popen([sys.executable, str(script)], env=_environment())
    limit = time.monotonic() + 120
    while not list(folder.glob("views/*.json")) and time.monotonic() < limit:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = len(list(folder.glob("views/*.json")))
    assert there >= 1
    time.sleep(2.5)  # the workers notice that their parent is gone
    result = render_worlds(folder, ROOMS, workers=2)
    assert result.new <= 4 - there
    assert _files(folder) == _files(rooms)
