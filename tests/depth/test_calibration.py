"""Calibration: planted scale and shift come back; wrong points and impossible fits do not pass."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.depth import Calibration, DepthMap, fit_calibration
from leadline.errors import LeadlineError
from leadline.io import read_calibration, write_calibration

OLD = Path(__file__).parents[1] / "data" / "v0.1" / "calibration" / "calibration.json"

SCALES = st.floats(0.05, 20)
SHIFTS = st.floats(-0.05, 2)
RNG = np.random.default_rng(3)


def planted(scale: float, shift: float, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Predictions from 0.5 to 8 m, and what the formula of the documents makes of them."""
    predicted = np.linspace(0.5, 8, count) / scale
    return predicted, 1 / (1 / (scale * predicted) + shift)


@given(SCALES, st.sampled_from(["median", "least-squares"]))
def test_a_planted_scale_comes_back(scale, fit):
    predicted, known = planted(scale, 0)
    found = fit_calibration(predicted, known, fit=fit)
    assert found.scale == pytest.approx(scale, rel=1e-12)
    assert found.shift == 0


@given(SCALES, SHIFTS, st.sampled_from(["median", "least-squares"]), st.integers(2, 40))
@settings(deadline=None)
def test_a_planted_scale_and_shift_come_back(scale, shift, fit, count):
    predicted, known = planted(scale, shift, count)
    found = fit_calibration(predicted, known, shift=True, fit=fit)
    assert found.scale == pytest.approx(scale, rel=1e-8)
    assert found.shift == pytest.approx(shift, abs=1e-8)
    np.testing.assert_allclose(found.metres(predicted), known, rtol=1e-7)


def test_two_points_worked_by_hand():
    """1/2 = a/1 + b and 1/8 = a/4 + b: a = 1/2, b = 0; moved by 1/8 the shift is 1/8."""
    found = fit_calibration(np.array([1.0, 4.0]), np.array([2.0, 8.0]), shift=True)
    assert (found.scale, found.shift) == (2.0, 0.0)
    found = fit_calibration(np.array([1.0, 4.0]), np.array([8 / 5, 4.0]), shift=True)
    assert (found.scale, found.shift) == (2.0, 0.125)


@pytest.mark.parametrize("shift", [False, True])
def test_a_quarter_of_wrong_points_does_not_move_the_median(shift):
    predicted, known = planted(1.7, 0.1 if shift else 0, 200)
    wrong = RNG.permutation(200)[:50]
    known[wrong] = RNG.uniform(0.2, 80, 50)
    found = fit_calibration(predicted, known, shift=shift)
    assert found.scale == pytest.approx(1.7, rel=0.02)
    assert found.shift == pytest.approx(0.1 if shift else 0, abs=0.01)
    pulled = fit_calibration(predicted, known, shift=shift, fit="least-squares")
    assert abs(pulled.scale / 1.7 - 1) > 0.1


def test_least_squares_agrees_with_numpy():
    predicted, known = planted(1.7, 0.1, 200)
    known = known * RNG.uniform(0.9, 1.1, 200)
    found = fit_calibration(predicted, known, shift=True, fit="least-squares")
    slope, offset = np.polyfit(1 / predicted, 1 / known, 1)
    assert (1 / found.scale, found.shift) == pytest.approx((slope, offset), rel=1e-9)
    scale = np.linalg.lstsq(predicted[:, None], known, rcond=None)[0][0]
    assert fit_calibration(predicted, known, fit="least-squares").scale == pytest.approx(scale)


def test_the_median_agrees_with_the_theil_sen_estimate_of_scipy():
    from scipy.stats import theilslopes

    predicted, known = planted(1.7, 0.1, 60)
    known = known * RNG.uniform(0.9, 1.1, 60)
    found = fit_calibration(predicted, known, shift=True)
    slope = theilslopes(1 / known, 1 / predicted).slope
    assert 1 / found.scale == pytest.approx(slope, rel=0.01)


def test_many_points_are_fitted_in_a_moment_and_always_alike():
    predicted, known = planted(1.7, 0.1, 300_000)
    known = known * RNG.uniform(0.9, 1.1, len(known))
    found = fit_calibration(predicted, known, shift=True)
    assert found.scale == pytest.approx(1.7, rel=0.02)
    assert fit_calibration(predicted, known, shift=True) == found


@pytest.mark.parametrize(
    ("predicted", "known", "shift", "words"),
    [
        ([], [], False, "0 known distances cannot fix 1"),
        ([2.0], [3.0], True, "1 known distance cannot fix 2"),
        ([2.0], [0.0], False, "known distance of 0 m"),
        ([2.0], [-1.0], False, "known distance of -1 m"),
        ([2.0], [np.nan], False, "finite"),
        ([0.0], [1.0], False, "finite distances on valid depth"),
        ([2.0, 2.05], [3.0, 4.0], True, "too close to one depth"),
        ([2.0, 4.0], [4.0, 2.0], True, "shrink where the predicted ones grow"),
        ([2.0, 4.0], [3.0, 3.0], True, "shrink where the predicted ones grow"),
    ],
)
def test_what_cannot_be_fitted_is_refused(predicted, known, shift, words):
    with pytest.raises(LeadlineError, match=words):
        fit_calibration(np.array(predicted), np.array(known), shift=shift)


@pytest.mark.parametrize(
    ("predicted", "known"), [([2.0], [3.0]), ([2.0, 2.0], [3.0, 4.0]), ([1.0, 2.0], [2.0, 1.0])]
)
def test_of_depth_without_unit_the_shift_is_not_to_be_left_out(predicted, known):
    given = np.array(predicted), np.array(known)
    with pytest.raises(LeadlineError, match="leave out --shift"):
        fit_calibration(*given, shift=True)
    with pytest.raises(LeadlineError) as refused:
        fit_calibration(*given, shift=True, kind="affine-inverse")
    assert "leave out" not in str(refused.value)
    assert "points" in str(refused.value)
    assert "2 m" not in str(refused.value)


def test_applying_keeps_what_is_invalid_and_says_so_in_the_provenance():
    depth_map = DepthMap.from_metres([[0.0, 1.0], [2.0, 4.0]], provenance={"model": "m"})
    corrected = Calibration(2.0, 0.25).apply(depth_map)
    expected = [[0, 1 / (1 / 2 + 0.25)], [1 / (1 / 4 + 0.25), 1 / (1 / 8 + 0.25)]]
    np.testing.assert_allclose(corrected.depth, expected, rtol=1e-6)
    assert dict(corrected.provenance) == {
        "model": "m",
        "calibration": "scale 2, shift 0.25 1/m",
    }


def test_a_second_correction_does_not_hide_the_first():
    twice = Calibration(3.0).apply(Calibration(2.0).apply(DepthMap.from_metres([[1.0]])))
    assert (twice.depth.item(), twice.provenance["calibration"]) == (6, "scale 2, then scale 3")


def test_pixels_beyond_infinity_become_invalid():
    depth_map = DepthMap.from_metres([[1.0, 4.0, 5.0, 50.0]])
    corrected = Calibration(1.0, -0.2).apply(depth_map)
    assert corrected.valid.tolist() == [[True, True, False, False]]
    np.testing.assert_allclose(corrected.depth[0, :2], [1.25, 20.0], rtol=1e-5)


def test_a_calibration_survives_its_file(tmp_path: Path):
    path = tmp_path / "c.json"
    made = Calibration(1.0 / 3, 0.1, {"model": "compact-nyu"})
    write_calibration(path, made)
    assert read_calibration(path) == made
    assert json.loads(path.read_text())["formula"] == "1/z' = 1/(scale z) + shift"


def test_a_calibration_of_version_0_1_opens():
    """Written by `leadline calibrate examples/room.jpg ... --shift` of version 0.1."""
    found = read_calibration(OLD)
    assert (found.scale, found.shift) == (0.33628146576386747, -0.35551002851597024)
    assert found.about == {
        "source": "room.jpg", "model": "compact-nyu", "fit": "median", "points": "2",
    }  # fmt: skip
    # 1/z' = 1/(scale z) + shift, at the two points that it was fitted to.
    np.testing.assert_allclose(found.metres(np.array([3.894, 2.644])), [2.45, 1.30], atol=0.002)


@pytest.mark.parametrize(
    "content",
    ["", "no json", "[]", "{}", '{"format": "leadline-calibration", "version": 9}',
     '{"format": "leadline-calibration", "version": 1, "scale": -1, "shift": 0, "about": {}}',
     '{"format": "leadline-calibration", "version": 1, "scale": "x", "shift": 0, "about": {}}',
     '{"format": "leadline-calibration", "version": 1, "scale": 1, "shift": NaN, "about": {}}'],
)  # fmt: skip
def test_a_damaged_file_is_one_line_naming_it(tmp_path: Path, content: str):
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(LeadlineError, match=r"c\.json: ") as caught:
        read_calibration(path)
    assert "\n" not in str(caught.value)


def test_a_scale_alone_makes_no_metres_of_depth_without_a_unit():
    without_unit = DepthMap.from_inverse(np.array([[0.5, 1.0], [2.0, 4.0]], np.float32))
    with pytest.raises(LeadlineError, match=r"scale 2 makes no metres of affine-inverse depth"):
        Calibration(2.0).apply(without_unit)
    corrected = Calibration(2.0, 0.25).apply(without_unit)
    # 1 / (v / 2 + 0.25) of the values v.
    np.testing.assert_allclose(corrected.depth, [[2.0, 4 / 3], [0.8, 4 / 9]], rtol=1e-6)
    assert corrected.kind == "metric"
