from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.io.masks import read_mask
from tests.complaints import complaint

VALID = np.array([[True, False, True], [False, True, True]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.float32])
def test_a_mask_is_valid_where_it_is_not_zero(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "m.npy", np.where(VALID, np.array(255).astype(dtype), 0).astype(dtype))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy"), VALID)
    np.save(tmp_path / "m.npy", VALID)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy"), VALID)


def test_what_is_no_number_is_not_valid(tmp_path: Path) -> None:
    values = np.array([[1, np.nan, 0.5], [np.inf, -np.inf, 0]], np.float32)
    expected = [[True, False, True], [False, False, False]]
    np.save(tmp_path / "m.npy", values)
    Image.fromarray(values).save(tmp_path / "m.tif")
    for name in ("m.npy", "m.tif"):
        np.testing.assert_array_equal(read_mask(tmp_path / name), expected)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_mask_that_says_it_is_turned_is_refused(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path, exif = tmp_path / f"m{suffix}", Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.full((8, 16), 255, np.uint8)).save(path, exif=exif)
    if orientation == 1:
        assert read_mask(path).shape == (8, 16) and read_mask(path).all()
    else:
        message = complaint(lambda: read_mask(path), path)
        assert f"EXIF orientation {orientation}" in message
        assert "save the depth mask as the upright photograph lies" in message
