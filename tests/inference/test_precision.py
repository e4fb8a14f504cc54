"""Which precision, which device, and what is kept of the compiling."""

import json
import os
import pickle
import re
import resource
import shutil
import sys
from unittest.mock import Mock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.inference import Predictor, compiled_cache, onnx_runtime, predict
from leadline.inference.compiled_models import CompiledModels
from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.openvino_runtime import OpenVinoRuntime
from leadline.inference.runtimes import TorchRuntime
from leadline.models.build import load_model
from leadline.models.pipeline import InferencePipeline
from leadline.weights import shipped_checkpoint, shipped_graph
from tests.cli.helpers import leadline_here

GRAPH = shipped_graph("compact-nyu")
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def model_with_loss(tmp_path):
    """Return a function: the shipped model, as an exported file whose config has another loss."""

    def make(loss):
        graph = onnx.load(GRAPH)
        kept = [entry for entry in graph.metadata_props if not entry.key.startswith("leadline_")]
        for entry in kept:
            if entry.key == "leadline":
                config = {**json.loads(entry.value), "precision_loss": loss}
                entry.value = json.dumps(config)
        del graph.metadata_props[:]
        graph.metadata_props.extend(kept)
        onnx.save(graph, tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    return make


@pytest.fixture
def bf16_machine(monkeypatch):
    monkeypatch.setattr(OpenVinoRuntime, "_available", lambda _self: ["bf16", "f32"])


@pytest.mark.parametrize(
    ("loss", "taken", "reason"),
    [
        ({"bf16": 0.004}, "bf16", r"by \+0\.4 %, \+0\.5 % is allowed"),
        ({"bf16": -0.02}, "bf16", r"by -2 %"),
        ({"bf16": 0.006}, "f32", r"by \+0\.6 %, only \+0\.5 %"),
        ({}, "f32", "what bf16 costs is not stored"),
    ],
)
def test_auto_takes_the_fastest_whose_stored_loss_is_small(
    model_with_loss, bf16_machine, loss, taken, reason
):
    choice = OpenVinoRuntime(model_with_loss(loss), "auto").precision
    assert choice.precision == taken
    assert re.search(reason, str(choice))


def test_auto_takes_float32_where_the_processor_has_nothing_faster(model_with_loss, monkeypatch):
    monkeypatch.setattr(OpenVinoRuntime, "_available", lambda _self: ["f32"])
    choice = OpenVinoRuntime(model_with_loss({"bf16": 0.0}), "auto").precision
    assert str(choice) == "precision f32: nothing faster runs here"


@pytest.mark.parametrize("losses", [[1], {"bf16": "small"}])
@pytest.mark.parametrize("runtime", [OpenVinoRuntime, OnnxRuntime])
def test_a_stored_loss_that_is_none_is_one_line_that_names_the_file(
    model_with_loss, losses, runtime
):
    with pytest.raises(LeadlineError, match=r"m\.onnx: precision_loss.*; export the model again$"):
        runtime(model_with_loss(losses))


def test_f32_is_exact_and_the_command_says_what_was_taken(tmp_path, bf16_machine):
    from PIL import Image

    Image.fromarray(IMAGE[0]).save(tmp_path / "a.png")
    model = ("--model", "compact-nyu")
    result = leadline_here("predict", tmp_path / "a.png", "-o", tmp_path / "auto", *model)
    assert result.stdout.splitlines()[-1].startswith("precision bf16: bf16 changes abs_rel")
    result = leadline_here(
        "predict", tmp_path / "a.png", "-o", tmp_path / "exact", "--precision", "f32", *model
    )
    assert result.stdout.splitlines()[-1] == "precision f32: as asked for"
    whole = OnnxRuntime(GRAPH).run(IMAGE)["depth"][0]
    np.testing.assert_allclose(np.load(tmp_path / "exact" / "a.npy"), whole, atol=1e-4)
    rounded = np.load(tmp_path / "auto" / "a.npy")
    assert 1e-4 < np.abs(rounded / whole - 1).mean() < 0.05


def test_torch_in_bf16_is_near_and_is_no_copy_of_float32():
    folder = shipped_checkpoint("compact-nyu")
    exact = TorchRuntime(folder).run(IMAGE)["depth"]
    runtime = TorchRuntime(folder, precision="bf16")
    rounded = runtime.run(IMAGE)["depth"]
    assert rounded.dtype == np.float32
    assert 1e-5 < np.abs(rounded / exact - 1).mean() < 0.05
    # Decoded in float32: bfloat16 has 256 values between one power of two and the next.
    assert len(np.unique(rounded)) > 1500


def test_devices_that_are_not_there_are_one_line(monkeypatch):
    with pytest.raises(LeadlineError, match=r"cuda: this onnxruntime has no CUDA.*onnxruntime-gpu"):
        OnnxRuntime(GRAPH, device="cuda")
    with pytest.raises(LeadlineError, match=r"mps: onnxruntime runs on cpu, cuda"):
        OnnxRuntime(GRAPH, device="mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(LeadlineError, match=r"cuda: this torch finds none"):
        TorchRuntime(shipped_checkpoint("compact-nyu"), device="cuda")
    with pytest.raises(LeadlineError, match=r"coreml: torch runs on cpu, cuda, mps"):
        TorchRuntime(shipped_checkpoint("compact-nyu"), device="coreml")


@pytest.mark.parametrize(
    ("device", "provider"),
    [
        ("cuda", "CUDAExecutionProvider"),
        ("tensorrt", "TensorrtExecutionProvider"),
        ("coreml", "CoreMLExecutionProvider"),
        ("directml", "DmlExecutionProvider"),
    ],
)
def test_a_build_with_a_device_is_given_it_first(monkeypatch, device, provider):
    """A stand-in for builds that have the device; the session is then the CPU's."""
    asked = []
    session = onnxruntime.InferenceSession

    def start(path, options, providers):
        asked.append(providers)
        return session(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: [provider, "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    with pytest.raises(LeadlineError, match=f"{device}: {provider} did not start"):
        OnnxRuntime(GRAPH, device=device)
    assert asked == [[provider, "CPUExecutionProvider"]]
    assert onnx_runtime.PROVIDERS[device] == provider


def test_what_was_compiled_is_kept_and_a_damaged_file_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    compiled = []
    compile_anew = CompiledModels._compile_anew
    monkeypatch.setattr(
        CompiledModels,
        "_compile_anew",
        lambda self, shape: compiled.append(shape) or compile_anew(self, shape),
    )

    def depth(**options):
        return OpenVinoRuntime(GRAPH, processing_area=3072, **options).run(IMAGE)["depth"]

    first = depth()
    np.testing.assert_array_equal(depth(), first)
    assert len(compiled) == 1
    [file] = tmp_path.rglob("*.blob")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    np.testing.assert_array_equal(depth(), first)
    assert len(compiled) == 2
    assert np.abs(depth(precision="bf16") - first).max() > 0  # not the file of another precision
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "file" / "in the way"))
    (tmp_path / "file").write_text("")
    np.testing.assert_array_equal(depth(), first)


def test_what_was_not_used_for_longest_makes_room_and_all_can_be_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled_cache, "LARGEST_BYTES", 300)
    cache = compiled_cache.CompiledCache()
    for number in range(2):
        cache.write(bytes(100), str(number))
        for file in tmp_path.rglob("*.blob"):  # an hour passes
            os.utime(file, (0, file.stat().st_mtime - 3600))
    assert cache.read("0") == bytes(100)
    cache.write(bytes(100), "2")
    assert [cache.read(str(number)) for number in range(3)] == [bytes(100), None, bytes(100)]
    with monkeypatch.context() as only_read:
        only_read.setattr(os, "utime", Mock(side_effect=PermissionError))
        assert cache.read("2") == bytes(100)
    assert cache.size() == 264  # with a checksum of 32 bytes each
    assert cache.clear() == 264
    assert (cache.size(), cache.read("2"), cache.clear()) == (0, None, 0)


def test_throughput_gives_the_metres_of_latency(tmp_path):
    shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "m")
    several = Predictor.load(tmp_path / "m" / "model.onnx", hint="throughput", precision="f32")
    alone = Predictor.load(tmp_path / "m" / "model.onnx", precision="f32", threads=1)
    for each in several.predict_many([IMAGE[0]] * 4):
        np.testing.assert_allclose(each.depth.depth, alone(IMAGE[0]).depth, atol=1e-4)


@pytest.fixture
def forms(monkeypatch):
    """The hints that networks ran with, in the order of their first call."""
    hints = []
    pool_for = CompiledModels.pool_for

    def note(self, shape):
        hint = self._options["PERFORMANCE_HINT"].lower()
        hints.extend([hint] * (hint not in hints))
        return pool_for(self, shape)

    monkeypatch.setattr(CompiledModels, "pool_for", note)
    return hints


def test_one_picture_runs_for_latency_and_many_for_throughput(tmp_path, forms):
    from PIL import Image

    predictor = Predictor.load(GRAPH)
    list(predictor.predict_many([IMAGE[0]]))
    assert forms == ["latency"]
    [one, two] = predictor.predict_many([IMAGE[0]] * 2)
    np.testing.assert_allclose(one.depth.depth, predictor(IMAGE[0]).depth, atol=1e-4)
    np.testing.assert_array_equal(one.depth.depth, two.depth.depth)
    assert forms == ["latency", "throughput"]
    assert predictor.for_many() is not predictor
    assert predictor.for_many().runtime is predictor.for_many().runtime
    again = pickle.loads(pickle.dumps(predictor.for_many()))
    assert again.for_many() is again
    for name in ("a.png", "b.png"):
        Image.fromarray(IMAGE[0]).save(tmp_path / name)
    forms.clear()
    predict(tmp_path / "a.png", tmp_path / "out")
    assert forms == ["latency"]
    forms.clear()
    predict([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out")
    assert forms == ["throughput"]


def test_the_form_for_many_does_not_load_the_model_again(monkeypatch):
    predictor = Predictor.load(GRAPH)

    def load(*_args, **_options):
        raise AssertionError("loaded again")

    monkeypatch.setattr(Predictor, "load_with", load)
    many = predictor.for_many()
    assert many(IMAGE[0]).shape == IMAGE[0].shape[:2]
    assert many.runtime.config is predictor.runtime.config


def test_a_hint_that_was_given_stands(forms):
    predictor = Predictor.load(GRAPH, hint="latency")
    list(predictor.predict_many([IMAGE[0]] * 2))
    assert forms == ["latency"]
    assert predictor.for_many() is predictor
    in_torch = Predictor.load(shipped_checkpoint("compact-nyu"), runtime="torch")
    assert in_torch.for_many() is in_torch


@pytest.mark.parametrize("name", ["compact-nyu", "crisp-nyu"])
def test_bf16_in_torch_is_that_of_autocast_with_weights_rounded_once(name):
    runtime = TorchRuntime(shipped_checkpoint(name), precision="bf16")
    model = load_model(shipped_checkpoint(name)).to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = InferencePipeline(model).eval()(torch.from_numpy(IMAGE))
    given = runtime.run(IMAGE)
    assert given.keys() == expected.keys()
    for output, values in expected.items():
        np.testing.assert_array_equal(given[output], values.numpy())


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_torch_takes_the_same_memory_for_the_next_picture():
    """As in any process, 64 MB that are freed and asked for again would be 16,384 new pages."""
    TorchRuntime(shipped_checkpoint("compact-nyu"))
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(16 << 20)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 2000
