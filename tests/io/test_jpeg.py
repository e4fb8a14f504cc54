"""The fast JPEG path: Pillow's pixels to the bit, and never a file that it does not understand."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadline.errors import LeadlineError
from leadline.io import read_photo
from leadline.io.jpeg import decode_plain_jpeg


def encode(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 3, axis=0), 2, axis=1)


@given(
    height=st.integers(1, 20),
    width=st.integers(1, 30),
    quality=st.integers(1, 100),
    subsampling=st.integers(0, 2),
    progressive=st.booleans(),
    optimize=st.booleans(),
    restart=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_the_pixels_are_those_of_pillow(
    height, width, quality, subsampling, progressive, optimize, restart
):
    data = encode(
        noise(height, width),
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        optimize=optimize,
        restart_marker_rows=restart,
    )
    fast = decode_plain_jpeg(data)
    assert fast is not None
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(fast, np.asarray(image.convert("RGB")))


def test_whatever_is_not_plain_is_left_to_pillow():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_plain_jpeg(encode(noise(8, 8), exif=exif)) is None
    assert decode_plain_jpeg(encode(noise(8, 8)[..., 0])) is None
    assert decode_plain_jpeg(b"\x89PNG\r\n\x1a\n" + bytes(100)) is None
    cmyk = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(cmyk, "JPEG")
    assert decode_plain_jpeg(cmyk.getvalue()) is None


@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_cut_anywhere_is_an_error(tmp_path: Path, progressive: bool):
    data = encode(noise(20, 30), progressive=progressive)
    path = tmp_path / "cut.jpg"
    for length in range(1, len(data) - 2, 37):
        path.write_bytes(data[:length])
        with pytest.raises(LeadlineError, match=r"cut\.jpg"):
            read_photo(path)


def test_rubbish_behind_the_picture_does_no_harm(tmp_path: Path):
    data = encode(noise(8, 8))
    path = tmp_path / "long.jpg"
    path.write_bytes(data + b"trailing bytes of some camera")
    np.testing.assert_array_equal(read_photo(path).pixels, decode_plain_jpeg(data))
