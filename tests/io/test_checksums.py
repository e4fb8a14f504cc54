import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save

from leadline.errors import LeadlineError
from leadline.io.checksums import (
    KEY,
    seal_onnx,
    seal_openvino,
    seal_safetensors,
    verify_weights,
    weight_files,
)

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def onnx_model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3, 4])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def onnx_file(folder: Path) -> list[Path]:
    path = folder / "m.onnx"
    path.write_bytes(seal_onnx(onnx_model().SerializeToString()))
    return [path]


def two_file_onnx(folder: Path) -> list[Path]:
    [weights] = safetensors_file(folder)
    path = folder / "m.onnx"
    path.write_bytes(seal_onnx(onnx_model().SerializeToString(), weights))
    return [path, weights]


def openvino_file(folder: Path) -> list[Path]:
    path = folder / "m.xml"
    path.write_text('<?xml version="1.0"?>\n<net name="n"><layers/></net>')
    path.with_suffix(".bin").write_bytes(WEIGHTS.tobytes())
    seal_openvino(path, path.with_suffix(".bin"))
    return [path, path.with_suffix(".bin")]


def safetensors_file(folder: Path) -> list[Path]:
    path = folder / "m.safetensors"
    plain = save({"b": WEIGHTS[0], "a": WEIGHTS}, metadata={"format": "leadline"})
    path.write_bytes(seal_safetensors(plain))
    return [path]


MAKERS = {
    "onnx": onnx_file,
    "onnx and safetensors": two_file_onnx,
    "openvino": openvino_file,
    "safetensors": safetensors_file,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_whole_file_fits_its_checksum(kind: str, tmp_path: Path) -> None:
    assert verify_weights(MAKERS[kind](tmp_path)[0])


@pytest.mark.parametrize("kind", MAKERS)
def test_a_flipped_bit_anywhere_is_refused(kind: str, tmp_path: Path) -> None:
    files = MAKERS[kind](tmp_path)
    for victim in files:
        whole = victim.read_bytes()
        for at in range(len(whole) % 7, len(whole), 7):
            content = bytearray(whole)
            content[at] ^= 1 << at % 8
            victim.write_bytes(content)
            with pytest.raises(LeadlineError, match="damaged") as caught:
                verify_weights(files[0])
            assert any(str(file) in str(caught.value) for file in files), at
            assert "\n" not in str(caught.value)
        victim.write_bytes(whole)


@pytest.mark.parametrize("kind", MAKERS)
def test_nan_in_one_weight_is_refused(kind: str, tmp_path: Path) -> None:
    files = MAKERS[kind](tmp_path)
    content = files[-1].read_bytes()
    files[-1].write_bytes(content.replace(np.float32(23).tobytes(), np.float32("nan").tobytes()))
    with pytest.raises(LeadlineError, match="damaged"):
        verify_weights(files[0])


@pytest.mark.parametrize("kind", ["onnx and safetensors", "openvino"])
def test_weights_of_another_file_and_missing_ones_are_refused(kind: str, tmp_path: Path) -> None:
    model, weights = MAKERS[kind](tmp_path)
    other = save({"a": WEIGHTS + 1}) if kind != "openvino" else (WEIGHTS + 1).tobytes()
    weights.write_bytes(other)
    with pytest.raises(LeadlineError, match="damaged"):
        verify_weights(model)
    weights.unlink()
    with pytest.raises(LeadlineError, match="no such file"):
        verify_weights(model)


def test_whole_weights_beside_a_graph_of_others_are_refused_from_both_sides(tmp_path: Path) -> None:
    graph, weights = two_file_onnx(tmp_path)
    assert verify_weights(weights)
    weights.write_bytes(seal_safetensors(save({"a": WEIGHTS + 1})))
    for file in (graph, weights):
        with pytest.raises(LeadlineError, match=r"m\.safetensors: .*another training.* m\.onnx"):
            verify_weights(file)
    # A damaged graph says nothing about the weights, nor does one that holds its own.
    graph.write_bytes(graph.read_bytes().replace(b"Add", b"Sub"))
    assert verify_weights(weights)
    onnx_file(tmp_path)
    assert verify_weights(weights)


@pytest.mark.parametrize("key", ["checkpoint_seal", "checkpoint_sha256"])
def test_an_exported_file_beside_other_weights_is_refused(key: str, tmp_path: Path) -> None:
    """An older one knows the sum of its checkpoint's whole file, not the one inside."""
    weights, graph = tmp_path / "model.safetensors", tmp_path / "model.onnx"
    weights.write_bytes(seal_safetensors(save({"a": WEIGHTS})))
    content = weights.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    whole = hashlib.sha256(content).hexdigest()
    about = {
        "checkpoint_sha256": whole,
        key: {"checkpoint_seal": header["__metadata__"][KEY]}.get(key, whole),
    }
    model = onnx_model()
    model.metadata_props.add(key="leadline_export", value=json.dumps(about))
    graph.write_bytes(seal_onnx(model.SerializeToString()))
    assert verify_weights(graph)
    weights.write_bytes(seal_safetensors(save({"a": WEIGHTS + 1})))
    with pytest.raises(LeadlineError, match=r"model\.onnx: was exported from other weights"):
        verify_weights(graph)
    assert verify_weights(weights)
    weights.write_text("version https://git-lfs.github.com/spec/v1\n")
    if key == "checkpoint_seal":
        assert verify_weights(graph)
    assert verify_weights(graph.rename(tmp_path / "mine.onnx"))


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    [path] = safetensors_file(tmp_path)
    whole = path.read_bytes()
    for length in (0, 3, 60, len(whole) - 5):
        path.write_bytes(whole[:length])
        with pytest.raises(LeadlineError, match=r"damaged|empty"):
            verify_weights(path)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_file_cut_anywhere_is_damaged_not_one_without_a_sum(kind: str, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path)[0]
    whole = path.read_bytes()
    # What stands there before the file is sealed is whole by itself.
    unsealed = {".onnx": onnx_model().SerializeToString(), ".xml": whole.partition(b"\n<!--")[0]}
    length_unsealed = len(unsealed.get(path.suffix, b""))
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        if length not in (length_unsealed, length_unsealed + (path.suffix == ".xml")):
            with pytest.raises(LeadlineError, match="damaged"):
                verify_weights(path)


def test_a_file_of_others_that_was_cut_short_is_damaged(tmp_path: Path) -> None:
    contents = {
        "m.onnx": onnx_model().SerializeToString(),
        "m.xml": b"<net><layers/></net>",
        "m.safetensors": save({"a": WEIGHTS}),
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert not verify_weights(path)
        for left in (len(content) - 3, len(content) // 2):
            path.write_bytes(content[:left])
            with pytest.raises(LeadlineError, match=rf"{name}: .*damaged"):
                verify_weights(path)


@pytest.mark.parametrize("kind", ["onnx", "safetensors", "openvino"])
@pytest.mark.parametrize("digit", [0, 40])
def test_a_damaged_sum_is_told_from_damaged_weights(kind: str, digit: int, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path)[0]
    content = bytearray(path.read_bytes())
    found = re.search(rb"[0-9a-f]{64}", content)
    assert found
    at = found.start() + digit
    content[at] = ord("1") if content[at] != ord("1") else ord("2")
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=r"recorded SHA-256 is damaged \(1 of 64 digits"):
        verify_weights(path)


def test_files_of_others_have_none(tmp_path: Path) -> None:
    onnx.save(onnx_model(), tmp_path / "m.onnx")
    assert not verify_weights(tmp_path / "m.onnx")
    (tmp_path / "n.safetensors").write_bytes(save({"a": WEIGHTS}))
    assert not verify_weights(tmp_path / "n.safetensors")
    assert weight_files(tmp_path) == [tmp_path / "m.onnx", tmp_path / "n.safetensors"]


def test_the_sum_stands_in_the_models_metadata_where_onnx_reads_it(tmp_path: Path) -> None:
    [path] = onnx_file(tmp_path)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    entry = model.metadata_props.pop()
    assert entry.key == KEY
    assert entry.value == hashlib.sha256(model.SerializeToString()).hexdigest()


def test_the_sum_stands_in_the_header_where_safetensors_reads_it(tmp_path: Path) -> None:
    [path] = safetensors_file(tmp_path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    info = json.loads(content[8 : 8 + length])["__metadata__"]
    assert info["format"] == "leadline"
    assert len(info[KEY]) == 64
    tensors = load_file(path)
    assert tensors.keys() == {"a", "b"}
    np.testing.assert_array_equal(tensors["a"], WEIGHTS)
    np.testing.assert_array_equal(tensors["b"], WEIGHTS[0])
