"""The cache of rendered sets: where it is, and that a set is rendered once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from leadline.datasets.open import open_data
from leadline.datasets.packing import pack, plan_packing
from leadline.datasets.pairs import open_pairs
from leadline.io.locks import InUseError, locked
from leadline.worlds import WorldSet, cached_folder, render_cached, render_worlds
from leadline.worlds import cache as cache_module
from leadline.worlds.sets import as_json
from tests.progress import Recorder, T

TINY = WorldSet("rooms", 2, (24, 32), val_share=0.0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_sets_that_differ_lie_in_different_folders_of_the_cache(cache: Path) -> None:
    sets = [TINY, WorldSet("rooms", 2, (24, 32)), WorldSet("rooms", 2, (24, 32), seed=1),
            WorldSet("streets", 2, (24, 32), sky="far")]  # fmt: skip
    folders = {cached_folder(each) for each in sets}
    assert len(folders) == 4
    assert all(folder.parent == cache / "worlds" for folder in folders)
    assert cached_folder(TINY).name.startswith("rooms-2-24x32-")


def test_without_the_variable_the_system_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADLINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cached_folder(TINY).parent == Path("/somewhere/leadline/worlds")


def test_a_package_that_is_not_there_is_no_error_until_it_is_needed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("leadline.worlds.sets.version", version)
    assert cached_folder(TINY).parent == cache / "worlds"
    assert '"embreex": "not installed"' in as_json(TINY.describe())


def test_a_set_is_rendered_once_and_packs_into_shards(cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    assert render_cached(TINY).new == 2
    assert render_cached(TINY).new == 0
    files = open_pairs(cached_folder(TINY), "train")
    pack(plan_packing(files, tmp_path / "shards"))
    packed = open_data(tmp_path / "shards")
    for index in range(2):
        assert packed[index].intrinsics == files[index].intrinsics
        assert (packed[index].depth == files[index].depth).all()


def test_two_that_want_a_set_render_it_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("embreex")
    monkeypatch.setattr(cache_module, "SECONDS_BETWEEN_LOOKS", 0.05)
    folder, begun, go_on = cached_folder(TINY), threading.Event(), threading.Event()

    def first() -> None:
        def track(views: Iterable[T], _title: str, _total: int, /, *, unit: str) -> Iterable[T]:
            begun.set()
            assert go_on.wait(60)
            return views

        render_worlds(folder, TINY, workers=1, track=track)

    with ThreadPoolExecutor(2) as threads:
        running = threads.submit(first)
        assert begun.wait(60)
        with pytest.raises(InUseError, match="is being rendered by process"):
            render_worlds(folder, TINY)
        progress = Recorder()
        waiting = threads.submit(render_cached, TINY, track=progress)
        while not progress.loops:
            time.sleep(0.01)
        go_on.set()
        assert waiting.result(60).new == 0 and running.result(60) is None
    assert set(progress.loops) == {("render rooms", TINY.count, TINY.count, "views")}
    assert not list(folder.rglob(".leadline-*"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder nobody may write")
def test_a_whole_set_on_a_disk_that_cannot_be_written_is_read(cache: Path) -> None:
    pytest.importorskip("embreex")
    render_cached(TINY)
    cached_folder(TINY).chmod(0o555)
    assert render_cached(TINY).new == 0


def test_a_whole_set_is_taken_without_a_lock(cache: Path) -> None:
    pytest.importorskip("embreex")
    render_cached(TINY)
    with locked(cached_folder(TINY), "looked at"):
        assert render_cached(TINY).new == 0
