"""Exported models of transformers say what transformers says of photographs of their size."""

import json

import numpy as np
import pytest
import torch

import leadline
from leadline.export.of_transformers import WholeModel, _fixed_point, _matrices
from leadline.inference.transformers_runtime import TransformersRuntime
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.complaints import complaint
from tests.conftest import write_pairs

pytest.importorskip("transformers")
from tests.inference.networks import save_depth_anything, save_zoedepth

SIZE = (96, 128)


def test_the_matrices_are_those_of_the_resize_that_was_asked():
    rng = np.random.default_rng(0)
    rows, columns = rng.random((5, 7)), rng.random((6, 61))
    rows, columns = (each / each.sum(axis=1, keepdims=True) for each in (rows, columns))
    found = _matrices(lambda maps: rows @ maps @ columns.T, (7, 61))
    np.testing.assert_allclose(found[0], rows, atol=1e-12)
    np.testing.assert_allclose(found[1], columns, atol=1e-12)
    # 1 takes 2^14 of 16 bits with sign, and so does what is rounded to it.
    np.testing.assert_array_equal(_fixed_point(np.array([[1.0, 1e-5]])), [[1.0, 0.0]])


@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("size", [(33, 101), (300, 200)])
def test_every_pixel_is_the_processors_where_it_resizes_bytes(resample, size, tmp_path):
    save_depth_anything(tmp_path / "net", "metric")
    about = tmp_path / "net" / "preprocessor_config.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"resample": resample}))
    runtime = TransformersRuntime(tmp_path / "net")
    whole = WholeModel(runtime, size)
    assert whole.rounding == "twice"
    photo = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = runtime.prepare([photo])["pixel_values"]
    given = whole.pixels(torch.from_numpy(photo)[None])
    assert float(((given - expected) / whole.scale).abs().max()) < 1e-3  # of 255


def test_a_processor_that_pads_is_asked_for_its_matrices(tmp_path):
    save_zoedepth(tmp_path / "net")
    runtime = TransformersRuntime(tmp_path / "net")
    whole = WholeModel(runtime, (48, 64))
    photo = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    expected = runtime.prepare([photo])["pixel_values"]
    given = whole.pixels(torch.from_numpy(photo)[None])
    assert float(((given - expected) / whole.scale).abs().max()) < 1e-3


@pytest.mark.parametrize(("kind", "suffix"), [("zoedepth", ".xml"), ("depth anything", ".onnx")])
def test_predict_evaluate_and_the_exported_file_agree(kind, suffix, tmp_path):
    folder, out = tmp_path / "net", tmp_path / f"net{suffix}"
    bound = 1e-4
    if kind == "zoedepth":
        save_zoedepth(folder)
    else:
        save_depth_anything(folder, "metric")
    data = write_pairs(tmp_path / "data", 3, SIZE)
    shown = leadline_here(
        "export", f"hf:{folder}", "-o", out, "--size", "96x128", "--images", data / "rgb",
        "--tolerance", bound,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    about = json.loads(out.with_name(out.name + ".json").read_text())
    assert about["size_policy"] == {"rule": "one photograph of 128x96 pixels"}
    assert (about["gate"]["pictures"], about["gate"]["reference"]) == (3, "transformers")
    photo = data / "rgb" / "000.png"
    theirs, ours = (leadline.load(model)(photo).depth for model in (f"hf:{folder}", out))
    assert theirs.std() > 0.01
    np.testing.assert_allclose(ours, theirs, atol=bound)
    leadline_here("predict", data / "rgb", "-o", tmp_path / "rgb", "--model", out)
    scores = []
    for source in (("--model", out), ("--pred-dir", tmp_path / "rgb"), ("--model", f"hf:{folder}")):
        told = leadline_here(
            "evaluate", *source, "--data", data, "--no-baselines", "--json", "--protocol", "full"
        )
        assert told.returncode == 0, told.stderr
        scores.append(json.loads(told.stdout)["metrics"])
    for others in scores[1:]:
        assert scores[0] == pytest.approx(others, rel=1e-5)
    with pytest.raises(leadline.LeadlineError, match="takes one photograph of 128x96, not 1 of"):
        leadline.load(out)(np.zeros((48, 64, 3), np.uint8))


def test_what_cannot_be_exported_is_refused(tmp_path):
    save_depth_anything(tmp_path / "net", "relative")
    model = f"hf:{tmp_path / 'net'}"
    fails_in_one_line(
        leadline_here("export", model, "-o", tmp_path / "x.onnx"), "affine-inverse", "no unit"
    )
    for options in ({"weights": "fp16"}, {"input_channels": "bgr"}, {"format": "checkpoint"}):
        assert ".onnx or .xml" in complaint(
            lambda options=options: leadline.export_model(
                model, tmp_path if "format" in options else tmp_path / "x.onnx", **options
            )
        )
    fails_in_one_line(
        leadline_here("export", "compact-nyu", "-o", tmp_path / "x.onnx", "--size", "96x128"),
        "--size", "take any",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("save", [save_depth_anything, save_zoedepth])
def test_networks_of_their_real_size_are_exported(save, tmp_path):
    options = {"kind": "metric"} if save is save_depth_anything else {}
    save(tmp_path / "net", real=True, **options)
    exported = leadline.export_model(
        f"hf:{tmp_path / 'net'}", tmp_path / "x.onnx", size=(240, 320), image_count=2
    )
    assert exported.max_error < 1e-3
    assert exported.gate.worst.max_error < 1e-3
    assert {row.runtime for row in exported.parity} == {"openvino", "onnxruntime"}
