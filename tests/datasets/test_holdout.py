"""Validation samples put aside: single ones, or whole scenes."""

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.datasets import open_data, open_train_and_val
from leadline.datasets.holdout import hold_out
from leadline.errors import LeadlineError
from tests.conftest import write_pairs
from tests.datasets.writers import make_scenes, write_kitti_benchmark, write_nyu_mat, write_vkitti1
from tests.datasets.writers.kitti import write_kitti_raw


@dataclass
class Scenes:
    """As much of a data set as holding out needs."""

    names: list[str]
    root: Path = Path("data")

    def scenes(self):
        return self.names


@given(
    st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=60).filter(lambda s: len(set(s)) > 2),
    st.floats(0.01, 0.5),
    st.integers(0, 5),
)
def test_no_scene_is_on_both_sides_and_the_fraction_is_met_to_a_scene(names, fraction, seed):
    order = list(range(len(names)))
    random.Random(seed).shuffle(order)
    held = hold_out(Scenes(names), order, fraction, "scene")
    assert held
    assert len(set(held)) == len(held)
    aside = {names[i] for i in held}
    assert aside.isdisjoint(names[i] for i in set(order) - set(held))
    largest = max(Counter(names).values())
    assert abs(len(held) - round(len(names) * fraction)) <= largest
    assert held == hold_out(Scenes(names), order, fraction, "scene")


def test_one_scene_alone_cannot_be_split_by_scenes(pairs):
    with pytest.raises(LeadlineError, match=r"leaves none to train on; all are of one scene"):
        open_train_and_val(pairs, val_fraction=0.1, seed=0, val_unit="scene")
    train, val = open_train_and_val(pairs, val_fraction=0.0, seed=0, val_unit="scene")
    assert val is None
    assert len(train) == 12


def test_the_folders_of_the_photographs_are_scenes(tmp_path):
    folder = write_pairs(tmp_path, 9, (24, 32))
    for kind in ("rgb", "depth"):
        for number in range(9):
            room = folder / kind / f"room{number // 3}"
            room.mkdir(exist_ok=True)
            (folder / kind / f"{number:03d}.png").rename(room / f"{number:03d}.png")
    train, val = open_train_and_val(folder, val_fraction=0.3, seed=1, val_unit="scene")
    assert val is not None
    assert (len(train), len(val)) == (6, 3)
    assert set(train.scenes()).isdisjoint(val.scenes())
    assert len(set(val.scenes())) == 1


def test_published_layouts_know_their_scenes(tmp_path):
    scene = make_scenes(1)[0]
    depth = np.stack([scene.depth] * 3)
    images, labels = np.stack([scene.image] * 3), np.ones(depth.shape, np.uint16)
    rooms = ["kitchen_0001", "kitchen_0001", "office_0002"]
    mat = write_nyu_mat(tmp_path / "n.mat", images, depth, depth, labels, scenes=rooms)
    assert open_data(mat).scenes() == rooms
    write_vkitti1(tmp_path / "v", {1: {"clone": [scene], "fog": [scene]}, 2: {"clone": [scene]}})
    assert open_data(tmp_path / "v").scenes() == ["0001", "0001", "0002"]
    drive = "2011_09_26_drive_0001_sync"
    write_kitti_raw(tmp_path / "k", {drive: (0,)}, scene)
    write_kitti_benchmark(tmp_path / "k" / "annotated", {"train": {drive: (0,)}}, scene)
    assert open_data(tmp_path / "k", layout="kitti-raw").scenes() == [drive]
    assert open_data(tmp_path / "k" / "annotated").scenes() == [drive, drive]
