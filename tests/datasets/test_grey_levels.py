"""16-bit grey pictures that fill a part of their range: one black and white for a data set."""

import warnings

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks.pairs import list_data
from leadline.datasets.open import open_data, open_train_and_val
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.io.photos import read_photo

LOW, HIGH = 29_000, 31_040


def write_thermal(folder, ranges, suffix=".png"):
    """Write a thermal picture for each range of values, with depth; return the folder."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    for number, (low, high) in enumerate(ranges):
        values = np.linspace(low, high, 40 * 50).reshape(40, 50).round().astype(np.uint16)
        Image.fromarray(values).save(folder / "rgb" / f"{number}{suffix}")
        depth = np.full((40, 50), 2000 + number, np.uint16)
        Image.fromarray(depth).save(folder / "depth" / f"{number}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


@pytest.fixture(params=[".png", ".tif"])
def thermal(tmp_path, request):
    """A cold picture and a warm one; together they span LOW to HIGH."""
    return write_thermal(tmp_path / "t", [(LOW, 30_000), (30_000, HIGH)], request.param)


def test_the_pictures_of_a_set_share_black_and_white(thermal):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = open_data(thermal)
        cold, warm = (data[index].image[..., 0] for index in range(2))
    low, high = data.grey_levels
    assert (low, high) == (pytest.approx(LOW, abs=20), pytest.approx(HIGH, abs=20))
    assert (cold.min(), warm.max()) == (0, 255)
    # 30,000 is one grey in both: (30000 - 29000) / 2040 of 255.
    assert cold.max() == pytest.approx(125, abs=2) and warm.min() == pytest.approx(125, abs=2)
    assert len(np.unique(cold)) > 100  # where four were left


def test_training_and_validation_have_the_same_levels(thermal):
    train, val = open_train_and_val(thermal, val_fraction=0.5, seed=0)
    assert train.grey_levels == val.grey_levels == open_data(thermal).grey_levels


def test_a_set_has_the_same_levels_by_its_folder_and_by_its_lists(tmp_path):
    ranges = {"train": (LOW, 29_500), "val": (29_400, 30_000), "test": (30_000, HIGH)}
    folder = write_thermal(tmp_path / "t", ranges.values())
    for number, split in enumerate(ranges):
        line = f"rgb/{number}.png,depth/{number}.png"
        (folder / f"{split}.csv").write_text(f"image,depth\n{line}\n")
    levels = open_data(folder, "train").grey_levels
    assert levels == (pytest.approx(LOW, abs=20), pytest.approx(HIGH, abs=20))
    train, val = open_train_and_val(folder / "train.csv", val_fraction=0.1, seed=0)
    assert (train.grey_levels, val.grey_levels) == (levels, levels)
    assert open_data(folder / "test.csv").grey_levels == levels
    opened = [list_data(folder, "test"), list_data(folder / "test.csv")]
    for pair in (listing.pairs[0] for listing in opened):
        np.testing.assert_array_equal(pair.read().image, open_data(folder, "test")[0].image)
    # 30,000 is (30000 - 29000) / 2040 of 255, not black.
    assert pair.read().image.min() == pytest.approx(125, abs=2)


def test_check_data_looks_at_the_pictures_that_training_sees(thermal):
    for yaml in ("depth_scale: 1000\n", "depth_scale: 1000\ngrey_levels: [28000, 32000]\n"):
        (thermal / "dataset.yaml").write_text(yaml)
        data = open_data(thermal)
        for index, pair in enumerate(list_data(thermal).pairs):
            np.testing.assert_array_equal(pair.read().image, data[index].image)


def test_levels_that_the_data_declares_win(thermal):
    (thermal / "dataset.yaml").write_text("depth_scale: 1000\ngrey_levels: [28000, 32000]\n")
    data = open_data(thermal)
    assert data.grey_levels == (28_000, 32_000)
    assert data[0].image.min() == round(255 * (LOW - 28_000) / 4000)
    for wrong in ("[1]", "[5, 5]", "[0, 70000]", "dark", "[0.5, 9]"):
        (thermal / "dataset.yaml").write_text(f"grey_levels: {wrong}\n")
        with pytest.raises(LeadlineError, match=r"grey_levels is .*\[29000, 31040\]"):
            open_data(thermal)


def test_a_lone_picture_is_stretched_and_says_so(thermal):
    photo = next(iter(sorted((thermal / "rgb").iterdir())))
    with pytest.warns(LeadlineWarning, match=r"16-bit grey from 29001 to 29999"):
        pixels = read_photo(photo).pixels
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize("values", [(0, 65_535), (0, 4095 * 16), (500, 500)])
def test_grey_that_fills_its_range_and_grey_of_one_value_stay(tmp_path, values):
    folder = write_thermal(tmp_path / "t", [values])
    data = open_data(folder)
    assert data.grey_levels is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = data[0].image
    assert pixels.max() == round(values[1] / 257)


def test_twelve_bits_in_sixteen_are_seen_as_twelve(tmp_path):
    data = open_data(write_thermal(tmp_path / "t", [(0, 4095), (0, 4000)]))
    assert data[0].image.max() == 255 and len(np.unique(data[0].image)) == 256
