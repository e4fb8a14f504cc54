"""Depth models of transformers, tiny and random: in metres, or declared to have no unit."""

import json

import numpy as np
import pytest
from PIL import Image

import leadline
from leadline.io import read_depth
from leadline.io.formats import read_any_depth, read_depth_values
from leadline.viz import colorize
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.complaints import complaint

transformers = pytest.importorskip("transformers")
from tests.inference.networks import save_depth_anything, save_zoedepth  # noqa: E402

SIZE = (64, 96)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A photograph of noise over a slope."""
    rng = np.random.default_rng(0)
    pixels = np.linspace(0, 200, SIZE[1]) + rng.integers(0, 50, (*SIZE, 3)).transpose(2, 0, 1)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(pixels.transpose(1, 2, 0).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def depth_anything(tmp_path_factory):
    """Folders of Depth Anything V2 with a tiny DINOv2: relative, and the same in metres."""
    folders = {}
    for kind in ("relative", "metric"):
        folders[kind] = tmp_path_factory.mktemp(kind)
        save_depth_anything(folders[kind], kind)
    return folders


def pipeline_of(folder, photo):
    """What the pipeline of transformers says of a photograph."""
    pipe = transformers.pipeline("depth-estimation", model=str(folder), device="cpu")
    return pipe(Image.open(photo))["predicted_depth"].float().numpy()


def test_metres_are_those_of_the_pipeline_of_transformers(depth_anything, photo, tmp_path):
    folder = depth_anything["metric"]
    shown = leadline_here("predict", photo, "-o", tmp_path, "--model", f"hf:{folder}")
    assert shown.returncode == 0, shown.stderr
    assert "depth in metres" in shown.stdout
    depth_map = read_depth(tmp_path / "photo.npy")
    np.testing.assert_allclose(depth_map.depth, pipeline_of(folder, photo), rtol=1e-4)
    assert depth_map.provenance["runtime"] == "transformers"
    assert leadline.measure(photo, boxes=[(0, 0, 9, 9)], model=f"hf:{folder}").regions


@pytest.mark.parametrize("format", ["npy", "npz", "exr", "pfm"])
def test_relative_depth_is_declared_in_every_file_and_never_read_as_metres(
    depth_anything, photo, tmp_path, format
):
    folder = depth_anything["relative"]
    shown = leadline_here(
        "predict", photo, "-o", tmp_path, "--model", f"hf:{folder}", "--format", format, "--color"
    )
    assert shown.returncode == 0, shown.stderr
    assert "affine-inverse" in shown.stdout
    assert "depth in metres" not in shown.stdout
    path = tmp_path / f"photo.{format}"
    values, about = read_depth_values(path)
    expected = pipeline_of(folder, photo)
    assert expected.min() > 0
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert (about.kind, about.units_per_metre) == ("affine-inverse", None)
    for refused in (
        lambda: read_depth(path),
        lambda: leadline.measure(path, boxes=[(0, 0, 9, 9)]),
    ):
        assert "no metres" in complaint(refused)
    [failure] = leadline.convert(path, tmp_path / "again.png").failures
    assert "no metres" in failure.message
    depth_map = read_any_depth(path)
    assert "no unit" in repr(depth_map)
    np.testing.assert_allclose(depth_map.inverse, values, rtol=1e-6)
    drawn = np.asarray(Image.open(tmp_path / "photo_color.png"))
    np.testing.assert_array_equal(drawn[:, : SIZE[1]], colorize(depth_map)[:, : SIZE[1]])
    # Drawn later, of the file that is there.
    (tmp_path / "photo_color.png").unlink()
    again = leadline.predict(
        photo, tmp_path, model=f"hf:{folder}", skip_existing=True,
        output=leadline.inference.OutputOptions(format, color=True),
    )  # fmt: skip
    assert (again.existing, again.undrawn) == (1, [])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "photo_color.png")), drawn)


def test_two_known_distances_make_metres_of_relative_depth(depth_anything, photo, tmp_path):
    model = f"hf:{depth_anything['relative']}"
    inverse = leadline.load(model)(photo).inverse.astype(np.float64)
    truth = 1 / (0.7 * inverse + 0.05)
    corners = [np.unravel_index(place, SIZE) for place in (inverse.argmin(), inverse.argmax())]
    points = [(int(x), int(y), float(truth[y, x])) for y, x in corners]
    fit = leadline.calibrate(photo, tmp_path / "c", points=points, model=model, shift=True)
    metric = read_depth(fit.files[0])
    np.testing.assert_allclose(metric.depth, truth, rtol=1e-3)
    shown = leadline_here(
        "predict", photo, "-o", tmp_path, "--model", model, "--calibration", fit.files[1]
    )
    assert "depth in metres" in shown.stdout
    np.testing.assert_allclose(read_depth(tmp_path / "photo.npy").depth, truth, rtol=1e-3)
    assert "add --shift" in complaint(
        lambda: leadline.calibrate(photo, tmp_path / "d", points=points, model=model)
    )


def test_what_needs_metres_is_refused_of_a_relative_model(depth_anything, photo, tmp_path):
    model = f"hf:{depth_anything['relative']}"
    for option in ("--ply", "--sheet", "--format=png16"):
        shown = leadline_here("predict", photo, "-o", tmp_path / "o", "--model", model, option)
        fails_in_one_line(shown, "affine-inverse", "needs metres")
    for options in (("--range", "1,9"), ("--vmax", "9")):
        words = ("-o", tmp_path / "o", "--model", model, "--color", *options)
        shown = leadline_here("predict", photo, *words)
        fails_in_one_line(shown, "a range of the colours needs metres")
    fails_in_one_line(
        leadline_here("predict", photo, "-o", tmp_path / "o", "--model", model, "--threads", "2"),
        "leave threads 2 out",
    )
    depth_map = leadline.load(model)(photo)
    for ask in (
        lambda: depth_map.at(0, 0), lambda: depth_map.distance((0, 0, 9, 9)),
        depth_map.points, depth_map.to_torch, depth_map.plot,
        lambda: depth_map.save(tmp_path / "d.png"),
    ):  # fmt: skip
        assert "affine-inverse" in complaint(ask)
    assert "affine-inverse: no unit" in depth_map._repr_html_()


def test_evaluate_agrees_with_the_files(depth_anything, pairs, tmp_path):
    model = f"hf:{depth_anything['relative']}"
    leadline_here("predict", pairs / "rgb", "-o", tmp_path / "rgb", "--model", model)
    aligned = ("--align", "scale-shift", "--align-space", "inverse", "--no-baselines", "--json")
    scores = []
    for source in (
        ("--model", model),
        ("--pred-dir", tmp_path / "rgb", "--pred-output", "inverse"),
    ):
        shown = leadline_here("evaluate", *source, "--data", pairs, *aligned)
        assert shown.returncode == 0, shown.stderr
        scores.append(json.loads(shown.stdout)["metrics"])
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_zoedepth_gives_the_metres_of_its_own_post_processing(photo, tmp_path):
    save_zoedepth(tmp_path)
    depth_map = leadline.load(f"hf:{tmp_path}")(photo)
    assert depth_map.kind == "metric"
    np.testing.assert_allclose(depth_map.depth, pipeline_of(tmp_path, photo), rtol=1e-4)


def test_code_of_a_repository_is_not_run_nor_asked_for(tmp_path, photo, monkeypatch):
    ran = tmp_path / "ran"
    (tmp_path / "code.py").write_text(f"open({str(ran)!r}, 'w')\nclass Config: pass\n")
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    said = complaint(lambda: leadline.load(f"hf:{tmp_path}"))
    assert "contains custom code" in said and not ran.exists()


def test_a_graph_that_lies_in_its_folder_is_not_taken_for_ours(tmp_path, photo):
    save_depth_anything(tmp_path, "metric")
    expected = leadline.load(f"hf:{tmp_path}")(photo).depth
    (tmp_path / "model.onnx").write_bytes(b"of another exporter")
    np.testing.assert_array_equal(leadline.load(f"hf:{tmp_path}")(photo).depth, expected)
    assert "its own push_to_hub" in complaint(lambda: leadline.push(tmp_path, out=tmp_path / "x"))
