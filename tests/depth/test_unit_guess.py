"""Scoring units: candidates by storage, the best and its lead."""

import math

import numpy as np
import pytest

from leadline.depth.unit_guess import UnitScores, score_units, storage_of


@pytest.mark.parametrize(
    ("dtype", "storage"),
    [("uint8", "u1"), ("int8", "u1"), ("uint16", "u2"), ("int32", "u2"), (np.float16, "f")],
)
def test_storage_follows_kind_and_width(dtype, storage):
    assert storage_of(dtype) == storage


@pytest.mark.parametrize(
    ("storage", "units"),
    [("u2", 1000), ("u2", 256), ("u2", 100), ("f", 1), ("f", 1000), ("u1", 25.5)],
)
def test_the_unit_that_puts_the_median_right_comes_first(storage, units):
    scores = score_units(storage, lambda each: -abs(math.log(2.4 * units / each / 2.0)))
    assert scores.best == units
    assert scores.of(units) == pytest.approx(-math.log(1.2))


def test_other_units_are_scored_beside_the_usual():
    scores = score_units("u2", lambda units: -abs(units - 500), also=[500.0])
    assert [units for units, _ in scores.ranked] == [500, 256, 100, 1000, 4000, 5000, 8000, 10000]
    assert scores.lead == 244
    assert scores.close_to_best(300) == [500, 256]
    assert scores.of(510) == 0 and scores.of(600) is None


@pytest.mark.parametrize("units", [4000, 5000, 8000, 10000])
def test_units_a_fifth_apart_stay_close_to_each_other(units):
    scores = score_units("u2", lambda each: -abs(math.log(2.4 * units / each / 2.0)))
    assert units in scores.close_to_best(0.5)
    assert scores.lead < 0.5


def test_equal_scores_keep_the_usual_unit_first():
    assert score_units("f", lambda units: 0.0).best == 1.0
    assert UnitScores(((25.5, -1.0),)).lead == 0
