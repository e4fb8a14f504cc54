"""`leadline evaluate` equals a numpy reference written here, to 1e-6."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from leadline.inference import Predictor
from tests.cli.helpers import fails_in_one_line, leadline, leadline_here
from tests.conftest import write_pairs
from tests.datasets.writers import make_scenes, write_kitti_raw


@pytest.fixture(scope="module")
def big_pairs(tmp_path_factory):
    """Five pairs of 480x640, with a train.csv of two and a val.csv of three."""
    folder = write_pairs(tmp_path_factory.mktemp("big"), 5, (480, 640), seed=3)
    for name, numbers in (("train", (0, 1)), ("val", (2, 3, 4))):
        rows = [f"rgb/{i:03d}.png,depth/{i:03d}.png" for i in numbers]
        (folder / f"{name}.csv").write_text("\n".join(["image,depth", *rows]) + "\n")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\ndataset: nyu\n")
    return folder


def reference(prediction: np.ndarray, millimetres: np.ndarray) -> dict[str, float]:
    """nyu-eigen for one image, straight from its definition."""
    g = millimetres.astype(np.float64)[45:471, 41:601] / 1000
    p = np.clip(prediction.astype(np.float64)[45:471, 41:601], 1e-3, 10)
    keep = (g > 1e-3) & (g < 10)
    g, p = g[keep], p[keep]
    d = np.log(p) - np.log(g)
    ratio = np.maximum(p / g, g / p)
    return {
        "delta1": (ratio < 1.25).mean(),
        "delta2": (ratio < 1.25**2).mean(),
        "delta3": (ratio < 1.25**3).mean(),
        "abs_rel": (abs(p - g) / g).mean(),
        "sq_rel": ((p - g) ** 2 / g).mean(),
        "rmse": np.sqrt(((p - g) ** 2).mean()),
        "rmse_log": np.sqrt((d**2).mean()),
        "log10": abs(np.log10(p) - np.log10(g)).mean(),
        "silog": 100 * np.sqrt((d**2).mean() - d.mean() ** 2),
    }


def expected(folder, predict, numbers=(2, 3, 4)) -> dict[str, float]:
    rows = []
    for i in numbers:
        with Image.open(folder / "depth" / f"{i:03d}.png") as image:
            rows.append(reference(predict(i), np.asarray(image)))
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def test_a_model_scores_as_the_reference_says(big_pairs, tmp_path):
    predictor = Predictor.load(precision="f32")
    truth = expected(big_pairs, lambda i: predictor(big_pairs / "rgb" / f"{i:03d}.png").depth)
    result = leadline(
        "evaluate", "--model", "crisp-nyu", "--data", big_pairs, "-o", tmp_path, "--json"
    )
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    scored = content["metrics"]
    # Two pixels of 715,000 may lie so near a threshold that the last bit decides.
    assert {name: scored[name] for name in truth} == pytest.approx(truth, abs=3e-6)
    assert content["protocol"]["name"] == "nyu-eigen"
    assert content["images_scored"] == 3
    rows = list(csv.DictReader((tmp_path / "per_image.csv").open()))
    means = {name: np.mean([float(row[name]) for row in rows]) for name in truth}
    assert means == pytest.approx({name: scored[name] for name in truth}, abs=1e-9)
    with Image.open(tmp_path / "worst.png") as picture:
        assert picture.width == 4 * 320
    assert json.loads((tmp_path / "result.json").read_text()) == content


def test_the_baselines_are_what_they_say(big_pairs, scored):
    baselines = scored["baselines"]
    truths = []
    for i in (0, 1):
        with Image.open(big_pairs / "depth" / f"{i:03d}.png") as image:
            truths.append(np.asarray(image) / 1000)
    stack = np.stack(truths)
    counts = np.maximum((stack > 0).sum(axis=0), 1)
    mean_map = stack.sum(axis=0) / counts
    mean_map[(stack > 0).sum(axis=0) == 0] = stack[stack > 0].mean()
    median = np.full((480, 640), np.median(stack[stack > 0]))
    for name, depth, tolerance in (
        ("mean training depth map", mean_map, 1e-5),
        ("median training depth", median, 2e-3),
    ):
        truth = expected(big_pairs, lambda i, depth=depth: depth)
        assert {key: baselines[name][key] for key in truth} == pytest.approx(truth, abs=tolerance)


@pytest.fixture(scope="module")
def scored(big_pairs):
    """What `evaluate --json` prints of the model."""
    result = leadline_here("evaluate", "--model", "crisp-nyu", "--data", big_pairs, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def predicted(big_pairs, tmp_path_factory):
    """What `predict` writes of the images to validate on."""
    photos = [big_pairs / "rgb" / f"{i:03d}.png" for i in (2, 3, 4)]
    out = tmp_path_factory.mktemp("predicted")
    result = leadline_here("predict", *photos, "-o", out, "--precision", "f32")
    assert result.returncode == 0
    return out


def scores_of_files(predicted, folder, format, data):
    """Convert what was predicted to another format and score it."""
    files = sorted(predicted.glob("*.npy"))
    assert leadline_here("convert", *files, "-o", folder, "--to", format).returncode == 0
    result = leadline_here("evaluate", "--pred-dir", folder, "--data", data, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["metrics"]


@pytest.mark.parametrize("format", ["npy", "npz", "exr", "pfm"])
def test_prediction_files_score_like_the_model(big_pairs, scored, predicted, tmp_path, format):
    scores = scores_of_files(predicted, tmp_path, format, big_pairs)
    assert scores == pytest.approx(scored["metrics"], abs=1e-9)


def how_far_rounding_moves(p: np.ndarray, g: np.ndarray, half: float) -> dict[str, float]:
    """Return by how much each metric may change where every `p` changes by `half` at most."""
    in_log = -math.log1p(-half / p.min())
    off = abs(np.log(p / g))
    inverse = (1 / g).mean()
    return {
        **{
            f"delta{k}": (abs(off - k * math.log(1.25)) <= in_log).mean() + 1e-12 for k in (1, 2, 3)
        },
        "abs_rel": half * inverse,
        "sq_rel": 2 * half * (abs(p - g) / g).mean() + half**2 * inverse,
        # Root mean squares and deviations obey the triangle inequality.
        "rmse": half,
        "rmse_log": in_log,
        "log10": in_log / math.log(10),
        "silog": 100 * in_log,
        "depth_accuracy": half / g.mean(),
        "rmse_log1p": half / (1 + p.min() - half),
    }


def test_millimetre_files_score_like_the_model_to_half_a_millimetre(
    big_pairs, scored, predicted, tmp_path
):
    scores = scores_of_files(predicted, tmp_path, "png16", big_pairs)
    bounds = []
    for name in ("002", "003", "004"):
        p = np.load(predicted / f"{name}.npy")[45:471, 41:601].astype(np.float64)
        with Image.open(big_pairs / "depth" / f"{name}.png") as image:
            g = np.asarray(image)[45:471, 41:601] / 1000
        valid = (g > 0.001) & (g < 10)
        # A float32 in metres rounds as well, a thousand times finer.
        bounds.append(how_far_rounding_moves(p[valid], g[valid], 0.0005 + 1e-6))
    for name, value in scored["metrics"].items():
        moved = abs(scores[name] - value)
        assert moved <= np.mean([bound[name] for bound in bounds]), name
    assert scores != scored["metrics"]


def test_the_table_names_protocol_and_baselines(big_pairs):
    result = leadline_here("evaluate", "--model", "crisp-nyu", "--data", big_pairs, "--limit", 1)
    assert "nyu-eigen [" in result.stdout
    assert "1 of 1 images scored, the first of 3 (limit 1)" in result.stdout
    assert "mean training depth map" in result.stdout
    assert "bootstrap" not in result.stdout  # one image says nothing of another


def test_a_report_is_drawn_of_files_with_infinite_values(pairs, tmp_path):
    (tmp_path / "pred").mkdir()
    for number in range(12):
        depth = np.full((96, 128), 2, np.float32)
        depth[:40] = np.inf
        np.save(tmp_path / "pred" / f"{number:03d}.npy", depth)
    result = leadline_here(
        "evaluate", "--pred-dir", tmp_path / "pred", "--data", pairs, "-o", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    assert "smallest depth, 0.001 m, or as 80 m where they are infinite" in result.stdout


def test_breakdowns_are_named_with_commas_or_one_by_one(pairs):
    files = ("--pred-dir", pairs / "depth", "--pred-scale", 1000)
    command = ("evaluate", *files, "--data", pairs, "--limit", 2, "--json")
    breakdowns = [
        json.loads(leadline_here(*command, *names).stdout)["breakdowns"]
        for names in (
            ("--breakdown", "boundary,edges"),
            ("--breakdown=boundary", "--breakdown=edges"),
        )
    ]
    assert list(breakdowns[0]) == ["boundary", "edges"]
    assert breakdowns[0] == breakdowns[1]
    fails_in_one_line(leadline_here(*command, "--breakdown", "edges,edge"), "'edge'", "ranges")


def test_what_is_wrong_is_one_line(big_pairs, pairs, tmp_path):
    fails_in_one_line(
        leadline_here("evaluate", "--pred-dir", tmp_path, "--data", big_pairs),
        "no prediction for 3 of 3",
    )
    fails_in_one_line(
        leadline_here("evaluate", "--model", "crisp-nyu", "--data", big_pairs, "--split", "test"),
        "no split 'test'",
    )
    fails_in_one_line(
        leadline_here(
            "evaluate", "--model", "crisp-nyu", "--data", pairs, "--protocol", "nyu-eigen"
        ),
        "480, 640",
    )
    fails_in_one_line(
        leadline_here(
            "evaluate", "--model", "crisp-nyu", "--data", pairs, "--depth-scale", "inches"
        ),
        "inches",
    )
    absurd = leadline(
        "evaluate", "--model", "crisp-nyu", "--data", pairs, "--depth-scale", "1e-300"
    )
    fails_in_one_line(absurd, "check the depth scale")
    assert "RuntimeWarning" not in absurd.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--align-space", "inverse"), ("--align-space", "needs --align;")),
        (("--align", "scale", "--align-space", "cubic"), ("cubic", "'depth', 'log', 'inverse'")),
        (("--pred-scale", 1000), ("--pred-scale", "needs --pred-dir")),
        (("--mirrored-dir", "."), ("--mirrored-dir", "needs --pred-dir")),
        (("--flip-averaged",), ("--flip-averaged", "needs --pred-dir")),
        (("--cases", 3), ("--cases", "needs -o")),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(pairs, options, words):
    fails_in_one_line(
        leadline_here("evaluate", "--model", "crisp-nyu", "--data", pairs, *options), *words
    )


def test_void_labels_where_no_class_is_scored_are_said_to_change_nothing(pairs):
    files = ("--pred-dir", pairs / "depth", "--pred-scale", 1000)
    result = leadline_here("evaluate", *files, "--data", pairs, "--limit", 1, "--void", 0)
    assert result.returncode == 0
    assert "--void changed nothing: no class was scored" in result.stderr


def test_files_said_to_be_flip_averages_need_a_protocol_that_averages(pairs):
    files = ("evaluate", "--pred-dir", pairs / "depth", "--data", pairs)
    fails_in_one_line(leadline_here(*files, "--runtime", "torch"), "--runtime", "needs --model")
    fails_in_one_line(
        leadline_here(*files, "--flip-averaged"), "--flip-averaged", "full does not average flips"
    )
    fails_in_one_line(
        leadline_here(*files, "--mirrored-dir", pairs),
        "--mirrored-dir",
        "full does not average flips",
    )
    fails_in_one_line(leadline_here(*files, "--mirrored-dir", pairs, "--flip-averaged"), "not both")


def test_files_of_disparity_are_scored_once_they_are_said_to_be(pairs, tmp_path):
    (tmp_path / "pred").mkdir()
    for file in sorted((pairs / "depth").iterdir()):
        with Image.open(file) as image:
            depth = np.maximum(np.asarray(image), 500) / 1000
        np.save(tmp_path / "pred" / f"{file.stem}.npy", (3 / depth - 0.1).astype(np.float32))
    files = ("evaluate", "--pred-dir", tmp_path / "pred", "--data", pairs)
    inverse = ("--pred-output", "inverse")
    fit = ("--align", "scale-shift", "--align-space", "inverse")
    fails_in_one_line(leadline_here(*files, *fit), "disparity", "--pred-output inverse")
    fails_in_one_line(leadline_here(*files, *inverse), "--align scale-shift --align-space inverse")
    fails_in_one_line(leadline_here(*files, *fit, *inverse, "--pred-scale", 1), "--pred-scale")
    fails_in_one_line(
        leadline_here(*files, *fit, "--pred-output", "feet"), "feet", "'metric', 'inverse'"
    )
    result = leadline_here(*files, *fit, *inverse, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "none: inverse depth, as declared" in result.stdout
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert content["metrics"]["abs_rel"] < 1e-4  # an exact line of the true disparity
    assert content["warnings"] == []


def test_what_is_odd_about_files_is_told_on_stderr_in_the_json_and_in_the_report(pairs, tmp_path):
    (tmp_path / "pred").mkdir()
    for number in range(12):
        millimetres = np.asarray(Image.open(pairs / "depth" / f"{number:03d}.png"), np.float32)
        inverse = 1000 / np.maximum(millimetres[::2, ::2], 500)
        np.save(tmp_path / "pred" / f"{number:03d}.npy", inverse)
    cut = tmp_path / "pred" / "003.npy"
    cut.write_bytes(cut.read_bytes()[:1000])
    result = leadline_here(
        "evaluate", "--pred-dir", tmp_path / "pred", "--data", pairs, "--pred-scale", 1,
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (first, second) = json.loads((tmp_path / "out" / "result.json").read_text())["warnings"]
    files = ("result.json", "per_image.csv", "report.html", "worst.png", "cases/")
    written = result.stdout.partition("written: ")[2].strip()
    assert written == ", ".join(f"{tmp_path / 'out'}/{name}" for name in files)
    assert "look like disparity" in first
    assert second.startswith("1 prediction files cannot be read") and str(cut) in second
    for line in (first, second):
        assert f"leadline: warning: {line}" in result.stderr
        assert line in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("place", ["a_file", "/proc/nowhere"])
def test_a_place_that_cannot_be_written_is_told_before_scoring(pairs, tmp_path, place):
    (tmp_path / "a_file").touch()
    out = tmp_path / place
    result = leadline_here("evaluate", "--model", "crisp-nyu", "--data", pairs, "-o", out)
    fails_in_one_line(result, str(out))
    assert "evaluate:" not in result.stderr  # the progress of scoring


def test_a_published_layout_is_scored_as_it_lies_there(tmp_path):
    drive = "2011_09_26_drive_0002_sync"
    write_kitti_raw(tmp_path, {drive: (54, 69)}, make_scenes(1, (96, 128))[0])
    asked = ("--data-option", "missing=skip", "--data-option", "depth_kind=forward")
    result = leadline_here("evaluate", "--model", "crisp-nyu", "--data", tmp_path, *asked)
    assert result.returncode == 0, result.stderr
    assert "(kitti-raw, test, camera 2, depth_kind forward, rounding nearest" in result.stdout
    assert "2 of 2 images scored" in result.stdout
