"""A result is the same in memory, on disk, and where 0.1 wrote it."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.evaluation import PredictionFolder, Result, compare, evaluate
from leadline.evaluation.report.pages import write_report
from leadline.metrics import Protocol
from tests.evaluation.results import edit_result, write_named_pairs, write_result

# Written by 0.1, `evaluate --pred-dir predictions --data data --split val --cases 1
# --breakdown boundary,edges,ranges,classes -o result`; the data beside it.
OLD = Path(__file__).parents[1] / "data" / "v0.1" / "result"
DATA = OLD.with_name("result-data")
BREAKDOWNS = ("boundary", "edges", "ranges", "classes")


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """The same evaluation by today's code, and its folder."""
    out = tmp_path_factory.mktemp("today")
    source = PredictionFolder(DATA / "predictions")
    result = evaluate(source, DATA, split="val", breakdowns=BREAKDOWNS, cases=1, out=out)
    return result, out


def test_a_result_of_0_1_opens_and_is_what_is_scored_today(today, tmp_path):
    old, (new, out) = Result.load(OLD), today
    described = ("leadline", "created", "model_path", "data")
    described += ("truth_use", "table", "cases_in_memory", "folder")  # the first: not in 0.1
    for name in set(Result.model_fields) - set(described):
        assert getattr(old, name) == getattr(new, name), name
    assert (OLD / "per_image.csv").read_bytes() == (out / "per_image.csv").read_bytes()
    keys = list(json.loads((out / "result.json").read_text()))
    for key in ("camera", "dataset", "truth_use", "block"):
        keys.remove(key)  # 0.1 knew of none
    assert list(json.loads((OLD / "result.json").read_text())) == keys
    assert [case.roles for case in old.cases] == [case.roles for case in new.cases]
    for ours, theirs in zip(new.cases, old.cases, strict=True):
        np.testing.assert_array_equal(ours.prediction(), theirs.prediction())
    old.save(tmp_path)
    assert (OLD / "result.json").read_bytes() == (tmp_path / "result.json").read_bytes()


def test_a_result_of_0_1_is_compared_and_reported(today, tmp_path):
    table = compare(
        [OLD, today[0]], labels=["old", "new"], metrics="all", mixed=True, data=DATA,
        panel=tmp_path / "panel.png", out=tmp_path / "table.html",
    )  # fmt: skip
    values = [{name: row.values[name].number for name in table.metrics} for row in table.rows[:2]]
    assert values[0] == values[1]
    assert (tmp_path / "panel.png").is_file()
    old = Result.load(OLD)
    write_report(tmp_path / "report.html", old, open_data(DATA, "val"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{old.metrics['abs_rel']:.3f}" in text and "Worst cases" in text
    with pytest.raises(LeadlineError, match="needs the data"):
        write_report(tmp_path / "report.html", old)


def test_what_is_saved_is_loaded(today):
    result, out = today
    loaded = Result.load(out / "result.json")
    assert loaded.to_json() == json.loads(json.dumps(result.to_json()))
    assert loaded.table.ids == result.table.ids
    for name, column in result.table.columns.items():
        np.testing.assert_array_equal(loaded.table.columns[name], column)


def test_the_report_from_memory_is_that_of_the_files(today, tmp_path):
    _, out = today
    write_report(tmp_path / "report.html", Result.load(out), open_data(DATA, "val"))
    assert (tmp_path / "report.html").read_bytes() == (out / "report.html").read_bytes()


def test_an_image_without_a_score_is_an_empty_cell(pairs, tmp_path):
    write_result(tmp_path, pairs, lambda number: 1.1, limit=2)
    file = tmp_path / "per_image.csv"
    lines = file.read_text().splitlines()
    lines[1] = lines[1].split(",")[0] + ",0,0" + "," * (len(lines[0].split(",")) - 3)
    file.write_text("\r\n".join(lines) + "\r\n", newline="")
    Result.load(tmp_path).save(tmp_path / "again")
    assert (tmp_path / "again" / "per_image.csv").read_bytes() == file.read_bytes()


def test_a_field_that_a_newer_version_added_is_passed_over(today, tmp_path):
    result, _ = today
    result.save(tmp_path)
    content = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps({**content, "weather": "fine"}))
    assert Result.load(tmp_path).metrics == result.metrics


def test_a_result_opens_whose_protocol_was_hashed_with_whole_numbers(pairs, tmp_path):
    protocol = Protocol("near", "a test", 1, 10)
    folder = write_result(tmp_path / "result", pairs, lambda number: 1.1, protocol=protocol)
    content = json.loads((folder / "result.json").read_text())
    # As it was written: the fields without a point, and the SHA-256 of such JSON.
    text = '{"max_depth": 10, "min_depth": 1, "name": "near"}'
    earlier = {"min_depth": 1, "max_depth": 10}
    earlier["hash"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    edit_result(folder, protocol={**content["protocol"], **earlier})
    assert earlier["hash"] != protocol.hash
    assert Result.load(folder).protocol == protocol


class NeverAsked:
    def predict(self, sample):
        raise AssertionError(f"{sample.id} was predicted")


def test_an_image_that_is_listed_twice_is_refused_before_anything_is_predicted(tmp_path):
    listed = write_named_pairs(tmp_path / "data", ["a.png", "b.png"])
    listed.write_text(listed.read_text() + "rgb/a.png,depth/1.png\n")
    with pytest.raises(LeadlineError, match=r"pairs\.csv: rgb/a\.png is listed 2 times.*remove"):
        evaluate(NeverAsked(), listed)
    with pytest.raises(LeadlineError, match=r"rgb/a\.png is listed 2 times"):
        evaluate(NeverAsked(), open_data(listed), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_result_that_could_not_be_loaded_is_not_written(tmp_path):
    listed = write_named_pairs(tmp_path / "data", ["1.png", "2.png"])
    listed.write_text(listed.read_text() + "rgb/1.png,depth/1.png\n")
    with pytest.raises(LeadlineError, match=r"rgb/1\.png is listed 2 times"):
        write_result(tmp_path / "out", listed, lambda number: 1.1)
    assert not (tmp_path / "out").exists()


def test_a_result_does_not_change_and_has_no_field_of_another_name(today):
    result, _ = today
    with pytest.raises(ValidationError, match="frozen"):
        result.model = "another"
    with pytest.raises(ValidationError, match="weather"):
        Result(**dict(result), weather="fine")
