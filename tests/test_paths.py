"""Every public function takes a path as text too."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import leadline
from leadline.datasets import find_data, open_data, open_pairs, open_train_and_val
from leadline.depth.calibration import Calibration
from leadline.errors import LeadlineError
from leadline.evaluation import find_files
from leadline.io import read_calibration, write_calibration, write_labels
from leadline.io.labels import read_labels
from tests.conftest import write_pairs

CONTEXTS = {"atomic_path"}
"""Functions for authors of formats, which already hold a Path."""


def public_functions():
    """Return the functions that the packages export, with their names."""
    names = [package.name for package in pkgutil.iter_modules(leadline.__path__) if package.ispkg]
    packages = [leadline, *(importlib.import_module(f"leadline.{name}") for name in names)]
    return {
        f"{package.__name__}.{name}": getattr(package, name)
        for package in packages
        for name in getattr(package, "__all__", [])
        if inspect.isfunction(getattr(package, name)) and name not in CONTEXTS
    }


def test_no_public_function_asks_for_a_path_alone():
    functions = public_functions()
    assert len(functions) > 50
    asks = [
        f"{name}({parameter.name})"
        for name, function in functions.items()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.annotation in ("Path", "Path | None")
    ]
    assert asks == []


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Six pairs in the folder `data` of the working directory."""
    monkeypatch.chdir(tmp_path)
    write_pairs(Path("data"), 6)
    return "data"


def test_data_are_opened_by_the_text_of_their_path(data):
    expected = [item.id for item in open_data(Path(data)).items]
    assert len(expected) == 6
    assert [item.id for item in find_data(data).open(None).items] == expected
    assert [item.id for item in open_data(data).items] == expected
    assert [item.id for item in open_pairs(data).items] == expected
    train, val = open_train_and_val(data, val_fraction=0.5, seed=0)
    assert sorted(item.id for part in (train, val) for item in part.items) == sorted(expected)
    assert find_files(f"{data}/depth", ["000"]) == {"000": Path("data/depth/000.png")}
    with pytest.raises(LeadlineError, match="missing: no such data"):
        open_data("missing")


def test_small_files_are_written_and_read_by_the_text_of_their_path(data):
    write_calibration("scale.json", Calibration(1.5))
    assert read_calibration("scale.json").scale == 1.5
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_labels("labels.png", ids)
    np.testing.assert_array_equal(read_labels(Path("labels.png")), ids)
