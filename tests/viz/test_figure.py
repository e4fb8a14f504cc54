"""Figures of captioned pictures, and maps of signed error."""

import numpy as np
import pytest

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.viz.figure import Cell, Scale, draw_figure
from leadline.viz.panels import enlarge_points, error_map, error_table

RED, GREEN = (200, 30, 30), (30, 160, 60)


def plain(color, size=(60, 80)):
    return np.full((*size, 3), color, dtype=np.uint8)


def boxes(figure, color):
    """Rows and columns (first, last + 1) that hold exactly `color`."""
    found = np.all(figure == color, axis=-1)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)


def test_pictures_stand_in_their_row_and_column_at_one_width():
    rows = [[Cell(plain(RED)), None], [None, Cell(plain(GREEN, (40, 20)), "a caption")]]
    figure = draw_figure(["left", "right"], rows, width=160)
    (red_top, red_bottom), (red_left, red_right) = boxes(figure, RED)
    (green_top, green_bottom), (green_left, green_right) = boxes(figure, GREEN)
    assert (red_right - red_left, red_bottom - red_top) == (160, 120)
    assert (green_right - green_left, green_bottom - green_top) == (160, 320)
    assert red_left == 0 and green_left > red_right and green_top > red_bottom
    assert figure[:red_top].min() < 100 < figure[0, 0].min()  # headings in dark ink on light paper
    assert figure[green_bottom:, green_left:].min() < 100  # the caption


def test_pictures_of_other_shapes_are_no_higher_than_asked_and_stand_on_one_line():
    rows = [[Cell(plain(RED), "lying"), Cell(plain(GREEN, (80, 60)), "upright")]]
    figure = draw_figure(["a", "b"], rows, width=160, tallest=1.0)
    (red_top, red_bottom), (red_left, red_right) = boxes(figure, RED)
    (green_top, green_bottom), (green_left, green_right) = boxes(figure, GREEN)
    assert (red_right - red_left, red_bottom - red_top) == (160, 120)
    assert (green_right - green_left, green_bottom - green_top) == (120, 160)
    assert red_bottom == green_bottom
    assert green_left + green_right == 2 * figure.shape[1] - 160  # in the middle of its column


def test_scales_stand_beside_the_pictures_and_end_in_their_colours():
    table = np.linspace([0, 0, 255], [255, 0, 0], 256).astype(np.uint8)
    without = draw_figure(["a"], [[Cell(plain(RED, (150, 200)))]], width=200)
    figure = draw_figure(
        ["a"], [[Cell(plain(RED, (150, 200)))]], [Scale("depth", table, 1.0, 4.0)], width=200
    )
    assert figure.shape[0] == without.shape[0]
    assert np.array_equal(figure[:, : without.shape[1]], without)
    bar = figure[:, without.shape[1] :]
    blue, red = boxes(bar, (0, 0, 255)), boxes(bar, (255, 0, 0))
    assert red[0][0] < blue[0][0]  # far is up


def test_a_figure_beyond_what_picture_files_hold_is_refused():
    rows = [[Cell(plain(RED, (300, 10)))]] * 20
    with pytest.raises(LeadlineError, match="fewer images"):
        draw_figure(["a"], rows, width=320)


def test_an_error_map_is_blue_where_too_near_and_white_where_right():
    truth = DepthMap.from_metres(np.array([[2.0, 2.0, 2.0, 2.0, 0.0, 2.0]], np.float32))
    prediction = np.array([[2.0, 1.5, 2.5, 9.0, 1.0, np.nan]], np.float32)
    picture = error_map(truth, prediction)
    table = error_table()
    assert np.array_equal(picture[0, 0], table[128])
    assert np.array_equal(picture[0, 1], table[round(0.25 * 255)])  # 25 % too near of 50 %
    assert np.array_equal(picture[0, 2], table[round(0.75 * 255)])
    assert np.array_equal(picture[0, 3], table[255])
    assert picture[0, 1, 2] > picture[0, 1, 0] and picture[0, 2, 0] > picture[0, 2, 2]
    assert picture[0, 4].tolist() == picture[0, 5].tolist() == [56, 56, 56]


def test_holes_of_a_smaller_prediction_are_not_blended_into_an_error_map():
    truth = DepthMap.from_metres(np.full((2, 12), 2.0, np.float32))
    prediction = np.full((1, 6), 2.0, np.float32)
    prediction[0, 3] = 0.0
    shown = {tuple(pixel) for pixel in error_map(truth, prediction).reshape(-1, 3).tolist()}
    assert shown == {tuple(error_table()[128].tolist()), (56, 56, 56)}


@pytest.mark.parametrize("width", [12, 6])
def test_an_infinite_prediction_is_too_far_and_not_missing(width):
    truth = DepthMap.from_metres(np.linspace(2, 40, 24, dtype=np.float32).reshape(2, 12))
    prediction = np.full((width // 6, width), np.inf, np.float32)
    picture = error_map(truth, prediction)
    assert {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()} == {
        tuple(error_table()[255].tolist())
    }


def test_sparse_points_grow_into_what_is_shown_and_dense_pictures_stay():
    valid = np.zeros((40, 1200), dtype=bool)
    valid[20, 100], valid[20, 900] = True, True
    picture = np.where(valid[..., None], np.uint8(0), np.uint8(56)).repeat(3, axis=2)
    picture[20, 100], picture[20, 900] = RED, GREEN
    grown = enlarge_points(picture, valid, shown_width=200)  # one shown pixel is six wide
    assert [tuple(grown[20, column]) for column in (97, 103, 897, 903)] == [RED, RED, GREEN, GREEN]
    assert [tuple(grown[20, column]) for column in (95, 105)] == [(56, 56, 56)] * 2
    assert np.array_equal(enlarge_points(picture, ~valid), picture)
    assert np.array_equal(enlarge_points(picture, np.zeros_like(valid)), picture)


def test_a_low_picture_still_gets_a_scale_with_figures():
    table = np.linspace([0, 0, 255], [255, 0, 0], 256).astype(np.uint8)
    figure = draw_figure(["a"], [[Cell(plain(RED, (20, 320)))]], [Scale("d", table, 1.0, 4.0)])
    assert figure.shape[0] > 120
