"""Compressing in parts, read by zlib and Pillow."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from leadline.io.png_writer import deep_grey_png
from leadline.serving.deflate import LEAST_PART, ParallelDeflate


@pytest.fixture
def deflate():
    deflate = ParallelDeflate(processors=3)
    yield deflate
    deflate.close()


@pytest.mark.parametrize("size", [0, 1, LEAST_PART, 2 * LEAST_PART - 1, 3 * LEAST_PART + 7, 10**6])
def test_zlib_reads_every_byte_of_all_parts(deflate, size):
    data = np.random.default_rng(size).integers(0, 5, size, dtype=np.uint8).tobytes()
    packed = deflate.compress(memoryview(data))
    assert zlib.decompress(packed) == data
    assert len(packed) <= 1.01 * len(zlib.compress(data, 1)) + 32


def test_a_png_of_parts_holds_the_values(deflate):
    values = np.add.outer(np.arange(300), np.arange(400)).astype(np.uint16)
    data = deep_grey_png(values, {"leadline:unit": "millimetre"}, deflate.compress)
    with Image.open(BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), values)
        assert image.text == {"leadline:unit": "millimetre"}
