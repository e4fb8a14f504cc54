"""DIODE, SUN RGB-D, ScanNet, Hypersim, ARKitScenes, iBims-1, 7-Scenes, Middlebury: exact values."""

import math

import numpy as np
import pytest

from leadline.datasets import find_data, open_data
from tests.complaints import complaint
from tests.datasets.writers import (
    make_scenes,
    write_arkitscenes,
    write_diode,
    write_hypersim,
    write_ibims,
    write_middlebury,
    write_scannet,
    write_scannet_25k,
    write_seven_scenes,
    write_sunrgbd,
    write_tum,
)
from tests.datasets.writers.hypersim import TAN, write_tables

SCENES = make_scenes(3)


def ids(data):
    return [data.sample_id(index) for index in range(len(data))]


def test_diode_leaves_out_what_its_mask_leaves_out(tmp_path):
    folder = write_diode(tmp_path, {"val/indoors": SCENES[:2], "train/outdoor": SCENES[2:]})
    assert find_data(folder).splits == ("train", "val")
    sample = open_data(folder, "val")[0]
    assert np.array_equal(sample.depth, SCENES[0].depth)
    assert not sample.valid[:2].any() and sample.valid[2:].all()
    # 886.81 pixels of 1024 across, 927.06 of 768 down.
    assert sample.intrinsics.fx == pytest.approx(886.81 * 64 / 1024)
    assert sample.intrinsics.fy == pytest.approx(927.06 * 48 / 768)


def test_diode_is_opened_by_split_place_and_kind(tmp_path):
    folder = write_diode(tmp_path, {"val/indoors": SCENES[:2], "val/outdoor": SCENES[2:]})
    assert len(open_data(folder / "val")) == 3
    outdoor = open_data(folder, options={"scenes": "outdoor", "depth_kind": "ray"})
    corner, length = outdoor[0].depth[47, 0], SCENES[2].depth[47, 0]
    camera = outdoor[0].intrinsics
    ray = math.hypot(1, camera.cx / camera.fx, (47 - camera.cy) / camera.fy)
    assert corner == pytest.approx(length / ray, rel=1e-5)
    assert outdoor.scenes() == ["scene_00019"]


def test_diode_without_a_mask_is_named(tmp_path):
    folder = write_diode(tmp_path, {"val/indoors": SCENES})
    mask = next(folder.rglob("*_depth_mask.npy"))
    mask.unlink()
    assert str(mask) in complaint(lambda: open_data(folder))


def test_sun_rgbd_turns_its_bits_back(tmp_path):
    far = SCENES[0].depth.copy()
    far[40:] = 9.5  # beyond 8.192 m the high bits come last
    scenes = [type(SCENES[0])(SCENES[0].image, far), *SCENES[1:]]
    folder = write_sunrgbd(tmp_path, {"kv1/NYUdata": scenes, "xtion/sun3ddata/hotel/x": SCENES[:1]})
    data = open_data(folder)
    assert ids(data)[3] == "xtion/sun3ddata/hotel/x/NYU0001/image/NYU0001.jpg"
    assert data[0].depth == pytest.approx(np.rint(far * 1000) / 1000)
    assert (data[0].intrinsics.fx, data[0].intrinsics.cy) == (60.5, 23.9)
    filled = open_data(folder, options={"depth": "filled"})[0]
    assert filled.valid.all() and (filled.depth[:2] == 1).all()


def test_sun_rgbd_takes_the_frames_of_an_official_list(tmp_path):
    folder = write_sunrgbd(tmp_path / "SUNRGBD", {"kv1/NYUdata": SCENES})
    listing = tmp_path / "test.txt"
    listing.write_text("/n/fs/sun3d/data/SUNRGBD/kv1/NYUdata/NYU0002/\nkv1/NYUdata/NYU0003\n")
    data = open_data(tmp_path, options={"frames": str(listing)})
    assert ids(data) == [f"kv1/NYUdata/NYU000{n}/image/NYU000{n}.jpg" for n in (2, 3)]
    (folder / "kv1/NYUdata/NYU0003/depth/NYU0003.png").unlink()
    assert "holds 0 pictures" in complaint(lambda: open_data(folder))


@pytest.mark.parametrize("write", [write_scannet, write_scannet_25k])
def test_scannet_shrinks_its_photographs_with_their_camera(tmp_path, write):
    folder = write(tmp_path, ["scene0000_00", "scene0000_01", "scene0001_00"], SCENES)
    sample = open_data(folder)[0]
    assert sample.depth == pytest.approx(np.rint(SCENES[0].depth * 1000) / 1000)
    assert np.abs(sample.image.astype(int) - SCENES[0].image).mean() < 12  # JPEG of grain
    # The colour camera of 128x96 at half the size: (63.5 + 0.5) / 2 - 0.5.
    assert (sample.intrinsics.fx, sample.intrinsics.cx) == (116.5 / 2, 31.5)
    enlarged = open_data(folder, options={"depth_size": "image"})[0]
    assert enlarged.image.shape == (96, 128, 3) and enlarged.intrinsics.fx == 116.5
    assert np.array_equal(enlarged.depth[::2, ::2], sample.depth)
    assert set(open_data(folder).scenes()) == {"scene0000", "scene0001"}


def test_scannet_counts_frames_and_takes_the_lists_of_a_split(tmp_path):
    folder = write_scannet(tmp_path, ["scene0000_00", "scene0001_00"], SCENES)
    (folder / "scannetv2_val.txt").write_text("scene0001_00\nscene0999_00\n")
    assert find_data(folder).splits == ("val",)
    assert ids(open_data(folder, "val")) == [f"scene0001_00/color/{n}.jpg" for n in (0, 5, 10)]
    assert len(open_data(folder / "scene0000_00")) == 3
    camera = folder / "scene0000_00/intrinsic/intrinsic_color.txt"
    camera.write_text("1 2 3")
    assert "16 of a 4x4" in complaint(lambda: open_data(folder)[0], camera)


def test_hypersim_turns_rays_into_planar_depth(tmp_path):
    data = open_data(write_hypersim(tmp_path, {"ai_001_001": SCENES}))
    sample = data[1]
    # Half floats: eleven bits.
    assert sample.depth[sample.valid] == pytest.approx(SCENES[1].depth[2:].ravel(), rel=6e-4)
    assert not sample.valid[:2].any()
    assert sample.intrinsics.fx == pytest.approx(32 / TAN)
    assert data.scenes() == ["ai_001_001"] * 3


def test_hypersim_takes_split_and_cameras_of_the_repository(tmp_path):
    folder = write_hypersim(tmp_path, {"ai_001_001": SCENES, "ai_002_003": SCENES})
    up = TAN * 48 / 64
    shifted = (TAN, 0, 0.1, 0, up, 0.05, 0, 0, -1)
    tilted = (TAN, 0, 0, 0, up * 0.9, 0.1, 0, 0.2, -1)
    splits = {"ai_001_001": "train", "ai_002_003": "test"}
    write_tables(folder, splits, {"ai_001_001": shifted, "ai_002_003": tilted})
    train, test = open_data(folder, "train"), open_data(folder, "test")
    assert len(train) == len(test) == 2  # frame 1 was not released
    # u = 0.1 / TAN to the left of the middle looks along the axis.
    camera = train[0].intrinsics
    assert camera.cx == pytest.approx((1 - 0.1 / TAN) * 32 - 0.5)
    assert camera.cy == pytest.approx((1 + 0.05 / up) * 24 - 0.5)
    assert test[0].intrinsics is None
    # The ray of pixel (10, 40) by hand: M (u, v, 1), its part along -z.
    u, v = 2 * 10.5 / 64 - 1, 1 - 2 * 40.5 / 48
    ray = (TAN * u, up * 0.9 * v + 0.1, 0.2 * v - 1)
    stored = open_data(folder)[3]  # the same picture: its length along the standard ray
    length = math.hypot(1, TAN * u, up * v) * SCENES[0].depth[40, 10]
    assert stored.depth[40, 10] == pytest.approx(length * -ray[2] / math.hypot(*ray), rel=1e-3)


def test_hypersim_without_its_previews_or_cut_short_is_named(tmp_path):
    folder = write_hypersim(tmp_path, {"ai_001_001": SCENES})
    file = sorted(folder.rglob("*.hdf5"))[0]
    file.write_bytes(file.read_bytes()[:500])
    complaint(lambda: open_data(folder)[0], file)
    next(folder.rglob("*.tonemap.jpg")).unlink()
    assert "unpack the scenes again, the previews too" in complaint(lambda: open_data(folder))


def test_arkitscenes_pairs_by_time_and_scales_the_camera(tmp_path):
    videos = {"Training/47333462": SCENES, "Validation/41069021": SCENES[:1]}
    folder = write_arkitscenes(tmp_path, videos)
    assert find_data(folder).splits == ("train", "val")
    sample = open_data(folder, "train")[2]
    assert sample.depth == pytest.approx(np.rint(SCENES[2].depth * 1000) / 1000)
    assert np.array_equal(sample.image, SCENES[2].image)
    # 1.66 widths; the principal point 64 of 128 becomes (64 + 0.5) / 2 - 0.5.
    assert sample.intrinsics.fx == pytest.approx(1.66 * 64)
    assert sample.intrinsics.cx == pytest.approx(31.75)
    assert open_data(folder, "train").scenes() == ["47333462"] * 3
    enlarged = open_data(folder, "val", options={"depth_size": "image"})[0]
    assert np.array_equal(enlarged.depth[1::2, 1::2], sample.depth) is False
    assert enlarged.depth.shape == (96, 128)


def test_arkitscenes_of_3dod_has_one_folder_more(tmp_path):
    folder = write_arkitscenes(
        tmp_path, {"Training/40753679": SCENES}, "lowres_wide", factor=1, inner="{}_frames"
    )
    data = open_data(folder)
    assert data.scenes() == ["40753679"] * 3
    assert data[0].intrinsics.fx == pytest.approx(1.66 * 64)
    assert find_data(folder / "Training/40753679/40753679_frames").layout.name == "arkitscenes"
    assert "has no wide, only" in complaint(lambda: open_data(folder, options={"image": "wide"}))


def test_arkitscenes_leaves_out_frames_without_depth_of_the_moment(tmp_path):
    folder = write_arkitscenes(tmp_path, {"Training/1": SCENES}, lag=0.03)
    assert "no samples" in complaint(lambda: open_data(folder))


def test_ibims_has_a_unit_masks_and_cameras_of_its_own(tmp_path):
    folder = write_ibims(tmp_path / "ibims1_core_raw", SCENES)
    sample = open_data(tmp_path)[0]
    assert sample.depth[2:, 1:-1] == pytest.approx(SCENES[0].depth[2:, 1:-1], abs=25 / 65535 + 1e-5)
    assert not sample.valid[:, 0].any() and not sample.valid[:, -1].any()
    assert (sample.intrinsics.fx, sample.intrinsics.cy) == (55.5, 23.5)
    glass = open_data(folder, options={"transparent": "valid"})[0]
    assert not glass.valid[:, 0].any() and glass.valid[2:, -1].all()
    (folder / "calib/corridor_01.txt").unlink()
    assert "corridor_01.txt" in complaint(lambda: open_data(folder))


def test_ibims_reads_masks_of_one_bit(tmp_path):
    from PIL import Image

    folder = write_ibims(tmp_path, SCENES[:1])
    for file in folder.glob("mask_*/*.png"):
        Image.open(file).convert("1").save(file)
    assert open_data(folder)[0].valid[2:, 1:-1].all()
    assert not open_data(folder)[0].valid[:, 0].any()


def test_seven_scenes_has_its_split_and_its_invalid_number(tmp_path):
    folder = write_seven_scenes(tmp_path / "chess", {1: SCENES[:2], 10: SCENES[2:]}, train=[10])
    assert find_data(tmp_path).splits == ("train", "test")
    sample = open_data(tmp_path, "train")[0]
    assert sample.id == "chess/seq-10/frame-000000.color.png"
    assert not sample.valid[:2].any() and sample.depth.max() < 10
    assert sample.intrinsics.fx == 58.5
    assert len(open_data(folder, "test")) == 2 and len(open_data(folder)) == 3
    (folder / "TestSplit.txt").write_text("seq1\n")
    assert "line 1 is 'seq1'" in complaint(lambda: open_data(folder, "test"))


def test_middlebury_makes_depth_of_disparity(tmp_path):
    data = open_data(write_middlebury(tmp_path, SCENES))
    assert data[1].depth[2:] == pytest.approx(SCENES[1].depth[2:], rel=1e-5)
    assert not data[1].valid[:2].any()
    assert data[1].intrinsics.cx == 31
    (tmp_path / "Scene0-perfect/calib.txt").write_text("cam0=[1 2; 3]\n")
    assert "calib.txt" in complaint(lambda: data[0])


def test_bonn_is_tum_with_a_camera_of_its_own(tmp_path):
    folder = write_tum(tmp_path / "rgbd_bonn_balloon", SCENES)
    assert open_data(folder)[0].intrinsics.fx == pytest.approx(54.2822841)
