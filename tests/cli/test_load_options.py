"""Every option of a command that says how a model is loaded reaches the runtime."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.inference import Predictor, runtimes
from leadline.inference.load_options import LoadOptions
from leadline.io.video import open_writer
from leadline.weights import shipped_checkpoint, shipped_graph
from tests.cli.helpers import leadline_here


@pytest.fixture
def loaded(monkeypatch):
    """The options that the next model is loaded with; it is then refused."""
    seen = []

    def load_with(_name_or_path, options):
        seen.append(options)
        raise LeadlineError("seen")

    monkeypatch.setattr(Predictor, "load_with", load_with)
    return seen


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path)
    return path


ALL = {
    "runtime": "torch",
    "precision": "bf16",
    "threads": 3,
    "processing_area": 5000,
    "camera": "ignore",
    "hint": "throughput",
    "device": "cuda",
}


def as_options(**values):
    return [word for key, value in values.items() for word in (f"--{key.replace('_', '-')}", value)]


def test_those_of_predict(loaded, photo, tmp_path):
    command = ("predict", photo, "-o", tmp_path / "out", *as_options(**ALL), "--compile")
    leadline_here(*command)
    leadline_here(*command, "--uncertainty")
    leadline_here("predict", photo, "-o", tmp_path / "out")
    given = {**ALL, "compiled": True}
    assert set(given) | {"uncertainty"} == {field.name for field in fields(LoadOptions)}
    assert loaded == [
        LoadOptions(**given, uncertainty=False),
        LoadOptions(**given, uncertainty=True),
        LoadOptions(uncertainty=False),
    ]


def test_those_of_a_video(loaded, tmp_path):
    with open_writer(tmp_path / "in.mp4", (48, 64), 5, {}) as writer:
        writer.write(np.full((48, 64, 3), 90, np.uint8), 0.0)
    given = {key: ALL[key] for key in ("runtime", "precision", "camera")}
    leadline_here("video", tmp_path / "in.mp4", "-o", tmp_path / "out.mp4", *as_options(**given))
    assert loaded == [LoadOptions(**given, uncertainty=False)]


def test_those_of_an_evaluation_which_is_exact(loaded, pairs):
    given = {key: ALL[key] for key in ("runtime", "camera")}
    leadline_here("evaluate", "--data", pairs, "--model", "compact-nyu", *as_options(**given))
    assert loaded == [LoadOptions(**given, precision="f32")]


def test_those_of_a_server(loaded):
    pytest.importorskip("fastapi")
    given = {key: ALL[key] for key in ("runtime", "precision", "threads", "hint")}
    leadline_here("serve", "--port", 0, *as_options(**given))
    assert loaded == [LoadOptions(**given)]


def test_those_of_a_benchmark(loaded):
    given = {key: ALL[key] for key in ("runtime", "precision", "threads")}
    leadline_here("benchmark", "compact-nyu", *as_options(**given))
    assert loaded == [LoadOptions(**given)]


def test_load_has_each_with_the_same_default():
    parameters = list(inspect.signature(Predictor.load).parameters.values())[1:]
    assert {each.name: each.default for each in parameters} == {
        field.name: field.default for field in fields(LoadOptions)
    }


@pytest.mark.parametrize(
    ("engine", "model", "without"),
    [
        ("OpenVinoRuntime", shipped_graph("compact-nyu"), {"device", "compiled"}),
        (
            "OnnxRuntime",
            shipped_graph("compact-nyu"),
            {"processing_area", "hint", "compiled", "uncertainty"},
        ),
        ("TorchRuntime", shipped_checkpoint("compact-nyu"), {"hint", "uncertainty"}),
    ],
)
def test_each_engine_is_given_what_it_has(engine, model, without, monkeypatch):
    values = {
        "precision": "f32",
        "threads": 3,
        "processing_area": 5000,
        "hint": "throughput",
        "device": "cuda",
        "compiled": True,
        "uncertainty": False,
    }
    given = {key: value for key, value in values.items() if key not in without}
    taken = {}
    monkeypatch.setattr(runtimes, engine, lambda path, **options: taken.update(options))
    names = {"OnnxRuntime": "onnxruntime", "TorchRuntime": "torch"}
    runtimes.open_runtime(model, LoadOptions(names.get(engine, "openvino"), **given))
    assert taken == given
