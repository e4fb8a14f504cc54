"""An evaluation reads each image once and scores it once for each predictor."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from leadline.datasets.pairs import PairsDataset
from leadline.evaluation import PredictionFolder, evaluate
from leadline.metrics import Protocol
from tests.conftest import write_pairs
from tests.evaluation.results import ScaledTruth

TRUTH = ScaledTruth(lambda number: 1 + number / 20)


@pytest.fixture
def counts(monkeypatch):
    """How often each image is read, under its id, and how often one is scored, under "score"."""
    counts = Counter()
    read, score = PairsDataset.read, Protocol.score

    def counted_read(self, item):
        counts[item.id] += 1
        return read(self, item)

    def counted_score(*arguments):
        counts["score"] += 1
        return score(*arguments)

    monkeypatch.setattr(PairsDataset, "read", counted_read)
    monkeypatch.setattr(Protocol, "score", counted_score)
    return counts


def test_an_evaluation_with_its_report_reads_and_scores_each_image_once(pairs, tmp_path, counts):
    evaluate(TRUTH, pairs, out=tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()
    assert counts.pop("score") == 12
    assert len(counts) == 12 and set(counts.values()) == {1}


def test_baselines_are_scored_in_the_same_pass(tmp_path, counts):
    data = write_pairs(tmp_path / "data", 12)
    names = [f"{number:03d}.png" for number in range(12)]
    for split, part in (("train", names[:6]), ("val", names[6:])):
        rows = [f"rgb/{name},depth/{name}" for name in part]
        (data / f"{split}.csv").write_text("\n".join(["image,depth", *rows]) + "\n")
    result = evaluate(TRUTH, data, out=tmp_path / "out")
    assert len(result.baselines) == 2
    assert counts.pop("score") == 3 * 6
    assert len(counts) == 12 and set(counts.values()) == {1}


@pytest.mark.parametrize("units", [None, 1.0])
def test_files_whose_unit_is_judged_cost_no_further_read(pairs, tmp_path, counts, units):
    (tmp_path / "pred").mkdir()
    for number in range(12):
        with Image.open(pairs / "depth" / f"{number:03d}.png") as image:
            metres = np.asarray(image) / np.float32(1100)
        np.save(tmp_path / "pred" / f"{number:03d}.npy", metres)
    result = evaluate(PredictionFolder(tmp_path / "pred", units), pairs, out=tmp_path / "out")
    assert "metre" in result.prediction_units
    assert counts.pop("score") == 12
    assert len(counts) == 12 and set(counts.values()) == {1}
