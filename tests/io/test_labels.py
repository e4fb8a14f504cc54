"""Class pictures in every form that data sets have them in; PNGs are written here by hand."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from leadline.io.labels import read_labels, write_labels
from tests.complaints import complaint

IDS = np.array([[0, 1, 2, 3], [5, 7, 9, 15]], np.uint8)


def png_of(ids, bits, colour_type, extra=b""):
    """Return a PNG whose samples of `bits` bits are `ids`."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    samples = np.unpackbits(ids[..., None], axis=2)[..., 8 - bits :].reshape(len(ids), -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(samples, axis=1))
    head = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, colour_type, 0, 0, 0)
    parts = (
        chunk(b"IHDR", head),
        extra and chunk(b"PLTE", extra),
        chunk(b"IDAT", zlib.compress(rows)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["grey", "palette"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_ids_are_the_samples_as_they_are_stored(tmp_path, bits, kind):
    ids = np.minimum(IDS, 2**bits - 1)
    colours = np.random.default_rng(0).bytes(3 * 2**bits) if kind == "palette" else b""
    (tmp_path / "x.png").write_bytes(png_of(ids, bits, 3 if colours else 0, colours))
    read = read_labels(tmp_path / "x.png")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, ids)


def test_ids_above_255_and_a_picture_with_a_transparent_id_are_read(tmp_path):
    ids = np.array([[0, 256, 65535]])
    write_labels(tmp_path / "wide.png", ids)
    np.testing.assert_array_equal(read_labels(tmp_path / "wide.png"), ids)
    for mode in ("L", "P"):
        Image.fromarray(IDS).convert(mode).save(tmp_path / "see_through.png", transparency=3)
        np.testing.assert_array_equal(read_labels(tmp_path / "see_through.png"), IDS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_picture_in_colours_is_refused(tmp_path, mode):
    Image.fromarray(IDS).convert(mode).save(tmp_path / "x.png")
    words = complaint(lambda: read_labels(tmp_path / "x.png"), tmp_path / "x.png")
    assert f"in colours ({mode}); give one class id a pixel" in words


def test_a_damaged_class_picture_is_named(tmp_path):
    whole = png_of(np.zeros((64, 64), np.uint8), 8, 0)
    for data in (b"no picture", whole[:60]):
        (tmp_path / "x.png").write_bytes(data)
        complaint(lambda: read_labels(tmp_path / "x.png"), tmp_path / "x.png")
