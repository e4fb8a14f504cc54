"""Photographs that are stored turned have the size that everybody else reads."""

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.data_checks.files import read_header
from leadline.datasets.open import open_data
from leadline.io.photos import read_photo


def write_turned(folder, orientation, suffix):
    """Three pairs of upright 40x60 (HxW); the photographs are stored as `orientation` says."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    stored = (60, 40) if orientation >= 5 else (40, 60)
    rng = np.random.default_rng(orientation)
    for number in range(3):
        image = Image.fromarray(rng.integers(0, 255, (*stored, 3)).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(folder / "rgb" / f"{number}{suffix}", exif=exif)
        depth = rng.integers(900, 4000, (40, 60)).astype(np.uint16)
        Image.fromarray(depth).save(folder / "depth" / f"{number}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


@pytest.mark.parametrize(
    ("orientation", "suffix"),
    [(6, ".jpg"), (8, ".png"), (5, ".webp"), (6, ".tif"), (3, ".jpg"), (1, ".jpg")],
)
def test_check_data_agrees_with_the_reader(tmp_path, orientation, suffix):
    folder = write_turned(tmp_path / "t", orientation, suffix)
    assert open_data(folder)[0].size == (40, 60)
    codes = [finding.code for finding in check_data(folder).findings]
    assert "size-mismatch" not in codes and "mixed-image-sizes" not in codes
    photo = folder / "rgb" / f"0{suffix}"
    assert read_header(photo).size == read_photo(photo).pixels.shape[1::-1] == (60, 40)


def test_a_size_that_does_not_fit_is_still_one(tmp_path):
    folder = write_turned(tmp_path / "t", 6, ".jpg")
    Image.fromarray(np.ones((60, 40), np.uint16)).save(folder / "depth" / "0.png")
    codes = [finding.code for finding in check_data(folder).findings]
    assert "size-mismatch" in codes


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_header_of_16_bit_grey_has_the_size_that_is_read(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"a{suffix}"
    values = np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27
    Image.fromarray(values).save(file, exif=exif)
    assert read_header(file).size == read_photo(file).pixels.shape[1::-1]
