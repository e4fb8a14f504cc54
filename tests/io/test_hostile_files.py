"""Files that unpack to gigabytes, expand without end, or hold what their format forbids."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.io.cameras import read_camera_file
from leadline.io.files import read_json
from leadline.io.formats import read_depth
from leadline.io.limits import most_pixels
from leadline.io.photos import read_photo
from leadline.io.yaml_files import parse_yaml
from leadline.metrics.protocols import read_protocol
from leadline.training.recipe import load_recipe

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
"""400 bytes; 9 ** 9 values once the aliases are written out."""


@pytest.mark.parametrize(
    "content", [BOMB, "[" * 60 + "]" * 60, "a: &a\n  b: *a\n", "[" * 5000, "- &x [*x]\n"]
)
def test_yaml_that_expands_without_end_is_refused_at_once(content):
    assert len(content) < 5001
    with pytest.raises(LeadlineError, match=r"^mine: (holds more than|not readable).*the thing"):
        parse_yaml(content, "mine", "thing")


def test_aliases_that_a_person_writes_are_read():
    assert parse_yaml("a: &a [1, 2]\nb: *a\n", "x", "y") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("name", "read"),
    [("recipe", lambda path: load_recipe(str(path))), ("protocol", read_protocol)],
)
@pytest.mark.parametrize("content", [BOMB.encode(), b"created: 2024-13-01\n", b"name: caf\xe9\n"])
def test_a_recipe_and_a_protocol_are_refused_in_one_line(tmp_path, name, read, content):
    path = tmp_path / f"{name}.yaml"
    path.write_bytes(content)
    with pytest.raises(LeadlineError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_a_camera_that_expands_without_end_is_named_once(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(BOMB)
    with pytest.raises(LeadlineError) as caught:
        read_camera_file(path)
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize("value", ["inf", "nan", ".inf", "2024-13-01", "1e999"])
def test_a_setting_that_is_no_finite_number_is_refused(value):
    with pytest.raises(LeadlineError, match=r"optimizer\.lr"):
        load_recipe("compact", [f"optimizer.lr={value}"])


def test_json_nested_too_deep_is_damaged(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[" * 100_000)
    with pytest.raises(LeadlineError, match="is damaged, not JSON"):
        read_json(path, "thing")


def npy(shape, dtype="<f4", body=b"", descr=None) -> bytes:
    header = f"{{'descr': {descr or repr(dtype)}, 'fortran_order': False, 'shape': {shape}}}"
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def zipped(**members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def png_bomb(side=20_000) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data)
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


LARGE = (20_000, 20_000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.npz", zipped(depth=npy(LARGE, body=b"\0" * 100))),
        ("x.npz", zipped(depth=npy((2, 2), body=b"\0" * 16), other=npy(LARGE))),
        ("x.npy", npy(LARGE)),
        ("x.png", png_bomb()),
    ],
)
def test_every_format_has_the_one_limit_and_names_what_raises_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LeadlineError, match=r"400,000,000 values, more than .*LEADLINE_MAX_PIXELS"):
        read_depth(tmp_path / name, 1000.0 if name.endswith("png") else None)


def test_an_exr_that_unpacks_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    from leadline.depth import DepthMap
    from leadline.io.formats import write_depth

    write_depth(tmp_path / "x.exr", DepthMap.from_metres(np.ones((30, 40), np.float32)))
    assert read_depth(tmp_path / "x.exr").shape == (30, 40)
    monkeypatch.setenv("LEADLINE_MAX_PIXELS", "1199")
    with pytest.raises(LeadlineError, match="1,200 values, more than 1,199"):
        read_depth(tmp_path / "x.exr")


def test_the_limit_is_raised_by_its_option_and_by_nothing_else(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.ones((30, 40), np.float32))
    for given, words in (("1000", "more than 1,000"), ("many", "expected a number"), ("0", "num")):
        monkeypatch.setenv("LEADLINE_MAX_PIXELS", given)
        with pytest.raises(LeadlineError, match=words):
            read_depth(tmp_path / "x.npy")
    monkeypatch.setenv("LEADLINE_MAX_PIXELS", "1200")
    assert read_depth(tmp_path / "x.npy").shape == (30, 40)
    monkeypatch.delenv("LEADLINE_MAX_PIXELS")
    assert most_pixels() == 178_956_970


@pytest.mark.parametrize(
    "content",
    [
        npy((3, 4), body=b"\0" * 10),  # cut short
        npy("(3, 99999999999999999999)"),
        npy((3, 4), descr="'<f4"),
        npy((3, 4), descr="[('a',"),
        npy("(3, 'a')"),
        npy((-3, 4), body=b"\0" * 48),
        b"\x93NUMPY\x09\x00",
        b"\x93NUMPY\x01\x00\xff\xff{",
    ],
)
def test_a_malformed_npy_is_one_line_alone_and_in_an_archive(tmp_path, content):
    for name, data in (("x.npy", content), ("x.npz", zipped(depth=content))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LeadlineError, match=rf"{name}: "):
            read_depth(tmp_path / name)


def test_an_archive_compressed_by_lzma_and_damaged_is_one_line(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("depth.npy", npy((30, 40), body=np.ones(1200, "<f4").tobytes()))
    data = bytearray(buffer.getvalue())
    (tmp_path / "x.npz").write_bytes(data)
    assert read_depth(tmp_path / "x.npz").shape == (30, 40)
    data[60:80] = bytes(20)
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(LeadlineError, match=r"x\.npz: cannot be read as NP"):
        read_depth(tmp_path / "x.npz")


def test_a_picture_of_text_is_refused(tmp_path):
    (tmp_path / "x.jpg").write_text(json.dumps({"a": 1}))
    with pytest.raises(LeadlineError, match="cannot be read as a picture"):
        read_photo(tmp_path / "x.jpg")
