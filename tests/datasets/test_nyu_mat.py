"""NYU's labeled file: MATLAB's axis order, both depths, the classes, the official split."""

import multiprocessing
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest

from leadline.datasets import find_data, open_data
from leadline.datasets.facts import nyu_label_map, nyu_labeled_test
from leadline.errors import LeadlineError
from tests.cli.helpers import fails_in_one_line
from tests.datasets.writers import write_nyu_mat

COUNT, SIZE = 1449, (3, 4)


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(5)
    filled = rng.uniform(0.7, 10, (COUNT, *SIZE)).astype(np.float32)
    raw = filled * (rng.random((COUNT, *SIZE)) > 0.3)
    images = rng.integers(0, 256, (COUNT, *SIZE, 3), dtype=np.uint8)
    return images, filled, raw, rng.integers(0, 895, (COUNT, *SIZE), dtype=np.uint16)


@pytest.fixture(scope="module")
def mat(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nyu")
    return write_nyu_mat(folder / "nyu_depth_v2_labeled.mat", *planted)


@pytest.fixture
def small(tmp_path):
    """A file of two images, to be damaged."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 5, (2, 30, 40)).astype(np.float32)
    images = rng.integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    labels = np.ones((2, 30, 40), np.uint16)
    return write_nyu_mat(tmp_path / "nyu_depth_v2_labeled.mat", images, depth, depth, labels)


def test_the_planted_image_depth_and_labels_come_back(mat, planted):
    images, filled, raw, labels = planted
    data = open_data(mat.parent)
    assert len(data) == COUNT
    for index in (0, 7, 1448):
        sample = data[index]
        assert sample.id == f"{index:05d}"
        assert np.array_equal(sample.image, images[index])
        assert np.array_equal(sample.depth, filled[index])
        assert np.array_equal(sample.labels, nyu_label_map(40)[labels[index]])
    sample = open_data(mat, options={"depth": "raw", "labels": 894})[7]
    assert np.array_equal(sample.depth, raw[7])
    assert np.array_equal(sample.valid, raw[7] > 0)
    assert np.array_equal(sample.labels, labels[7])
    assert open_data(mat, options={"labels": "none"})[7].labels is None


def test_the_official_split_is_built_in(mat):
    assert find_data(mat).evidence == "nyu_depth_v2_labeled.mat is a MATLAB 7.3 file"
    assert find_data(mat).splits == ("train", "test")
    train, test = open_data(mat, "train"), open_data(mat, "test")
    assert (len(train), len(test)) == (795, 654)
    ids = [int(test.sample_id(i)) for i in range(len(test))]
    assert ids == list(nyu_labeled_test())
    assert not set(ids) & {int(train.sample_id(i)) for i in range(len(train))}


def test_the_camera_is_that_of_the_picture_size(small):
    camera = open_data(small)[0].intrinsics
    assert camera is not None
    assert (camera.width, camera.height) == (40, 30)
    assert camera.fx == pytest.approx(518.857901 / 16)


def test_scenes_are_read_through_their_references(mat):
    scenes = open_data(mat, "test").scenes()  # type: ignore[attr-defined]
    assert scenes[:2] == ["kitchen_0000", "kitchen_0001"]
    assert len(scenes) == 654


def read_one(data, queue):
    queue.put(data[3].depth)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_data_set_travels_into_other_processes(mat, method):
    data = open_data(mat)
    here = data[3].depth  # the file is open here before the other process starts
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=read_one, args=(data, queue))
    process.start()
    there = queue.get(timeout=60)
    process.join()
    assert np.array_equal(here, there)
    assert np.array_equal(pickle.loads(pickle.dumps(data))[3].depth, here)


def test_memory_does_not_grow_with_the_images_read(mat):
    import tracemalloc

    data = open_data(mat)
    data[0]
    tracemalloc.start()
    for index in range(50):
        data[index]
    half = tracemalloc.get_traced_memory()[0]
    for index in range(50, 100):
        data[index]
    grown = tracemalloc.get_traced_memory()[0] - half
    tracemalloc.stop()
    assert grown < 20_000


def test_a_file_that_is_not_whole_is_one_line(small):
    whole = small.read_bytes()
    small.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeadlineError, match=r"labeled\.mat: is not NYU's labeled file, damaged"):
        open_data(small)
    small.write_bytes(b"MATLAB 5.0 MAT-file, Platform: PCWIN" + bytes(600))
    with pytest.raises(LeadlineError, match=r"is not NYU's labeled file"):
        open_data(small)
    small.write_bytes(b"")
    for path in (small, small.parent):
        with pytest.raises(LeadlineError, match=r"labeled\.mat: .*empty: 0 bytes"):
            open_data(path)


def test_the_official_split_is_of_the_official_file(small):
    assert find_data(small).splits == ()
    with pytest.raises(LeadlineError, match=r"nyu-mat has no split 'train' here, nor any other"):
        open_data(small, "train")


def test_a_file_with_other_arrays_is_one_line(small):
    with h5py.File(small, "r+") as file:
        del file["rawDepths"]
        file["rawDepths"] = np.ones((2, 40, 29), np.float32)
        del file["labels"]
    with pytest.raises(LeadlineError, match=r"rawDepths are \(2, 40, 29\)"):
        open_data(small, options={"depth": "raw", "labels": "none"})
    with pytest.raises(LeadlineError, match=r"labels"):
        open_data(small)
    assert len(open_data(small, options={"labels": "none"})) == 2


def test_a_label_beyond_894_is_one_line(small):
    with h5py.File(small, "r+") as file:
        file["labels"][1, 0, 0] = 900
    data = open_data(small)
    assert data[0].labels is not None
    with pytest.raises(LeadlineError, match=r"not NYU's labeled file.*900"):
        data[1]


def test_without_h5py_the_extra_is_named(small):
    code = (
        "import sys; sys.modules['h5py'] = sys.modules['torch'] = None\n"
        f"sys.argv = ['leadline', 'check-data', {str(small)!r}]\n"
        "from leadline.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    fails_in_one_line(result, "needs h5py: pip install 'leadline[data]'")


def test_its_depth_is_metres_whatever_is_asked(small):
    with pytest.raises(LeadlineError, match=r"nyu-mat holds 1 units per metre, not 1000"):
        open_data(small, units_per_metre=1000)


def test_a_file_that_the_caller_has_open_is_read(small):
    with h5py.File(small) as mine:
        assert np.array_equal(open_data(small)[1].depth, mine["depths"][1].T)
