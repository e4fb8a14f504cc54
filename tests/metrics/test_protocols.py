"""Protocols: crop, cap, clamp and resize, against arrays worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from leadline.depth import LeadlineError
from leadline.metrics import get_protocol, protocol_for
from leadline.metrics.resize import resize_to

NYU = get_protocol("nyu-eigen")


def test_the_crop_is_rows_45_to_470_and_columns_41_to_600():
    truth = np.ones((480, 640), np.float32)
    rows, columns = np.nonzero(NYU.mask(truth, truth > 0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (45, 470, 41, 600)
    assert len(rows) == 426 * 560


def test_truth_outside_the_cap_is_not_scored():
    truth = np.full((480, 640), 5.0, np.float32)
    truth[100, 100], truth[101, 101] = 10.0, 0.0005
    scored = NYU.mask(truth, truth > 0)
    assert not scored[100, 100]
    assert not scored[101, 101]


def test_predictions_are_clamped_and_nan_counts_as_the_nearest():
    truth = np.full((480, 640), 5.0, np.float32)
    far = NYU.score(np.full((480, 640), 99.0, np.float32), truth, truth > 0)
    nothing = NYU.score(np.full((480, 640), np.nan, np.float32), truth, truth > 0)
    assert far is not None and nothing is not None
    assert far["rmse"] == pytest.approx(5.0)
    assert nothing["rmse"] == pytest.approx(5.0 - 1e-3)


def test_an_image_without_a_scored_pixel_has_no_score():
    truth = np.zeros((480, 640), np.float32)
    assert NYU.score(truth, truth, truth > 0) is None


def test_another_size_is_refused_and_the_remedy_named():
    with pytest.raises(LeadlineError, match=r"\(480, 640\).*\(240, 320\).*--protocol full"):
        NYU.mask(np.ones((240, 320), np.float32), np.ones((240, 320), bool))


def test_resizing_is_bilinear_with_half_pixel_centres():
    depth = np.random.default_rng(0).uniform(1, 5, (7, 9)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(depth)[None, None], size=(20, 30), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    np.testing.assert_allclose(resize_to(depth, (20, 30)), expected, rtol=2e-5)


def test_the_hash_changes_with_any_field():
    assert NYU.hash == get_protocol("nyu-eigen").hash
    assert replace(NYU, max_depth=80.0).hash != NYU.hash
    assert replace(NYU, crop=None, crop_size=None).hash != NYU.hash


def test_auto_depends_on_the_size_of_the_truth():
    assert protocol_for("auto", (480, 640)).name == "nyu-eigen"
    assert protocol_for("auto", (375, 1242)).name == "full"
    with pytest.raises(LeadlineError, match="choose one of"):
        get_protocol("kitty")
