"""SHIFT: depth in colours, sky, views."""

import numpy as np
import pytest

from leadline.datasets import find_data, open_data
from tests.complaints import complaint
from tests.datasets.writers import make_scenes, write_shift

SCENES = make_scenes(3)


def test_shift_decodes_metres_and_leaves_out_the_sky(tmp_path):
    folder = write_shift(tmp_path, {"train": SCENES[:2], "val": SCENES[2:]})
    assert find_data(folder).splits == ("train", "val")
    sample = open_data(folder, "val")[0]
    # A number of 24 bits over 1000 m: steps of 0.06 mm.
    assert sample.depth == pytest.approx(SCENES[2].depth, abs=4e-5)
    assert not sample.valid[:2].any()
    assert sample.intrinsics.fx == pytest.approx(32)  # 90 degrees
    assert open_data(folder, "val").scenes() == ["0123-abcd"]
    far = open_data(folder / "discrete/images", "val", options={"sky": "far"})[0]
    assert far.depth[:2] == pytest.approx(np.full((2, 64), 1000))


def test_the_loader_of_the_development_kit_is_an_option(tmp_path):
    folder = write_shift(tmp_path, {"train": SCENES[:1]})
    by_loader = open_data(folder, options={"depth_encoding": "shift-mm"})[0]
    assert by_loader.depth[2:] == pytest.approx(SCENES[0].depth[2:] * 16.777215, rel=1e-4)
    assert not by_loader.valid[:2].any()


def test_a_view_without_photographs_is_named(tmp_path):
    folder = write_shift(tmp_path, {"train": SCENES})
    next(folder.rglob("*_img_front.jpg")).unlink()
    assert "unpack img.zip" in complaint(lambda: open_data(folder))
    assert "no samples" in complaint(lambda: open_data(folder, options={"view": "left_45"}))
