"""Virtual KITTI 1.3.1 and 2: colour tables, instances, sky, worlds and variations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.datasets import find_data, open_data
from leadline.datasets.vkitti_classes import CITYSCAPES, CLASSES, IDS, read_colour_table
from leadline.errors import LeadlineError
from tests.datasets.writers import make_scenes, write_vkitti1, write_vkitti2
from tests.datasets.writers.vkitti import plant_classes, table_of

SCENES = make_scenes(2)
WORLDS = {world: {"clone": SCENES, "15-deg-left": SCENES[:1]} for world in (1, 2, 6, 18, 20)}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return write_vkitti1(tmp_path_factory.mktemp("v1"), WORLDS)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return write_vkitti2(tmp_path_factory.mktemp("v2"), {1: {"clone": SCENES}, 6: {"fog": SCENES}})


def merged(depth, table, ids):
    """The id of each pixel by the plain rule: the name before the colon."""
    names = [entry.split(":")[0] for entry in table]
    return np.array([ids[name] for name in names])[plant_classes(depth, list(table))]


def test_the_worlds_of_the_source_are_the_split(first):
    assert find_data(first).layout.name == "vkitti-1"
    assert find_data(first).splits == ("train", "val", "test")
    worlds = {
        split: {data.sample_id(i).split("/")[1] for i in range(len(data))}
        for split in ("train", "val", "test")
        for data in [open_data(first, split)]
    }
    assert worlds == {"train": {"0001", "0018", "0020"}, "val": {"0006"}, "test": {"0002"}}
    assert [len(open_data(first, split)) for split in ("train", "val", "test")] == [9, 3, 3]
    assert len(open_data(first, "val", options={"variation": "clone"})) == 2


def test_the_planted_frame_comes_back(first):
    sample = open_data(first, "test", options={"variation": "clone"})[1]
    assert sample.id == "vkitti_1.3.1_rgb/0002/clone/00001.png"
    assert np.array_equal(sample.image, SCENES[1].image)
    below_sky = np.abs(sample.depth - SCENES[1].depth)[2:]
    assert below_sky.max() <= 0.005 + 1e-5
    assert sample.intrinsics is not None
    assert sample.intrinsics.fx == pytest.approx(725 * 64 / 1242)


def test_the_sky_is_far_or_invalid_or_out_of_range(first):
    far = open_data(first, "val")[0]
    assert far.depth[:2] == pytest.approx(655.35)
    assert far.valid.all()
    invalid = open_data(first, "val", options={"sky": "invalid"})[0]
    assert not invalid.valid[:2].any()
    assert invalid.valid[2:].all()
    capped = open_data(first, "val", max_depth=80)[0]
    assert np.array_equal(capped.valid, invalid.valid)


@pytest.mark.parametrize("variation", ["clone", "15-deg-left"])
def test_every_car_and_van_is_merged_into_its_class(first, variation):
    table = table_of(6, variation)
    assert sum(name.startswith("Car:") for name in table) == 3
    options = {"variation": variation}
    labels = open_data(first, "val", options=options)[0].labels
    assert np.array_equal(labels, merged(SCENES[0].depth, table, CITYSCAPES))
    own = {name: number for number, name in enumerate(CLASSES, start=1)}
    labels = open_data(first, "val", options=options | {"labels": "vkitti"})[0].labels
    assert np.array_equal(labels, merged(SCENES[0].depth, table, own))


def test_without_class_pictures_there_are_no_labels(tmp_path):
    folder = write_vkitti1(tmp_path, {6: {"clone": SCENES}}, classes=False)
    assert open_data(folder)[0].labels is None


def test_a_table_of_another_variation_is_noticed(tmp_path):
    folder = write_vkitti1(tmp_path, {6: {"clone": SCENES[:1], "fog": SCENES[:1]}})
    scenegt = folder / "vkitti_1.3.1_scenegt"
    clone, fog = (scenegt / f"0006_{v}_scenegt_rgb_encoding.txt" for v in ("clone", "fog"))
    assert clone.read_text() != fog.read_text()
    clone.write_text(fog.read_text())
    with pytest.raises(LeadlineError, match=r"00000\.png: \d+% of its pixels have colours that"):
        open_data(folder, options={"variation": "clone"})[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "Car:3 1 2\n", r"line 18 is 'Car:3 1 2', expected: Name r g b"),
        (lambda text: text + "Car:3 1 2 256\n", r"line 18 is 'Car:3 1 2 256'"),
        (lambda text: text + "Cow 1 2 3\n", r"line 18 names the unknown class 'Cow'"),
        (lambda _: "Category(:id) r g b\n", r"lists no colours"),
    ],
)
def test_a_table_that_is_wrong_is_one_line(tmp_path, change, message):
    folder = write_vkitti1(tmp_path, {6: {"clone": SCENES[:1]}})
    table = folder / "vkitti_1.3.1_scenegt" / "0006_clone_scenegt_rgb_encoding.txt"
    table.write_text(change(table.read_text()))
    with pytest.raises(LeadlineError, match=message):
        open_data(folder)[0]


def test_a_missing_table_is_named(tmp_path):
    folder = write_vkitti1(tmp_path, {6: {"clone": SCENES[:1]}})
    (folder / "vkitti_1.3.1_scenegt" / "0006_clone_scenegt_rgb_encoding.txt").unlink()
    with pytest.raises(LeadlineError, match=r"1 of its files do not exist.*rgb_encoding\.txt"):
        open_data(folder)


def test_a_depth_map_without_partner_is_named(tmp_path):
    folder = write_vkitti1(tmp_path, {6: {"clone": SCENES}})
    (folder / "vkitti_1.3.1_depthgt" / "0006" / "clone" / "00001.png").unlink()
    with pytest.raises(LeadlineError, match=r"1 of its files do not exist.*depthgt/0006/clone/0"):
        open_data(folder)


def test_version_2_has_two_cameras_and_one_table(second):
    assert find_data(second).evidence == "has Scene01"
    assert find_data(second).splits == ("train", "val")
    left, right = (open_data(second, "train", options={"camera": c}) for c in (0, 1))
    assert left.sample_id(1) == "Scene01/clone/frames/rgb/Camera_0/rgb_00001.jpg"
    assert right.sample_id(1) == "Scene01/clone/frames/rgb/Camera_1/rgb_00001.jpg"
    sample = left[1]
    assert np.abs(sample.depth - SCENES[1].depth)[2:].max() <= 0.005 + 1e-5
    assert sample.labels is not None
    assert set(np.unique(sample.labels)) == {0, 7, 11, 14, 17, 19, 20, 21, 22, 23, 26, 27, 29}
    assert (sample.labels[:2] == CITYSCAPES["Sky"]).all()


ENTRIES = st.tuples(st.sampled_from(CLASSES), st.integers(0, 99) | st.none())
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(st.dictionaries(COLOURS, ENTRIES, min_size=1, max_size=30), st.data())
def test_any_table_gives_each_pixel_the_class_of_its_colour(tmp_path_factory, table, data):
    rows = [
        f"{name}{'' if number is None else f':{number}'} {r} {g} {b}"
        for (r, g, b), (name, number) in table.items()
    ]
    path = tmp_path_factory.getbasetemp() / "encoding.txt"
    path.write_text("\n".join(["Category(:id) r g b", *rows]) + "\n")
    painted = data.draw(st.lists(st.sampled_from(list(table)), min_size=6, max_size=6))
    picture = np.array(painted, dtype=np.uint8).reshape(2, 3, 3)
    classes = read_colour_table(path, IDS["vkitti"]).classify(picture, path)
    assert classes.ravel().tolist() == [CLASSES.index(table[c][0]) + 1 for c in painted]
