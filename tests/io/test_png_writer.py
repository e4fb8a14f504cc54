"""16-bit PNG files put together by hand, read by others."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.io.photos import png_bytes


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (33, 50)])
def test_other_readers_see_the_values_and_the_text(size):
    values = np.random.default_rng(0).integers(0, 65536, size, dtype=np.uint16)
    data = png_bytes(values, {"leadline:unit": "millimetre", "leadline:note": "a = é"})
    with Image.open(BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), values)
        assert image.text == {"leadline:unit": "millimetre", "leadline:note": "a = é"}
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(decoded, values)


def test_arrays_that_are_no_contiguous_memory():
    values = np.arange(60, dtype=np.uint16).reshape(6, 10).T[::-1]
    with Image.open(BytesIO(png_bytes(values))) as image:
        assert np.array_equal(np.asarray(image), values)
