"""What is true of every published layout, on a fixture of each."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from leadline.datasets import LAYOUTS, find_data, open_data
from leadline.errors import LeadlineError
from tests.conftest import write_pairs
from tests.datasets.writers import (
    make_scenes,
    write_arkitscenes,
    write_bts_nyu,
    write_densedepth,
    write_diode,
    write_hypersim,
    write_ibims,
    write_kitti_benchmark,
    write_kitti_raw,
    write_kitti_selection,
    write_middlebury,
    write_nyu_mat,
    write_scannet,
    write_seven_scenes,
    write_shift,
    write_sunrgbd,
    write_tum,
    write_vkitti1,
    write_vkitti2,
)

SCENES = make_scenes(3)
TRAIN, TEST = "2011_09_26_drive_0001_sync", "2011_09_26_drive_0002_sync"


def nyu_mat(folder):
    images = np.stack([scene.image for scene in SCENES])
    depth = np.stack([scene.depth for scene in SCENES])
    labels = np.ones(depth.shape, np.uint16)
    write_nyu_mat(folder / "nyu_depth_v2_labeled.mat", images, depth, depth, labels)


def kitti_benchmark(folder):
    drives = {TRAIN: (5, 6), TEST: (69,)}
    write_kitti_raw(folder, drives, SCENES[0], scans=False)
    write_kitti_benchmark(folder, {"train": {TRAIN: (5, 6)}, "val": {TEST: (69,)}}, SCENES[0])


WRITERS = {
    "nyu-mat": nyu_mat,
    "densedepth": lambda folder: write_densedepth(folder, SCENES[:2], SCENES[2:]),
    "bts": lambda folder: write_bts_nyu(folder, SCENES[:2], SCENES[2:]),
    "kitti-benchmark": kitti_benchmark,
    "kitti-eigen": kitti_benchmark,
    "kitti-selection": lambda folder: write_kitti_selection(folder, SCENES),
    "kitti-raw": lambda folder: write_kitti_raw(folder, {TRAIN: (0, 1), TEST: (69,)}, SCENES[0]),
    "vkitti-1": lambda folder: write_vkitti1(folder, {1: {"clone": SCENES}}),
    "vkitti-2": lambda folder: write_vkitti2(folder, {1: {"clone": SCENES}}),
    "tum": lambda folder: write_tum(folder, SCENES),
    "diode": lambda folder: write_diode(folder, {"train/outdoor": SCENES}),
    "sunrgbd": lambda folder: write_sunrgbd(folder, {"kv1/NYUdata": SCENES}),
    "scannet": lambda folder: write_scannet(folder, ["scene0000_00"], SCENES),
    "hypersim": lambda folder: write_hypersim(folder, {"ai_001_001": SCENES}),
    "arkitscenes": lambda folder: write_arkitscenes(folder, {"Training/4733": SCENES}),
    "ibims": lambda folder: write_ibims(folder, SCENES),
    "shift": lambda folder: write_shift(folder, {"train": SCENES}),
    "7scenes": lambda folder: write_seven_scenes(folder, {1: SCENES}, train=[1]),
    "middlebury": lambda folder: write_middlebury(folder, SCENES),
    "pairs": lambda folder: write_pairs(folder, 3, (48, 64)),
}


@pytest.fixture(scope="module", params=WRITERS)
def opened(request, tmp_path_factory):
    """(layout's name, folder) of one fixture."""
    folder = tmp_path_factory.mktemp(request.param)
    WRITERS[request.param](folder)
    return request.param, folder


def test_every_published_layout_has_a_fixture():
    # Shards are not written by a fixture: test_shards packs them.
    assert {layout.name for layout in LAYOUTS} - {"shards"} == set(WRITERS)


def test_the_documents_say_where_every_published_data_set_is_to_be_had():
    text = (Path(__file__).parents[2] / "docs" / "my-data.md").read_text()
    published = [layout for layout in LAYOUTS if layout.name not in ("shards", "pairs")]
    for layout in published:
        origin = layout.origin
        assert origin is not None and origin.url.startswith("http"), layout.name
        row = f"| <{origin.url}> | {origin.licence} | {origin.size} | {origin.unpack} |"
        assert f"| `{layout.name}` | {layout.title} {row}" in text


def test_it_is_recognised_by_what_lies_there(opened):
    name, folder = opened
    source = find_data(folder)
    assert source.layout.name == ("kitti-benchmark" if name == "kitti-eigen" else name)
    assert source.evidence


def test_its_samples_keep_the_promises_of_a_sample(opened):
    name, folder = opened
    data = open_data(folder, layout=name, max_depth=4.0)
    ids = [data.sample_id(index) for index in range(len(data))]
    assert len(set(ids)) == len(ids) >= 3
    assert data.description == name
    files = data.files(0)
    assert all(path.is_file() for path in files.values())
    assert files == {} or files["image"].suffix in (".png", ".jpg")
    for index, sample in enumerate(data[i] for i in range(len(data))):
        assert sample.id == ids[index]
        assert sample.image.dtype == np.uint8
        assert sample.image.shape == (*sample.depth.shape, 3)
        assert sample.depth.dtype == np.float32
        assert sample.valid.dtype == np.bool_
        assert sample.valid.any()
        assert sample.depth.max() <= 4
        assert np.array_equal(sample.depth > 0, sample.valid)
        assert sample.labels is None or sample.labels.dtype == np.int32
        assert sample.labels is None or sample.labels.shape == sample.depth.shape
        if sample.intrinsics is not None:
            assert (sample.intrinsics.height, sample.intrinsics.width) == sample.depth.shape


def test_it_can_be_pickled_and_cut(opened):
    name, folder = opened
    data = open_data(folder, layout=name)
    copy = pickle.loads(pickle.dumps(data))
    assert np.array_equal(copy[1].depth, data[1].depth)
    part = data.subset([2, 0])
    assert [part.sample_id(i) for i in range(2)] == [data.sample_id(2), data.sample_id(0)]


def test_a_photograph_or_depth_cut_short_is_one_line(opened):
    name, folder = opened
    pictures = [path for path in folder.rglob("*.png") if "scenegt" not in str(path)]
    for path in pictures:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if not pictures:
        pytest.skip("this layout holds no pictures of its own")
    with pytest.raises(LeadlineError, match=r"(damaged|cut short)") as caught:
        open_data(folder, layout=name)[0]
    assert "\n" not in str(caught.value)
