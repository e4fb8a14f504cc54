"""Somebody's prediction files: inverse depth, other shapes, where they lie."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leadline.depth import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import (
    FilePredictions,
    ModelSource,
    PredictionFolder,
    evaluate,
    find_files,
)
from leadline.evaluation.crops import parse_crop
from leadline.evaluation.predictions import PredictedMaps
from leadline.evaluation.unit_detection import check_declared_units
from leadline.io.formats import write_depth
from leadline.metrics import get_protocol
from leadline.metrics.protocols import aligned
from tests.evaluation.helpers import Images

RELATIVE = aligned(get_protocol("full"), "scale-shift", "inverse")
SIZE = (48, 64)


def smooth_scene(seed):
    """Truth of 1.5..9 m without an edge, with some invalid pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(1.5, 9, (4, 5)).astype(np.float32)
    truth = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC).clip(1.5, 9)
    truth[rng.random(SIZE) < 0.1] = 0
    return truth


TRUTHS = [smooth_scene(seed) for seed in range(3)]
DATA = Images([(truth, truth > 0) for truth in TRUTHS])
SAMPLES = [DATA[index] for index in range(len(DATA))]


def fitted_by_lstsq(disparity, truth):
    """abs_rel and rmse after the least-squares line from disparity to 1 / truth, in float64."""
    keep = (truth > 1e-3) & (truth < 80)
    x, g = disparity.astype(np.float64)[keep], truth.astype(np.float64)[keep]
    (a, b), *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], axis=1), 1 / g, rcond=None)
    p = (1 / np.maximum(a * x + b, 1e-12)).clip(1e-3, 80)
    return {"abs_rel": (abs(p - g) / g).mean(), "rmse": np.sqrt(((p - g) ** 2).mean())}


def disparity_of(truth, seed):
    """What a network without scale or shift gives: noisy, stretched to 16 bits, 0 the farthest."""
    filled = np.where(truth > 0, truth, truth.max())
    noisy = 1 / filled + np.random.default_rng(seed).normal(0, 0.02, truth.shape)
    return np.rint(65535 * (noisy - noisy.min()) / np.ptp(noisy)).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".npy"])
def test_files_of_disparity_are_fitted_as_least_squares_would(tmp_path, suffix):
    files, expected = {}, []
    for index, truth in enumerate(TRUTHS):
        disparity = disparity_of(truth, index)
        files[str(index)] = tmp_path / f"{index}{suffix}"
        if suffix == ".png":
            cv2.imwrite(str(files[str(index)]), disparity)
        else:
            np.save(files[str(index)], disparity / np.float32(7))
        expected.append(fitted_by_lstsq(disparity, truth))
    got = evaluate(FilePredictions(files, output="inverse"), DATA, protocol=RELATIVE).metrics
    for name in ("abs_rel", "rmse"):
        assert got[name] == pytest.approx(np.mean([each[name] for each in expected]), rel=1e-5)


def test_disparity_of_another_size_is_resized_before_its_reciprocal_is_taken(tmp_path):
    small = np.random.default_rng(0).uniform(0, 1, (12, 16)).astype(np.float32)
    small[3:6, 4:9] = 0  # infinitely far: a reciprocal there would spoil its neighbours
    np.save(tmp_path / "0.npy", small)
    large = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    one = Images([(TRUTHS[0], TRUTHS[0] > 0)])
    files = FilePredictions({"0": tmp_path / "0.npy"}, output="inverse")
    got = evaluate(files, one, protocol=RELATIVE).metrics
    expected = fitted_by_lstsq(large, TRUTHS[0])
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sizes", [SIZE, (12, 16)])
def test_standardised_disparity_scores_as_the_disparity_itself(tmp_path, sizes):
    files = {"0": tmp_path / "0.npy"}
    one = Images([(TRUTHS[0], TRUTHS[0] > 0)])
    disparity = np.random.default_rng(1).uniform(0.1, 2, sizes).astype(np.float32)
    scores = []
    for values in (disparity, (disparity - disparity.mean()) / disparity.std() * 1e-4):
        np.save(files["0"], values)
        predictions = FilePredictions(files, output="inverse")
        scores.append(evaluate(predictions, one, protocol=RELATIVE).metrics)
        assert check_declared_units(files, SAMPLES[:1], None) is None
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)


def test_negative_disparity_under_a_scale_alone_is_warned_of(tmp_path):
    files = {"0": tmp_path / "0.npy"}
    np.save(files["0"], np.linspace(-1, 1, TRUTHS[0].size, dtype=np.float32).reshape(SIZE))
    scale = aligned(get_protocol("full"), "scale", "inverse")
    one = Images([(TRUTHS[0], TRUTHS[0] > 0)])
    predictions = FilePredictions(files, output="inverse")
    for protocol, words in ((scale, ["1 files of inverse depth have values below 0"]),
                            (RELATIVE, [])):  # fmt: skip
        warnings = evaluate(predictions, one, protocol=protocol).warnings
        assert [text.partition(", ")[0] for text in warnings if "below 0" in text] == words


def test_a_file_that_says_it_holds_depth_is_no_disparity(tmp_path):
    write_depth(tmp_path / "0.png", DepthMap.from_metres(TRUTHS[0]))
    with pytest.raises(LeadlineError, match=r"0\.png: says that it holds depth \(1000 units"):
        FilePredictions({"0": tmp_path / "0.png"}, output="inverse").predict(DATA[0])


def test_numbers_that_run_the_wrong_way_are_warned_of(tmp_path):
    depth, disparity = {}, {}
    for index, truth in enumerate(TRUTHS):
        depth[str(index)], disparity[str(index)] = (tmp_path / f"{k}{index}.npy" for k in "zd")
        np.save(depth[str(index)], truth)
        np.save(disparity[str(index)], disparity_of(truth, index).astype(np.float32))
    assert check_declared_units(depth, SAMPLES, 1.0) is None
    assert check_declared_units(disparity, SAMPLES, None) is None
    assert "look like disparity" in check_declared_units(disparity, SAMPLES, 1.0)
    assert "look like depth" in check_declared_units(depth, SAMPLES, None)


def told(tmp_path, shape, size):
    """What is said of a file of `shape` where the truth has `size`."""
    np.save(tmp_path / "0.npy", np.full(shape, 2, np.float32))
    truth = np.full(size, 2, np.float32)
    files = FilePredictions({"0": tmp_path / "0.npy"})
    evaluate(files, Images([(truth, truth > 0)]), protocol="full")
    return files.warnings()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((228, 304), (480, 640)),
        ((416, 544), (480, 640)),
        ((384, 1248), (375, 1242)),
        ((320, 1024), (375, 1242)),
        ((192, 640), (370, 1224)),
    ],
)
def test_rounding_of_a_shape_is_not_worth_a_word(tmp_path, shape, size):
    assert told(tmp_path, shape, size) == []


@pytest.mark.parametrize(
    ("shape", "size"),
    [((300, 300), (480, 640)), ((600, 480), (480, 640)), ((352, 704), (375, 1242))],
)
def test_nothing_is_stretched_into_a_score(tmp_path, shape, size):
    words = rf"0\.npy: is {shape[0]}x{shape[1]} .*truth is {size[0]}x{size[1]}.*--pred-crop kb"
    with pytest.raises(LeadlineError, match=words):
        told(tmp_path, shape, size)


def slanted(size):
    """Truth that differs everywhere, 2 to 12 m."""
    rows, columns = np.indices(size)
    return (2 + 6 * rows / size[0] + 4 * columns / size[1]).astype(np.float32)


def cropped_score(tmp_path, part, size, crop=None, protocol="full"):
    """Score the truth itself, of which only `part` (of rows and columns) is in the file."""
    truth = slanted(size)
    (tmp_path / "pred").mkdir(exist_ok=True)
    np.save(tmp_path / "pred" / "0.npy", truth[part])
    source = PredictionFolder(tmp_path / "pred", crop=crop)
    return evaluate(source, Images([(truth, truth > 0)]), protocol=protocol)


@pytest.mark.parametrize(
    ("size", "part"),
    [
        ((375, 1242), np.s_[23:, 13:1229]),
        ((370, 1224), np.s_[18:, 4:1220]),
        ((376, 1241), np.s_[24:, 12:1228]),
    ],
)
@pytest.mark.parametrize("crop", ["kb", None])
def test_a_perfect_prediction_in_kittis_crop_is_perfect(tmp_path, size, part, crop):
    result = cropped_score(tmp_path, part, size, crop, "kitti-eigen-garg")
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert result.missing_share == 0  # Garg's crop lies within
    said = [line for line in result.warnings if "recognised as a crop" in line]
    assert len(said) == (crop is None)
    # Under a protocol without a crop, what lies outside is missing and said to be.
    whole = cropped_score(tmp_path, part, size, crop)
    assert whole.missing_share == pytest.approx(1 - 352 * 1216 / (size[0] * size[1]))


@pytest.mark.parametrize("part", [np.s_[45:471, 41:601], np.s_[44:471, 40:601]])
def test_the_valid_part_of_nyu_is_put_back(tmp_path, part):
    result = cropped_score(tmp_path, part, (480, 640), None, "nyu-eigen")
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert result.missing_share == 0


def test_a_declared_crop_is_put_back_at_any_resolution(tmp_path):
    # A network's own crop of 228x304 at half size: 456x608 pixels of the truth.
    result = cropped_score(
        tmp_path, np.s_[12:468:2, 16:624:2], (480, 640), "16,12,608,456", "nyu-eigen"
    )
    assert result.metrics["abs_rel"] < 0.01
    stretched = cropped_score(tmp_path, np.s_[12:468:2, 16:624:2], (480, 640), "whole", "nyu-eigen")
    assert stretched.metrics["abs_rel"] > 1.5 * result.metrics["abs_rel"]


@pytest.mark.parametrize("output", ["metric", "inverse"])
def test_a_hole_of_a_smaller_crop_stays_one_and_leaves_its_neighbours_alone(tmp_path, output):
    stored = np.full((12, 16), 2, np.float32)
    stored[5, 7] = 0 if output == "metric" else np.nan
    np.save(tmp_path / "0.npy", stored)
    truth = np.full((60, 80), 2, np.float32)
    files = FilePredictions(
        {"0": tmp_path / "0.npy"}, output=output, crop=parse_crop("10,20,32,24")
    )
    depth = files.predict(Images([(truth, truth > 0)])[0]).depth
    part = depth[20:44, 10:42]
    assert np.count_nonzero(np.isnan(part)) == 4 and np.isnan(part[10:12, 14:16]).all()
    assert np.unique(part[np.isfinite(part)]) == pytest.approx(2 if output == "metric" else 0.5)
    assert np.isnan(depth).sum() == depth.size - 24 * 32 + 4


@pytest.mark.parametrize("crop", [None, "10,20,32,24"])
@pytest.mark.parametrize("output", ["metric", "inverse"])
@pytest.mark.parametrize("rule", ["nearest", "bilinear, aligned corners"])
def test_crops_and_inverse_depth_are_resized_by_the_rule_of_the_protocol(
    tmp_path, rule, output, crop
):
    rng = np.random.default_rng(0)
    stored = rng.uniform(1, 9, (12, 16)).astype(np.float32)
    folder = tmp_path / "pred"
    folder.mkdir()
    np.save(folder / "0.npy", stored)
    size, box = ((48, 64), np.s_[:, :]) if crop is None else ((60, 80), np.s_[20:44, 10:42])
    base = get_protocol("full") if output == "metric" else RELATIVE
    protocol = replace(base, resize=rule)
    large = np.full(size, np.nan, np.float32)
    rows, columns = large[box].shape
    if rule == "nearest":
        large[box] = stored.repeat(rows // 12, axis=0).repeat(columns // 16, axis=1)
    else:
        wide = [np.interp(np.linspace(0, 15, columns), np.arange(16), row) for row in stored]
        y = np.linspace(0, 11, rows)
        tall = [np.interp(y, np.arange(12), column) for column in np.transpose(wide)]
        large[box] = np.transpose(tall)
    depth = large if output == "metric" else 1 / large
    noise = rng.lognormal(0, 0.1, size).astype(np.float32)
    truth = np.where(np.isnan(depth), 0, depth).astype(np.float32) * noise
    expected = protocol.score(depth, truth, truth > 0).metrics["abs_rel"]
    units = 1.0 if output == "metric" else None
    source = PredictionFolder(folder, units, output, crop=crop)
    got = evaluate(source, Images([(truth, truth > 0)]), protocol=protocol).metrics["abs_rel"]
    # OpenCV's remap knows a 32nd of a pixel.
    assert got == pytest.approx(expected, rel=1e-5 if rule == "nearest" else 2e-2)
    plain = evaluate(source, Images([(truth, truth > 0)]), protocol=base).metrics["abs_rel"]
    assert abs(plain - expected) > 5e-2 * expected


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        ("16,12,608,480", "does not lie in 480x640"),
        ("600,0,100,75", "does not lie in 480x640"),
        ("0,0,100,100", "no plain resize of the declared crop of 100x100; correct --pred-crop"),
        ("kbb", "expected kb"),
        ("1,2,3", "expected kb"),
        ("0,0,0,5", "no pixel"),
    ],
)
def test_a_crop_that_cannot_be_is_refused(tmp_path, crop, words):
    with pytest.raises(LeadlineError, match=words):
        cropped_score(tmp_path, np.s_[:, :], (480, 640), crop)


def test_mirrored_files_have_the_mirrored_crop(tmp_path):
    truth = slanted((60, 80))
    np.save(tmp_path / "0.npy", truth[:30, 10:50])
    np.save(tmp_path / "m.npy", truth[:30, 10:50][:, ::-1])
    files = FilePredictions(
        {"0": tmp_path / "0.npy"},
        mirrored={"0": tmp_path / "m.npy"},
        crop=parse_crop("10,0,40,30"),
    )
    sample = Images([(truth, truth > 0)])[0]
    np.testing.assert_array_equal(
        files.predict_mirrored(sample)[:, ::-1], files.predict(sample).depth
    )


class Planted:
    """Predicts one map."""

    def __init__(self, depth):
        self.depth = depth

    def predict(self, sample):
        return PredictedMaps(self.depth)


def test_predictions_in_memory_are_not_stretched_either():
    truth = np.full((48, 64), 2, np.float32)
    for shape, words in (((48, 48), "no plain resize"), ((24, 32), None)):
        answer = Planted(np.full(shape, 2, np.float32))
        if words is None:
            assert evaluate(answer, Images([(truth, truth > 0)])).metrics["abs_rel"] == 0
        else:
            with pytest.raises(LeadlineError, match=words):
                evaluate(answer, Images([(truth, truth > 0)]))


@pytest.mark.parametrize("shape", [(640, 480), (320, 240)])
def test_a_transposed_file_is_refused(tmp_path, shape):
    with pytest.raises(LeadlineError, match=rf"0\.npy: is {shape[0]}x.*rows and columns"):
        told(tmp_path, shape, (480, 640))


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("ids", "files"),
    [
        (("rgb/a.png", "rgb/b.png"), ("rgb/a.npy", "rgb/b.npy")),
        (("rgb/a.png", "rgb/b.png"), ("a.npy", "b.pfm")),
        (("rgb/a.png", "rgb/b.png"), ("npy/a.npy", "npy/b.npy")),
        (("/photos/rgb/a.png", "/photos/rgb/b.png"), ("a.npy", "b.exr")),
        (("/photos/rgb/a.png", "/photos/rgb/b.png"), ("of_net/a.npy", "of_net/b.npy")),
        (("/d/x/1.jpg", "/d/y/1.jpg"), ("x/1.npy", "y/1.npy")),
        (("../rgb/a.png", "../rgb/b.png"), ("a.npy", "b.npy")),
        (("s/x/data/1.png", "s/y/data/1.png"), ("x/data/1.npz", "y/data/1.npz")),
    ],
)
def test_files_are_found_by_path_by_its_end_or_by_stem(tmp_path, ids, files):
    put(tmp_path, *files)
    found = find_files(tmp_path, ids)
    assert found == {name: tmp_path / file for name, file in zip(ids, files, strict=True)}


def test_the_photograph_itself_is_never_taken_for_its_prediction(tmp_path):
    put(tmp_path, "rgb/a.png", "rgb/b.png", "pred/c.npy")
    ids = [str(tmp_path / "rgb" / name) for name in ("a.png", "b.png")]
    for names in (ids, ["../rgb/a.png", "../rgb/b.png"]):
        with pytest.raises(LeadlineError, match="no prediction for 2 of 2") as caught:
            find_files(tmp_path / "pred", names)
        assert f"expected {tmp_path}/pred/" in str(caught.value)
    with pytest.raises(LeadlineError) as caught:
        find_files(tmp_path / "pred", ids)
    assert f"{ids[0]}; expected {tmp_path}/pred/a.npy, or" in str(caught.value)


def test_numbers_of_an_unknown_kind_are_refused(tmp_path):
    for source in (PredictionFolder, ModelSource):
        with pytest.raises(LeadlineError, match="'feet' of predictions: choose one of metric, inv"):
            source(tmp_path, output="feet")


def test_one_file_never_serves_two_images(tmp_path):
    put(tmp_path, "1.npy", "data/1.npy")
    with pytest.raises(LeadlineError, match=r"no prediction for 2 of 2.*expected .*x/data/1\.npy"):
        find_files(tmp_path, ["x/data/1.png", "y/data/1.png"])


def test_two_sets_in_one_folder_are_not_chosen_between(tmp_path):
    put(tmp_path, "one/a.npy", "other/a.npy")
    with pytest.raises(LeadlineError, match=r"several predictions for rgb/a\.png: .*one/a and"):
        find_files(tmp_path, ["rgb/a.png"])


def folder_with_a_damaged_file(tmp_path, count=3):
    """Perfect predictions of `count` images, the second of which is cut short."""
    truths = [slanted((30, 40)) + number for number in range(count)]
    (tmp_path / "pred").mkdir()
    for number, truth in enumerate(truths):
        np.save(tmp_path / "pred" / f"{number}.npy", truth)
    bad = tmp_path / "pred" / "1.npy"
    bad.write_bytes(bad.read_bytes()[:500])
    return tmp_path / "pred", Images([(truth, truth > 0) for truth in truths])


@pytest.mark.parametrize("units", [None, 1.0])
def test_one_bad_file_stops_no_folder_and_counts_as_no_prediction(tmp_path, units):
    folder, data = folder_with_a_damaged_file(tmp_path)
    result = evaluate(PredictionFolder(folder, units), data, protocol="full")
    assert [result.table.value(name, "abs_rel") for name in ("0", "2")] == [0, 0]
    truth = slanted((30, 40)) + 1
    expected = np.mean((truth - 0.001) / truth)  # the smallest depth, as any missing prediction
    assert result.table.value("1", "abs_rel") == pytest.approx(expected, rel=1e-5)
    assert result.missing_share == pytest.approx(1 / 3)
    (line,) = [each for each in result.warnings if "cannot be read" in each]
    assert line.startswith("1 prediction files cannot be read")
    assert "1.npy: is cut short" in line


def test_files_that_are_all_damaged_are_no_score(tmp_path):
    folder, data = folder_with_a_damaged_file(tmp_path)
    for path in folder.iterdir():
        path.write_bytes(b"x")
    for units in (None, 1000.0):
        with pytest.raises(LeadlineError, match=r"0\.npy: cannot be read as NPY"):
            evaluate(PredictionFolder(folder, units), data, protocol="full")


def test_whole_numbers_without_a_unit_are_no_damage(tmp_path):
    folder, data = folder_with_a_damaged_file(tmp_path)
    files = {str(number): folder / f"{number}.npy" for number in range(3)}
    np.save(files["2"], np.full((30, 40), 2000, np.uint16))
    with pytest.raises(LeadlineError, match="whole numbers of an unknown unit"):
        evaluate(FilePredictions(files), data, protocol="full")


def test_an_image_that_is_listed_twice_has_one_file(tmp_path):
    put(tmp_path, "a.npy", "b.npy")
    found = find_files(tmp_path, ["rgb/a.png", "rgb/b.png", "rgb/a.png"])
    assert found == {"rgb/a.png": tmp_path / "a.npy", "rgb/b.png": tmp_path / "b.npy"}


def test_suffixes_may_be_of_capitals(tmp_path):
    put(tmp_path, "a.NPY", "set/b.PNG")
    found = find_files(tmp_path, ["rgb/a.png", "rgb/b.png"])
    assert found == {"rgb/a.png": tmp_path / "a.NPY", "rgb/b.png": tmp_path / "set" / "b.PNG"}


def test_depth_of_one_image_in_two_formats_is_a_warning(tmp_path):
    for index, truth in enumerate(TRUTHS):
        np.save(tmp_path / f"{index}.npy", truth)
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((48, 64, 3), np.uint8))
    result = evaluate(PredictionFolder(tmp_path), DATA, protocol="full")
    assert result.warnings == (), "a picture in colours is no depth"
    cv2.imwrite(str(tmp_path / "1.png"), np.rint(TRUTHS[1] * 2000).astype(np.uint16))
    result = evaluate(PredictionFolder(tmp_path), DATA, protocol="full")
    assert any("1.npy is scored, 1.png is not" in each for each in result.warnings)
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("stored", "declared"), [(1000, 256), (256, 1000), (1000, 5000)])
def test_a_declared_unit_that_another_would_fit_is_a_warning(tmp_path, stored, declared):
    for index, truth in enumerate(TRUTHS):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.rint(truth * stored).astype(np.uint16))

    def warnings(protocol, units):
        return evaluate(PredictionFolder(tmp_path, units), DATA, protocol=protocol).warnings

    (warning,) = warnings("full", declared)
    assert warning.startswith(f"{declared} units per metre, as declared: median ")
    assert warning.endswith(f"; {stored} would fit")
    assert warnings("full", stored) == ()
    assert warnings(aligned(get_protocol("full"), "median"), declared) == ()


def test_a_network_that_is_wrong_by_a_factor_is_not_told_of_units(tmp_path):
    for index, truth in enumerate(TRUTHS):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.rint(truth * 2100).astype(np.uint16))
    assert evaluate(PredictionFolder(tmp_path, 1000), DATA, protocol="full").warnings == ()


@pytest.mark.parametrize("units", [1e40, 1e-40])
def test_a_unit_that_leaves_no_prediction_is_no_score(tmp_path, units):
    for index, truth in enumerate(TRUTHS):
        np.save(tmp_path / f"{index}.npy", truth)
    with pytest.raises(LeadlineError, match="no prediction file has a positive, finite value"):
        evaluate(PredictionFolder(tmp_path, units), DATA, protocol="full")
