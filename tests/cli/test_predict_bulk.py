"""`leadline predict` over folders that are continued, over pipes, and on disks that are full."""

import base64
import errno
import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from leadline.cli.predict import write_to_stdout
from leadline.depth import DepthMap
from leadline.inference import Predictor, outputs
from leadline.io import read_depth, read_photo, write_depth
from leadline.io.atomic import cannot_write
from leadline.io.grey16 import is_grey16
from tests.cli.helpers import fails_in_one_line, leadline_here


def noise(height=24, width=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(noise(seed=number)).save(folder / f"{number}.png")
    return folder


def test_a_second_run_over_results_beside_photographs_predicts_the_photographs_alone(photos):
    arguments = ("predict", photos, "-o", photos, "--format", "png16", "--color")
    for number in range(3):  # the names of the results must not be those of the photographs
        (photos / f"{number}.png").rename(photos / f"{number}.bmp")
        Image.open(photos / f"{number}.bmp").save(photos / f"{number}.bmp")
    first = leadline_here(*arguments)
    files = sorted(path.name for path in photos.iterdir())
    second = leadline_here(*arguments)
    assert "3 of 3 predicted" in first.stdout
    assert "3 of 3 predicted" in second.stdout, second.stderr
    assert sorted(path.name for path in photos.iterdir()) == files


def test_what_is_there_is_left_out_and_what_is_incomplete_is_not(photos, tmp_path):
    out = tmp_path / "out"
    leadline_here("predict", photos, "-o", out, "--color")
    (out / "1.npy.json").unlink()
    (out / "2_color.png").unlink()
    before = (out / "0.npy").stat().st_mtime_ns
    result = leadline_here("predict", photos, "-o", out, "--color", "--skip-existing")
    # Colours have one range for all pictures, and are drawn of what is there in the end.
    assert "1 of 1 predicted" in result.stdout
    assert "2 were there already" in result.stdout
    assert (out / "0.npy").stat().st_mtime_ns == before
    assert (out / "2_color.png").is_file()
    again = leadline_here("predict", photos, "-o", out, "--skip-existing")
    assert (again.returncode, again.stdout) == (0, "3 were there already\n")


def test_a_picture_of_inverse_depth_is_not_taken_for_depth_that_is_there(photos, tmp_path):
    photo, out = photos / "0.png", tmp_path / "out"
    leadline_here("predict", photo, "-o", out, "--format", "grey16")
    depth = leadline_here("predict", photo, "-o", out, "--format", "png16", "--skip-existing")
    assert "1 of 1 predicted" in depth.stdout
    again = leadline_here("predict", photo, "-o", out, "--format", "png16", "--skip-existing")
    assert again.stdout == "1 were there already\n"
    assert read_depth(out / "0.png").valid.all()


@pytest.mark.parametrize("more", [(), ("--skip-existing",)])
def test_a_picture_of_inverse_depth_replaces_no_metres(photos, tmp_path, more):
    photo, out = photos / "0.png", tmp_path / "out"
    leadline_here("predict", photo, "-o", out, "--format", "png16")
    before = (out / "0.png").read_bytes()
    fails_in_one_line(
        leadline_here("predict", photo, "-o", out, "--format", "grey16", *more),
        str(out / "0.png"), "holds depth (png16)", "choose another folder or name",
    )  # fmt: skip
    npy = tmp_path / "npy" / "0.npy"
    leadline_here("predict", photo, "-o", npy)
    converted = leadline_here("convert", npy, "-o", out, "--to", "grey16")
    assert converted.returncode == 1 and "holds depth (png16)" in converted.stderr
    assert (out / "0.png").read_bytes() == before
    grey = tmp_path / "grey"
    for _ in range(2):  # a picture may be drawn anew
        assert not leadline_here("convert", npy, "-o", grey, "--to", "grey16").returncode
        assert is_grey16(grey / "0.png")


@pytest.mark.parametrize(("format", "suffix"), [(None, ".npz"), (None, ".png"), ("exr", ".exr")])
def test_an_output_with_the_suffix_of_a_depth_file_is_that_file(photos, tmp_path, format, suffix):
    target = tmp_path / "new" / f"p.v1{suffix}"
    options = [] if format is None else ["--format", format]
    result = leadline_here("predict", photos / "0.png", "-o", target, *options)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    expected = Predictor.load()(read_photo(photos / "0.png")).depth
    np.testing.assert_allclose(read_depth(target).depth, expected, atol=6e-4)


def test_one_output_file_is_for_one_picture_and_its_own_format(photos, tmp_path):
    target = tmp_path / "p.npy"
    fails_in_one_line(leadline_here("predict", photos, "-o", target), "p.npy", "3 pictures")
    fails_in_one_line(
        leadline_here("predict", photos / "0.png", "-o", target, "--format", "exr"), "p.npy", "exr"
    )
    fails_in_one_line(leadline_here("predict", photos / "0.png", "-o", tmp_path / "p.tiff"), "tiff")
    fails_in_one_line(
        leadline_here("predict", photos / "0.png", "-o", photos / "0.png"), "overwrite"
    )
    big = tmp_path / "p.NPY"
    fails_in_one_line(leadline_here("predict", photos / "0.png", "-o", big), "p.NPY", "p.npy")
    fails_in_one_line(leadline_here("predict", photos, "-o", "-"), "error: -o -:", "3 pictures")


def test_a_picture_of_inverse_depth_is_one_file_too(photos, tmp_path):
    target = tmp_path / "p.png"
    result = leadline_here("predict", photos / "0.png", "-o", target, "--format", "grey16")
    assert result.returncode == 0, result.stderr
    with Image.open(target) as image:
        assert "not metres" in image.text["leadline:kind"]


class Pipe(io.StringIO):
    """A text stream with bytes below it, as sys.stdin and sys.stdout are."""

    def __init__(self, data=b""):
        super().__init__()
        self.buffer = io.BytesIO(data)


def test_a_picture_from_a_pipe_becomes_metres_in_a_pipe(photos, monkeypatch, capsys):
    from leadline.cli.predict import predict_command

    data = (photos / "0.png").read_bytes()
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(data))
    monkeypatch.setattr(sys, "stdout", pipe)
    predict_command(Path("-"), ["-"])
    depth = np.load(io.BytesIO(pipe.buffer.getvalue()))
    np.testing.assert_array_equal(depth, Predictor.load()(data).depth)
    assert pipe.getvalue() == ""
    assert "1 of 1 predicted" in capsys.readouterr().err


def test_a_picture_from_a_pipe_and_a_file_of_its_name_are_not_one_result(photos, tmp_path):
    (photos / "0.png").rename(photos / "stdin.png")
    result = leadline_here("predict", "-", photos / "stdin.png", "-o", tmp_path / "out")
    fails_in_one_line(result, "stdin.npy", "two results")


def test_an_empty_pipe_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Pipe())
    result = leadline_here("predict", "-", "-o", tmp_path / "out")
    assert result.returncode == 1
    assert "standard input is empty" in result.stderr


def test_a_full_disk_ends_the_run_with_status_two(photos, tmp_path, monkeypatch):
    calls = []
    write = outputs.write_depth

    def fill_up(path, *arguments):
        calls.append(path)
        if len(calls) > 1:
            raise cannot_write(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        write(path, *arguments)

    monkeypatch.setattr(outputs, "write_depth", fill_up)
    result = leadline_here("predict", photos, "-o", tmp_path / "out")
    fails_in_one_line(result, "No space left", "of 3 files were written")


def test_options_of_colours_without_colours_are_refused(photos, tmp_path):
    for option in (["--vmin", "1"], ["--vmax", "4"], ["--cmap", "turbo"]):
        result = leadline_here("predict", photos, "-o", tmp_path / "out", *option)
        fails_in_one_line(result, option[0], "--color")


HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA"
    "AAAAACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAABwAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "AA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNw"
    "AAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHB"
    "crAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAA"
    "AAABAAEEgQIDBAAAACRtZGF0AAAAGCgBrxOA5qhw0//8HVH/7Omr+4urSeb98A=="
)
"""64x64 pixels of one colour, (90, 120, 60), as libheif wrote them: what reads HEIC cannot
write it."""


@pytest.mark.parametrize("suffix", [".avif", ".jp2", ".tga", ".heic"])
def test_pictures_of_telephones_scanners_and_games_are_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".heic":
        path.write_bytes(HEIC)
    else:
        Image.fromarray(np.full((64, 64, 3), (90, 120, 60), np.uint8)).save(path)
    pixels = read_photo(path).pixels
    assert pixels.shape == (64, 64, 3)
    np.testing.assert_allclose(pixels.mean((0, 1)), (90, 120, 60), atol=3)


def test_standard_output_takes_everything_or_fails(monkeypatch):
    """Unbuffered, it is a raw file, whose `write` takes what fits and says how much."""

    class Raw(io.RawIOBase):
        taken = b""

        def writable(self):
            return True

        def write(self, data):
            if len(self.taken) > 9000:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.taken += bytes(data[:4000])
            return min(len(data), 4000)

    raw = Raw()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=raw))
    write_to_stdout(bytes(range(250)) * 40)
    assert raw.taken == bytes(range(250)) * 40
    with pytest.raises(OSError, match="No space"):
        write_to_stdout(b"more")


def test_heic_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    result = leadline_here("predict", tmp_path, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert r"pip install 'leadline[heic]'" in result.stderr


def test_what_was_written_is_said_as_it_is(photos, tmp_path):
    grey = leadline_here("predict", photos, "-o", tmp_path / "grey", "--format", "grey16")
    assert "inverse depth from 0, unknown, to white, nearest: not metres" in grey.stdout
    assert "in metres" not in grey.stdout
    one = leadline_here("predict", photos / "0.png", "-o", tmp_path / "one" / "d.npz")
    assert f"predicted: {tmp_path / 'one' / 'd.npz'} (depth in metres, planar z)" in one.stdout
    sheet = leadline_here("predict", photos, "-o", tmp_path / "s", "--sheet")
    assert f"{tmp_path / 's'}/<name>.npy, sheet.png (" in sheet.stdout
    inverse = leadline_here("convert", tmp_path / "one", "-o", tmp_path / "i", "--to", "grey16")
    assert "(png, inverse depth from 0, unknown, to white, nearest: not metres)" in inverse.stdout
    fails_in_one_line(
        leadline_here("predict", photos, "-o", tmp_path / "out", "--range", "0,5"),
        "--range needs --color",
    )


def test_a_sheet_overwrites_no_photograph_and_no_depth(photos, tmp_path):
    before = (photos / "0.png").rename(photos / "sheet.png").read_bytes()
    refused = leadline_here("predict", photos, "-o", photos, "--sheet")
    fails_in_one_line(refused, "the sheet would overwrite it")
    png16 = ("--format", "png16", "--sheet")
    fails_in_one_line(leadline_here("predict", photos, "-o", tmp_path / "out", *png16), "sheet.png")
    assert (photos / "sheet.png").read_bytes() == before


def test_results_of_another_model_or_unit_are_not_taken_as_done(photos, tmp_path):
    photo, out = photos / "0.png", tmp_path / "out"

    def run(*options):
        return leadline_here("predict", photo, "-o", out, "--skip-existing", *options)

    for options, word in [
        (("--format", "png16", "--units", "5000"), ""),
        (("--format", "png16"), "hold 1/5000 metre, not 1/1000 metre; predicted again"),
        (("--format", "npz"), ""),
        (("--format", "npz", "--model", "compact-nyu"), "of model crisp-nyu, not of compact-nyu"),
        (("--format", "npy", "--model", "compact-nyu"), ""),
        (("--format", "npy"), "of model compact-nyu, not of crisp-nyu; predicted again"),
    ]:
        result, again = run(*options), run(*options)
        assert "1 of 1 predicted" in result.stdout and word in result.stderr, options
        assert again.stdout == "1 were there already\n" and "existing results" not in again.stderr
    assert read_depth(out / "0.png", 1000).valid.any()


def test_results_without_the_calibration_that_is_given_are_not_taken_as_done(photos, tmp_path):
    photo, out = photos / "0.png", tmp_path / "out"
    fit = ("--calibration", tmp_path / "fit" / "calibration.json")
    leadline_here("calibrate", photo, "--point", "3,3=7", "-o", tmp_path / "fit")
    leadline_here("predict", photo, "-o", out)
    plain = read_depth(out / "0.npy").depth[3, 3]
    for options, words, metres in [
        (fit, ("calibration none, not of scale", "predicted again"), 7.0),
        ((), ("calibration scale", "not of none; predicted again"), plain),
    ]:
        result = leadline_here("predict", photo, "-o", out, "--skip-existing", *options)
        assert "1 of 1 predicted" in result.stdout
        assert all(word in result.stderr for word in words), result.stderr
        assert read_depth(out / "0.npy").depth[3, 3] == pytest.approx(metres, rel=1e-5)
        again = leadline_here("predict", photo, "-o", out, "--skip-existing", *options)
        assert again.stdout == "1 were there already\n"


def test_a_result_that_does_not_say_its_model_is_left_with_a_line(photos, tmp_path):
    for name in ("0", "1", "2"):
        write_depth(tmp_path / f"{name}.npy", DepthMap.from_metres(np.ones((24, 32))))
    result = leadline_here("predict", photos, "-o", tmp_path, "--skip-existing")
    assert result.stdout == "3 were there already\n"
    assert (
        "3 of the existing results" in result.stderr and "0.npy, ...) do not say" in result.stderr
    )
