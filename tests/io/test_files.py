"""Reading JSON and YAML in one call, or one line about what is wrong with the file."""

from datetime import date

import pytest

from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.io.yaml_files import parse_yaml, read_yaml
from tests.complaints import complaint


def test_json_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "content.json"
    content = {"text": "Tür", "numbers": [1, 2.5, None], "nested": {"yes": True}}
    write_json(path, content)
    assert read_json(path, "record") == content
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("damaged", [b'{"a": 1', b"\xff\xfe{", b"a: 1"])
def test_damaged_json_names_the_file_and_the_remedy(tmp_path, damaged):
    path = tmp_path / "run.json"
    path.write_bytes(damaged)
    assert "copy the record again" in complaint(lambda: read_json(path, "record"), path)
    assert "; write it anew" in complaint(lambda: read_json(path, "record", "write it anew"), path)


def test_a_json_file_that_is_missing_is_not_called_damaged(tmp_path):
    path = tmp_path / "run.json"
    assert "no such file" in complaint(lambda: read_json(path, "record"), path)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-3", 1e-3), ("-2E1", -20.0), ("+1.5e+2", 150.0), ("1.e3", 1e3), ("0.5", 0.5), ("7", 7)],
)
def test_a_number_in_yaml_is_what_json_would_make_of_it(text, number):
    read = parse_yaml(f"value: {text}", "here", "recipe")["value"]
    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize("text", ["1e-3 m", "'1e-3'", "e3", "1e", "v1e3"])
def test_text_with_a_number_in_it_stays_text(text):
    assert parse_yaml(text, "here", "recipe") == text.strip("'")


def test_the_rest_of_yaml_is_as_ever():
    text = "a: [yes, 2020-01-01, ~]\nb: {c: d}"
    assert parse_yaml(text, "here", "recipe") == {
        "a": [True, date(2020, 1, 1), None],
        "b": {"c": "d"},
    }


@pytest.mark.parametrize(
    "wrong", [b"a: [", b"a: \xff\xfe", b"a: 2020-13-45", b"a: !!python/name:os.x"]
)
def test_what_is_no_yaml_is_one_line(tmp_path, wrong):
    path = tmp_path / "mine.yaml"
    path.write_bytes(wrong)
    assert "correct the protocol" in complaint(lambda: read_yaml(path, "protocol"), path)
