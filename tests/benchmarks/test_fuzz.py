"""A seeded sample of the campaign of changed files: each is accepted or refused in one line."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


def load_fuzz():
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


fuzz = load_fuzz()
INPUTS = 10


@pytest.mark.parametrize("name", list(fuzz.TARGETS))
def test_changed_files_are_accepted_or_refused(name, tmp_path):
    target = fuzz.TARGETS[name]
    path = target.write(tmp_path)
    good = path.read_bytes()
    path.write_bytes(target.seal(good))
    target.read(path)  # whatever is imported, is imported now
    assert fuzz.try_reading(target, path) == "accepted"
    for seed in range(INPUTS):
        path.write_bytes(target.seal(fuzz.mutated(name, 1000 + seed, good)))
        assert fuzz.try_reading(target, path) in ("accepted", "refused"), seed


def test_inputs_are_the_same_for_the_same_seed_and_many_lie_behind_the_header():
    good = bytes(range(256)) * 8
    inputs = [fuzz.mutated("x", seed, good) for seed in range(200)]
    assert inputs == [fuzz.mutated("x", seed, good) for seed in range(200)]
    assert len(set(inputs)) > 190
    behind = sum(data[: fuzz.HEADER] == good[: fuzz.HEADER] for data in inputs)
    assert behind > len(inputs) / 3


def test_a_traceback_a_hang_and_memory_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    path = tmp_path / "x"
    path.write_bytes(b"x")

    def forever(_path):
        while True:
            random.random()

    def fault(_path):
        return {}["missing"]

    def memory(_path):
        raise MemoryError

    found = [fuzz.try_reading(fuzz.Target(None, read), path) for read in (forever, fault, memory)]
    assert found[0] == "hang"
    assert found[1].startswith("KeyError in test_fuzz.py:")
    assert found[2] == "memory"
