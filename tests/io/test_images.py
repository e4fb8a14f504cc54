import io
import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from leadline.data_checks.files import read_header
from leadline.errors import LeadlineWarning
from leadline.io import IMAGE_SUFFIXES, read_depth, read_photo, write_png
from leadline.io.masks import read_mask
from leadline.io.photos import aspect_ratio, photo_of_image, read_deep_grey
from tests.complaints import complaint

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def smooth(height: int = 40, width: int = 60) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 6 * y, 255 - 4 * x], axis=-1).astype(np.uint8)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES - {".gif", ".heic", ".heif"}))
def test_every_listed_suffix_is_read_as_the_same_picture(tmp_path: Path, suffix: str) -> None:
    pixels = smooth()
    path = save(tmp_path / f"photo{suffix}", Image.fromarray(pixels))
    photo = read_photo(path)
    lossy = suffix in (".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".avif")
    assert photo.path == path
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - pixels).mean() < (6 if lossy else 1e-9)


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (read_photo(path).pixels == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_agrees_with_pillow(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"turned{suffix}", Image.fromarray(RGB), exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


def test_orientation_six_puts_the_left_column_on_top(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "row 0 is the right-hand side": stored lying on its left side
    photo = read_photo(save(tmp_path / "p.png", Image.fromarray(RGB), exif=exif))
    assert (photo.height, photo.width) == (9, 6)
    np.testing.assert_array_equal(photo.pixels[0, ::-1], RGB[:, 0])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_malformed_exif_block_does_not_spoil_the_photo(tmp_path: Path) -> None:
    exif = b"Exif\0\0II*\0\xff\xff\xff\xff"
    photo = read_photo(save(tmp_path / "p.png", Image.fromarray(RGB), exif=exif))
    np.testing.assert_array_equal(photo.pixels, RGB)


def test_grey_and_one_bit_become_three_equal_channels(tmp_path: Path) -> None:
    grey = read_photo(save(tmp_path / "l.png", Image.fromarray(RGB[..., 0])))
    np.testing.assert_array_equal(grey.pixels, np.repeat(RGB[..., :1], 3, axis=2))
    bits = RGB[..., 0] > 127
    one = read_photo(save(tmp_path / "1.png", Image.fromarray(bits)))
    np.testing.assert_array_equal(one.pixels, np.repeat(bits[..., None] * 255, 3, axis=2))


def test_transparency_is_ignored_and_stored_colours_are_kept(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, (6, 9, 1), dtype=np.uint8)
    alpha[0] = 0
    rgba = read_photo(save(tmp_path / "a.png", Image.fromarray(np.dstack([RGB, alpha]))))
    np.testing.assert_array_equal(rgba.pixels, RGB)
    la = read_photo(save(tmp_path / "la.png", Image.fromarray(np.dstack([RGB[..., :1], alpha]))))
    np.testing.assert_array_equal(la.pixels, np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.filterwarnings("error")
def test_a_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    image = Image.frombytes("P", (2, 2), bytes([0, 1, 2, 1]))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    path = save(tmp_path / "p.png", image, transparency=bytes([0, 128, 255]))
    expected = np.array([[10, 40], [70, 40]])
    np.testing.assert_array_equal(read_photo(path).pixels[..., 0], expected)


def test_cmyk_jpeg_keeps_light_light_and_red_red(tmp_path: Path) -> None:
    """Cyan 0, magenta and yellow full is red; Adobe's inversion undone twice would be cyan."""
    cmyk = np.zeros((16, 32, 4), dtype=np.uint8)
    cmyk[:, 16:, 1:3] = 255
    image = Image.frombytes("CMYK", (32, 16), cmyk.tobytes())
    path = save(tmp_path / "c.jpg", image, quality=95)
    assert b"Adobe" in path.read_bytes()
    pixels = read_photo(path).pixels.astype(int)
    assert np.abs(pixels[:, :14] - (255, 255, 255)).max() < 12
    assert np.abs(pixels[:, 18:] - (255, 0, 0)).max() < 12


def test_ycck_jpeg_is_read_like_cmyk(tmp_path: Path) -> None:
    """The Adobe marker's last byte says YCCK (2); neutral chroma makes both readings grey."""
    cmyk = np.zeros((16, 16, 4), dtype=np.uint8)
    path = save(tmp_path / "k.jpg", Image.frombytes("CMYK", (16, 16), cmyk.tobytes()))
    data = bytearray(path.read_bytes())
    position = data.index(b"Adobe") + 11
    assert data[position] == 0
    data[position] = 2
    path.write_bytes(data)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


GREY16 = np.array([[0, 128, 129, 257], [256, 32768, 65406, 65535]], dtype=np.uint16)
GREY16_AS_8 = np.array([[0, 0, 1, 1], [1, 128, 254, 255]])


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    path = save(tmp_path / "g.png", Image.fromarray(GREY16))
    np.testing.assert_array_equal(read_photo(path).pixels[..., 1], GREY16_AS_8)


def test_sixteen_bit_grey_may_be_big_endian(tmp_path: Path) -> None:
    image = Image.frombytes("I;16B", (4, 2), GREY16.astype(">u2").tobytes())
    path = save(tmp_path / "g.tif", image)
    assert path.read_bytes()[:2] == b"MM"
    np.testing.assert_array_equal(read_photo(path).pixels[..., 2], GREY16_AS_8)


def test_sixteen_bit_grey_ppm_is_scaled_too(tmp_path: Path) -> None:
    path = tmp_path / "g.ppm"
    path.write_bytes(b"P5\n4 2\n65535\n" + GREY16.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_photo(path).pixels[..., 0], GREY16_AS_8)


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of 16-bit grey, (H,W), or with alpha (H,W,2), by its specification."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = values.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 16, 0 if values.ndim == 2 else 4, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def test_sixteen_bit_grey_with_alpha_is_grey_too(tmp_path: Path) -> None:
    path, alpha = tmp_path / "la.png", np.full_like(GREY16, 40_000)
    path.write_bytes(deep_png(np.stack([GREY16, alpha], axis=-1)))
    np.testing.assert_array_equal(read_photo(path).pixels[..., 1], GREY16_AS_8)
    np.testing.assert_array_equal(read_deep_grey(path), GREY16)
    with Image.open(path) as image:
        np.testing.assert_array_equal(photo_of_image(image).pixels[..., 0], GREY16_AS_8)
        assert image.mode == "RGBA" and image.getpixel((3, 1)) == (255, 255, 255, 156)


def test_a_dark_thermal_picture_is_stretched_with_and_without_alpha(tmp_path: Path) -> None:
    thermal = np.linspace(7000, 8000, 40).round().astype(np.uint16).reshape(5, 8)
    pixels = []
    for values in (thermal, np.stack([thermal, np.full_like(thermal, 65535)], axis=-1)):
        path = tmp_path / f"{values.ndim}.png"
        path.write_bytes(deep_png(values))
        with pytest.warns(LeadlineWarning, match="16-bit grey from 7001 to 799. became black"):
            pixels.append(read_photo(path).pixels)
    assert (pixels[0].min(), pixels[0].max()) == (0, 255)
    np.testing.assert_array_equal(pixels[0], pixels[1])


def test_sixteen_bit_colour_keeps_its_high_byte(tmp_path: Path) -> None:
    rgb16 = RNG.integers(0, 65536, (5, 4, 3), dtype=np.uint16)
    path = tmp_path / "c.png"
    path.write_bytes(cv2.imencode(".png", rgb16[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(read_photo(path).pixels, rgb16 >> 8)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_unbounded_values_are_refused(tmp_path: Path, dtype: type) -> None:
    path = save(tmp_path / "f.tif", Image.fromarray(np.ones((3, 4), dtype=dtype)))
    assert "8 or 16 bits" in complaint(lambda: read_photo(path), path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_truncated_file_is_never_half_a_picture(
    tmp_path: Path, suffix: str, share: float
) -> None:
    noise = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut{suffix}", Image.fromarray(noise))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "again" in complaint(lambda: read_photo(path), path)


def test_a_tiff_of_a_kind_that_cannot_be_read_is_not_called_another_file(tmp_path: Path) -> None:
    path = save(tmp_path / "odd.tif", Image.new("RGB", (4, 3)))
    data = path.read_bytes()
    entry = data.index(b"\x06\x01\x03\x00")  # PhotometricInterpretation, a SHORT
    path.write_bytes(data[: entry + 8] + b"\x63\x00" + data[entry + 10 :])
    message = complaint(lambda: read_photo(path), path)
    assert "cannot be read as a picture" in message
    assert "plain grey or RGB" in message


def test_a_text_file_named_jpg_is_not_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("dear diary")
    assert "cannot be read as a picture" in complaint(lambda: read_photo(path), path)


def test_an_empty_file_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    empty, folder, missing = tmp_path / "e.jpg", tmp_path / "d.jpg", tmp_path / "m.jpg"
    empty.touch()
    folder.mkdir()
    assert "empty" in complaint(lambda: read_photo(empty), empty)
    assert "is a folder" in complaint(lambda: read_photo(folder), folder)
    assert "no such file" in complaint(lambda: read_photo(missing), missing)


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "p.png", Image.fromarray(RGB))

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, os.strerror(13), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # chmod does not stop the superuser
    assert "chmod" in complaint(lambda: read_photo(path), path)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    words = complaint(lambda: read_photo(path), path)
    assert "178,956,970 pixels" in words and "LEADLINE_MAX_PIXELS" in words


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_of_pixels_holds_for_pictures_and_is_raised_by_its_option(tmp_path, monkeypatch):
    header = struct.pack(">IIBBBBB", 20000, 10000, 8, 0, 0, 0, 0)
    large = tmp_path / "large.png"
    large.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    assert aspect_ratio(large) == 0 and read_header(large).fault == "too large"
    monkeypatch.setenv("LEADLINE_MAX_PIXELS", "400000000")
    assert aspect_ratio(large) == 0.5 and read_header(large).fault != "too large"
    readers = {"a.png": read_photo, "a.jpg": read_photo, "m.png": read_mask}
    readers["a.tif"] = lambda path: read_depth(path, 1000.0)
    for name, read in readers.items():
        path = save(tmp_path / name, Image.new("L", (40, 30), 7))
        monkeypatch.setenv("LEADLINE_MAX_PIXELS", "1200")
        read(path)
        monkeypatch.setenv("LEADLINE_MAX_PIXELS", "590")
        assert "more than 590" in complaint(lambda path=path, read=read: read(path), path)


def test_a_file_that_pillow_would_hand_to_ghostscript_is_no_picture(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    def run(*_arguments):
        raise AssertionError("code of a file is run")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    for suffix in (".jpg", ".png", ".tif"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 4\n%%EndComments\nquit\n")
        for read in (read_photo, read_mask, read_deep_grey):
            words = complaint(lambda path=path, read=read: read(path), path)
            assert "cannot be read as a picture" in words
        assert aspect_ratio(path) == 0 and read_header(path).fault == "not what its name says"
    assert "cannot be read as a picture" in complaint(lambda: read_depth(path), path)


def test_an_avif_of_a_common_brand_needs_no_reader_of_heic(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    path = save(tmp_path / "a.avif", Image.new("RGB", (16, 16), (200, 10, 10)))
    data = path.read_bytes()
    assert data[8:12] == b"avif" and b"avif" in data[16:48]
    path.write_bytes(data.replace(b"ftypavif", b"ftypmif1", 1))
    assert np.abs(read_photo(path).pixels.astype(int) - (200, 10, 10)).max() < 12
    path.write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40))
    assert "leadline[heic]" in complaint(lambda: read_photo(path), path)


def grey_tiff(values: np.ndarray, photometric: int) -> bytes:
    """A TIFF of one strip; `photometric` 0 says that 0 is white (TIFF 6.0, section 4)."""
    height, width = values.shape
    tags = [(256, width), (257, height), (258, 8 * values.itemsize), (259, 1), (262, photometric),
            (273, 8), (277, 1), (278, height), (279, values.nbytes)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + values.nbytes)
    return head + values.tobytes() + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("dtype", ["<u2", "u1"])
def test_a_tiff_in_which_0_is_white_is_no_negative(tmp_path: Path, dtype: str) -> None:
    most = np.iinfo(dtype).max
    values = np.linspace(0, most, 60).reshape(6, 10).astype(dtype)
    for name, photometric in (("white.tif", 0), ("black.tif", 1)):
        (tmp_path / name).write_bytes(grey_tiff(values, photometric))
    black = read_photo(tmp_path / "black.tif").pixels
    assert np.abs(black[..., 0].astype(float) - values / most * 255).max() <= 1
    assert (read_photo(tmp_path / "white.tif").pixels == 255 - black).all()
    if dtype == "<u2":
        assert (read_deep_grey(tmp_path / "white.tif") == most - values).all()
        assert read_depth(tmp_path / "white.tif", 1000.0).depth.max() == pytest.approx(65.535)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_written_png_is_what_pillow_reads_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    write_png(tmp_path / "o.png", pixels[:, ::-1], {"leadline:kind": "grün"})
    with Image.open(tmp_path / "o.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels[:, ::-1])
        assert image.text == {"leadline:kind": "grün"}


def test_sixteen_bit_png_keeps_every_bit(tmp_path: Path) -> None:
    write_png(tmp_path / "o.png", GREY16)
    np.testing.assert_array_equal(
        cv2.imdecode(np.fromfile(tmp_path / "o.png", np.uint8), cv2.IMREAD_UNCHANGED), GREY16
    )


@pytest.mark.parametrize(
    "pixels", [np.zeros((3, 4)), np.zeros((3, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_unsuitable_pixels_are_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "o.png"
    assert "convert the array" in complaint(lambda: write_png(path, pixels), path)
    assert not path.exists()


def test_jpeg_bytes_under_a_png_name_are_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 10, 10)).save(buffer, "JPEG")
    (tmp_path / "x.png").write_bytes(buffer.getvalue())
    assert read_photo(tmp_path / "x.png").pixels[4, 4, 0] > 190
