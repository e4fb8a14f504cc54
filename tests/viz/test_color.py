import numpy as np
import pytest

from leadline.depth import DepthMap
from leadline.errors import LeadlineError
from leadline.viz import COLORMAPS, colorize, robust_range
from leadline.viz.color import INVALID_COLOR, color_table, fill_range, parse_range
from leadline.viz.scale_bar import round_ticks, tick_labels
from tests.complaints import complaint

RAMP = DepthMap.from_metres(np.linspace(1, 11, 256)[None].repeat(240, axis=0))
TURBO_COLD, TURBO_WARM = (48, 18, 59), (122, 4, 3)  # ends of Mikhailov's published table


def test_near_is_warm_far_is_cold() -> None:
    picture = colorize(RAMP, vmin=1, vmax=11)
    assert picture.shape == (240, 256, 3)
    assert picture.dtype == np.uint8
    assert tuple(picture[0, 0]) == TURBO_WARM
    assert tuple(picture[0, -1]) == TURBO_COLD


def test_colours_are_linear_in_metres() -> None:
    """256 distances in equal steps over the range are the 256 greys in order."""
    picture = colorize(RAMP, vmin=1, vmax=11, cmap="gray")
    np.testing.assert_array_equal(picture[3, :, 1], np.arange(255, -1, -1))


def test_beyond_the_range_is_the_colour_of_its_end() -> None:
    wide = DepthMap.from_metres([[0.1, 2.0, 4.0, 3e38]])
    picture = colorize(wide, vmin=2, vmax=4)
    assert [tuple(color) for color in picture[0]] == [
        TURBO_WARM, TURBO_WARM, TURBO_COLD, TURBO_COLD,
    ]  # fmt: skip


def test_a_fixed_range_gives_one_distance_one_colour_in_every_picture() -> None:
    one = colorize(DepthMap.from_metres([[2.0, 3.0]]), vmin=0, vmax=10)
    other = colorize(DepthMap.from_metres([[9.0, 3.0]]), vmin=0, vmax=10)
    np.testing.assert_array_equal(one[0, 1], other[0, 1])


@pytest.mark.parametrize("cmap", [name for name in COLORMAPS if name != "gray"])
def test_invalid_pixels_have_a_colour_of_their_own(cmap: str) -> None:
    picture = colorize(DepthMap.from_metres([[0.0, 1.0, 2.0]]), cmap=cmap)
    assert tuple(picture[0, 0]) == INVALID_COLOR
    assert INVALID_COLOR not in {tuple(color) for color in color_table(cmap)}


@pytest.mark.parametrize("cmap", ["magma", "inferno", "plasma", "viridis", "cividis", "gray"])
def test_the_near_end_of_sequential_maps_is_the_bright_one(cmap: str) -> None:
    brightness = color_table(cmap).astype(int).sum(axis=1)
    assert brightness[-1] > 2 * brightness[0]


def test_spectral_goes_through_its_published_colours() -> None:
    table = color_table("spectral")
    assert tuple(table[0]) == (0x5E, 0x4F, 0xA2)
    assert tuple(table[255]) == (0x9E, 0x01, 0x42)
    assert np.abs(table[127].astype(int) - (0xFF, 0xFF, 0xBF)).max() <= 3


def test_robust_range_is_the_percentiles_of_valid_pixels() -> None:
    depth = np.arange(1, 102, dtype=np.float32).reshape(1, -1)
    assert robust_range(depth, np.ones_like(depth, bool)) == pytest.approx((3, 99))
    only = depth <= 51
    assert robust_range(depth, only) == pytest.approx((2, 50))


def test_robust_range_ignores_a_few_outliers() -> None:
    depth = np.full((100, 100), 2, dtype=np.float32)
    depth[:, 50:] = 4
    depth[0, :50] = 1000
    assert robust_range(depth, depth > 0) == (2, 4)


@pytest.mark.parametrize("value", [1e-30, 0.001, 2.0, 655.35, 1e30])
def test_robust_range_of_a_constant_map_is_not_empty(value: float) -> None:
    low, high = robust_range(np.full((4, 4), value, np.float32), np.ones((4, 4), bool))
    assert low < np.float32(value) < high


def test_robust_range_without_a_valid_pixel() -> None:
    assert robust_range(np.zeros((2, 2), np.float32), np.zeros((2, 2), bool)) == (0, 1)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 50), (50, 1), (7, 9), (240, 320), (375, 1242), (2000, 3)]
)
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_any_size_takes_a_bar_and_a_title(shape: tuple[int, int], value: float) -> None:
    picture = colorize(DepthMap.from_metres(np.full(shape, value)), bar=True, title="a title")
    assert picture.shape[0] == shape[0]
    assert picture.shape[1] > shape[1]


def test_the_bar_leaves_the_picture_alone_and_shows_the_whole_table() -> None:
    plain, barred = colorize(RAMP, vmin=1, vmax=11), colorize(RAMP, vmin=1, vmax=11, bar=True)
    np.testing.assert_array_equal(barred[:, :256], plain)
    bar = barred[:, 256 + 14].astype(int)  # a column inside the coloured strip
    assert tuple(bar[229]) == TURBO_WARM  # near at the bottom ...
    assert tuple(bar[10]) == TURBO_COLD  # ... far at the top
    inside = {tuple(color) for color in bar[10:230]}
    assert inside <= {tuple(color) for color in color_table("turbo").astype(int)}
    assert len(inside) > 200


@pytest.mark.parametrize("height", [240, 480, 3000])
def test_ticks_stand_at_their_distance(height: int) -> None:
    """Between 0 and 4 m the tick of 2 m is in the middle of the bar, and letters follow it."""
    width = height * 4 // 3
    depth_map = DepthMap.from_metres(np.full((height, width), 2.0))
    panel = colorize(depth_map, vmin=0, vmax=4, bar=True)[:, width:].astype(int)
    tick = (panel == 150).all(axis=2)
    rows = np.flatnonzero(tick.any(axis=1))
    assert np.abs(rows - (height - 1) / 2).min() <= 0.02 * height
    letters = (panel > 200).all(axis=2).any(axis=1)
    assert 5 / height < letters.mean() < 0.7
    assert letters[rows[0] - 4 : rows[0] + 5].any()


def test_a_tick_stands_beside_the_colour_of_its_distance() -> None:
    """From 0.6 to 4.2 m the ticks are 1.0, 1.5, ... 4.0 m, closer to the top than to the bottom."""
    options = {"vmin": 0.6, "vmax": 4.2, "cmap": "gray"}
    panel = colorize(RAMP, bar=True, **options)[:, RAMP.width :].astype(int)  # type: ignore[arg-type]
    rows = np.flatnonzero((panel[:, 23:26] == 150).all(axis=(1, 2)))
    distances = np.arange(4.0, 0.9, -0.5)
    expected = colorize(DepthMap.from_metres(distances[None]), **options)[0, :, 0]  # type: ignore[arg-type]
    assert len(rows) == len(distances)
    np.testing.assert_allclose(panel[rows, 14, 0], expected, atol=2)


def test_a_title_is_written_in_the_corner_only() -> None:
    plain, titled = colorize(RAMP), colorize(RAMP, title="Küche 640 × 480\nzwei")
    changed = (plain != titled).any(axis=2)
    assert changed[:40].any()
    assert not changed[60:].any()


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 6, [0, 2, 4, 6, 8, 10]),
        (1.2, 3.9, 4, [2, 3]),
        (0.4, 80, 5, [20, 40, 60, 80]),
        (1.9, 2.1, 5, [1.9, 1.95, 2.0, 2.05, 2.1]),
        (2.3, 2.4, 2, [2.3, 2.4]),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    assert round_ticks(low, high, most) == pytest.approx(expected)


def test_labels_tell_the_ticks_apart() -> None:
    assert tick_labels([1, 2, 3]) == ["1.0 m", "2.0 m", "3.0 m"]
    assert tick_labels([20, 40]) == ["20 m", "40 m"]
    assert tick_labels([1.95, 2.0]) == ["1.95 m", "2.00 m"]
    assert tick_labels([0.0]) == ["0.0 m"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"cmap": "jet"}, "turbo, magma"),
        ({"vmin": 3, "vmax": 3}, "swap them"),
        ({"vmin": 5, "vmax": 3}, "swap them"),
        ({"vmin": -1}, "0 or more"),
        ({"vmax": float("nan")}, "0 or more"),
        ({"vmax": 0}, "above 0"),
    ],
)
def test_impossible_options(options: dict[str, float], hint: str) -> None:
    assert hint in complaint(lambda: colorize(RAMP, **options))  # type: ignore[arg-type]


def test_a_range_in_metres_is_refused_for_a_map_without_unit() -> None:
    relative = DepthMap.from_inverse(np.array([[1.0, 2.0]], np.float32))
    for options in ({"vmin": 1.0}, {"vmax": 2.0}, {"vmin": 1.0, "vmax": 2.0}):
        assert "are metres" in complaint(lambda options=options: colorize(relative, **options))
        assert "are metres" in complaint(lambda options=options: relative.picture(**options))


def test_one_end_may_be_left_open() -> None:
    far = DepthMap.from_metres([[2.0, 3.0]])
    assert tuple(colorize(far, vmin=50)[0, 0]) == TURBO_WARM
    assert tuple(colorize(far, vmax=1)[0, 1]) == TURBO_COLD


@pytest.mark.parametrize(
    ("given", "found", "filled"),
    [
        ((None, None), (1.0, 4.0), (1.0, 4.0)),
        ((2.0, 3.0), (1.0, 4.0), (2.0, 3.0)),
        ((2.0, None), (1.0, 4.0), (2.0, 4.0)),
        ((2.0, None), (1.0, 2.5), (2.0, 2.5)),  # half a metre of relief stays half a metre
        ((5.0, None), (1.0, 4.0), (5.0, 6.0)),
        ((30.0, None), (1.0, 4.0), (30.0, 33.0)),
        ((None, 3.0), (1.0, 4.0), (1.0, 3.0)),
        ((None, 1.0), (1.0, 4.0), (0.0, 1.0)),
    ],
)
def test_an_end_that_is_given_stands_and_the_other_lies_beyond_it(given, found, filled):
    assert fill_range(*given, *found) == filled


def test_a_range_of_anything_else_names_what_may_stand_there():
    assert parse_range("0.5,8") == (0.5, 8.0)
    with pytest.raises(LeadlineError, match=r"'x': give A,B in metres"):
        parse_range("x")
    with pytest.raises(LeadlineError, match=r"'1,2,3': give auto, per-image or A,B in metres"):
        parse_range("1,2,3", "auto", "per-image")
