"""What the light install reads of ONNX files, beside the `onnx` package."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from leadline.io.onnx_files import embed_weights, metadata_entry, read_metadata

RNG = np.random.default_rng(0)
TENSORS = {
    "large": RNG.normal(size=(40, 30)).astype(np.float32),
    "half": RNG.normal(size=(900,)).astype(np.float16),
    "small": np.array([7], dtype=np.int64),
}


def model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["large"], ["y"])],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [40, 30])],
        [numpy_helper.from_array(value, name) for name, value in TENSORS.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.doc_string = "a card\n" * 50
    helper.set_model_props(made, {"leadline": '{"ä": 1}' * 40, "other": ""})
    return made


def test_metadata_is_read_and_added_as_onnx_does():
    content = model().SerializeToString() + metadata_entry("key", "v" * 300)
    expected = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert expected["key"] == "v" * 300
    assert read_metadata(content) == expected


def test_weights_beside_a_model_are_put_inside(tmp_path):
    onnx.save(
        model(),
        tmp_path / "m.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=100,
    )
    assert len((tmp_path / "m.onnx").read_bytes()) < TENSORS["large"].nbytes
    (tmp_path / "one.onnx").write_bytes(embed_weights(tmp_path / "m.onnx", without=["other"]))
    (tmp_path / "weights.bin").unlink()
    one = onnx.load(tmp_path / "one.onnx")
    assert [entry.key for entry in one.metadata_props] == ["leadline"]
    assert one.doc_string == model().doc_string
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in one.graph.initializer}
    assert found.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(found[name], value)
    onnx.checker.check_model(one, full_check=True)
