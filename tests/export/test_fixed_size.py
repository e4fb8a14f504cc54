"""Files for photographs of one size, in the engines of phones: the checkpoint's metres and more.

LiteRT's converter asks for older packages than Leadline's other extras, and is tested in an
environment of its own: pip install '.[litert]' pytest, and pytest -m slow of this file.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.export.export_model import export_model
from leadline.export.fixed_size import FixedRuntime, quiet, write_fixed
from leadline.export.parity import compare_with
from leadline.export.pictures import smooth_pictures
from leadline.inference.runtime_config import RuntimeConfig
from leadline.models.config import ModelConfig
from leadline.models.pipeline import InferencePipeline
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.export.test_program import Small

SIZE = (61, 97)


@pytest.fixture(scope="module")
def model():
    return Small(ModelConfig("compact", stride=8, training_area=2_400)).eval()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((".pte", "executorch", "executorch"), id="executorch"),
        pytest.param((".tflite", "litert", "litert_torch"), id="litert", marks=pytest.mark.slow),
    ],
)
def engine(request):
    """The suffix of a file, and the name of its engine, where that is installed."""
    suffix, name, module = request.param
    pytest.importorskip(module)
    return suffix, name


@pytest.fixture(scope="module")
def made(model, engine, tmp_path_factory):
    """A file that takes BGR, and what it was opened as."""
    path = tmp_path_factory.mktemp("fixed") / f"m{engine[0]}"
    return path, write_fixed(model, path, SIZE, "bgr")


def test_the_file_gives_the_checkpoints_metres_classes_and_uncertainty(model, engine, made):
    path, runtime = made
    assert (runtime.name, runtime.names) == (engine[1], ("depth", "uncertainty", "labels"))
    rows = compare_with(model, [runtime], SIZE, 2)
    assert [(row.runtime, row.batch, row.height, row.width) for row in rows] == [
        (engine[1], 2, *SIZE)
    ]
    assert rows[0].max_error < 1e-4
    images = smooth_pictures(2, *SIZE, seed=7)
    with torch.inference_mode():
        true = InferencePipeline(model)(torch.from_numpy(images))
    given = runtime.run(images)
    assert given["depth"].std() > 1e-3
    assert (given["labels"] == true["labels"].numpy()).mean() > 0.999
    assert 0 < given["labels"].mean() < 1 and given["labels"].dtype == np.uint8
    # What lies on the disk takes BGR itself.
    plain = FixedRuntime(path, runtime.names, RuntimeConfig())
    turned = plain.run(np.ascontiguousarray(images[..., ::-1]))
    np.testing.assert_array_equal(turned["depth"], given["depth"])
    assert np.abs(plain.run(images)["depth"] - given["depth"]).max() > 1e-3


@pytest.mark.slow
def test_the_shipped_model_is_exported_with_what_it_states(engine, tmp_path):
    suffix, name = engine
    exported = export_model("crisp-nyu", tmp_path, format=name, size=(240, 320), image_count=2)
    path = tmp_path / f"crisp-nyu{suffix}"
    assert exported.files == (path,) and exported.max_error < 1e-3
    assert [row.runtime for row in exported.gate.rows] == [name]
    about = json.loads(exported.sidecar.read_text())
    assert about["input"]["shape"] == "1,240,320,3"
    assert about["outputs"] == ["depth", "uncertainty", "novelty"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "m.pte", "--weights", "fp16"), "a .pte holds float32 weights"),
        (("-o", "m.tflite", "--precision", "int8"), "int8 is written for OpenVINO or ONNX"),
        (("-o", "m.onnx", "--size", "48x64"), "a size is for .pte and .tflite"),
        (("--format", "litert", "-o", "m.pte"), "not a name for format litert"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails_in_one_line(leadline_here("export", "compact-nyu", *options), words)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_missing_is_one_line(model, monkeypatch, tmp_path):
    for name in ("executorch.exir", "litert_torch"):
        monkeypatch.setitem(sys.modules, name, None)
    for suffix, extra in ((".pte", "executorch"), (".tflite", "litert")):
        with pytest.raises(LeadlineError, match=rf"needs .*leadline\[{extra}\]"):
            write_fixed(model, tmp_path / f"m{suffix}", SIZE, "rgb")
    assert list(tmp_path.iterdir()) == []


def test_the_engines_talk_goes_nowhere_and_ours_is_heard_again():
    code = (
        "import os, sys, logging, warnings\n"
        "from leadline.export.fixed_size import quiet\n"
        "print('before')\n"
        "try:\n"
        "    with quiet():\n"
        "        print('python'); os.write(1, b'native'); os.write(2, b'native')\n"
        "        logging.error('logged'); warnings.warn('warned')\n"
        "        raise KeyError\n"
        "except KeyError:\n"
        "    print('after'); logging.error('heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["before", "after"]
    assert done.stderr.strip() == "ERROR:root:heard"
    with quiet():
        pass
