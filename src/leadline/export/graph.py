"""Compose the exported graph: photograph in (uint8), metres out, with all processing included.

    image (N,H,W,3) uint8 -> resize to about the training area -> network -> metres
                          -> bilinear back to the input size -> depth (N,H,W) float32 metres

The size rule is `leadline.models.size_policy`, here as ONNX nodes so that N, H and W stay free. Two
properties of OpenVINO on a CPU shaped it: its ONNX reader silently ignores `antialias` of Resize,
hence the shrinking in steps of at most 2; and its Interpolate takes three times as long for one
channel as the same resize written as two matrix products.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, compose, helper, numpy_helper

from leadline.inference.runtime_config import ChannelOrder
from leadline.models.size_policy import MAX_HALVINGS

OPSET = 18  # the first whose Resize has `axes`, which keep the channel count known
IR_VERSION = helper.find_min_ir_version_for([helper.make_opsetid("", OPSET)])
"""The oldest file format with this opset, since older runtimes refuse newer formats unread."""

FURTHER_MAPS = {"spread": "uncertainty", "validity": "validity"}
"""Optional per-pixel outputs of a network, and the names of the graph's outputs."""


def add_size_policy(
    core: onnx.ModelProto,
    training_area: int,
    stride: int,
    input_channels: ChannelOrder = "rgb",
) -> onnx.ModelProto:
    """Wrap a network graph in its pre- and post-processing.

    `core` maps `images` (N,3,h,w) in [0,1] to `depth` (N,1,h',w') metres; the result maps
    `image` (N,H,W,3) uint8 to `depth` (N,H,W) float32 metres for any N, H, W. Optional outputs of
    `core` and of the result:

    - `logits` (N,C,h',w') become `labels` (N,H,W), the best class: uint8, or int32 for more than
      256 classes;
    - `spread` (N,1,h",w") becomes `uncertainty` (N,H,W) float32, the Laplace scale of ln(metres);
    - `validity` (N,1,h",w") becomes `validity` (N,H,W), the probability that there is a depth;
    - `novelty` (N,1,1,1) becomes `novelty` (N,).

    `input_channels` is the channel order of `image`.
    """
    label_type = _label_type(core)
    names = {output.name for output in core.graph.output}
    has_novelty = "novelty" in names
    stated = {name: FURTHER_MAPS[name] for name in FURTHER_MAPS if name in names}
    core.ir_version = IR_VERSION
    before = _preprocessing(training_area, stride, input_channels)
    after = compose.add_prefix(
        _postprocessing(label_type, stated, has_novelty),
        "out/",
        rename_inputs=False,
        rename_outputs=False,
    )
    handed_on = [("original_size", "full_size"), ("net/depth", "small_depth")]
    handed_on += [(f"net/{name}", f"small_{name}") for name in stated]
    if has_novelty:
        handed_on.append(("net/novelty", "small_novelty"))
    if label_type is not None:
        handed_on.append(("net/logits", "small_logits"))
    joined = compose.merge_models(
        before,
        compose.add_prefix(core, "net/"),
        io_map=[("resized", "net/images")],
        outputs=[source for source, _ in handed_on],
    )
    whole = compose.merge_models(joined, after, io_map=handed_on)
    del whole.opset_import[1:]  # one from each part, all equal
    onnx.checker.check_model(whole)
    return whole


def _node(kind: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, names, [output], name=output, **attributes)


def _constant(name: str, value: Any, dtype: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype=dtype), name)


def _model(
    nodes: list[NodeProto],
    name: str,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def _processing_size_nodes() -> list[NodeProto]:
    """`original_size` [H,W] -> `new_size` [h,w]: `processing_size`, operation by operation."""
    return [
        _node("Cast", "original_size", "sides", to=TensorProto.FLOAT),
        _node("ReduceProd", "sides", "pixels", keepdims=1),
        # Not stride / area: OpenVINO (2026.4, CPU, free shapes) divides x by the constant where
        # the constant should be divided by x.
        _node("Div", "pixels area", "grow_squared"),
        _node("Sqrt", "grow_squared", "grow"),
        _node("Div", "sides grow", "wanted_sides"),
        _node("Div", "wanted_sides stride", "wanted_steps"),
        _node("Round", "wanted_steps", "rounded_steps"),
        _node("Max", "rounded_steps one", "steps"),
        _node("Mul", "steps stride", "new_sides"),
        _node("Cast", "new_sides", "new_size", to=TensorProto.INT64),
    ]


def _channels_first_nodes(input_channels: ChannelOrder) -> list[NodeProto]:
    """`unit_nhwc` (N,H,W,3) -> `unit` (N,3,H,W) RGB."""
    if input_channels == "rgb":
        return [_node("Transpose", "unit_nhwc", "unit", perm=[0, 3, 1, 2])]
    return [
        _node("Transpose", "unit_nhwc", "unit_bgr", perm=[0, 3, 1, 2]),
        _node("Gather", "unit_bgr blue_first", "unit", axis=1),
    ]


def _shrinking_nodes() -> list[NodeProto]:
    """`unit` (N,3,H,W) -> `resized` (N,3,h,w): `shrink_sizes` with all steps unrolled."""
    resize = {
        "mode": "linear",
        "coordinate_transformation_mode": "half_pixel",
        "axes": [2, 3],
    }
    nodes = []
    image, sides = "unit", "sides"
    for step in range(MAX_HALVINGS):
        nodes += [
            _node("Mul", f"{sides} half", f"half_{step}"),
            _node("Ceil", f"half_{step}", f"half_up_{step}"),
            _node("Max", f"half_up_{step} new_sides", f"sides_{step}"),
            _node("Cast", f"sides_{step}", f"size_{step}", to=TensorProto.INT64),
            _node("Resize", f"{image} - - size_{step}", f"image_{step}", **resize),
        ]
        image, sides = f"image_{step}", f"sides_{step}"
    return [*nodes, _node("Resize", f"{image} - - new_size", "resized", **resize)]


def _preprocessing(
    training_area: int, stride: int, input_channels: ChannelOrder
) -> onnx.ModelProto:
    """`image` (N,H,W,3) uint8 -> `resized` (N,3,h,w) in [0,1], and `original_size` [H,W]."""
    nodes = [
        _node("Shape", "image", "original_size", start=1, end=3),
        *_processing_size_nodes(),
        _node("Cast", "image", "bytes", to=TensorProto.FLOAT),
        _node("Mul", "bytes one_255th", "unit_nhwc"),
        *_channels_first_nodes(input_channels),
        *_shrinking_nodes(),
    ]
    return _model(
        nodes,
        "preprocessing",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("resized", TensorProto.FLOAT, ["N", 3, "h", "w"]),
            helper.make_tensor_value_info("original_size", TensorProto.INT64, [2]),
        ],
        [
            _constant("one_255th", 1 / 255, np.float32),
            *([] if input_channels == "rgb" else [_constant("blue_first", [2, 1, 0], np.int64)]),
            _constant("area", [training_area], np.float32),
            _constant("stride", [stride], np.float32),
            _constant("one", [1], np.float32),
            _constant("half", [0.5], np.float32),
        ],
    )


def _bilinear_matrix_nodes(name: str, axis: int, source: str) -> list[NodeProto]:
    """Nodes for `name` (full, small): the matrix of a bilinear resize of `source` along one axis.

    Row y holds max(0, 1 - |x - s(y)|), where s(y) is the half-pixel source position clamped to the
    image, which is linear interpolation with the border repeated.
    """

    def at(part: str) -> str:
        return f"{name}/{part}"

    return [
        _node("Shape", source, at("small_n"), start=axis + 2, end=axis + 3),
        _node("Slice", f"full_size index_{axis} index_{axis + 1}", at("full_n")),
        _node("Cast", at("small_n"), at("small"), to=TensorProto.FLOAT),
        _node("Cast", at("full_n"), at("full"), to=TensorProto.FLOAT),
        _node("Div", f"{at('small')} {at('full')}", at("ratio")),
        _node("Sub", f"{at('small')} one", at("last")),
        _node("Squeeze", at("small_n"), at("small_count")),
        _node("Squeeze", at("full_n"), at("full_count")),
        _node("Range", f"zero_s {at('small_count')} one_s", at("columns_n")),
        _node("Range", f"zero_s {at('full_count')} one_s", at("rows_n")),
        _node("Cast", at("columns_n"), at("columns"), to=TensorProto.FLOAT),
        _node("Cast", at("rows_n"), at("rows"), to=TensorProto.FLOAT),
        _node("Add", f"{at('rows')} half", at("centres")),
        _node("Mul", f"{at('centres')} {at('ratio')}", at("scaled")),
        _node("Sub", f"{at('scaled')} half", at("sources")),
        _node("Max", f"{at('sources')} zero", at("sources_from_0")),
        _node("Min", f"{at('sources_from_0')} {at('last')}", at("sources_inside")),
        _node("Unsqueeze", f"{at('sources_inside')} index_1", at("sources_column")),
        _node("Sub", f"{at('sources_column')} {at('columns')}", at("offsets")),
        _node("Abs", at("offsets"), at("distances")),
        _node("Sub", f"one {at('distances')}", at("hats")),
        _node("Relu", at("hats"), name),
    ]


def _label_type(core: onnx.ModelProto) -> int | None:
    """Return the type that holds all class ids of the network, None if it has no classes."""
    for output in core.graph.output:
        if output.name == "logits":
            classes = output.type.tensor_type.shape.dim[1].dim_value
            return int(TensorProto.UINT8 if 0 < classes <= 256 else TensorProto.INT32)
    return None


def _label_nodes(label_type: int) -> list[NodeProto]:
    """`small_logits` (N,C,h,w) and `full_size` [H,W] -> `labels` (N,H,W)."""
    return [
        _node(
            "Resize",
            "small_logits - - full_size",
            "full_logits",
            mode="linear",
            coordinate_transformation_mode="half_pixel",
            axes=[2, 3],
        ),
        _node("ArgMax", "full_logits", "best_class", axis=1, keepdims=0),
        _node("Cast", "best_class", "labels", to=label_type),
    ]


def _stretch_nodes(source: str, output: str, prefix: str = "") -> list[NodeProto]:
    """`source` (N,1,h,w) and `full_size` [H,W] -> `output` (N,H,W), bilinearly."""

    def at(name: str) -> str:
        return prefix + name

    return [
        *_bilinear_matrix_nodes(at("stretch_rows"), axis=0, source=source),
        *_bilinear_matrix_nodes(at("stretch_columns"), axis=1, source=source),
        _node("Transpose", at("stretch_columns"), at("stretch_columns_t"), perm=[1, 0]),
        _node("MatMul", f"{at('stretch_rows')} {source}", f"tall_{output}"),
        _node("MatMul", f"tall_{output} {at('stretch_columns_t')}", f"full_{output}"),
        _node("Squeeze", f"full_{output} index_1", output),
    ]


def _postprocessing(
    label_type: int | None, stated: Mapping[str, str], has_novelty: bool
) -> onnx.ModelProto:
    """`small_depth` (N,1,h,w) and `full_size` [H,W] -> `depth` (N,H,W), and optional outputs."""
    nodes = _stretch_nodes("small_depth", "depth")
    info = helper.make_tensor_value_info
    inputs = [
        info("small_depth", TensorProto.FLOAT, ["N", 1, "h", "w"]),
        info("full_size", TensorProto.INT64, [2]),
    ]
    outputs = [info("depth", TensorProto.FLOAT, ["N", "H", "W"])]
    if label_type is not None:
        nodes += _label_nodes(label_type)
        inputs.append(info("small_logits", TensorProto.FLOAT, ["N", "C", "h", "w"]))
        outputs.append(info("labels", label_type, ["N", "H", "W"]))
    for name, output in stated.items():
        nodes += _stretch_nodes(f"small_{name}", output, prefix=f"{name}_")
        inputs.append(info(f"small_{name}", TensorProto.FLOAT, ["N", 1, "hs", "ws"]))
        outputs.append(info(output, TensorProto.FLOAT, ["N", "H", "W"]))
    if has_novelty:
        nodes.append(_node("Reshape", "small_novelty as_a_list", "list_of_novelties"))
        # No effect, but OpenVINO merges a final Reshape with the nodes before it and takes its name
        # for the output.
        nodes.append(_node("Relu", "list_of_novelties", "novelty"))
        inputs.append(info("small_novelty", TensorProto.FLOAT, ["N", 1, 1, 1]))
        outputs.append(info("novelty", TensorProto.FLOAT, ["N"]))
    return _model(
        nodes,
        "postprocessing",
        inputs,
        outputs,
        [
            *(_constant(f"index_{i}", [i], np.int64) for i in range(3)),
            *([_constant("as_a_list", [-1], np.int64)] if has_novelty else []),
            _constant("zero_s", 0, np.int64),
            _constant("one_s", 1, np.int64),
            _constant("zero", [0], np.float32),
            _constant("half", [0.5], np.float32),
            _constant("one", [1], np.float32),
        ],
    )
