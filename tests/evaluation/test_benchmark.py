"""Timing in alternation, and the loss of a precision that is stored with the model."""

import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from openvino import Model, opset13, save_model

from leadline.errors import LeadlineError
from leadline.evaluation import benchmark as module
from leadline.evaluation.benchmark import (
    BenchmarkCase,
    BenchmarkRow,
    benchmark,
    store_losses,
    usual_precisions,
)
from leadline.evaluation.ceiling import ConvolutionCeiling
from leadline.inference import Predictor
from leadline.inference.first_result import FirstResult
from leadline.inference.graph_parts import count_multiplications
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.weights import shipped_checkpoint
from tests.cli.helpers import fails_in_one_line, leadline_here


class Clock(Runtime):
    """A runtime whose calls take known times on a clock of its own."""

    def __init__(self, name, seconds, now, order):
        self.config, self.lock = RuntimeConfig(), threading.Lock()
        self.name, self.seconds, self.now, self.order = name, list(seconds), now, order

    def run(self, images):
        with self.lock:
            self.order.append(self.name)
            self.now[0] += self.seconds.pop(0)
        return {"depth": np.ones(images.shape[:3], np.float32)}


@pytest.fixture
def two_clocks(monkeypatch):
    now, order = [0.0], []
    # To warm up, then three rounds: a single call, and eight of throughput.
    slow = [2.0, 0.4, *[0.2] * 8, 0.6, *[0.1] * 8, 0.5, *[0.4] * 8]
    quick = [1.0, 0.1, *[0.05] * 8, 0.1, *[0.05] * 8, 0.3, *[0.05] * 8]
    clocks = {"slow": slow, "quick": quick}
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(
        module.Predictor,
        "load_with",
        lambda name_or_path, _: Predictor(
            name_or_path, Clock(name_or_path, clocks[name_or_path], now, order)
        ),
    )
    firsts = {"slow": FirstResult(2.0, 150.0), "quick": FirstResult(1.0, None)}
    monkeypatch.setattr(module, "first_result", lambda model, *_: firsts[model])
    monkeypatch.setattr(module, "multiplications_of", lambda *_: 3.0)
    monkeypatch.setattr(ConvolutionCeiling, "rate", lambda _: 10.0)
    return order


def test_medians_quartiles_and_ratios_are_those_of_the_calls(two_clocks):
    cases = [BenchmarkCase(name, "auto", "f32", (8, 12)) for name in ("slow", "quick")]
    slow, quick = benchmark(cases, rounds=3)
    assert slow.median_ms == pytest.approx(500)
    assert (slow.first_quartile_ms, slow.third_quartile_ms) == pytest.approx((450, 550))
    assert (slow.speed, quick.speed) == pytest.approx((1, 5))
    assert (slow.per_second, quick.per_second) == pytest.approx((5, 20))
    assert (slow.first_seconds, quick.first_seconds) == pytest.approx((2, 1))
    assert (slow.memory_mb, quick.memory_mb) == (150, None)
    # 3 multiplications in 0.4, 0.6 and 0.5 s, of 10 a second.
    assert (slow.ceiling_share, quick.ceiling_share) == pytest.approx((0.6, 3))
    assert (slow.height, slow.width) == (8, 12)
    # After that, the two take turns.
    turns = [two_clocks[i] for i in range(2, len(two_clocks), 9)]
    assert turns == ["slow", "quick"] * 3


def test_multiplications_are_counted_by_hand():
    image = opset13.parameter([-1, 3, -1, -1], np.float32)
    weights = [(4, 3, 3, 3), (4, 1, 1, 3, 3), (4, 2, 2, 2)]
    one, two, three = (opset13.constant(np.ones(shape, np.float32)) for shape in weights)
    wide = opset13.convolution(image, one, [1, 1], [1, 1], [1, 1], [1, 1])
    deep = opset13.group_convolution(wide, two, [1, 1], [1, 1], [1, 1], [1, 1])
    large = opset13.convolution_backprop_data(deep, three, [2, 2])
    product = opset13.matmul(large, opset13.constant(np.ones((12, 7), np.float32)), False, False)
    model = Model([product], [image], "m")
    places = 2 * 5 * 6  # of a batch of two
    convolutions = places * 4 * 27 + places * 4 * 9 + places * 4 * 2 * 4
    assert count_multiplications(model, (2, 3, 5, 6)) == convolutions + 2 * 2 * 10 * 12 * 7


@pytest.mark.parametrize("precision", ["f32", "bf16", "int8"])
def test_the_ceiling_counts_what_its_convolutions_take(precision, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("leadline.evaluation.ceiling.time.perf_counter", lambda: next(clock))
    # Each call takes a second of this clock: two layers of 3x3x256x256 weights at 30x40 places.
    assert ConvolutionCeiling(precision, 1).rate() == 2 * 256 * 256 * 9 * 30 * 40


def row(precision, abs_rel, model):
    times = [1.0] * 6
    return BenchmarkRow(str(model), "torch", precision, 8, 8, 3, *times, abs_rel=abs_rel)


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


def test_it_is_said_that_an_exported_file_keeps_what_it_was_exported_with(tmp_path, monkeypatch):
    folder = shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "m")
    rows = [row("f32", 0.2, folder), row("bf16", 0.2012, folder)]
    monkeypatch.setattr("leadline.cli.benchmark.benchmark", lambda *_, **__: rows)
    command = ("benchmark", folder, "--store", "--data", tmp_path)
    assert "model.onnx beside it, which is what runs, keeps" in leadline_here(*command).stdout
    (folder / "model.onnx").unlink()
    said = leadline_here(*command, "--precision", "f32", "--precision", "bf16")
    assert "written: " in said.stdout and "model.onnx" not in said.stdout


def test_the_command_prints_a_table_and_writes_json_and_a_plot(pairs, tmp_path):
    result = leadline_here(
        "benchmark", "--size", "48x64", "--rounds", "3", "--batch", "2", "--data", pairs,
        "--protocol", "full",
        "--json", tmp_path / "b.json", "--plot", tmp_path / "b.svg",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:6] == ["model", "runtime", "precision", "size", "batch", "speed"]
    assert [line.split()[:5] for line in lines[1:3]] == [
        ["crisp-nyu", "openvino", precision, "48x64", "2"] for precision in ("f32", "bf16")
    ]
    rows = json.loads((tmp_path / "b.json").read_text())
    assert [each["rounds"] for each in rows] == [3, 3]
    for each in rows:
        assert 0.001 < each["ceiling_share"] < 1.5 and each["first_seconds"] > 0.1
        assert 80 < each["memory_mb"] < 2000
    assert 0 < abs(rows[1]["abs_rel"] / rows[0]["abs_rel"] - 1) < 0.05
    assert (tmp_path / "b.svg").read_text().count("crisp-nyu openvino") == 2
    fails_in_one_line(leadline_here("benchmark", "--store"), "--data")
    fails_in_one_line(leadline_here("benchmark", "--rounds", "1"), "at least 3")
    fails_in_one_line(leadline_here("benchmark", "--size", "big"), "height x width")
    alone = leadline_here("benchmark", "--runtime", "onnxruntime", "--precision", "bf16")
    fails_in_one_line(alone, "onnxruntime has no bf16; add --precision f32")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--plot", "b.jpg", "--data", "d"), ("b.jpg", ".svg")),
        (("--plot", "folder.png", "--data", "d"), ("folder.png: is a folder",)),
        (("--json", "file/b.json"), ("file/b.json: cannot write here",)),
        (("--store", "--data", "d"), ("its config lies inside of the file",)),
        (("hf:user/name", "--precision", "f32", "--store", "--data", "d"), ("the hub's own copy",)),
        (("broken.xml",), ("broken.xml: OpenVINO cannot read it",)),
        (("model", "--precision", "bf16", "--store", "--data", "d"), ("no loss to store",)),
    ],
)
def test_what_could_not_be_written_is_found_before_anything_is_timed(
    options, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    for name in ("file", "broken.xml"):
        (tmp_path / name).write_text("nothing")
    fails_in_one_line(leadline_here("benchmark", *options), *words)


@pytest.mark.parametrize(
    ("data", "protocol", "words"),
    [
        ("nowhere", "auto", "nowhere"),
        ("pairs", "kitty", "'kitty' is not known"),
        ("pairs", "nyu-eigen", "is defined for truth of"),
    ],
)
def test_what_cannot_be_scored_is_found_before_anything_is_timed(
    data, protocol, words, pairs, two_clocks
):
    cases = [BenchmarkCase("slow", "auto", "f32", (8, 12))]
    place = pairs if data == "pairs" else data
    with pytest.raises(LeadlineError, match=words):
        benchmark(cases, rounds=3, data=place, protocol=protocol)
    assert not two_clocks


def test_a_model_without_metres_is_found_before_anything_is_timed(pairs, two_clocks, monkeypatch):
    monkeypatch.setattr(Clock, "kind", "affine-inverse", raising=False)
    with pytest.raises(LeadlineError, match="predicts affine-inverse depth"):
        benchmark([BenchmarkCase("quick", "auto", "f32", (8, 12))], rounds=3, data=pairs)
    assert not two_clocks


def test_by_default_a_model_is_timed_in_what_it_runs_in(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "depth_anything"}')
    assert usual_precisions(f"hf:{tmp_path}", "auto") == ["f32"]
    assert usual_precisions("compact-nyu", "auto") == ["f32", "bf16"]
    # Of one piece, as a model of transformers is exported.
    images = opset13.parameter([1, 4, 6, 3], np.uint8, name="image")
    depth = opset13.reduce_mean(opset13.convert(images, "f32"), opset13.constant([3]), False)
    depth.output(0).set_names({"depth"})
    save_model(Model([depth], [images], "whole"), tmp_path / "whole.xml")
    assert usual_precisions(str(tmp_path / "whole.xml"), "auto") == ["f32"]


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
