"""Cut an exported graph at the network, so that the resizing before and after it stays outside.

Only the network gains from a compiler and from a lower precision. The resizing is as fast in
OpenCV, needs float32 for its positions, and would make the compiled model depend on the size of
the photograph.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.inference.resizing import best_class, to_photo
from leadline.inference.runtime import NOVELTY, UNCERTAINTY, VALIDITY, Outputs

Finish = Callable[[NDArray[np.float32], tuple[int, int]], NDArray[Any]]
"""Maps an output of the network and the size of the photograph to an output of the graph."""


@dataclass(frozen=True)
class Network:
    """The network of an exported graph, for images (N,3,h,w) in [0,1], and its postprocessing.

    For each output of `model`, `finish` has the name of the graph's output and the function that
    computes it.
    """

    model: Any
    area: int
    stride: int
    finish: tuple[tuple[str, Finish], ...]

    def outputs(self, values: list[NDArray[np.float32]], size: tuple[int, int]) -> Outputs:
        """Return the graph's outputs by name for a photograph of `size` (H,W)."""
        pairs = zip(self.finish, values, strict=True)
        return {name: finish(value, size) for (name, finish), value in pairs}


def cut_network(
    graph: Any, processing_area: int | None = None, without: Collection[str] = ()
) -> Network | None:
    """Return the network of an exported OpenVINO graph, None for an unknown structure.

    `processing_area` replaces the number of pixels stored in the graph. Nodes that only the outputs
    in `without` need are left out. `graph` is not changed. `leadline.export.graph` defines the node
    names.
    """
    import openvino
    from openvino import opset13

    graph = graph.clone()
    nodes = {node.get_friendly_name(): node for node in graph.get_ordered_ops()}
    ports = [port for port in graph.outputs if port.any_name not in without]
    sources = [_source_of(port, nodes) for port in ports]
    found = [source for source in sources if source is not None]
    if len(found) < len(sources) or not {"resized", "area", "stride"} <= nodes.keys():
        return None
    image = opset13.parameter(openvino.PartialShape([-1, 3, -1, -1]), np.float32, name="images")
    for target in list(nodes["resized"].output(0).get_target_inputs()):
        target.replace_source_output(image.output(0))
    results = [opset13.result(port) for port, _ in found]
    names = [port.any_name for port in ports]
    return Network(
        openvino.Model(results, [image], "network"),
        processing_area or _whole_number(nodes["area"]),
        _whole_number(nodes["stride"]),
        tuple(zip(names, (finish for _, finish in found), strict=True)),
    )


def join_network(graph: Any, network: Any) -> Any:
    """Return a copy of an exported graph with its network replaced by `network`.

    `network` is derived from the `model` that `cut_network` returns for `graph`, with the same
    inputs and outputs in the same order.
    """
    graph = graph.clone()
    nodes = {node.get_friendly_name(): node for node in graph.get_ordered_ops()}
    found = [_source_of(port, nodes) for port in graph.outputs]
    replaced = [list(source[0].get_target_inputs()) for source in found if source is not None]
    for target in list(network.get_parameters()[0].output(0).get_target_inputs()):
        target.replace_source_output(nodes["resized"].output(0))
    for targets, result in zip(replaced, network.get_results(), strict=True):
        for target in targets:
            target.replace_source_output(result.input_value(0))
    return graph


def count_multiplications(network: Any, shape: tuple[int, ...]) -> float:
    """Return the number of multiplications in a network's convolutions and matrix products.

    `shape` is the input shape (N,3,h,w).
    """
    fixed = network.clone()
    fixed.reshape(list(shape))
    return float(sum(_multiplications(node) for node in fixed.get_ordered_ops()))


def _multiplications(node: Any) -> float:
    """Return the multiplications of a node, 0 if it is no convolution or matrix product."""
    kind = node.get_type_name()
    if kind == "MatMul":
        axis = -2 if node.get_attributes()["transpose_a"] else -1
        summed = list(node.input(0).get_shape())[axis]
        return float(np.prod(list(node.output(0).get_shape())) * summed)
    if kind not in _CONVOLUTIONS:
        return 0.0
    # Each output value (input value if transposed) uses all weights of its channel.
    port = node.input(0) if kind.endswith("BackpropData") else node.output(0)
    return products(list(port.get_shape()), list(node.input(1).get_shape()))


def products(values: Sequence[int], weights: Sequence[int]) -> float:
    """Return the multiplications of a convolution from two shapes.

    `values` (N,C,H,W) is the output shape, or the input shape of a transposed convolution: each
    value uses all `weights` of its channel.
    """
    return float(np.prod(values) * np.prod(weights) / values[1])


_CONVOLUTIONS = {
    "Convolution",
    "GroupConvolution",
    "ConvolutionBackpropData",
    "GroupConvolutionBackpropData",
}


def _source_of(port: Any, nodes: dict[str, Any]) -> tuple[Any, Finish] | None:
    """Return the network output behind an output of the graph, and its postprocessing."""
    if port.any_name == "labels" and "out/full_logits" in nodes:
        dtype = np.uint8 if port.get_element_type().get_size() == 1 else np.int32
        return nodes["out/full_logits"].input_value(0), partial(best_class, dtype=dtype)
    if port.any_name == NOVELTY:
        relu = port.get_node().input_value(0).get_node()
        return (relu.input_value(0), _of_the_picture) if relu.get_type_name() == "Relu" else None
    squeeze = port.get_node().input_value(0).get_node()
    wide = squeeze.input_value(0).get_node()
    if (squeeze.get_type_name(), wide.get_type_name()) != ("Squeeze", "MatMul"):
        return None
    tall = wide.input_value(0).get_node()
    stretches = [wide.input_value(1), tall.input_value(0)] if tall.get_input_size() == 2 else []
    names = [stretch.get_node().get_friendly_name() for stretch in stretches]
    prefix = _PREFIXES.get(port.any_name, "out/")
    if names != [f"{prefix}stretch_columns_t", f"{prefix}stretch_rows"]:
        return None
    return tall.input_value(1), to_photo


_PREFIXES = {UNCERTAINTY: "out/spread_", VALIDITY: "out/validity_"}
"""Name prefixes of the nodes that resize an output; those of depth have none."""


def _of_the_picture(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return one number per picture, (N,), of (N,1,1,1), whatever the size."""
    # A copy, since the next picture overwrites the memory of the request.
    return values.reshape(len(values)).copy()


def _whole_number(constant: Any) -> int:
    return int(np.asarray(constant.data).ravel()[0])
