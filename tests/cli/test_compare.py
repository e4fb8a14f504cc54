"""`leadline compare` as a user runs it, on what `leadline evaluate` wrote."""

import json
import shutil

import pytest
from PIL import Image

from leadline.cli.compare import parse_images
from leadline.errors import LeadlineError
from leadline.evaluation import compare
from tests.cli.helpers import fails_in_one_line, leadline, leadline_here
from tests.evaluation.results import write_result


@pytest.fixture(scope="module")
def folders(pairs, tmp_path_factory):
    root = tmp_path_factory.mktemp("compared")
    write_result(root / "a", pairs, lambda number: 1.1, model="good")
    write_result(root / "b", pairs, lambda number: 1.2 + number / 100, model="poor")
    write_result(root / "c", pairs, lambda number: 1.2, model="capped", protocol="kitti-garg-50")
    return root


def test_evaluate_writes_a_report_that_compare_can_use(pairs, tmp_path):
    result = leadline_here(
        "evaluate", "--model", "compact-nyu", "--data", pairs, "--limit", 3, "-o", tmp_path / "r"
    )
    assert result.returncode == 0, result.stderr
    assert "report.html" in result.stdout
    assert (tmp_path / "r" / "report.html").read_text().startswith("<!doctype html>")
    content = json.loads((tmp_path / "r" / "result.json").read_text())
    assert content["breakdowns"]["ranges"]
    assert (content["images"], content["limit"], content["images_in_data"]) == (3, 3, 12)
    assert "the first of 12 (limit 3)" in (tmp_path / "r" / "report.html").read_text()
    table = leadline_here("compare", tmp_path / "r", "--metrics", "abs_rel")
    assert f"{content['metrics']['abs_rel']:.3f}" in table.stdout
    assert "3 of 3 images scored, the first of 12 (limit 3)" in table.stdout


def test_a_limited_score_is_not_compared_with_a_whole_one(folders, pairs, tmp_path):
    write_result(tmp_path / "limited", pairs, lambda number: 1.3, model="other", limit=3)
    fails_in_one_line(
        leadline_here("compare", folders / "a", tmp_path / "limited"), "12 images against 3"
    )


def test_the_table_is_on_stdout_and_the_panel_beside_it(folders, tmp_path):
    panel = tmp_path / "panel.png"
    result = leadline_here(
        "compare", folders / "a", folders / "b" / "result.json",
        "--panel", panel, "--images", "003,777", "--label", "one", "--label", "two",
    )  # fmt: skip
    fails_in_one_line(result, "'777' was not kept by every result")
    assert not panel.exists()
    result = leadline("compare", folders / "a", folders / "b", "--panel", panel, "--images", 2)
    assert result.returncode == 0, result.stderr
    assert "good" in result.stdout and "0.100*" in result.stdout
    assert f"written: {panel}" in result.stderr
    with Image.open(panel) as picture:
        assert picture.width > 4 * 320 and picture.height > 2 * 240


def test_images_are_a_number_or_ids():
    assert parse_images(None) is None
    assert parse_images("12") == 12
    assert parse_images("012") == ["012"]
    assert parse_images("3,rgb/4.png") == ["3", "rgb/4.png"]
    with pytest.raises(LeadlineError, match="from 1 on"):
        parse_images("0")


@pytest.mark.parametrize(("suffix", "start"), [(".md", "pairs"), (".html", "<!doctype html>")])
def test_the_suffix_of_the_file_chooses_the_format(folders, tmp_path, suffix, start):
    file = tmp_path / f"table{suffix}"
    result = leadline_here("compare", folders / "a", folders / "b", "-o", file)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert file.read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize("option", ["--errors", "--images=2", "--data=."])
def test_options_of_pictures_need_a_picture(folders, option):
    fails_in_one_line(
        leadline_here("compare", folders / "a", option), option.split("=")[0], "--panel"
    )


def test_a_seed_is_not_negative(folders):
    result = leadline_here("compare", folders / "a", folders / "b", "--seed", -1)
    assert result.returncode == 2 and "--seed" in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(LeadlineError, match="seed -1: give 0 or more"):
        compare([folders / "a", folders / "b"], seed=-1)


def test_what_is_wrong_is_one_line(folders, tmp_path):
    fails_in_one_line(
        leadline_here("compare", folders / "a", folders / "c"), "kitti-garg-50", "--mixed"
    )
    fails_in_one_line(leadline_here("compare", tmp_path), "result.json", "evaluate -o")
    fails_in_one_line(
        leadline_here("compare", folders / "a", "-o", tmp_path / "t.xls"), ".xls", ".md"
    )
    moved = shutil.copytree(folders / "a", tmp_path / "moved")
    content = json.loads((moved / "result.json").read_text())
    (moved / "result.json").write_text(json.dumps({**content, "data": "/gone"}))
    fails_in_one_line(
        leadline_here("compare", moved, "--panel", tmp_path / "p.png"), "/gone", "--data"
    )


@pytest.mark.parametrize(
    "words", [("-o", "result.json"), ("-o", "report.html"), ("--panel", "cases/0.png")]
)
def test_no_table_takes_the_place_of_a_result(folders, words):
    option, name = words
    before = (folders / "a" / "result.json").read_bytes()
    both = folders / "a", folders / "b"
    result = leadline_here("compare", *both, option, folders / "b" / ".." / "a" / name)
    fails_in_one_line(result, name, "is a file of the result")
    assert (folders / "a" / "result.json").read_bytes() == before
