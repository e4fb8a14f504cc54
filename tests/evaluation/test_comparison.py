"""Comparisons: what may stand side by side, what is best, how sure a difference is."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.evaluation import compare, evaluate
from leadline.evaluation.published import published_for, published_sets
from leadline.evaluation.report import tables
from leadline.evaluation.result import Result
from leadline.metrics import PROTOCOLS, bootstrap_interval, paired_test
from tests.evaluation.results import ScaledTruth, edit_result, write_named_pairs, write_result


@pytest.fixture(scope="module")
def folders(pairs, tmp_path_factory):
    """Results of the same twelve images: `near` is 10 % off everywhere, `far` 20..31 %."""
    root = tmp_path_factory.mktemp("results")
    write_result(root / "near", pairs, lambda number: 1.1, model="near")
    write_result(root / "far", pairs, lambda number: 1.2 + number / 100, model="far")
    write_result(root / "few", pairs, lambda number: 1.1, model="few", limit=5)
    write_result(
        root / "clipped", pairs, lambda number: 1.1, model="near", protocol="kitti-garg-50"
    )
    return root


@pytest.fixture(scope="module")
def loaded(folders):
    return {path.name: Result.load(path) for path in folders.iterdir()}


@pytest.fixture
def near(folders, tmp_path):
    """A copy of `near` that a test may spoil."""
    return shutil.copytree(folders / "near", tmp_path / "near")


def test_the_best_of_each_column_is_marked(loaded):
    comparison = compare([loaded["near"], loaded["far"]], metrics=("abs_rel", "delta1"))
    near, far = comparison.rows
    assert near.values["abs_rel"].number == pytest.approx(0.1, abs=1e-6)
    assert far.values["abs_rel"].number == pytest.approx(
        np.mean(0.2 + np.arange(12) / 100), abs=1e-6
    )
    assert near.values["abs_rel"].best and near.values["delta1"].best
    assert not far.values["abs_rel"].best and not far.values["delta1"].best


def test_equal_scores_are_both_best_and_a_lone_result_is_not_best_of_anything(loaded):
    twice = compare([loaded["near"], loaded["near"]], labels=["a", "b"], metrics=("abs_rel",))
    assert [row.values["abs_rel"].best for row in twice.rows] == [True, True]
    alone = compare([loaded["near"]], metrics=("abs_rel",))
    assert not alone.rows[0].values["abs_rel"].best


def test_the_paired_test_agrees_with_scipy(loaded):
    comparison = compare([loaded["near"], loaded["far"]], metrics=("abs_rel", "rmse"))
    for metric, found in comparison.differences["far"].items():
        a, b = (loaded[name].table.columns[metric] for name in ("near", "far"))
        exact = stats.permutation_test(
            (a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
            vectorized=True, n_resamples=np.inf,
        )  # fmt: skip
        assert found.p == pytest.approx(exact.pvalue, abs=1e-9)
        assert found.mean == pytest.approx(np.mean(b - a))
        assert found.interval[0] < found.mean < found.interval[1]


def test_images_are_paired_by_id_and_not_by_place(loaded, folders, tmp_path):
    shuffled = shutil.copytree(folders / "far", tmp_path / "far")
    with (shuffled / "per_image.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    with (shuffled / "per_image.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows[::-1]])
    expected = compare([loaded["near"], loaded["far"]]).differences
    assert compare([loaded["near"], Result.load(shuffled)]).differences == expected


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("clipped", ["protocol full", "kitti-garg-50"]),
        ("few", ["12 images against 5, 5 in common"]),
    ],
)
def test_results_made_otherwise_are_refused(loaded, other, words):
    with pytest.raises(LeadlineError, match="cannot stand side by side") as caught:
        compare([loaded["near"], loaded["far"], loaded[other]], labels=["a", "b", "c"])
    for word in [*words, other, "--mixed"]:
        assert word in str(caught.value)


def test_other_data_of_the_same_names_is_refused(loaded, near):
    elsewhere = Result.load(edit_result(near, data="/somewhere/else"))
    with pytest.raises(LeadlineError, match=r"data pairs\d+ against else"):
        compare([loaded["near"], elsewhere], labels=["a", "b"])
    reopened = Result.load(
        edit_result(near, data=loaded["near"].data, data_options={"units_per_metre": 256.0})
    )
    with pytest.raises(LeadlineError, match=r"--depth-scale the data's own against 256\."):
        compare([loaded["near"], reopened], labels=["a", "b"])


def test_another_ground_truth_of_the_same_images_is_refused(loaded, near):
    file = near / "per_image.csv"
    lines = file.read_text().splitlines()
    name, pixels, *rest = lines[3].split(",")
    lines[3] = ",".join([name, str(int(pixels) - 7), *rest])
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(LeadlineError, match=rf"{name} has {pixels} scored pixels against"):
        compare([loaded["far"], Result.load(near)])


def test_mixed_results_are_marked_and_neither_ranked_nor_tested(loaded):
    three = [loaded[name] for name in ("far", "clipped", "few")]
    comparison = compare(three, mixed=True, metrics=("abs_rel",))
    assert [row.marks for row in comparison.rows] == [(), ("a",), ("b",)]
    assert not any(row.values["abs_rel"].best for row in comparison.rows)
    assert comparison.differences == {}
    assert "kitti-garg-50" in comparison.notes["a"]
    assert "5 in common" in comparison.notes["b"]
    assert "near [a]" in tables.terminal(comparison)


def test_a_single_image_has_neither_an_interval_nor_a_test(pairs, tmp_path):
    for name, factor in (("a", 1.1), ("b", 1.3)):
        write_result(tmp_path / name, pairs, lambda number, f=factor: f, model=name, limit=1)
    comparison = compare([Result.load(tmp_path / name) for name in "ab"])
    assert comparison.differences == {}
    assert all(v.interval is None for row in comparison.rows for v in row.values.values())
    assert "p value" not in tables.terminal(comparison)


def test_neighbours_are_drawn_and_flipped_together(loaded):
    both = [loaded["near"], loaded["far"]]
    alone, table = (compare(both, metrics=("abs_rel",), block=block) for block in (None, 4))
    assert (alone.block, table.block) == (1, 4)
    a, b = (each.table.columns["abs_rel"].reshape(3, 4).mean(axis=1) for each in both)
    found = table.differences["far"]["abs_rel"]
    assert found.p == paired_test(a, b)
    expected = bootstrap_interval((b - a)[:, None])[:, 0]
    assert found.interval == pytest.approx(tuple(expected))
    expected = bootstrap_interval(b[:, None])[:, 0]
    assert table.rows[1].values["abs_rel"].interval == pytest.approx(tuple(expected))
    for write in tables.TEXT_FORMATS.values():
        assert "independent" not in write(table)
    for write in (tables.terminal, tables.markdown, tables.latex):
        assert "4 neighbours drawn together" in write(table)
        assert "4 neighbouring images are drawn and flipped together" in write(table)
        assert "taken as independent" in write(alone)


def test_a_result_says_how_many_neighbours_its_intervals_drew_together(loaded, near, pairs):
    result = evaluate(ScaledTruth(lambda number: 1 + number / 50), open_data(pairs, None), block=3)
    rooms = result.table.columns["abs_rel"].reshape(4, 3).mean(axis=1)
    expected = bootstrap_interval(rooms[:, None])[:, 0]
    assert result.intervals["abs_rel"] == pytest.approx(tuple(expected))
    assert result.to_json()["block"] == 3 and compare([result]).block == 3
    edit_result(near, block=None)  # written before blocks were
    assert Result.load(near).block == 1


def test_images_scored_in_one_block_alone_have_no_interval(tmp_path):
    pairs = write_named_pairs(tmp_path, [f"{number:03d}.png" for number in range(4)])
    for number in (2, 3):
        empty = Image.fromarray(np.zeros((32, 48), np.uint16))
        empty.save(tmp_path / "depth" / f"{number}.png")
    predictions, data = ScaledTruth(lambda number: 1.1 + number / 10), open_data(pairs, None)
    assert evaluate(predictions, data).intervals["abs_rel"] == pytest.approx((0.1, 0.2), abs=1e-4)
    result = evaluate(predictions, data, block=2, out=tmp_path / "out")
    assert (result.images_scored, result.intervals) == (2, {})
    assert compare([Result.load(tmp_path / "out")]).rows[0].values["abs_rel"].interval is None
    assert "bootstrap" not in (tmp_path / "out" / "report.html").read_text()


def test_blocks_that_leave_no_two_and_those_of_pooled_scores_are_refused(loaded, pairs, tmp_path):
    with pytest.raises(LeadlineError, match=r"^block 7: 12 images .* give 1 to 6"):
        compare([loaded["near"], loaded["far"]], block=7)
    with pytest.raises(LeadlineError, match=r"^block 0: .* give 1 to 6"):
        evaluate(ScaledTruth(lambda number: 1.1), open_data(pairs, None), block=0)
    pooled = replace(PROTOCOLS["full"], aggregation="pooled")
    folder = write_result(tmp_path / "pooled", pairs, lambda number: 1.1, protocol=pooled)
    with pytest.raises(LeadlineError, match="evaluate again with --block 2"):
        compare([Result.load(folder)], block=2)


def test_every_format_repeats_the_warnings_of_the_results(loaded, near, tmp_path):
    warned = Result.load(
        edit_result(near, warnings=["2 of these 12 images were trained on by r_1"])
    )
    table = compare([loaded["far"], warned], out=tmp_path / "page.html")
    words = "near: 2 of these 12 images were trained on by r"
    for name, write in tables.TEXT_FORMATS.items():
        assert words in write(table), name
    assert words in (tmp_path / "page.html").read_text()
    assert "arning" not in tables.markdown(compare([loaded["far"], loaded["near"]]))


def test_one_name_for_two_results_takes_the_folder_as_well(loaded):
    comparison = compare([loaded["near"], loaded["clipped"]], mixed=True)
    assert comparison.labels == ["near (near)", "near (clipped)"]
    with pytest.raises(LeadlineError, match="given twice"):
        compare([loaded["near"], loaded["near"]])
    with pytest.raises(LeadlineError, match="different labels"):
        compare([loaded["near"], loaded["far"]], labels=["same", "same"])


def test_what_no_command_line_would_let_through_is_refused_as_well(loaded):
    with pytest.raises(LeadlineError, match="at least one result"):
        compare([])
    with pytest.raises(LeadlineError, match="'excel' is not known; choose one of html, json"):
        compare([loaded["near"]], format="excel")


def test_an_unknown_metric_names_those_there_are(loaded):
    with pytest.raises(LeadlineError, match="'rsme'; choose among delta1"):
        compare([loaded["near"]], metrics=("rsme",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": None}, "protocol"),
        ({"metrics": {"abs_rel": "good"}}, "metrics.abs_rel"),
        ({"images": 11}, "different runs"),
        ({"breakdowns": {"ranges": [3]}}, "breakdowns.ranges"),
    ],
)
def test_a_spoiled_result_is_one_clear_error(near, changes, words):
    with pytest.raises(LeadlineError, match=words):
        Result.load(edit_result(near, **changes))


def test_a_protocol_that_was_tampered_with_is_found(near):
    content = json.loads((near / "result.json").read_text())
    edit_result(near, protocol={**content["protocol"], "max_depth": 10.0})
    with pytest.raises(LeadlineError, match="do not give its hash"):
        compare([Result.load(near)])
    edit_result(near, protocol={**content["protocol"], "weather": "fine"})
    with pytest.raises(LeadlineError, match=r"another version.*weather"):
        compare([Result.load(near)])


@pytest.mark.parametrize("name", ["result.json", "per_image.csv"])
def test_a_truncated_file_is_one_clear_error(near, name):
    file = near / name
    file.write_text(file.read_text()[:40])
    with pytest.raises(LeadlineError, match=name):
        Result.load(near)
    file.unlink()
    with pytest.raises(LeadlineError, match=name):
        Result.load(near)


def test_published_rows_stand_beside_results_of_their_data_only(loaded, pairs, tmp_path):
    assert not [row for row in compare([loaded["near"]]).rows if row.kind == "published"]
    nyu = replace(PROTOCOLS["full"], name="nyu-small")  # the named ones want 480x640
    folder = write_result(tmp_path / "nyu", pairs, lambda number: 1.1, protocol=nyu)
    # The protocol's name alone makes nobody's data NYU.
    assert not [row for row in compare([Result.load(folder)]).rows if row.kind == "published"]
    edit_result(folder, dataset="kitti")
    assert not [row for row in compare([Result.load(folder)]).rows if row.kind == "published"]
    edit_result(folder, dataset="nyu")
    comparison = compare([Result.load(folder)], metrics=("delta1", "rmse"))
    published = {row.name: row for row in comparison.rows if row.kind == "published"}
    assert published["DenseDepth"].values["rmse"].number == 0.465
    assert published["BTS, DenseNet-161"].values["delta1"].number == 0.885
    assert published["Ladicky 2014"].values["rmse"].number is None
    for row in published.values():
        assert not any(value.best for value in row.values.values())
        texts = [comparison.notes[mark] for mark in row.marks]
        assert any("654 official" in text for text in texts), row.name
    assert not [
        row
        for row in compare([Result.load(folder)], published=False).rows
        if row.kind == "published"
    ]


def test_published_tables_name_known_protocols_and_plausible_numbers():
    for each in published_sets():
        for row in each.rows:
            shares = [
                row.metrics[name] for name in ("delta1", "delta2", "delta3") if name in row.metrics
            ]
            assert shares == sorted(shares), row.name
            assert all(0 < share <= 1 for share in shares), row.name
    for name in PROTOCOLS:
        expected = "NYU" if name.startswith("nyu") else "KITTI" if "kitti" in name else None
        for dataset in ("nyu", "kitti", "vkitti"):
            found = published_for(name, dataset)
            if found is not None:
                assert expected and expected in found.title
        assert published_for(name, "") is None
    assert published_for("full", "nyu") is None


def test_an_older_result_is_of_the_data_set_of_its_layout(near):
    opening = {"layout": "nyu-mat", "units_per_metre": None, "options": {}}
    edit_result(near, dataset=None, data_options=opening)
    assert Result.load(near).dataset == "nyu"
    edit_result(near, dataset=None, data_options={**opening, "layout": "pairs"})
    assert Result.load(near).dataset == ""
