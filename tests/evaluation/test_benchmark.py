"""Timing in alternation, and the loss of a precision that is stored with the model."""

import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.evaluation import benchmark as module
from leadline.evaluation.benchmark import BenchmarkRow, Way, benchmark, store_losses
from leadline.inference import Predictor
from leadline.weights import shipped_checkpoint
from tests.cli.helpers import fails_in_one_line, leadline_here


class Clock:
    """A runtime whose calls take known times on a clock of its own."""

    def __init__(self, name, seconds, now, order):
        self.config, self.lock = {}, threading.Lock()
        self.name, self.seconds, self.now, self.order = name, list(seconds), now, order

    def run(self, images):
        with self.lock:
            self.order.append(self.name)
            self.now[0] += self.seconds.pop(0)
        return {"depth": np.ones(images.shape[:3], np.float32)}


@pytest.fixture
def two_clocks(monkeypatch):
    now, order = [0.0], []
    # Loading, then three rounds: a single call, and eight of throughput.
    slow = [2.0, 0.4, *[0.2] * 8, 0.6, *[0.1] * 8, 0.5, *[0.4] * 8]
    quick = [1.0, 0.1, *[0.05] * 8, 0.1, *[0.05] * 8, 0.3, *[0.05] * 8]
    clocks = {"slow": slow, "quick": quick}
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(
        module.Predictor,
        "load",
        lambda model, **_: Predictor(model, Clock(model, clocks[model], now, order)),
    )
    return order


def test_medians_quartiles_and_ratios_are_those_of_the_calls(two_clocks):
    ways = [Way(name, "auto", "f32", (8, 12)) for name in ("slow", "quick")]
    slow, quick = benchmark(ways, rounds=3)
    assert slow.median_ms == pytest.approx(500)
    assert (slow.first_quartile_ms, slow.third_quartile_ms) == pytest.approx((450, 550))
    assert (slow.speed, quick.speed) == pytest.approx((1, 5))
    assert (slow.per_second, quick.per_second) == pytest.approx((5, 20))
    assert (slow.first_seconds, quick.first_seconds) == pytest.approx((2, 1))
    assert (slow.height, slow.width) == (8, 12)
    # After loading, the two take turns.
    turns = [two_clocks[i] for i in range(2, len(two_clocks), 9)]
    assert turns == ["slow", "quick"] * 3


def row(precision, abs_rel, model):
    return BenchmarkRow(str(model), "torch", precision, 8, 8, 3, 1, 1, 1, 1, 1, 1, abs_rel)


def test_the_stored_loss_is_the_relative_change_and_auto_reads_it(tmp_path):
    folder = shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "m")
    stored = store_losses([row("f32", 0.2, folder), row("bf16", 0.2012, folder)])
    assert stored == {folder / "config.json": {"bf16": 0.006}}
    assert json.loads((folder / "config.json").read_text())["precision_loss"] == {"bf16": 0.006}
    choice = Predictor.load(folder, runtime="torch").precision
    assert choice.precision == "f32"
    with pytest.raises(LeadlineError, match="no loss to store"):
        store_losses([row("bf16", 0.2, folder)])
    graph = folder / "model.onnx"
    with pytest.raises(LeadlineError, match=r"model\.onnx: its config lies inside"):
        store_losses([row("f32", 0.2, graph), row("bf16", 0.2, graph)])


def test_the_command_prints_a_table_and_writes_json_and_a_plot(pairs, tmp_path):
    result = leadline_here(
        "benchmark", "--size", "48x64", "--rounds", "3", "--data", pairs, "--protocol", "full",
        "--json", tmp_path / "b.json", "--plot", tmp_path / "b.svg",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:5] == ["model", "runtime", "precision", "size", "speed"]
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["crisp-nyu", "openvino", precision, "48x64"] for precision in ("f32", "bf16")
    ]
    rows = json.loads((tmp_path / "b.json").read_text())
    assert [each["rounds"] for each in rows] == [3, 3]
    assert 0 < abs(rows[1]["abs_rel"] / rows[0]["abs_rel"] - 1) < 0.05
    assert (tmp_path / "b.svg").read_text().count("crisp-nyu openvino") == 2
    fails_in_one_line(leadline_here("benchmark", "--store"), "--data")
    fails_in_one_line(leadline_here("benchmark", "--rounds", "1"), "at least 3")
    fails_in_one_line(leadline_here("benchmark", "--size", "big"), "height x width")
    alone = leadline_here("benchmark", "--runtime", "onnxruntime", "--precision", "bf16")
    fails_in_one_line(alone, "onnxruntime has no bf16; add --precision f32")


def test_the_stored_loss_is_that_of_the_worst_runtime(tmp_path):
    """One number is read for all of them, so the order of the rows makes none."""
    for order in (1, -1):
        folder = shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / f"m{order}")
        rows = [
            replace(row(precision, score, folder), runtime=runtime)
            for runtime, scores in (("torch", (0.2, 0.21)), ("openvino", (0.25, 0.255)))
            for precision, score in zip(("f32", "bf16"), scores, strict=True)
        ]
        assert store_losses(rows[::order]) == {folder / "config.json": {"bf16": 0.05}}
