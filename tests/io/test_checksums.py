import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from leadline.errors import LeadlineError
from leadline.io.checksums import (
    KEY,
    safetensors_sum,
    seal_onnx,
    seal_openvino,
    verify_weights,
)

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def onnx_file(folder: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3, 4])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    path = folder / "m.onnx"
    path.write_bytes(seal_onnx(model.SerializeToString()))
    return path


def openvino_file(folder: Path) -> Path:
    path = folder / "m.xml"
    path.write_text('<?xml version="1.0"?>\n<net name="n"><layers/></net>')
    path.with_suffix(".bin").write_bytes(WEIGHTS.tobytes())
    seal_openvino(path, path.with_suffix(".bin"))
    return path


def safetensors_file(folder: Path) -> Path:
    path = folder / "m.safetensors"
    tensors = {"b": WEIGHTS[0], "a": WEIGHTS}
    plain = save(tensors)
    path.write_bytes(save(tensors, metadata={KEY: safetensors_sum(path, plain)}))
    return path


MAKERS = {"onnx": onnx_file, "openvino": openvino_file, "safetensors": safetensors_file}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_whole_file_fits_its_checksum(kind: str, tmp_path: Path) -> None:
    assert verify_weights(MAKERS[kind](tmp_path))


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
def test_a_flipped_byte_anywhere_is_refused(kind: str, place: float, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path)
    victim = path.with_suffix(".bin") if kind == "openvino" else path
    content = bytearray(victim.read_bytes())
    content[int(place * len(content))] ^= 0x10
    victim.write_bytes(content)
    with pytest.raises(LeadlineError, match="damaged") as caught:
        verify_weights(path)
    assert str(victim) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_changed_topology_is_refused_too(tmp_path: Path) -> None:
    path = openvino_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"<layers/>", b"<layerz/>"))
    with pytest.raises(LeadlineError, match="damaged"):
        verify_weights(path)


def test_a_file_that_was_cut_short_has_no_checksum_or_is_refused(tmp_path: Path) -> None:
    path = safetensors_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(LeadlineError, match="damaged"):
        verify_weights(path)


def test_files_of_others_have_none(tmp_path: Path) -> None:
    path = onnx_file(tmp_path)
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    assert not verify_weights(path)
    (tmp_path / "n.safetensors").write_bytes(save({"a": WEIGHTS}))
    assert not verify_weights(tmp_path / "n.safetensors")


def test_the_sum_stands_in_the_models_metadata_where_onnx_reads_it(tmp_path: Path) -> None:
    path = onnx_file(tmp_path)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    [entry] = model.metadata_props
    del model.metadata_props[:]
    assert entry.key == KEY
    assert entry.value == hashlib.sha256(model.SerializeToString()).hexdigest()
