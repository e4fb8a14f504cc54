"""Reading JSON and YAML in one call, or one line about what is wrong with the file."""

from datetime import date

import pytest

from leadline.data_checks import check_data
from leadline.io.atomic import write_json
from leadline.io.files import read_json, stand_in_words
from leadline.io.formats import read_depth
from leadline.io.photos import read_photo
from leadline.io.yaml_files import parse_yaml, read_yaml
from leadline.models.encoders import read_state_dict
from tests.complaints import complaint
from tests.conftest import write_pairs


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
    [
        ("0x10", 16),
        ("-12", -12),
        ("1_000", 1000),
        ("0", 0),
        ("1e-3", 1e-3),
        ("-2E1", -20.0),
        ("+1.5e+2", 150.0),
        ("1.e3", 1e3),
        ("0.5", 0.5),
        ("7", 7),
    ],
)
def test_a_number_in_yaml_is_what_json_would_make_of_it(text, number):
    read = parse_yaml(f"value: {text}", "here", "recipe")["value"]
    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize("text", ["1e-3 m", "'1e-3'", "e3", "1e", "v1e3", "010", "1:30"])
def test_text_with_a_number_in_it_stays_text(text):
    assert parse_yaml(text, "here", "recipe") == text.strip("'")


def test_the_rest_of_yaml_is_as_ever():
    text = "a: [yes, 2020-01-01, ~]\nb: {c: d}"
    assert parse_yaml(text, "here", "recipe") == {
        "a": [True, date(2020, 1, 1), None],
        "b": {"c": "d"},
    }


@pytest.mark.parametrize("text", ["a: 1\na: 2", "b: {a: 1, 'a': 1}", "- a: 1\n  c: 2\n  a: 3"])
def test_of_two_values_of_one_key_none_is_chosen(text):
    assert "'a' stands twice" in complaint(lambda: parse_yaml(text, "here", "recipe"), "here")


def test_a_key_may_stand_once_in_each_mapping_and_replace_one_that_is_merged():
    text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  a: 3\nlist: [{a: 1}, {a: 2}]"
    assert parse_yaml(text, "here", "recipe")["other"] == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    "wrong", [b"a: [", b"a: \xff\xfe", b"a: 2020-13-45", b"a: !!python/name:os.x"]
)
def test_what_is_no_yaml_is_one_line(tmp_path, wrong):
    path = tmp_path / "mine.yaml"
    path.write_bytes(wrong)
    assert "correct the protocol" in complaint(lambda: read_yaml(path, "protocol"), path)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:6fd5d72fe4\nsize 904052\n"
PAGE = b"\n<!DOCTYPE html><html><head><title>Quota exceeded</title>"


@pytest.mark.parametrize(
    ("content", "words"), [(POINTER, "git lfs pull"), (PAGE, "is a web page"), (b"<HTML>", "page")]
)
def test_what_stands_in_for_a_file_is_named(tmp_path, content, words):
    for name, read in (
        ("a.jpg", read_photo), ("a.png", read_depth), ("a.npz", read_depth),
        ("a.pth", read_state_dict), ("a.safetensors", read_state_dict), ("a.json", read_any_json),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert words in complaint(lambda r=read, n=name: r(tmp_path / n), tmp_path / name)
    for suspicious in (b"version 1", b"<?xml version='1.0'?><html/>", b"\x89PNG <html", b""):
        assert stand_in_words(suspicious) == ""


def read_any_json(path):
    return read_json(path, "record")


def test_check_data_names_what_stands_in_for_files(tmp_path):
    data = write_pairs(tmp_path / "data", 4, (48, 64))
    (data / "rgb" / "001.png").write_bytes(POINTER)
    (data / "depth" / "002.png").write_bytes(POINTER)
    found = {each.code: each for each in check_data(data).findings}
    assert "2 files" in found["not-a-picture"].message
    assert "git lfs pull" in found["not-a-picture"].message
