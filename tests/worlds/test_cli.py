"""`leadline worlds render` and `show`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from leadline.cli.worlds import app
from leadline.datasets.open import open_data
from leadline.datasets.pairs import open_pairs
from leadline.errors import LeadlineError
from leadline.worlds import QUALITIES, WorldSet, render_room
from tests.cli.helpers import leadline_here

pytest.importorskip("embreex")


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    # Drawing them takes most of the time.
    monkeypatch.setitem(QUALITIES, "training", replace(QUALITIES["training"], tile_size=32))


def test_render_writes_a_data_set_and_says_what_comes_next(tmp_path: Path) -> None:
    out = tmp_path / "rooms"
    output = _run("render", "--kind", "rooms", "--count", 3, "--size", "24x32", "--out", out,
                  "--val-share", 0.34, "--workers", 1)  # fmt: skip
    assert "3 views, 3 rendered now" in output
    assert "leadline train --data" in output
    assert len(open_pairs(out, "train")) == 2
    assert "3 views, 0 rendered now" in _run(
        "render", "--kind", "rooms", "--count", 3, "--size", "24x32", "--out", out,
        "--val-share", 0.34)  # fmt: skip


def test_shards_are_packed_from_the_files_beside_them(tmp_path: Path) -> None:
    out = tmp_path / "rooms"
    output = _run("render", "--count", 2, "--size", "24x32", "--out", out, "--val-share", 0.5,
                  "--format", "shards")  # fmt: skip
    assert f"{out}: 2 views packed" in output
    for split in ("train", "val"):
        packed, files = open_data(out, split)[0], open_pairs(tmp_path / "rooms-files", split)[0]
        assert packed.intrinsics == files.intrinsics
        assert (packed.depth == files.depth).all()


def test_show_draws_a_sheet(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    output = _run("show", "--kind", "streets", "--count", 2, "--size", "24x32", "-o", out,
                  "--columns", 2, "--panels", "image,depth")  # fmt: skip
    assert "2 streets" in output
    with Image.open(out) as sheet:
        assert sheet.size == (128, 24)


@pytest.mark.parametrize("wrong", [("--size", "big"), ("--kind", "caves"), ("--sky", "blue")])
def test_options_that_do_not_exist_are_named(wrong: tuple[str, str], tmp_path: Path) -> None:
    named = f"{wrong[0]}.*{wrong[1]}" if wrong[0] == "--size" else f"{wrong[0][2:]} '{wrong[1]}': "
    with pytest.raises(LeadlineError, match=named):
        _run("render", "--out", tmp_path / "x", "--count", 1, *wrong)


@pytest.mark.parametrize("command", ["render", "show"])
def test_a_seed_is_not_negative(command: str, tmp_path: Path) -> None:
    result = leadline_here("worlds", command, "-o", tmp_path / "x.png", "--seed", -1)
    assert result.returncode == 2 and "--seed" in result.stderr
    assert not (tmp_path / "x.png").exists()
    with pytest.raises(LeadlineError, match="seed -1: give 0 or more"):
        WorldSet("rooms", 1, seed=-1)
    with pytest.raises(LeadlineError, match="seed -1: give 0 or more"):
        render_room(-1, 0)


def test_what_cannot_be_written_is_said_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("render_worlds", "render_room", "render_street"):
        monkeypatch.setattr(f"leadline.worlds.{name}", lambda *_, **__: pytest.fail("rendered"))
    (tmp_path / "file").write_text("")
    with pytest.raises(LeadlineError, match=r"sheet\.jpg: a sheet is a PNG"):
        _run("show", "-o", tmp_path / "sheet.jpg")
    with pytest.raises(LeadlineError, match="cannot write here"):
        _run("show", "-o", tmp_path / "file" / "sheet.png")
    with pytest.raises(LeadlineError, match="file: is a file"):
        _run("render", "--format", "shards", "-o", tmp_path / "file" / "rooms")


def test_the_folder_one_is_in_has_a_name_for_the_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    _run("render", "--count", 1, "--size", "24x32", "--val-share", 0, "-o", ".",
         "--format", "shards")  # fmt: skip
    assert len(open_pairs(tmp_path / "here-files", "train")) == 1
    assert len(open_data(tmp_path / "here", "train")) == 1


@pytest.mark.parametrize("useless", [("--variations", "vkitti"), ("--sky", "far")])
def test_options_without_effect_are_refused_before_anything_is_written(
    useless: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(LeadlineError, match=f"{useless[0][2:]} .* does nothing in rooms"):
        _run("render", "--out", tmp_path / "x", "--kind", "rooms", "--count", 1, *useless)
    assert not (tmp_path / "x").exists()
