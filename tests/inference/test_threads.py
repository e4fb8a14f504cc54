"""One predictor, many threads, processes and sizes."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.inference import Predictor, compiled_models, openvino_runtime
from leadline.inference.compiled_models import CompiledModels
from leadline.inference.openvino_runtime import OpenVinoRuntime
from leadline.inference.runtimes import OnnxRuntime, TorchRuntime
from leadline.models.size_policy import processing_size
from leadline.weights import shipped_checkpoint, shipped_graph

SIZES = [(48, 64), (64, 48), (50, 70), (33, 91), (40, 40), (96, 65), (61, 97), (30, 50)]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]


AREA = 3072
GRAPH, CHECKPOINT = shipped_graph("compact-nyu"), shipped_checkpoint("compact-nyu")


@pytest.mark.parametrize(
    ("make", "tolerance"),
    [
        (lambda: OpenVinoRuntime(GRAPH, processing_area=AREA), 1e-4),
        # Which size comes first, and has a compiled model of its own, is chance: bf16 rounds.
        (lambda: OpenVinoRuntime(GRAPH, "bf16", processing_area=AREA), 0.1),
        (lambda: TorchRuntime(CHECKPOINT, processing_area=AREA), 1e-4),
    ],
    ids=["openvino", "openvino bf16", "torch"],
)
def test_eight_threads_give_the_metres_of_one(make, tolerance, images):
    calls = list(range(len(images))) * 4
    alone = make()
    expected = [alone.run(image[None])["depth"][0] for image in images]
    shared = Predictor("shared", make())
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda call: shared(images[call]).depth, calls))
    for call, result in zip(calls, results, strict=True):
        np.testing.assert_allclose(result, expected[call], atol=tolerance)


def test_any_number_of_sizes_share_what_is_compiled(images, compiling):
    runtime = OpenVinoRuntime(GRAPH, processing_area=AREA)
    for image in images + [image[:, ::2] for image in images]:
        runtime.run(image[None])
    first = processing_size(*SIZES[0], AREA, 16)
    assert compiling == [(1, 3, *first), ()]


@pytest.fixture
def compiling(monkeypatch):
    """The shapes that models were compiled for, in order."""
    shapes = []
    compile_one = CompiledModels._compile
    monkeypatch.setattr(
        CompiledModels,
        "_compile",
        lambda self, shape: shapes.append(shape) or compile_one(self, shape),
    )
    return shapes


def shapes_of(*sides):
    return [(1, 3, side, 64) for side in sides]


def test_a_size_that_comes_often_gets_a_model_of_its_own(echoes):
    models, compiled = echoes
    pools = [models.pool_for(shape) for shape in shapes_of(48, 32, 32, 32, 32, 32, 16, 16)]
    assert compiled == [(1, 3, 48, 64), (), (1, 3, 32, 64)]
    assert pools[4] is pools[5]
    assert pools[1] is pools[6]


def test_the_first_size_is_given_up_for_the_model_of_any_size_unless_it_came_often(echoes):
    models, compiled = echoes
    for shape in shapes_of(48, 32):
        models.pool_for(shape)
    assert models.pool_for((1, 3, 48, 64)) is models.pool_for((1, 3, 16, 64))
    assert len(compiled) == 2


def test_a_first_size_that_came_often_is_kept(echoes):
    models, compiled = echoes
    own = [models.pool_for(shape) for shape in shapes_of(48, 48, 48, 48)]
    other = models.pool_for((1, 3, 32, 64))
    assert models.pool_for((1, 3, 48, 64)) is own[0] is not other
    assert len(compiled) == 2


def test_memory_of_other_sizes_is_returned_once_for_each_new_one(echoes, monkeypatch):
    models, _ = echoes
    returned = []
    monkeypatch.setattr(compiled_models, "return_freed_memory", lambda: returned.append(1))
    counts = []
    for shape in shapes_of(48, 48, 32, 32, 16, 48, 16):
        models.pool_for(shape)
        counts.append(len(returned))
    assert counts == [0, 0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("own", [None, "77"])
def test_what_onednn_keeps_is_bounded_while_it_compiles_unless_the_user_says(monkeypatch, own):
    variable = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.delenv(variable, raising=False)
    if own:
        monkeypatch.setenv(variable, own)
    seen = []
    monkeypatch.setattr(
        CompiledModels,
        "_compile",
        lambda _self, _shape: seen.append(os.environ.get(variable)) or _Echo(1),
    )
    CompiledModels(None, None, {}, None).pool_for((1, 3, 48, 64))
    assert seen == [own or "512"]
    assert os.environ.get(variable) == own


MANY_SIZES = """
import re, sys
from pathlib import Path
import numpy as np
from leadline.inference.openvino_runtime import OpenVinoRuntime
runtime = OpenVinoRuntime(Path(sys.argv[1]), threads=1)
peaks = []
for height in range(160, 560, 20):
    runtime.run(np.full((1, height, 76800 // height, 3), 90, np.uint8))
    peaks.append(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
print((peaks[-1] - peaks[9]) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat_once_seven_sizes_were_seen():
    """Ten further sizes would take 40 MB if their kernels were kept as well."""
    grown = subprocess.check_output([sys.executable, "-c", MANY_SIZES, GRAPH], text=True)
    assert float(grown) < 20


@pytest.fixture
def echoes(monkeypatch):
    """Models that compile nothing, of which a size may have its own after 3 calls."""
    monkeypatch.setattr(compiled_models, "CALLS_FOR_FIXED_SIZE", 3)
    shapes = []
    monkeypatch.setattr(
        CompiledModels, "_compile", lambda _self, shape: shapes.append(shape) or _Echo(len(shapes))
    )
    return CompiledModels(None, None, {}, None), shapes


class _Echo:
    """Stands for a compiled model."""

    def __init__(self, number):
        self.number = number

    def get_property(self, _name):
        return 1


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("size", [(240, 320), (37, 41), (1, 80), (1000, 30), (999, 777)])
def test_resizing_outside_of_the_graph_is_that_of_the_graph(both, size, precision):
    """ONNX Runtime runs the whole graph, resizing included."""
    image = np.random.default_rng(1).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(image[0], (0, 0), 2)[None]
    expected = both["onnxruntime"].run(soft)["depth"]
    found = both[precision].run(soft)["depth"]
    assert found.shape == (1, *size)
    if precision == "f32":
        np.testing.assert_allclose(found, expected, atol=1e-4)
    else:
        assert np.abs(found / expected - 1).mean() < 0.05


@pytest.fixture(scope="module")
def both():
    return {
        "onnxruntime": OnnxRuntime(GRAPH),
        "f32": OpenVinoRuntime(GRAPH),
        "bf16": OpenVinoRuntime(GRAPH, "bf16"),
    }


def test_a_pickled_predictor_is_loaded_again(images):
    predictor = Predictor.load(camera="ignore")
    again = pickle.loads(pickle.dumps(predictor))
    assert (again.name, again.camera_mode) == ("crisp-nyu", "ignore")
    np.testing.assert_array_equal(again(images[0]).depth, predictor(images[0]).depth)


def test_a_predictor_around_a_runtime_says_why_it_cannot_be_pickled():
    with pytest.raises(TypeError, match=r"mine: .* Predictor\.load"):
        pickle.dumps(Predictor("mine", OpenVinoRuntime(GRAPH)))


def test_a_network_that_cannot_be_told_from_the_resizing_runs_whole_in_f32(
    images, monkeypatch, both
):
    monkeypatch.setenv("LEADLINE_CACHE", "")  # the network that was cut is kept there
    monkeypatch.setattr(openvino_runtime, "cut_network", lambda *_: None)
    whole = OpenVinoRuntime(GRAPH)
    for image in images[:2]:
        np.testing.assert_allclose(
            whole.run(image[None])["depth"], both["f32"].run(image[None])["depth"], atol=1e-4
        )
    with pytest.raises(LeadlineError, match=r"model\.onnx: .* use --precision f32"):
        OpenVinoRuntime(GRAPH, "bf16")


RELEASED_ONE_AFTER_THE_OTHER = """
import faulthandler, gc, os, signal
import numpy as np
import leadline

faulthandler.enable()
photo = np.zeros((48, 64, 3), np.uint8)
first, second = leadline.load(), leadline.load()
first(photo), second(photo)
del first; gc.collect()
del second; gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_finds_its_stack_after_two_predictors_are_gone():
    """OpenVINO takes the signal stack of its first Core away, and gives it back with the second."""
    command = [sys.executable, "-c", RELEASED_ONE_AFTER_THE_OTHER]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "handled\n"), result.stderr
