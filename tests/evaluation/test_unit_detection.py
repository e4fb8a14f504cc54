"""Units of foreign prediction files: told by the truth, or refused with the evidence."""

import cv2
import numpy as np
import pytest

from leadline.depth import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import FilePredictions, evaluate
from leadline.evaluation.unit_detection import detect_units
from leadline.io.formats import write_depth
from tests.evaluation.helpers import Images


def scene(index):
    ramp = np.linspace(1 + index / 5, 6, 30 * 40, dtype=np.float32)
    return np.random.default_rng(index).permuted(ramp).reshape(30, 40)


TRUTHS = [scene(index) for index in range(5)]
DATA = Images([(truth, truth > 0) for truth in TRUTHS])
SAMPLES = [DATA[index] for index in range(len(DATA))]


def write(folder, convert, dtype=np.uint16):
    """Write what somebody's method would, off by 15 %, and return the files by id."""
    files = {}
    for index, truth in enumerate(TRUTHS):
        values = convert(truth * 1.15)
        path = folder / f"{index}.{'png' if np.issubdtype(dtype, np.integer) else 'npy'}"
        if path.suffix == ".png":
            cv2.imwrite(str(path), np.rint(values).astype(dtype))
        else:
            np.save(path, values.astype(dtype))
        files[str(index)] = path
    return files


@pytest.mark.parametrize(
    ("units", "dtype"),
    [(1000, np.uint16), (256, np.uint16), (100, np.uint16), (1000, np.float32)],
)
def test_the_usual_units_are_told(tmp_path, units, dtype):
    files = write(tmp_path, lambda x: x * units, dtype)
    found = detect_units(files, SAMPLES)
    assert found.units_per_metre == units
    assert "detected: median" in found.evidence
    result = evaluate(FilePredictions(files, found.units_per_metre), DATA, protocol="full")
    assert result.metrics["abs_rel"] == pytest.approx(0.15, abs=0.005)


def test_floating_point_files_are_metres_even_when_far_off(tmp_path):
    found = detect_units(write(tmp_path, lambda x: x * 3, np.float32), SAMPLES)
    assert found.units_per_metre == 1.0
    assert "default" in found.evidence


def test_files_that_say_their_unit_are_believed(tmp_path):
    files = {}
    for index, truth in enumerate(TRUTHS):
        files[str(index)] = tmp_path / f"{index}.png"
        write_depth(files[str(index)], DepthMap.from_metres(truth), units_per_metre=500)
    found = detect_units(files, SAMPLES)
    assert found.units_per_metre is None
    assert found.evidence == "as the files declare: 1/500 metre"


@pytest.mark.parametrize(
    ("convert", "dtype", "words"),
    [
        (lambda x: x * 510, np.uint16, "ambiguous.*--pred-scale"),
        (lambda x: x * 4000, np.uint16, "ambiguous.*1/5000.*1/4000.*--pred-scale"),
        (lambda x: x * 5000, np.uint16, "ambiguous.*1/5000.*--pred-scale"),
        (lambda x: x * 8000, np.uint16, "ambiguous.*--pred-scale"),
        (lambda x: 20000 / x, np.uint16, "disparity"),
        (lambda x: 1 / x, np.float32, "disparity"),
        (lambda x: x / x.max() * 255, np.uint8, "8-bit"),
        (lambda x: x * 0, np.uint16, "test_what.*: no prediction file has a positive"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path, convert, dtype, words):
    with pytest.raises(LeadlineError, match=words):
        detect_units(write(tmp_path, convert, dtype), SAMPLES)


def test_flip_averaging_asks_for_the_mirrored_files(tmp_path):
    files = write(tmp_path, lambda x: x, np.float32)
    (tmp_path / "flipped").mkdir()
    flipped = write(tmp_path / "flipped", lambda x: x[:, ::-1], np.float32)
    sample = DATA[0]
    with pytest.raises(LeadlineError, match="--mirrored-dir"):
        FilePredictions(files).predict_mirrored(sample)
    expected = FilePredictions(files).predict(sample).depth[:, ::-1]
    for source in (
        FilePredictions(files, 1.0, flipped),
        FilePredictions(files, flip_averaged=True),
    ):
        np.testing.assert_array_equal(source.predict_mirrored(sample), expected)
