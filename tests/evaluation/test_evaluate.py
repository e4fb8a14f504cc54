"""Breakdowns, kept cases, class scores: against values worked out beside them."""

import cv2
import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.evaluation import (
    CaseCollector,
    FilePredictions,
    PredictedMaps,
    evaluate,
    score,
    training_baselines,
)
from leadline.metrics import get_protocol
from leadline.viz import panels
from tests.evaluation.helpers import Images
from tests.evaluation.results import write_named_pairs, write_result
from tests.metrics.reference import nine


class Planted:
    """Answers planted by sample id."""

    def __init__(self, *answers):
        self.answers = answers

    def predict(self, sample):
        return self.answers[int(sample.id)]


def two_images():
    """Truth of 1..9 m with a step, predictions, labels 0..3 with 255 void."""
    rng = np.random.default_rng(0)
    truths, predictions, labels = [], [], []
    for _ in range(2):
        truth = rng.uniform(1.0, 1.04, (30, 40)).astype(np.float32)
        truth[:, 20:] += 5
        truth[:3] = 0
        truths.append(truth)
        predictions.append(truth * rng.lognormal(0, 0.2, truth.shape).astype(np.float32))
        ids = rng.integers(0, 4, truth.shape).astype(np.int32)
        ids[:, :2] = 255
        labels.append(ids)
    return truths, predictions, labels


def evaluate_two(breakdowns, **options):
    truths, predictions, labels = two_images()
    data = Images([(g, g > 0, ids) for g, ids in zip(truths, labels, strict=True)])
    answers = Planted(*(PredictedMaps(p) for p in predictions))
    return evaluate(answers, data, protocol="full", breakdowns=breakdowns, **options)


def pooled(chosen):
    """The nine metrics over the pixels of both images where `chosen(truth, ids)`."""
    p, g = [], []
    for truth, prediction, ids in zip(*two_images(), strict=True):
        keep = (truth > 0) & chosen(truth, ids)
        p.append(prediction[keep].astype(float))
        g.append(truth[keep].astype(float))
    return nine(np.concatenate(p), np.concatenate(g)), sum(map(len, g))


def test_ranges_classes_and_edges_are_the_metrics_of_their_pixels():
    parts = evaluate_two(["ranges", "classes", "edges"]).breakdowns
    by_range = {(row.low, row.high): row for row in parts["ranges"]}
    for low, high in ((1.0, 2.0), (5.0, 7.0)):
        expected, pixels = pooled(lambda g, _, low=low, high=high: (g >= low) & (g < high))
        assert by_range[low, high].pixels == pixels
        assert by_range[low, high].metrics == pytest.approx(expected, rel=1e-9)
    assert by_range[2.0, 3.0].metrics is None
    assert [row.id for row in parts["classes"]] == [0, 1, 2, 3]  # void is left out
    for row in parts["classes"]:
        expected, pixels = pooled(lambda _, ids, row=row: ids == row.id)
        assert (row.pixels, row.images) == (pixels, 2)
        assert row.metrics == pytest.approx(expected, rel=1e-9)

    def at_edge(g, _):
        columns = np.zeros(g.shape, bool)
        columns[:, 17:23] = True
        return columns

    edge, interior = parts["edges"]
    expected, pixels = pooled(at_edge)
    assert (edge.name, edge.pixels) == ("edge", pixels)
    assert edge.metrics == pytest.approx(expected, rel=1e-9)
    expected, pixels = pooled(lambda g, ids: ~at_edge(g, ids))
    assert interior.pixels == pixels
    assert interior.metrics == pytest.approx(expected, rel=1e-9)


def test_a_class_breakdown_needs_labels():
    truth = np.full((4, 4), 2.0, np.float32)
    with pytest.raises(LeadlineError, match="no labels"):
        evaluate(
            Planted(PredictedMaps(truth)), Images([(truth, truth > 0)]), breakdowns=["classes"]
        )


def test_data_without_labels_is_refused_for_classes_before_anything_is_predicted(tmp_path):
    bare = write_named_pairs(tmp_path / "bare", ["a.png", "b.png"])
    predicted = []

    class Counting:
        def predict(self, sample):
            predicted.append(sample.id)
            return PredictedMaps(np.ones(sample.depth.shape, np.float32))

    with pytest.raises(LeadlineError, match=r"pairs\.csv has no labels; leave it out"):
        evaluate(Counting(), bare, breakdowns=["classes"])
    assert not predicted


def test_one_labelled_image_among_many_is_enough_for_classes(tmp_path):
    listed = write_named_pairs(tmp_path / "data", [f"{number}.png" for number in range(12)])
    lines = listed.read_text().splitlines()
    cv2.imwrite(str(listed.parent / "ids.png"), np.full((32, 48), 3, np.uint8))
    lines = [lines[0] + ",label", *(f"{line}," for line in lines[1:])]
    lines[2] += "ids.png"  # none of those that are looked at beforehand
    listed.write_text("\n".join(lines) + "\n")

    class Two:
        def predict(self, sample):
            return PredictedMaps(np.full(sample.depth.shape, 2, np.float32))

    result = evaluate(Two(), listed, breakdowns=["classes"])
    assert [part.id for part in result.breakdowns["classes"]] == [3]


def test_training_depth_of_another_size_leaves_its_holes_out_of_the_mean():
    large, small = np.full((8, 8), 2, np.float32), np.full((4, 4), 4, np.float32)
    small[1, 2] = 0
    baselines = training_baselines(Images([(large, large > 0), (small, small > 0)]))
    expected = np.full((8, 8), 3, np.float32)
    expected[2:4, 4:6] = 2
    np.testing.assert_allclose(baselines["mean training depth map"], expected, rtol=1e-6)


def test_the_median_of_depth_beyond_a_hundred_metres_is_what_it_is():
    far = np.full((3, 4), 250.0, np.float32)
    far[0, 0] = 3.0
    baselines = training_baselines(Images([(far, far > 0)]))
    assert baselines["median training depth"] == pytest.approx(250.0)


def test_class_scores_leave_void_out():
    truth = np.full((2, 3), 2.0, np.float32)
    ids = np.array([[0, 0, 1], [1, 2, 255]], np.int32)
    answer = PredictedMaps(truth, np.array([[0, 1, 1], [1, 2, 0]], np.uint8))
    result = evaluate(Planted(answer), Images([(truth, truth > 0, ids)]))
    assert result.semantic == pytest.approx(
        {"pixel_accuracy": 4 / 5, "mean_iou": (1 / 2 + 2 / 3 + 1) / 3}
    )
    result = evaluate(Planted(answer), Images([(truth, truth > 0, ids)]), void=(255, 0))
    assert result.semantic == pytest.approx({"pixel_accuracy": 1.0, "mean_iou": 1.0})


def test_the_kept_cases_are_evenly_spaced_and_the_extremes():
    truth = np.full((6, 8), 2.0, np.float32)
    factors = np.random.default_rng(1).permutation(40) / 40 + 1
    answers = Planted(*(PredictedMaps(truth * np.float32(f)) for f in factors))
    collector = CaseCollector(40, even=3, extreme=4)
    score(answers, Images([(truth, truth > 0)] * 40), observers=[collector])
    kept = {case.index: case for case in collector.cases()}
    ranked = np.argsort(factors)
    for role, indices in (
        ("even", [0, 19, 39]), ("best", ranked[:4]), ("worst", ranked[-4:]),
    ):  # fmt: skip
        assert {i for i, case in kept.items() if role in case.roles} == set(indices)
    for index, case in kept.items():
        np.testing.assert_allclose(case.prediction(), 2 * factors[index], rtol=1e-3)


HOLES = {(3, 3): np.inf, (3, 4): np.nan, (3, 5): 0.0, (3, 6): -2.0}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pfm"])
def test_a_file_counts_infinite_as_the_largest_depth_like_the_array(tmp_path, suffix):
    truth = np.full((30, 40), 2.0, np.float32)
    prediction = truth.copy()
    for place, value in HOLES.items():
        prediction[place] = value
    write_foreign(tmp_path / f"0{suffix}", prediction)
    data = Images([(truth, truth > 0)])
    files = {"0": tmp_path / f"0{suffix}"}
    got = evaluate(FilePredictions(files), data, protocol="full", cases=1)
    assert got.metrics == get_protocol("full").score(prediction, truth, truth > 0).metrics
    # By hand: one pixel of 80 m, three of 1 mm, the others right.
    assert got.metrics["abs_rel"] == pytest.approx((78 + 3 * 1.999) / 2 / truth.size)
    assert got.missing_share == pytest.approx(4 / truth.size)
    kept = got.cases[0].prediction()
    assert [kept[place] for place in HOLES] == [np.inf, 0, 0, 0]


def write_foreign(path, depth):
    """Write an array as a file that is not Leadline's own."""
    if path.suffix == ".npy":
        np.save(path, depth)
    elif path.suffix == ".npz":
        np.savez(path, depth=depth)
    else:
        path.write_bytes(b"Pf 40 30 -1.0\n" + depth[::-1].tobytes())


def test_the_interval_of_a_pooled_metric_resamples_images():
    result = evaluate_two([])
    low, high = result.intervals["abs_rel"]
    values = sorted(result.table.columns["abs_rel"])
    # Of two images a resampled mean is one of three values: both ends are the images themselves.
    assert (low, high) == pytest.approx(values)


def test_the_worst_cases_are_drawn_with_their_range_in_metres(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(
        panels, "draw_title", lambda picture, title: titles.append(title) or picture
    )
    data = write_named_pairs(tmp_path / "data", ["000.png"])
    write_result(tmp_path / "out", data, lambda number: 1.5)
    # The depth is a ramp from 1 to 3 m, whose 2nd and 98th percentile are 1.04 and 2.96 m.
    assert titles == [
        "000.png",
        "truth, 1.0 to 3.0 m",
        "prediction, abs_rel 0.500",
        "error -50..+50 %",
    ]
