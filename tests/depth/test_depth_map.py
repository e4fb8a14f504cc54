import numpy as np
import pytest

from leadline.depth import DepthMap, Intrinsics
from tests.complaints import complaint

CAMERA = Intrinsics(2.0, 4.0, 1.0, 0.5, 3, 2)


def test_untrustworthy_values_become_zero_and_invalid() -> None:
    raw = np.array([[1.5, np.nan, np.inf], [-2.0, 0.0, 1e300]])
    depth_map = DepthMap.from_metres(raw)
    np.testing.assert_array_equal(depth_map.depth, [[1.5, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(depth_map.valid, [[True, False, False], [False, False, False]])
    assert depth_map.depth.dtype == np.float32
    assert depth_map.valid_share == pytest.approx(1 / 6)
    assert np.isnan(raw[0, 1])  # the caller's array is not touched


def test_a_mask_only_ever_removes() -> None:
    mask = np.array([[True, False], [True, True]])
    depth_map = DepthMap.from_metres([[1.0, 2.0], [0.0, 4.0]], valid=mask)
    np.testing.assert_array_equal(depth_map.depth, [[1, 0], [0, 4]])
    np.testing.assert_array_equal(depth_map.valid, [[True, False], [False, True]])


def test_size_and_repr() -> None:
    depth_map = DepthMap.from_metres([[1.0, 2.5, 0.0]])
    assert (depth_map.shape, depth_map.height, depth_map.width) == ((1, 3), 1, 3)
    assert repr(depth_map) == "DepthMap(3x1, 1 to 2.5 m, 66.7% valid)"
    assert repr(DepthMap.from_metres([[0.0]])) == "DepthMap(1x1, no valid pixel)"


def test_metres_at_a_pixel_are_column_first() -> None:
    depth_map = DepthMap.from_metres([[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]])
    assert depth_map.at(1, 0) == 2.0
    assert depth_map.at(0, 1) == 4.0


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, 2), (-1, 0), (0, -1)])
def test_a_pixel_outside_is_refused(x: int, y: int) -> None:
    depth_map = DepthMap.from_metres([[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]])
    assert "x from 0 to 2 and y from 0 to 1" in complaint(lambda: depth_map.at(x, y))


def test_a_pixel_is_whole() -> None:
    depth_map = DepthMap.from_metres(np.ones((2, 3)), intrinsics=CAMERA)
    assert depth_map.at(np.int64(1), np.uint8(0)) == 1.0
    assert "pixel (1.5, 0): give whole pixels" in complaint(lambda: depth_map.at(1.5, 0))
    assert "give whole pixels" in complaint(lambda: depth_map.distance_between((0, 0.5), (1, 1)))


def test_an_invalid_pixel_is_refused() -> None:
    depth_map = DepthMap.from_metres([[1.0, 0.0]])
    assert "pixel (1, 0) has no valid depth" in complaint(lambda: depth_map.at(1, 0))


def test_points_by_hand() -> None:
    depth_map = DepthMap.from_metres([[2.0, 0.0, 2.0], [4.0, 4.0, 4.0]], intrinsics=CAMERA)
    points, indices = depth_map.points()
    expected = [[-1, -0.25, 2], [1, -0.25, 2], [-2, 0.5, 4], [0, 0.5, 4], [2, 0.5, 4]]
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(indices, [0, 2, 3, 4, 5])
    assert points.dtype == np.float32


def test_points_of_a_slanted_plane_lie_on_it_and_project_back() -> None:
    """The plane 0.3 x - 0.2 y + z = 5 meets the ray (u, v, 1) at z = 5 / (0.3 u - 0.2 v + 1)."""
    camera = Intrinsics(310.0, 305.0, 157.3, 121.9, 320, 240)
    y, x = np.mgrid[:240, :320]
    u, v = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy
    depth_map = DepthMap.from_metres(5 / (0.3 * u - 0.2 * v + 1), intrinsics=camera)
    points, indices = depth_map.points()
    np.testing.assert_allclose(points @ [0.3, -0.2, 1.0], 5, rtol=1e-5)
    pixels = points @ camera.matrix.T
    np.testing.assert_allclose(pixels[:, 0] / pixels[:, 2], indices % 320, atol=1e-3)
    np.testing.assert_allclose(pixels[:, 1] / pixels[:, 2], indices // 320, atol=1e-3)


def test_points_need_a_camera() -> None:
    assert "intrinsics" in complaint(DepthMap.from_metres([[1.0]]).points)


@pytest.mark.parametrize(
    "array", [np.ones(3), np.ones((2, 3, 1)), np.ones((0, 3)), np.ones((2, 2), complex), [["a"]]]
)
def test_arrays_that_are_not_a_plane_of_numbers(array: object) -> None:
    assert "2-D array of real numbers" in complaint(lambda: DepthMap.from_metres(array))  # type: ignore[arg-type]


def test_a_mask_of_another_shape_or_type() -> None:
    for mask in (np.ones((2, 1), bool), np.ones((1, 2), np.uint8)):
        message = complaint(lambda mask=mask: DepthMap.from_metres([[1.0, 2.0]], valid=mask))
        assert "bool array of the same shape" in message


def test_a_camera_of_another_size() -> None:
    message = complaint(lambda: DepthMap.from_metres([[1.0]], intrinsics=CAMERA))
    assert "3x2" in message
    assert "scaled_to" in message


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_the_plain_constructor_keeps_its_promise(value: float) -> None:
    depth = np.full((1, 1), value, dtype=np.float32)
    message = complaint(lambda: DepthMap(depth, np.array([[True]])))
    assert "from_metres" in message


def test_the_plain_constructor_wants_float32() -> None:
    assert "float64" in complaint(lambda: DepthMap(np.ones((1, 1)), np.array([[True]])))  # type: ignore[arg-type]
