"""Eight-bit networks for ONNX Runtime: its own quantiser, with biases corrected afterwards.

Rounded weights shift the mean of a channel, and with it the depth of whole pictures. The shift
follows from the mean of the inputs, and is subtracted from the bias, as in data-free quantisation
(Nagel et al. 2019, section 4.2), here with means over pictures. Convolutions that are the last
before an output stay in float32, since depth would otherwise have only 256 values.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from leadline.export.int8_loss import RANKED, Depth, Int8Report, LossMeasure, divided, speedup
from leadline.export.pictures import Picture, Pictures
from leadline.inference.camera import TrainingCamera
from leadline.inference.graph_parts import products
from leadline.inference.int8_file import weights_digest
from leadline.inference.openvino_runtime import openvino_core
from leadline.inference.runtime import CONFIG_KEY, decode_config, in_file_order
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.checksums import ABOUT_KEY, ONNX_KEYS
from leadline.progress import Say, Track, unsaid, untracked

CONVOLUTIONS = ("Conv", "ConvTranspose")
FOLLOWING = ("Clip", "Relu", "LeakyRelu", "MaxPool")
"""Node types that take 8-bit values from a convolution; additions and concatenations in 8 bits gain
no time and cost accuracy."""
NETWORK = "net/"
"""Name prefix of the network's nodes; nodes of the resizing do not have it."""

INT32 = 2**31 - 1
Means = NDArray[np.float64]


@dataclass
class _Seen:
    """Statistics of a tensor: minimum and maximum, and the sum of the channel means."""

    least: float = np.inf
    largest: float = -np.inf
    shape: tuple[int, ...] = ()
    means: Means | float = 0.0
    pictures: int = 0

    def add(self, least: float, largest: float, shape: tuple[int, ...]) -> None:
        """Add the values of one picture."""
        self.least, self.largest = min(self.least, least), max(self.largest, largest)
        self.shape = shape
        self.pictures += 1

    def add_mean(self, mean: NDArray[np.float32]) -> None:
        """Add the channel means, (C,), over one picture."""
        self.means = self.means + mean.astype(np.float64)

    @property
    def mean(self) -> Means:
        """Return the channel means, (C,)."""
        return np.asarray(self.means, np.float64) / self.pictures


def quantise_onnx(
    path: Path,
    pictures: Pictures,
    max_loss: float,
    scored: Pictures | None = None,
    *,
    track: Track = untracked,
    say: Say = unsaid,
) -> tuple[ModelProto, Int8Report]:
    """Return the exported `.onnx` file `path` with an 8-bit network, and a report.

    `pictures` are for calibration, and `scored` for measuring the loss; without these, a quarter of
    the former, at most `CHECKED`, are used. If the loss is above `max_loss`, layers are reverted to
    float32, the most costly first. `track` shows progress over pictures and layers; `say` is given
    a line for every layer that is reverted.
    Errors: LeadlineError for fewer than four pictures, or if the loss stays above `max_loss`.
    """
    checks, calibration = divided(pictures, scored)
    stored = _config_of(onnx.load(path), path)
    config = RuntimeConfig.from_file(path, stored)
    exact = _prepared(path)
    graph = _Graph(exact)
    slow = _Session(exact, config)
    others = len(pictures) - (len(checks) if scored is None else 0)
    shown = track(calibration, "export: calibrating", others, unit="pictures")
    seen = _see(exact, graph, shown, config)
    camera = TrainingCamera.from_config(config)
    shown = track(checks, "export: predicting", len(checks), unit="pictures")
    loss_of = LossMeasure(checks, [slow.depth(picture) for picture in shown], camera)

    def loss_over(kept: Sequence[str], of: Sequence[Picture]) -> float:
        session = _Session(_quantised(exact, graph, seen, kept), config)
        return float(np.mean([loss_of.loss(picture, session.depth(picture)) for picture in of]))

    kept = graph.last_convolutions()
    loss = loss_over(kept, checks)
    if not loss <= max_loss:
        left = [name for name in graph.quantisable if name not in kept]
        tried = track(left, "export: trying in float32", len(left), unit="layers")
        losses = {name: loss_over([*kept, name], checks[:RANKED]) for name in tried}
        ranked = sorted(left, key=losses.__getitem__)
        while ranked and not loss <= max_loss:
            kept = [*kept, ranked.pop(0)]
            loss = loss_over(kept, checks)
            say(f"{len(kept)} layers in float32: {loss_of.noun} changes by {loss:+.2%}")
    loss_of.refuse(loss, max_loss, path.name)
    model = _quantised(exact, graph, seen, kept)
    fast = _Session(model, config)
    share, kept_layers = _share_of_products(model, graph, seen)
    report = Int8Report(
        share, len(graph.layers), kept_layers, loss, loss_of.has_truth, len(checks),
        speedup(slow.depth, fast.depth, checks), timed="the file",
    )  # fmt: skip
    _write_config(model, path, stored, report)
    return model, report


class _Graph:
    """Access to the network's nodes in a prepared graph."""

    def __init__(self, model: ModelProto):
        self.nodes = {node.name: node for node in model.graph.node if _is_in_network(node)}
        self.convolutions = self._of(*CONVOLUTIONS)
        self.layers = self._of(*CONVOLUTIONS, "MatMul")
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.quantisable = [
            name
            for name, node in self.convolutions.items()
            if node.op_type == "Conv" and self._weights.keys() >= set(node.input[1:])
        ]
        self._nodes = list(model.graph.node)
        self._outputs = [output.name for output in model.graph.output]

    def _of(self, *kinds: str) -> dict[str, NodeProto]:
        return {name: node for name, node in self.nodes.items() if node.op_type in kinds}

    def weight(self, node: NodeProto) -> NDArray[np.float32]:
        """Return the weights of a convolution."""
        return np.asarray(numpy_helper.to_array(self._weights[node.input[1]]))

    def quantised_nodes(self, kept: Sequence[str]) -> list[str]:
        """Return the nodes with 8-bit results if the convolutions `kept` stay in float32.

        Nodes after a kept convolution stay in float32 too.
        """
        given: set[str] = set()
        names = []
        for node in self._nodes:
            is_convolution = node.name in self.quantisable and node.name not in kept
            follows = node.op_type in FOLLOWING and node.input[0] in given
            if is_convolution or (follows and node.name in self.nodes):
                names.append(node.name)
                given.update(node.output)
        return names

    def bias(self, node: NodeProto) -> NDArray[np.float32]:
        """Return the bias of a convolution."""
        return np.asarray(numpy_helper.to_array(self._weights[node.input[2]]))

    def last_convolutions(self) -> list[str]:
        """Return the convolutions that are the last before an output.

        Those of classes may be quantised, since only the order of their values counts.
        """
        reaching = set(self._outputs) - {"labels"}
        last = []
        for node in reversed(self._nodes):  # nodes are in order of execution
            if reaching.isdisjoint(node.output):
                continue
            if node.name in self.convolutions:
                last.append(node.name)
            else:
                reaching.update(node.input)
        return last

    def tensors(self) -> list[str]:
        """Return the inputs and outputs of nodes that are quantised or counted."""
        named = self._of(*CONVOLUTIONS, *FOLLOWING, "MatMul").values()
        return list(dict.fromkeys(name for n in named for name in (n.input[0], *n.output)))

    def averaged(self) -> set[str]:
        """Return the tensors whose channel means are needed: the inputs of convolutions."""
        return {self.nodes[name].input[0] for name in self.quantisable}

    def multiplications(self, node: NodeProto, seen: Mapping[str, _Seen]) -> float:
        """Return the multiplications of a layer for a picture of the observed size."""
        given, result = seen[node.input[0]].shape, seen[node.output[0]].shape
        if node.op_type == "MatMul":
            return float(np.prod(result) * given[-1])
        port = result if node.op_type == "Conv" else given
        return products(port, self.weight(node).shape)


class _Session:
    """A graph in ONNX Runtime on the processor, for one picture at a time."""

    def __init__(self, model: ModelProto, config: RuntimeConfig, optimised: str = ""):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = optimised
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._config = config

    def depth(self, picture: Picture) -> Depth:
        """Return (H,W) metres."""
        return np.asarray(self.run(["depth"], picture)[0][0], dtype=np.float32)

    def run(self, names: Sequence[str], picture: Picture) -> Sequence[Any]:
        """Return outputs by name."""
        pixels = in_file_order(picture.pixels[None], self._config)
        values: Sequence[Any] = self._session.run(list(names), {"image": pixels})
        return values


def _is_in_network(node: NodeProto) -> bool:
    return node.name.startswith(NETWORK)


def _config_of(model: ModelProto, path: Path) -> Mapping[str, Any]:
    text = {entry.key: entry.value for entry in model.metadata_props}.get(CONFIG_KEY)
    return decode_config(path, text)


def _prepared(path: Path) -> ModelProto:
    """Return the graph with BatchNorm fused into the convolutions, each with its own bias.

    Transposed convolutions are written as plain ones.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder:
        out = Path(folder) / "prepared.onnx"
        # Images have any size, and symbolic shapes are not needed.
        quant_pre_process(str(path), str(out), skip_symbolic_shape=True)
        model = onnx.load(out)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        is_transposed = node.op_type == "ConvTranspose" and _is_in_network(node)
        nodes += _as_convolutions(node, weights) if is_transposed else [node]
    for node in nodes:
        weight, *bias = node.input[1:] if node.op_type == "Conv" else [""]
        if weight in weights and _is_in_network(node):
            name = f"{node.name}/bias"
            zeros = np.zeros(len(weights[weight]), np.float32)
            weights[name] = weights[bias[0]] if bias else zeros
            del node.input[2:]
            node.input.append(name)
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in weights.items() if name in used
    )
    return model


def _as_convolutions(node: NodeProto, weights: dict[str, NDArray[Any]]) -> list[NodeProto]:
    """Write a transposed convolution as one convolution for each output phase.

    For stride s along an axis, output s q + r is the sum over m of x[q + d - m] w[s m + c], where c
    is the remainder of (r + padding) / s and d the quotient: one convolution per r, with as many
    multiplications in total. Their weights are added to `weights`. Returns [node] if its outputs
    are not s times its inputs, or if it has groups or dilation.
    """
    stated = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    given = weights[node.input[1]]
    pads = stated.get("pads", [0, 0, 0, 0])
    axes = list(
        zip(
            given.shape[2:],
            stated.get("strides", [1, 1]),
            pads[:2],
            pads[2:],
            stated.get("output_padding", [0, 0]),
            strict=True,
        )
    )
    stride = axes[0][1]
    is_scaling = all(
        kernel + more - first - last == step == stride > 1
        for kernel, step, first, last, more in axes
    )
    is_plain = stated.get("group", 1) == 1 and set(stated.get("dilations", [1])) == {1}
    states_size = "output_shape" in stated or stated.get("auto_pad", b"NOTSET") != b"NOTSET"
    if not (is_scaling and is_plain) or states_size:
        return [node]
    parts = []
    for place in np.ndindex(stride, stride):
        taps, before, behind = [], [], []
        for r, (kernel, _, padding, *_) in zip(place, axes, strict=True):
            whole, left = divmod(r + padding, stride)
            taps.append(list(range(left, kernel, stride))[::-1])
            before.append(len(taps[-1]) - 1 - whole)
            behind.append(whole)
        if min(before) < 0:
            return [node]
        name = f"{node.name}/{place[0]}_{place[1]}"
        values = given[:, :, taps[0]][:, :, :, taps[1]].transpose(1, 0, 2, 3)
        weights[f"{name}/weight"] = np.ascontiguousarray(values)
        inputs = [node.input[0], f"{name}/weight", *node.input[2:]]
        parts.append(helper.make_node("Conv", inputs, [name], name, pads=[*before, *behind]))
    joined = f"{node.name}/joined"
    return [
        *parts,
        helper.make_node("Concat", [part.name for part in parts], [joined], joined, axis=1),
        helper.make_node("DepthToSpace", [joined], node.output, node.name, blocksize=stride),
    ]


def _see(
    exact: ModelProto, graph: _Graph, pictures: Iterable[Picture], config: RuntimeConfig
) -> dict[str, _Seen]:
    """Run pictures through the float32 graph; return statistics of its tensors."""
    names, averaged = graph.tensors(), graph.averaged()
    model = copy.deepcopy(exact)
    axes = numpy_helper.from_array(np.array([0, 2, 3], np.int64), "seen/all_but_channels")
    model.graph.initializer.append(axes)

    def ask(kind: str, name: str, *more: str, **options: Any) -> str:
        output = f"seen/{kind}/{name}"
        model.graph.node.append(helper.make_node(kind, [name, *more], [output], output, **options))
        number = onnx.TensorProto.INT64 if kind == "Shape" else onnx.TensorProto.FLOAT
        model.graph.output.append(helper.make_tensor_value_info(output, number, None))
        return output

    for name in names:
        ask("ReduceMin", name, keepdims=0)
        ask("ReduceMax", name, keepdims=0)
        ask("Shape", name)
    means = [ask("ReduceMean", name, axes.name, keepdims=0) for name in averaged]
    asked = [output.name for output in model.graph.output[len(exact.graph.output) :]]
    session = _Session(model, config)
    seen = {name: _Seen() for name in names}
    for picture in pictures:
        values = dict(zip(asked, session.run(asked, picture), strict=True))
        for name in names:
            least, largest, shape = (
                values[f"seen/{kind}/{name}"] for kind in ("ReduceMin", "ReduceMax", "Shape")
            )
            seen[name].add(float(least), float(largest), tuple(shape.tolist()))
        for name, mean in zip(averaged, means, strict=True):
            seen[name].add_mean(values[mean])
    return seen


def _quantised(
    exact: ModelProto, graph: _Graph, seen: Mapping[str, _Seen], kept: Sequence[str]
) -> ModelProto:
    """Return the graph with 8-bit layers, except those `kept`."""
    nodes = graph.quantised_nodes(kept)
    if not nodes:  # the quantiser would take an empty list to mean all
        return copy.deepcopy(exact)
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    ranges = {
        name: (np.float32(bounds.least), np.float32(bounds.largest))
        for name, bounds in seen.items()
    }
    quantizer = QDQQuantizer(
        copy.deepcopy(exact),
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
        nodes_to_quantize=nodes,
        nodes_to_exclude=[],
        op_types_to_quantize=["Conv", *FOLLOWING],
        extra_options={},
    )
    quantizer.quantize_model()
    model: ModelProto = quantizer.model.model
    _set_biases_right(model, graph, seen)
    _name_all_sides(model)
    used = {node.domain for node in model.graph.node}
    kept_opsets = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept_opsets)
    return model


def _set_biases_right(model: ModelProto, graph: _Graph, seen: Mapping[str, _Seen]) -> None:
    """Subtract from each 8-bit layer's bias the mean shift caused by its rounded weights."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    sources = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        if node.name not in graph.quantisable:
            continue
        weight, bias = (sources.get(name) for name in node.input[1:3])
        if weight is None or bias is None:  # a layer kept in float32
            continue
        exact = graph.nodes[node.name]
        names = (*weight.input[:2], *bias.input[:2])
        rounded, steps, _, step = (
            np.array(numpy_helper.to_array(constants[name]), np.float64) for name in names
        )
        # A channel of zeros has got a step of 1, with which its bias would be rounded too.
        empty = ~rounded.any(axis=tuple(range(1, rounded.ndim)))
        least = steps[~empty].min(initial=1.0)
        step[empty] *= least / steps[empty]
        steps[empty] = least
        moved = rounded * steps.reshape(-1, *[1] * (rounded.ndim - 1)) - graph.weight(exact)
        right = graph.bias(exact) - _added(moved, exact, seen)
        for name, value in (
            (names[1], steps.astype(np.float32)),
            (names[2], np.round(right / step).clip(-INT32, INT32).astype(np.int32)),
            (names[3], step.astype(np.float32)),
        ):
            constants[name].CopyFrom(numpy_helper.from_array(value, name))


def _added(moved: Means, convolution: NodeProto, seen: Mapping[str, _Seen]) -> Means:
    """Return the contribution (O,) of weights (O,I,kh,kw) to a convolution's channel means.

    Its inputs are assumed uniform: each channel has its mean everywhere, and 0 in the padding.
    """
    stated = {entry.name: helper.get_attribute_value(entry) for entry in convolution.attribute}
    given, result = (seen[name].shape for name in (convolution.input[0], convolution.output[0]))
    for axis in (0, 1):
        first = stated.get("pads", [0] * 4)[axis]
        stride, dilation = (stated.get(name, [1, 1])[axis] for name in ("strides", "dilations"))
        places = np.arange(result[axis + 2])[:, None] * stride - first
        taps = places + np.arange(moved.shape[2]) * dilation
        inside = ((taps >= 0) & (taps < given[axis + 2])).mean(axis=0)
        # The first of the two remaining axes is summed, then the other.
        moved = np.tensordot(moved, inside, axes=(2, 0))
    groups = stated.get("group", 1)
    means = seen[convolution.input[0]].mean.reshape(groups, -1)
    return np.asarray((moved * np.repeat(means, len(moved) // groups, axis=0)).sum(axis=1))


def _name_all_sides(model: ModelProto) -> None:
    """Write the sizes of Resize nodes as (N,C,H,W).

    ONNX Runtime 1.31 converts images to channels last, on which 8-bit convolutions are fastest,
    also before a Resize, but still interprets its `axes` in the old order.
    """
    nodes = []
    for node in model.graph.node:
        axes = [entry for entry in node.attribute if entry.name == "axes"]
        if node.op_type == "Resize" and axes and list(axes[0].ints) == [2, 3] and node.input[3]:
            sides, whole = f"{node.name}/images_and_channels", f"{node.name}/whole_size"
            nodes.append(helper.make_node("Shape", node.input[:1], [sides], sides, start=0, end=2))
            nodes.append(helper.make_node("Concat", [sides, node.input[3]], [whole], whole, axis=0))
            node.input[3] = whole
            node.attribute.remove(axes[0])
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _share_of_products(
    model: ModelProto, graph: _Graph, seen: Mapping[str, _Seen]
) -> tuple[float, int]:
    """Return the share of multiplications in 8 bits, and the number of layers in float32.

    These are the layers as optimised by ONNX Runtime.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        _Session(model, RuntimeConfig(), optimised=str(path))
        laid_out = onnx.load(path)
    in_8_bits = {node.input[3] for node in laid_out.graph.node if node.op_type == "QLinearConv"}
    quantised = total = 0.0
    kept = 0
    for node in graph.layers.values():
        size = graph.multiplications(node, seen)
        is_int8 = f"{node.input[1]}_quantized" in in_8_bits
        total += size
        quantised += size if is_int8 else 0.0
        kept += not is_int8
    return quantised / max(total, 1.0), kept


def _write_config(
    model: ModelProto, exact: Path, config: Mapping[str, Any], report: Int8Report
) -> None:
    """Store in the quantised graph the digest of its source weights, and its loss of abs_rel."""
    digest = weights_digest(openvino_core().read_model(exact))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    for key in (*ONNX_KEYS, ABOUT_KEY):  # these are of the float32 file
        metadata.pop(key, None)
    metadata = {key: text for key, text in metadata.items() if not key.startswith("onnx.")}
    metadata[CONFIG_KEY] = json.dumps(report.noted_in(config, digest))
    model.producer_name, model.doc_string = "leadline", onnx.load(exact).doc_string
    model.ClearField("producer_version")
    del model.graph.value_info[:]
    helper.set_model_props(model, metadata)
