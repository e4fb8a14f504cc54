"""DenseDepth's CSV lists, BTS's lists and TUM's time stamps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leadline.datasets import find_data, open_data, open_train_and_val
from leadline.datasets.open import LAYOUTS
from leadline.datasets.tum import associate
from leadline.errors import LeadlineError
from tests.datasets.writers import (
    make_scenes,
    write_bts_kitti,
    write_bts_nyu,
    write_densedepth,
    write_tum,
)

SCENES = make_scenes(5)


def close(depth, planted, step):
    return np.abs(depth - planted).max() <= step / 2 + 1e-6


def test_densedepth_has_two_encodings(tmp_path):
    folder = write_densedepth(tmp_path, SCENES[:3], SCENES[3:])
    assert find_data(folder).layout.name == "densedepth"
    assert find_data(folder).splits == ("train", "test")
    train, test = open_data(folder, "train"), open_data(folder, "test")
    assert (len(train), len(test)) == (3, 2)
    assert close(train[1].depth, SCENES[1].depth.clip(0, 10), 10 / 255)
    assert not train[1].valid[:2].any()
    assert close(test[1].depth, SCENES[4].depth, 1e-3)
    assert np.array_equal(test[1].image, SCENES[4].image)
    assert train.sample_id(0) == "data/nyu2_train/living_room_0038_out/1.jpg"
    assert find_data(folder).split_to_score() == "test"
    assert len(open_data(folder / "data")) == len(open_data(folder)) == 5


def test_a_white_8_bit_pixel_is_ten_metres(tmp_path):
    folder = write_densedepth(tmp_path, SCENES[:1], [])
    path = folder / "data/nyu2_train/living_room_0038_out/1.png"
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(path)
    assert (open_data(folder, "train")[0].depth == 10).all()


def test_densedepths_lists_find_each_other_and_say_what_is_wrong(tmp_path):
    folder = write_densedepth(tmp_path, SCENES[:3], SCENES[3:])
    listing = folder / "data" / "nyu2_train.csv"
    train, val = open_train_and_val(listing, val_fraction=0.34, seed=0)
    assert val is not None
    assert (len(train), len(val)) == (2, 1)
    lines = listing.read_text()
    listing.write_text(lines + "data/a.jpg,data/a.png\n")
    with pytest.raises(LeadlineError, match=r"train\.csv: 2 of its files .*data/a\.jpg; unpack"):
        open_data(folder)
    listing.write_text("image;depth\n" + lines)
    with pytest.raises(LeadlineError, match=r"train\.csv: line 1 has 1 fields"):
        open_data(folder)


def test_bts_lists_of_nyu(tmp_path):
    folder = write_bts_nyu(tmp_path, SCENES[:3], SCENES[3:])
    assert find_data(folder).layout.name == "bts"
    train, test = open_data(folder, "train"), open_data(folder, "test")
    assert (len(train), len(test)) == (3, 2)
    assert train.sample_id(0) == "kitchen_0028b/rgb_00000.jpg"
    assert close(train[2].depth, SCENES[2].depth, 1e-3)
    camera = train[0].intrinsics
    assert camera is not None
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (518.8579, 518.8579, 31.5, 23.5)
    listing = folder / "nyudepthv2_train_files_with_gt.txt"
    assert len(open_data(listing)) == 3


def test_bts_lists_of_kitti_lie_apart_from_their_files(tmp_path):
    listing = write_bts_kitti(tmp_path / "lists", tmp_path / "raw", tmp_path / "gt", SCENES[:2])
    with pytest.raises(LeadlineError, match=r"4 of its files do not exist.*images=DIR"):
        open_data(listing)
    options = {"images": str(tmp_path / "raw"), "depths": str(tmp_path / "gt")}
    data = open_data(listing, options=options)
    assert len(data) == 2  # the third line has no annotated depth: None
    assert close(data[1].depth, SCENES[1].depth, 1 / 256)


def test_folders_in_options_are_absolute_once_data_is_recognised(tmp_path, monkeypatch):
    """So that a result, shards or a run open the same data from any folder."""
    listing = write_bts_kitti(tmp_path / "lists", tmp_path / "raw", tmp_path / "gt", SCENES[:2])
    monkeypatch.chdir(tmp_path)
    source = find_data(listing, options={"images": "raw", "depths": "lists/../gt"})
    absolute = {"images": str(tmp_path / "raw"), "depths": str(tmp_path / "gt")}
    assert source.opening.layout_options == absolute
    assert find_data(listing).opening.layout_options == {"images": "", "depths": ""}
    monkeypatch.chdir("/")
    assert len(source.open()) == 2


def test_an_option_that_names_files_in_one_layout_does_so_in_all():
    """A recipe that does not yet know its layout makes them absolute by their names."""
    every = [item for layout in LAYOUTS for item in layout.options.items()]
    names = {name for name, option in every if option.is_path}
    assert names == {"raw", "images", "depths", "frames"}
    assert all(option.is_path for name, option in every if name in names)


def test_a_bts_list_of_unknown_files_needs_a_unit(tmp_path):
    folder = write_bts_nyu(tmp_path, SCENES[:1], [])
    depth = folder / "kitchen_0028b" / "sync_depth_00000.png"
    depth.rename(depth.with_name("d.png"))
    listing = folder / "nyudepthv2_train_files_with_gt.txt"
    listing.write_text("kitchen_0028b/rgb_00000.jpg kitchen_0028b/d.png 518.8579\n")
    with pytest.raises(LeadlineError, match=r"whole numbers of an unknown unit"):
        open_data(listing)[0]
    assert close(open_data(listing, units_per_metre=1000)[0].depth, SCENES[0].depth, 1e-3)
    listing.write_text("kitchen_0028b/rgb_00000.jpg kitchen_0028b/d.png 518.8579\na b\n")
    with pytest.raises(LeadlineError, match=r"line 2 is 'a b', expected: image depth focal"):
        open_data(listing)


def test_tum_pairs_the_nearest_frames(tmp_path):
    folder = write_tum(tmp_path / "rgbd_dataset_freiburg1_xyz", SCENES)
    assert find_data(folder).evidence == ("rgbd_dataset_freiburg1_xyz has rgb.txt and depth.txt")
    data = open_data(folder)
    assert len(data) == 5
    assert close(data[3].depth, SCENES[3].depth, 1 / 5000)
    assert np.array_equal(data[3].image, SCENES[3].image)
    camera = data[0].intrinsics
    assert camera is not None
    assert camera.fx == pytest.approx(517.3 / 10)
    both = open_data(tmp_path)
    assert both.sample_id(0).startswith("rgbd_dataset_freiburg1_xyz/rgb/1305031102")
    assert np.array_equal(both[3].depth, data[3].depth)


def test_tum_frames_too_far_apart_are_no_pairs(tmp_path):
    folder = write_tum(tmp_path, SCENES, lag=0.012)
    assert len(open_data(folder, options={"max_difference": "0.013"})) == 5
    with pytest.raises(LeadlineError, match=r"no colour and depth frames within 0\.01 s"):
        open_data(folder, options={"max_difference": 0.01})
    (folder / "rgb.txt").write_text("# nothing\nlater rgb/a.png\n")
    with pytest.raises(LeadlineError, match=r"rgb\.txt: line 2 is 'later rgb/a\.png'"):
        open_data(folder)


def test_a_missing_frame_of_a_sequence_is_named(tmp_path):
    folder = write_tum(tmp_path, SCENES)
    victim = sorted((folder / "depth").iterdir())[2]
    victim.unlink()
    with pytest.raises(LeadlineError, match=rf"1 of its files do not exist.*{victim.name}"):
        open_data(folder)


TIMES = st.lists(st.integers(0, 400).map(lambda n: n / 100), unique=True, max_size=25)


@given(TIMES, TIMES, st.sampled_from([0.015, 0.055, 0.205]))
def test_association_equals_the_greedy_rule_over_all_candidates(first, second, limit):
    every = sorted(
        (abs(a - b), i, j)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if abs(a - b) < limit
    )
    expected, used_first, used_second = [], set(), set()
    for _, i, j in every:
        if i not in used_first and j not in used_second:
            expected.append((i, j))
            used_first.add(i)
            used_second.add(j)
    assert associate(np.array(first), np.array(second), limit) == sorted(expected)
