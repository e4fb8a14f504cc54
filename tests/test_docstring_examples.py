"""The examples in docstrings run as they stand."""

import doctest
import importlib
import json
import shutil
from operator import attrgetter
from pathlib import Path

import pytest

from leadline.depth import DepthMap
from leadline.io import write_depth
from tests.conftest import write_pairs
from tests.evaluation.results import write_result

WRITTEN = Path(__file__).parent / "data" / "v0.1"
ROOM = Path(__file__).parents[1] / "examples" / "room.jpg"


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with photo.jpg and depth.npy, as the examples expect it."""
    shutil.copy(ROOM, tmp_path / "photo.jpg")
    write_depth(tmp_path / "depth.npy", DepthMap.from_metres([[2.0, 4.0]]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_examples(module: str, name: str) -> None:
    """Run the examples of one function, in the names of its module."""
    loaded = importlib.import_module(module)
    tests = doctest.DocTestFinder(recurse=False).find(attrgetter(name)(loaded), name, loaded)
    assert tests and tests[0].examples, f"{module}.{name} has no example"
    for test in tests:
        report: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
        assert result.failed == 0, "".join(report)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("leadline.datasets.sample", "evenly_spaced"),
        ("leadline.depth.units", "parse_units"),
        ("leadline.depth.calibration", "fit_calibration"),
        ("leadline.depth.depth_map", "DepthMap"),
        ("leadline.io.formats", "write_depth"),
        ("leadline.io.convert", "convert"),
        ("leadline.viz.color", "colorize"),
        ("leadline.inference.predictor", "Predictor"),
        ("leadline.inference.predict_files", "predict"),
        ("leadline.inference.calibrate_file", "calibrate"),
        ("leadline.inference.measure_file", "measure"),
        ("leadline.depth.depth_map", "DepthMap.distance"),
        ("leadline.depth.depth_map", "DepthMap.distance_between"),
        ("leadline.installed", "installed_version"),
    ],
)
def test_the_example_runs(module, name, workplace):
    run_examples(module, name)


@pytest.mark.parametrize(
    ("module", "name"),
    [("leadline.datasets.expansion", "expand"), ("leadline.datasets.packing", "pack_shards")],
)
def test_the_data_example_runs(module, name, workplace):
    write_pairs(workplace / "pairs", 4, (48, 64))
    run_examples(module, name)


def test_the_example_of_metrics_runs():
    module = importlib.import_module("leadline.metrics.depth_metrics")
    results = doctest.testmod(module)
    assert (results.failed, results.attempted) == (0, 1)


def test_the_resume_example_runs(workplace):
    data = write_pairs(workplace / "pairs", 4, (32, 48))
    run = shutil.copytree(WRITTEN / "run", workplace / "runs" / "kitchen")
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "data": str(data)}))
    run_examples("leadline.training.train", "resume")


@pytest.fixture
def scored(workplace):
    """Beside them, the folder pairs, and its results scored and other."""
    write_pairs(workplace / "pairs", 2)
    for name, factor in (("scored", 1.1), ("other", 1.2)):
        model = {"scored": "one", "other": "two"}[name]
        write_result(workplace / name, Path("pairs"), lambda _, f=factor: f, model=model)


@pytest.mark.parametrize("name", ["evaluate", "compare"])
def test_the_evaluation_examples_run(name, scored):
    run_examples(f"leadline.evaluation.{name}", name)


def test_the_export_example_runs(quick_run, workplace, monkeypatch):
    # Pictures of 24 megapixels would take as long as all other tests here.
    monkeypatch.setattr("leadline.export.parity.SIZES", ((48, 64), (61, 97)))
    (workplace / "runs").mkdir()
    shutil.copytree(quick_run, workplace / "runs" / "kitchen")
    run_examples("leadline.export.export_model", "export_model")
