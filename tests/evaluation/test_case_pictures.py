"""Kept predictions as pictures: one range, the scores of that image, the truth that was scored."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leadline.datasets.open import open_data
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import compare
from leadline.evaluation.cases import Case, draw_cases
from leadline.evaluation.report.case_pictures import (
    case_rows,
    choose_cases,
    comparison_figure,
    read_samples,
)
from leadline.evaluation.result import Result
from leadline.metrics import get_protocol
from leadline.viz.color import colorize
from leadline.viz.panels import error_table
from tests.evaluation.results import write_result


@pytest.fixture(scope="module")
def two(pairs, tmp_path_factory):
    root = tmp_path_factory.mktemp("cases")
    write_result(root / "steady", pairs, lambda number: 1.1, model="steady")
    write_result(root / "worse", pairs, lambda number: 1.1 + number / 50, model="worse")
    return [Result.load(root / name) for name in ("steady", "worse")]


def test_every_picture_is_coloured_in_one_range(two, pairs):
    data = open_data(pairs)
    names = choose_cases(two, 3)
    rows = case_rows(two, read_samples(two, names, data), one_range=True)
    assert len({(row.low, row.high) for row in rows}) == 1
    low, high = rows[0].low, rows[0].high
    for row in rows:
        sample = data[[data.sample_id(i) for i in range(len(data))].index(row.id)]
        truth = DepthMap.from_metres(sample.depth, sample.valid)
        assert np.array_equal(row.truth, colorize(truth, vmin=low, vmax=high))
        predicted = colorize(DepthMap.from_metres(truth.depth * 1.1), vmin=low, vmax=high)
        # Kept predictions are half floats: a colour may be the next one.
        assert np.abs(row.predictions[0].depth.astype(int) - predicted).mean() < 1
        assert row.predictions[0].scores["abs_rel"] == pytest.approx(0.1, abs=1e-6)


def test_without_one_range_each_row_has_that_of_its_truth(two, pairs):
    samples = read_samples(two, choose_cases(two, 3), open_data(pairs))
    rows = case_rows(two, samples, one_range=False)
    assert len({(row.low, row.high) for row in rows}) == 3


@pytest.mark.filterwarnings("ignore:invalid value")  # 0 x infinity is NaN: missing
def test_infinite_predictions_are_drawn_as_the_farthest(pairs, tmp_path):
    write_result(tmp_path / "endless", pairs, lambda number: np.inf, limit=2)
    result = Result.load(tmp_path / "endless")
    [sample, *_] = read_samples([result], choose_cases([result], 1), open_data(pairs))
    [row] = case_rows([result], [sample], one_range=False)
    farthest = colorize(DepthMap.from_metres([[row.high]]), vmin=row.low, vmax=row.high)[0, 0]
    assert (row.predictions[0].depth[sample.valid] == farthest).all()
    assert (row.predictions[0].error[sample.valid] == error_table()[255]).all()
    endless = np.where(sample.valid, np.inf, 0).astype(np.float16)
    drawn = draw_cases([Case(0, sample.id, ("worst",), endless, sample)], [1.0])
    missing = draw_cases([Case(0, sample.id, ("worst",), np.zeros_like(endless), sample)], [1.0])
    for part in (2, 3):  # prediction, error
        panel = np.s_[120:230, part * 320 + 4 : part * 320 + 316]
        assert (drawn[panel] != missing[panel]).any(axis=2).all()


def test_images_are_chosen_by_number_by_id_or_by_stem(two):
    even = [case.id for case in two[0].cases if "even" in case.roles]
    assert choose_cases(two, 2) == [even[0], even[-1]]
    assert choose_cases(two, 99) == even
    assert choose_cases(two, ["003", "rgb/000.png"]) == ["rgb/003.png", "rgb/000.png"]
    with pytest.raises(LeadlineError, match="'nowhere' was not kept"):
        choose_cases(two, ["nowhere"])


def test_an_image_that_only_one_result_kept_is_not_drawn(two, tmp_path):
    folder = shutil.copytree(two[1].folder, tmp_path / "worse")
    (folder / "cases" / "0.npz").unlink()
    assert "rgb/000.png" not in choose_cases([two[0], Result.load(folder)], 99)
    shutil.rmtree(folder / "cases")
    with pytest.raises(LeadlineError, match="no image in common"):
        choose_cases([two[0], Result.load(folder)], None)


def test_another_truth_than_the_scored_one_is_refused(two, pairs, tmp_path):
    copy = shutil.copytree(pairs, tmp_path / "pairs")
    file = copy / "depth" / "000.png"
    cv2.imwrite(str(file), cv2.imread(str(file), cv2.IMREAD_UNCHANGED) // 2)
    with pytest.raises(LeadlineError, match=r"rgb/000\.png had abs_rel 0\.1000, against the truth"):
        read_samples(two, ["rgb/000.png"], open_data(copy))
    read_samples(two, ["rgb/001.png"], open_data(copy))
    with pytest.raises(LeadlineError, match=r"rgb/777\.png"):
        read_samples(two, ["rgb/777.png"], open_data(copy))


def test_a_damaged_case_is_one_clear_error(two, tmp_path):
    folder = shutil.copytree(two[1].folder, tmp_path / "worse")
    case = folder / "cases" / "0.npz"
    case.write_bytes(case.read_bytes()[:100])
    with pytest.raises(LeadlineError, match=r"0\.npz: is damaged"):
        choose_cases([Result.load(folder)], 1)
    np.savez(case, prediction=np.array([{"a": 1}], dtype=object), id="rgb/000.png", role="even")
    with pytest.raises(LeadlineError, match=r"0\.npz"):
        Result.load(folder).cases[0].prediction()


def test_the_figure_has_a_column_for_each_model_and_a_line_for_errors(two, pairs):
    samples = read_samples(two, choose_cases(two, 2), open_data(pairs))
    rows = case_rows(two, samples, one_range=True)
    plain = comparison_figure(rows, ["steady", "worse"])
    with_errors = comparison_figure(rows, ["steady", "worse"], errors=True)
    assert plain.shape[1] > 4 * 320
    assert with_errors.shape[0] > plain.shape[0] + 2 * 240
    one = comparison_figure([rows[0]], ["steady", "worse"])
    assert one.shape[0] < plain.shape[0]


@pytest.mark.parametrize("protocol", ["vkitti-sciuto", "square"])
def test_results_that_were_scored_at_a_size_of_another_shape_are_drawn(pairs, tmp_path, protocol):
    if protocol == "square":
        full = get_protocol("full")
        protocol = replace(full, name="square", source="a test", working_size=(32, 32))
    result = Result.load(write_result(tmp_path / "out", pairs, lambda _: 1.1, protocol=protocol))
    data = open_data(pairs)
    page, panel = tmp_path / "compare.html", tmp_path / "panel.png"
    compare([result], out=page, panel=panel, images=2, errors=True)
    assert page.is_file() and panel.is_file()
    names = choose_cases([result], 2)
    (row, _) = case_rows([result], read_samples([result], names, data), one_range=True)
    sample = data[[data.sample_id(i) for i in range(len(data))].index(row.id)]
    prediction = row.predictions[0]
    assert prediction.depth.shape == prediction.error.shape == sample.image.shape
    assert prediction.scores["abs_rel"] == pytest.approx(0.1, abs=0.04)
    # Another truth is found all the same.
    spoiled = [replace(sample, stored=DepthMap.from_metres(sample.depth * np.float32(1.05)))]
    with pytest.raises(LeadlineError, match="give the data that was scored"):
        read_samples([result], [row.id], OneSample(spoiled))


class OneSample(list):
    """Data of samples in memory."""

    def sample_id(self, index):
        return self[index].id
