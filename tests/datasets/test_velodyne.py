"""The scanner's projection against points computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.datasets.velodyne import project_velodyne, read_calibration, read_camera, read_scan
from leadline.errors import LeadlineError
from tests.datasets.writers import write_kitti_calibration
from tests.datasets.writers.kitti import P2, RECT, VELO_R, VELO_T

# A camera at the scanner: its z is the scanner's x, its x the scanner's -y, its y the scanner's -z.
# Focal length 10, principal point (4, 3): u = 4 - 10 y / x, v = 3 - 10 z / x.
SIMPLE = np.array([[4.0, -10.0, 0.0, 0.0], [3.0, 0.0, -10.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
SIZE = (7, 9)


def project(*points, projection=SIMPLE, size=SIZE, **options):
    cloud = np.array(points, dtype=np.float64).reshape(-1, 3)
    return project_velodyne(cloud, projection, size, **options)


def planted(**pixels):
    depth = np.zeros(SIZE, np.float32)
    for name, metres in pixels.items():
        row, column = map(int, name[1:].split("_"))
        depth[row, column] = metres
    return depth


def test_points_land_where_the_pinhole_says():
    # (5, 0, 0) -> (4, 3);  (10, 2, 0) -> u = 4 - 2 = 2;  (10, 0, -1) -> v = 3 + 1 = 4.
    depth = project((5, 0, 0), (10, 2, 0), (10, 0, -1))
    assert np.array_equal(depth, planted(p3_4=5, p3_2=10, p4_4=10))


def test_the_nearest_pixel_centre_takes_a_point():
    # u = 4 - 10 * 0.24 / 10 = 3.76 -> 4;  u = 4 - 10 * 0.26 / 10 * 2 = 3.48 -> 3.
    assert np.array_equal(project((10, 0.24, 0)), planted(p3_4=10))
    assert np.array_equal(project((10, 0.52, 0)), planted(p3_3=10))


def test_of_two_points_in_a_pixel_the_nearer_stays_in_any_order():
    near, far = (5, 0, 0), (20, 0.1, 0.1)
    assert np.array_equal(project(near, far), planted(p3_4=5))
    assert np.array_equal(project(far, near), planted(p3_4=5))


def test_what_is_behind_or_broken_is_dropped():
    behind, at, broken = (-5, 0, 0), (0, 0, 0), (np.nan, 0, 0)
    endless = (np.inf, 0, 0)
    assert not project(behind, at, broken, endless).any()


def test_the_border_is_half_a_pixel_outside_the_outer_centres():
    # The picture spans u in [-0.5, 8.5) and v in [-0.5, 6.5). With x = 20: y = 2 (4 - u).
    left_in, left_out = (20, 9.0, 0), (20, 9.01, 0)  # u = -0.5 and -0.505
    right_in, right_out = (20, -8.99, 0), (20, -9.0, 0)  # u = 8.495 and 8.5
    assert np.array_equal(project(left_in), planted(p3_0=20))
    assert np.array_equal(project(right_in), planted(p3_8=20))
    assert not project(left_out).any()
    assert not project(right_out).any()
    top_in, top_out = (20, 0, 7.0), (20, 0, 7.01)  # v = -0.5 and -0.505
    bottom_in, bottom_out = (20, 0, -6.99), (20, 0, -7.0)  # v = 6.495 and 6.5
    assert np.array_equal(project(top_in), planted(p0_4=20))
    assert np.array_equal(project(bottom_in), planted(p6_4=20))
    assert not project(top_out).any()
    assert not project(bottom_out).any()


def test_forward_is_the_scanners_x_and_z_the_cameras():
    # A camera 0.27 m ahead of the scanner: w = x - 0.27; a point at x = 5.27 has z = 5.
    ahead = SIMPLE.copy()
    ahead[:, 3] = -0.27 * SIMPLE[:, 0]
    point = (5.27, 0, 0)
    z, forward = (project(point, projection=ahead, kind=kind) for kind in ("z", "forward"))
    assert z[3, 4] == pytest.approx(5.0)
    assert forward[3, 4] == pytest.approx(5.27)
    assert (z > 0).sum() == (forward > 0).sum() == 1


def test_published_is_one_pixel_further_left_and_up():
    points = [(5, 0, 0), (10, 2, 0), (10, 0, -1)]
    ours, published = project(*points), project(*points, rounding="published")
    assert np.array_equal(published[:-1, :-1], ours[1:, 1:])


def test_the_ends_of_neighbouring_rows_are_not_one_pixel():
    # row * (W - 1) + column - 1, as published, is 8 * 2 + 7 = 8 * 3 - 1 for (2, 8) and (3, 0).
    end_of_row_2, start_of_row_3 = (10, -4, 1), (20, 8, 0)
    depth = project(end_of_row_2, start_of_row_3)
    assert np.array_equal(depth, planted(p2_8=10, p3_0=20))


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 8), st.floats(0.5, 90)), min_size=1, max_size=40
    )
)
def test_any_planted_pixels_come_back_with_their_nearest_depth(pixels):
    points = [(d, (4 - column) * d / 10, (3 - row) * d / 10) for row, column, d in pixels]
    expected = np.full(SIZE, np.inf)
    for row, column, d in pixels:
        expected[row, column] = min(expected[row, column], d)
    expected[np.isinf(expected)] = 0
    assert project(*points) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["z", "forward"])
@pytest.mark.parametrize("rounding", ["nearest", "published"])
def test_a_whole_scan_equals_a_plain_loop_over_its_points(tmp_path, kind, rounding):
    write_kitti_calibration(tmp_path)
    camera = read_camera(tmp_path, 2)
    rng = np.random.default_rng(1)
    azimuth, elevation = rng.uniform(-np.pi, np.pi, 20_000), rng.uniform(-0.43, 0.04, 20_000)
    distance = rng.uniform(2, 80, 20_000)
    directions = (np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation))
    points = np.column_stack([*(distance * d for d in directions), distance * np.sin(elevation)])
    expected: dict[tuple[int, int], float] = {}
    for x, y, z in points:
        u, v, w = camera.projection @ (x, y, z, 1)
        if w <= 0 or x < 0:
            continue
        column, row = (round(value / w) - (rounding == "published") for value in (u, v))
        if 0 <= column < 1242 and 0 <= row < 375:
            metres = w if kind == "z" else x
            expected[row, column] = min(metres, expected.get((row, column), np.inf))
    depth = project_velodyne(points, camera.projection, camera.size, kind, rounding)
    assert np.count_nonzero(depth) == len(expected) > 2000
    for place, metres in expected.items():
        assert depth[place] == pytest.approx(metres, rel=1e-6)


def test_the_published_calibration_is_chained_in_the_published_order(tmp_path):
    write_kitti_calibration(tmp_path)
    camera = read_camera(tmp_path, 2)
    assert camera.size == (375, 1242)
    intrinsics = camera.intrinsics
    assert (intrinsics.fx, intrinsics.cx, intrinsics.cy) == (721.5377, 609.5593, 172.854)
    point = np.array([12.0, -3.0, 0.5])
    in_camera_0 = np.array(VELO_R).reshape(3, 3) @ point + VELO_T
    rectified = np.array(RECT).reshape(3, 3) @ in_camera_0
    P = np.array(P2).reshape(3, 4)
    expected = P[:, :3] @ rectified + P[:, 3]
    assert camera.projection @ [*point, 1] == pytest.approx(expected, rel=1e-9)
    # Camera 3 looks from 0.54 m further right: the same point lies further left.
    right = read_camera(tmp_path, 3).projection @ [*point, 1]
    assert right[0] / right[2] < expected[0] / expected[2]


def test_a_scan_or_calibration_that_is_wrong_is_one_line(tmp_path):
    scan = tmp_path / "0000000000.bin"
    np.ones((4, 4), "<f4").tofile(scan)
    assert read_scan(scan).shape == (4, 4)
    scan.write_bytes(scan.read_bytes()[:-3])
    with pytest.raises(LeadlineError, match=r"000\.bin: 61 bytes are not whole points"):
        read_scan(scan)
    write_kitti_calibration(tmp_path)
    cameras = tmp_path / "calib_cam_to_cam.txt"
    assert "calib_time" not in read_calibration(cameras)
    whole = cameras.read_text()
    cameras.write_text(whole.replace("P_rect_02: 7.215377e+02", "P_rect_02:"))
    with pytest.raises(LeadlineError, match=r"P_rect_02 holds 11 numbers, expected 12"):
        read_camera(tmp_path, 2)
    cameras.write_text(whole.replace("R_rect_00", "R_rect_0x"))
    with pytest.raises(LeadlineError, match=r"cam_to_cam\.txt: has no line 'R_rect_00'"):
        read_camera(tmp_path, 2)
    cameras.write_text(whole.replace("P_rect_02: 7.21", "P_rect_02: seven"))
    with pytest.raises(LeadlineError, match=r"line 26 is 'P_rect_02: seven.*expected 'key:"):
        read_camera(tmp_path, 2)
    (tmp_path / "calib_velo_to_cam.txt").unlink()
    cameras.write_text(whole)
    with pytest.raises(LeadlineError, match=r"calib_velo_to_cam\.txt: no such file"):
        read_camera(tmp_path, 2)


def test_real_projected_scans_are_sparse_and_leave_the_sky_empty(shared_data):
    from leadline.datasets import open_data

    data = open_data(shared_data / "kitti_samples")
    scans = [data[i] for i in range(len(data)) if "velodyne" in data.sample_id(i)]
    assert scans
    for sample in scans:
        height = sample.valid.shape[0]
        assert 0.035 < sample.valid.mean() < 0.045
        assert not sample.valid[: height * 3 // 10].any()
        # Of the upper third, single stray echoes apart (22 of 18,800 points in one frame).
        assert sample.valid[: height // 3].sum() < 0.002 * sample.valid.sum()
