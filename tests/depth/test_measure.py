"""How far things are, against arithmetic by hand and against scikit-image's polygons."""

import math
import warnings

import numpy as np
import pytest
from skimage.draw import polygon2mask

from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineWarning
from tests.complaints import complaint

DEPTH = np.arange(1.0, 13.0).reshape(3, 4)
CAMERA = Intrinsics(2.0, 4.0, 1.5, 1.0, 4, 3)


def test_a_box_holds_the_pixels_whose_centres_lie_in_it() -> None:
    found = DepthMap.from_metres(DEPTH).distance((1, 0, 3, 2))
    assert (found.metres, found.pixels, found.share) == (4.5, 4, 1.0)  # 2, 3, 6, 7
    assert (found.low, found.high) == pytest.approx((2.3, 6.7))
    assert float(found) == 4.5
    # Half a pixel more, as detectors give it, adds none: the centre decides.
    assert DepthMap.from_metres(DEPTH).distance((0.6, 0.4, 3.4, 2.4)).pixels == 4


def test_invalid_pixels_do_not_count() -> None:
    depth_map = DepthMap.from_metres(np.where(DEPTH == 7, np.nan, DEPTH))
    found = depth_map.distance((1, 0, 3, 2))
    assert (found.metres, found.pixels, found.share) == (3.0, 3, 0.75)


def test_a_polygon_is_that_of_scikit_image() -> None:
    shape = (40, 60)
    corners = [(5.2, 3.1), (50.7, 10.3), (30.4, 20.9), (44.9, 37.2), (8.3, 30.6)]
    # Theirs is in (row, column) of pixel centres.
    theirs = polygon2mask(shape, [(y - 0.5, x - 0.5) for x, y in corners])
    ones = DepthMap.from_metres(np.ones(shape))
    assert ones.distance(polygon=corners).pixels == theirs.sum()
    depth_map = DepthMap.from_metres(np.random.default_rng(0).uniform(1, 9, shape))
    expected = np.percentile(depth_map.depth[theirs], (10, 50, 90))
    found = depth_map.distance(polygon=corners)
    assert (found.low, found.metres, found.high) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(
    ("region", "share"),
    [
        ({"box": (2, 1, 6, 3)}, "50%"),  # columns 2 to 5 of 0 to 3
        ({"box": (-4, -3, 8, 6)}, "89%"),  # 12 of 108 pixels
        ({"box": (0, 0, 4, 3000)}, "99%"),
        ({"box": (0, 0, 4.6, 3)}, "20%"),
        ({"polygon": [(0, 0), (8, 0), (8, 3), (0, 3)]}, "50%"),
        # A triangle of 8 x 3, of whose area the quarter of its tip lies to the right.
        ({"polygon": [(0, 0), (8, 1.5), (0, 3)]}, "25%"),
    ],
)
def test_what_lies_outside_is_named_with_its_share(region, share) -> None:
    with pytest.warns(LeadlineWarning, match=f"{share} of it lies outside of the 4x3") as said:
        DepthMap.from_metres(DEPTH).distance(**region)
    assert len(said) == 1
    assert said[0].filename == __file__


def test_less_than_a_pixel_outside_is_not_worth_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = DepthMap.from_metres(DEPTH).distance((-0.4, -0.4, 4.4, 3.5))
        DepthMap.from_metres(DEPTH).distance(polygon=[(-0.4, 0), (4.4, 0), (4.4, 3), (-0.4, 3)])
    assert whole.pixels == 12


def test_a_mask_is_taken_where_it_is_not_0() -> None:
    mask = np.zeros((3, 4), np.uint8)
    mask[2, 3] = 255
    assert DepthMap.from_metres(DEPTH).distance(mask=mask).metres == 12.0


def test_a_line_in_space_by_hand() -> None:
    depth_map = DepthMap.from_metres(DEPTH, intrinsics=CAMERA)
    span = depth_map.distance_between((0, 0), (3, 2))
    assert span.start == (-0.75, -0.25, 1.0)
    assert span.end == (9.0, 3.0, 12.0)
    assert span.metres == pytest.approx(math.hypot(9.75, 3.25, 11.0))
    assert span.error is None
    assert str(depth_map.distance_between((0, 0), (0, 0), 0.1)) == "0.00 m +- 0.00 m"


def test_the_error_of_a_line_is_that_of_random_depth() -> None:
    depth_map = DepthMap.from_metres(DEPTH, intrinsics=CAMERA)
    span = depth_map.distance_between((0, 0), (3, 2), relative_error=0.02)
    rng = np.random.default_rng(1)
    a, b = (np.array(end) * rng.normal(1, 0.02, (20_000, 1)) for end in (span.start, span.end))
    assert span.error == pytest.approx(np.linalg.norm(b - a, axis=1).std(), rel=0.03)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m.distance(), "give one of box, polygon and mask, not 0"),
        (lambda m: m.distance((0, 0, 1, 1), mask=DEPTH), "not 2 of them"),
        (lambda m: m.distance((3, 0, 1, 2)), "give left,top,right,bottom"),
        (lambda m: m.distance((9, 9, 12, 12)), "holds no pixel of the 4x3 depth map"),
        (lambda m: m.distance((0, 0, math.nan, 2)), "in pixels"),
        (lambda m: m.distance(polygon=[(0, 0), (1, 1)]), "three corners"),
        (lambda m: m.distance(mask=np.ones((2, 2))), "of the same size"),
        (lambda m: m.distance((0, 0, 1, 1)), "no pixel of the region has valid depth"),
        (lambda m: m.distance_between((1, 0), (2, 0)), "intrinsics"),
        (lambda m: m.distance_between((1, 0), (9, 0)), "intrinsics"),
    ],
)
def test_what_cannot_be_measured_is_refused(ask, words) -> None:
    depth_map = DepthMap.from_metres(np.where(DEPTH == 1, 0, DEPTH))
    assert words in complaint(lambda: ask(depth_map))


def test_an_impossible_error_is_refused() -> None:
    depth_map = DepthMap.from_metres(DEPTH, intrinsics=CAMERA)
    assert "a share from 0 to 1" in complaint(
        lambda: depth_map.distance_between((0, 0), (1, 0), relative_error=20)
    )
    assert "outside" in complaint(lambda: depth_map.distance_between((0, 0), (9, 0)))


def wall(uncertainty: float, **factors: float) -> DepthMap:
    """A wall 3 m away, of a model that is as unsure of each pixel."""
    ones = np.ones((3, 4), np.float32)
    return DepthMap.from_metres(
        3 * ones, intrinsics=CAMERA, uncertainty=uncertainty * ones, interval_factors=factors
    )


def test_uncertainty_says_how_far_off_a_distance_may_be() -> None:
    found = wall(0.1, **{"80": 2.0}).distance((0, 0, 4, 3))
    assert (found.near, found.far) == pytest.approx((3 * math.exp(-0.2), 3 * math.exp(0.2)))
    assert str(found).startswith("3.00 m, likely 2.46 to 3.66 m (80 % of its pixels")
    assert found.to_dict()["far"] == found.far
    # Nothing was fitted, or nothing is stated: nothing is said.
    for silent in (wall(0.1), wall(0.1, **{"50": 1.0}), DepthMap.from_metres(DEPTH)):
        assert silent.distance((0, 0, 4, 3)).near is None


def test_the_likely_lengths_are_those_of_random_depths() -> None:
    scale, factor = 0.08, 1.3
    span = wall(scale, **{"80": factor}).distance_between((0, 0), (3, 2))
    # A factor of ln 5 would be a true Laplace distribution of that scale.
    rng = np.random.default_rng(0)
    drawn = 3 * np.exp(rng.laplace(0, scale * factor / math.log(5), (200_000, 2)))
    rays = np.array([[-1.5 / 2, -1 / 4, 1], [1.5 / 2, 1 / 4, 1]])
    lengths = np.linalg.norm(drawn[:, :1] * rays[0] - drawn[:, 1:] * rays[1], axis=1)
    assert (span.near, span.far) == pytest.approx(np.percentile(lengths, (10, 90)), rel=0.01)
    assert "likely" in str(span)
    assert wall(scale).distance_between((0, 0), (3, 2)).near is None
