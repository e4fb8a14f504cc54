import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from leadline.errors import LeadlineWarning
from leadline.io import IMAGE_SUFFIXES, read_photo, write_png
from leadline.io.photos import photo_of_image, read_deep_grey
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
    lossy = suffix in (".jpg", ".jpeg", ".jfif", ".webp", ".avif")
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
    assert "178 million pixels" in complaint(lambda: read_photo(path), path)


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
