"""KITTI: raw recordings, the depth benchmark and its selection."""

import numpy as np
import pytest
from PIL import Image

from leadline.datasets import find_data, open_data
from leadline.datasets.facts import eigen_test
from leadline.errors import LeadlineError
from tests.datasets.writers import (
    Scene,
    make_scenes,
    write_kitti_benchmark,
    write_kitti_calibration,
    write_kitti_raw,
    write_kitti_selection,
)
from tests.datasets.writers.kitti import sparse

SCENE = make_scenes(1, seed=3)[0]
TRAIN, TEST = "2011_09_26_drive_0001_sync", "2011_09_26_drive_0002_sync"
PARTS = {"train": {TRAIN: (5, 6)}, "val": {TEST: (69, 70)}}
DRIVES = {TRAIN: (5, 6), TEST: (69, 70)}


@pytest.fixture
def raw(tmp_path):
    return write_kitti_raw(tmp_path / "raw", DRIVES, SCENE)


@pytest.fixture
def benchmark(tmp_path):
    write_kitti_raw(tmp_path, DRIVES, SCENE, scans=False)
    return write_kitti_benchmark(tmp_path / "annotated", PARTS, SCENE)


def test_a_scan_is_projected_onto_its_photograph(raw):
    data = open_data(raw)
    assert len(data) == 4
    sample = data[0]
    assert sample.id == f"2011_09_26/{TRAIN}/image_02/data/0000000005.png"
    assert np.array_equal(sample.image, SCENE.image)
    assert np.array_equal(sample.valid, sparse(SCENE) > 0)
    assert sample.depth == pytest.approx(sparse(SCENE), rel=1e-4)
    assert sample.intrinsics is not None
    assert (sample.intrinsics.fx, sample.intrinsics.width) == (721.5377, 64)


def test_the_conventions_differ_by_the_scanners_place(raw):
    z = open_data(raw)[0]
    forward = open_data(raw, options={"depth_kind": "forward"})[0]
    assert np.array_equal(z.valid, forward.valid)
    # Along the axis the camera is 0.27 m ahead; these rays point far left, and the cameras' tilt
    # of half a degree adds its share.
    gap = (forward.depth - z.depth)[z.valid]
    assert 0.2 < np.median(gap) < 0.4
    published = open_data(raw, options={"rounding": "published"})[0]
    assert np.array_equal(published.depth[:-1, :-1], z.depth[1:, 1:])


def test_the_right_camera_sees_a_wall_further_left(tmp_path):
    # A patch of wall 8 m away; the cameras are 0.532 m apart: 721.5 * 0.532 / 8 = 48 pixels.
    depth = np.zeros((375, 1242), np.float32)
    depth[180:240, 600:700] = 8
    raw = write_kitti_raw(tmp_path, {TRAIN: (5,)}, Scene(np.zeros((375, 1242, 3), np.uint8), depth))
    left, right = (open_data(raw, options={"camera": camera})[0] for camera in (2, 3))
    assert right.id.endswith("image_03/data/0000000005.png")
    assert left.valid.sum() == right.valid.sum() == 20 * 34
    columns = [np.nonzero(sample.valid)[1].mean() for sample in (left, right)]
    assert columns[0] - columns[1] == pytest.approx((44.85728 + 339.5242) / 8, abs=0.5)


def test_eigens_drives_and_frames_make_the_split(raw):
    assert find_data(raw).evidence == f"has 2011_09_26/{TRAIN}"
    assert find_data(raw).splits == ("train", "test")
    train = open_data(raw, "train")
    assert {train.sample_id(i).split("/")[1] for i in range(len(train))} == {TRAIN}
    with pytest.raises(LeadlineError, match=r"696 of 697 listed frames.*first is .*missing=skip"):
        open_data(raw, "test")
    test = open_data(raw, "test", options={"missing": "skip"})
    assert [test.sample_id(i)[-14:] for i in range(len(test))] == ["0000000069.png"]
    with pytest.raises(LeadlineError, match=r"test frames are of camera 2, not 3"):
        open_data(raw, "test", options={"camera": 3})


def test_the_whole_eigen_list_is_found(tmp_path):
    drives: dict[str, list[int]] = {}
    for drive, frame in eigen_test():
        drives.setdefault(drive, []).append(frame)
    for drive, frames in drives.items():
        day = tmp_path / drive[:10]
        for kind, suffix in (("image_02", "png"), ("velodyne_points", "bin")):
            (day / drive / kind / "data").mkdir(parents=True)
            for frame in frames:
                (day / drive / kind / "data" / f"{frame:010d}.{suffix}").touch()
    for day in tmp_path.iterdir():
        write_kitti_calibration(day)
    assert len(open_data(tmp_path, "test")) == 697


def test_a_list_of_frames_replaces_the_split(raw, tmp_path):
    listing = tmp_path / "frames.txt"
    listing.write_text(f"2011_09_26/{TRAIN} 6 r\n2011_09_26/{TEST} 70 l\n")
    data = open_data(raw, options={"frames": str(listing)})
    assert [data.sample_id(i)[-30:] for i in range(2)] == [
        "sync/image_03/data/0000000006.png"[-30:],
        "sync/image_02/data/0000000070.png"[-30:],
    ]
    path = f"2011_09_26/{TRAIN}/image_02/data/0000000005"
    listing.write_text(f"{path}.jpg {path.replace('image_02', 'image_03')}.jpg\n")
    assert open_data(raw, options={"frames": str(listing)}).sample_id(0) == f"{path}.png"
    listing.write_text("somewhere 5 l\n")
    with pytest.raises(LeadlineError, match=r"frames\.txt: line 1 is 'somewhere 5 l'"):
        open_data(raw, options={"frames": str(listing)})


def test_frames_without_a_scan_are_not_samples(raw):
    (raw / "2011_09_26" / TRAIN / "velodyne_points" / "data" / "0000000006.bin").unlink()
    assert len(open_data(raw, "train")) == 1


def test_raw_data_that_is_wrong_is_one_line(raw):
    day = raw / "2011_09_26"
    photo = day / TRAIN / "image_02" / "data" / "0000000005.png"
    Image.fromarray(SCENE.image[:40]).save(photo)
    with pytest.raises(LeadlineError, match=r"is 64x40 but the calibration of 2011_09_26 is for"):
        open_data(raw)[0]
    scan = day / TRAIN / "velodyne_points" / "data" / "0000000006.bin"
    scan.write_bytes(scan.read_bytes()[:-5])
    with pytest.raises(LeadlineError, match=r"0000000006\.bin: \d+ bytes are not whole points"):
        open_data(raw)[1]
    (day / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(LeadlineError, match=r"calib_cam_to_cam\.txt: no such file"):
        open_data(raw)


def test_annotated_depth_finds_its_photographs(benchmark):
    assert find_data(benchmark).evidence == f"has train/{TRAIN}/proj_depth"
    assert find_data(benchmark).splits == ("train", "val")
    train, val = open_data(benchmark, "train"), open_data(benchmark, "val")
    assert (len(train), len(val)) == (4, 4)
    sample = val[0]
    assert sample.id == f"2011_09_26/{TEST}/image_02/data/0000000069.png"
    assert np.abs(sample.depth - SCENE.depth).max() <= 1 / 512 + 1e-6
    assert sample.intrinsics is not None
    place = benchmark / "val" / TEST / "proj_depth" / "velodyne_raw" / "image_03"
    for name in ("._0000000069.png", "copy.png"):
        (place / name).touch()  # what unpacking and hands leave behind is no frame
    one = open_data(benchmark, "val", options={"camera": "3", "depth": "velodyne"})
    assert len(one) == 2
    assert np.array_equal(one[0].valid, sparse(SCENE) > 0)


def test_eigens_split_of_the_annotated_depth(benchmark):
    train = open_data(benchmark, "train", layout="kitti-eigen")
    assert {train.sample_id(i).split("/")[1] for i in range(len(train))} == {TRAIN}
    with pytest.raises(LeadlineError, match=r"651 of 652 listed frames"):
        open_data(benchmark, "test", layout="kitti-eigen")
    test = open_data(benchmark, "test", layout="kitti-eigen", options={"missing": "skip"})
    assert len(test) == 1
    with pytest.raises(LeadlineError, match=r"test frames are of camera 2, not both"):
        open_data(benchmark, "test", layout="kitti-eigen", options={"camera": "both"})


def test_depth_without_photographs_says_where_they_come_from(benchmark, tmp_path):
    moved = tmp_path / "elsewhere" / "annotated"
    moved.parent.mkdir()
    benchmark.rename(moved)
    with pytest.raises(LeadlineError, match=r"no photographs .*--data-option raw=DIR"):
        open_data(moved)
    assert len(open_data(moved, options={"raw": str(tmp_path)})) == 8
    photo = tmp_path / "2011_09_26" / TRAIN / "image_02" / "data" / "0000000006.png"
    photo.unlink()
    with pytest.raises(LeadlineError, match=r"1 of 8 depth maps have no photograph"):
        open_data(moved, options={"raw": str(tmp_path)})
    assert len(open_data(moved, options={"raw": str(tmp_path), "missing": "skip"})) == 7
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        (tmp_path / "2011_09_26" / name).unlink()
    assert open_data(moved, "val", options={"raw": str(tmp_path)})[0].intrinsics is None


def test_the_selection_has_a_camera_for_each_frame(tmp_path):
    scenes = make_scenes(3)
    folder = write_kitti_selection(tmp_path / "depth_selection" / "val_selection_cropped", scenes)
    assert find_data(tmp_path).layout.name == "kitti-selection"
    data = open_data(tmp_path)
    assert len(data) == 3
    sample = data[1]
    assert sample.id == "image/2011_09_26_drive_0023_sync_image_0000000001_image_03.png"
    assert np.abs(sample.depth - scenes[1].depth).max() <= 1 / 512 + 1e-6
    assert sample.intrinsics is not None
    scale = sample.size[1] / 1216
    centre = sample.intrinsics.cx / scale, sample.intrinsics.cy / scale
    assert centre == pytest.approx((596.5593, 149.854), abs=1e-4)
    scan = open_data(folder, options={"depth": "velodyne"})[1]
    assert np.array_equal(scan.valid, sparse(scenes[1]) > 0)
    next((folder / "intrinsics").iterdir()).unlink()
    with pytest.raises(LeadlineError, match=r"1 of its files do not exist.*intrinsics"):
        open_data(tmp_path)


def test_a_unit_that_contradicts_the_layout_is_refused(benchmark):
    with pytest.raises(LeadlineError, match=r"kitti-benchmark holds 256 units per metre, not 100"):
        open_data(benchmark, "val", units_per_metre=100)
