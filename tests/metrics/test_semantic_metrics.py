"""Class scores against a hand-worked matrix and torchmetrics."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from leadline.metrics import (
    DOCUMENT_METRICS,
    confusion_matrix,
    depth_metrics,
    semantic_metrics,
)


def test_a_hand_worked_example():
    truth = np.array([[0, 0, 1], [1, 2, 9]])
    prediction = np.array([[0, 1, 1], [1, 2, 0]])
    matrix = confusion_matrix(prediction, truth, classes=4, ignore=[9])
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    scores = semantic_metrics(matrix)
    assert scores["pixel_accuracy"] == pytest.approx(4 / 5)
    # Class 3 occurs nowhere and does not count.
    assert scores["mean_iou"] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)


def test_it_equals_torchmetrics():
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(0, 7, (2, 40, 50))
    scores = semantic_metrics(confusion_matrix(prediction, truth, 7))
    p, t = torch.from_numpy(prediction), torch.from_numpy(truth)
    assert scores["pixel_accuracy"] == pytest.approx(
        float(MulticlassAccuracy(7, average="micro")(p, t)), abs=1e-6
    )
    assert scores["mean_iou"] == pytest.approx(float(MulticlassJaccardIndex(7)(p, t)), abs=1e-6)


def test_nothing_counted_has_no_score():
    empty = confusion_matrix(np.zeros(3, int), np.full(3, 5), 6, ignore=[5])
    assert semantic_metrics(empty) is None


def test_an_ignored_id_is_no_class_of_the_mean_where_it_is_predicted():
    truth, prediction = np.array([1, 1, 1, 2, 2, 2, 0]), np.array([1, 1, 0, 2, 2, 2, 2])
    scores = semantic_metrics(confusion_matrix(prediction, truth, 3, ignore=[0]), ignore=[0])
    assert scores == pytest.approx({"pixel_accuracy": 5 / 6, "mean_iou": (2 / 3 + 1) / 2})


def test_the_documents_own_metrics():
    p, g = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    scores = depth_metrics(p, g, DOCUMENT_METRICS)
    assert scores["depth_accuracy"] == pytest.approx(0.5)
    expected = np.sqrt((np.log(2 / 3) ** 2 + np.log(4 / 3) ** 2) / 2)
    assert scores["rmse_log1p"] == pytest.approx(expected)
    assert (
        depth_metrics(np.array([9.0]), np.array([1.0]), DOCUMENT_METRICS)["depth_accuracy"] == 0.0
    )


@pytest.mark.parametrize("strange", [-1, 3])
def test_a_prediction_that_is_no_class_is_refused_where_it_counts(strange):
    prediction = np.array([0, 1, strange])
    with pytest.raises(ValueError, match=f"class {strange} is predicted; expected 0 to 2"):
        confusion_matrix(prediction, np.array([0, 1, 2]), 3)
    assert confusion_matrix(prediction, np.array([0, 1, 9]), 3).sum() == 2
