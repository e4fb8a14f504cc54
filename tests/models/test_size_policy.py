"""Pictures so long and thin that a network would see many times its pixels."""

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.models.size_policy import processing_size
from tests.cli.helpers import leadline_here


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (2, 100_000), (3, 30_000)])
def test_what_would_grow_without_bound_is_refused(size):
    with pytest.raises(LeadlineError, match=rf"{size[1]}x{size[0]} pixels is too long and thin"):
        processing_size(*size, 76_800, 32)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1, 1), (288, 288)), ((375, 1242), (160, 512)), ((100, 10_000), (32, 2784))],
)
def test_panoramas_and_small_pictures_are_processed(size, expected):
    assert processing_size(*size, 76_800, 32) == expected


def test_a_line_of_pixels_is_skipped_in_one_line(tmp_path):
    Image.fromarray(np.zeros((1, 60_000, 3), np.uint8)).save(tmp_path / "line.png")
    result = leadline_here("predict", tmp_path / "line.png", "-o", tmp_path / "out")
    assert result.returncode != 0
    expected = "line.png: a picture of 60000x1 pixels is too long and thin for the network"
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
