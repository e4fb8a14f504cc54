"""OpenVINO: an exported `.xml` or `.onnx` on the CPU, for any number of threads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.inference.compiled_models import ANY_SIZE, CACHED_KERNELS, CompiledModels
from leadline.inference.graph_parts import cut_network
from leadline.inference.int8_file import (
    choice_of_8_bits,
    choose_with_twin,
    config_with_graph_of,
    int8_path,
    is_int8,
    weights_digest,
)
from leadline.inference.openvino_import import import_openvino
from leadline.inference.precision import Precision, PrecisionChoice, PrecisionOption
from leadline.inference.resizing import to_network
from leadline.inference.runtime import (
    CONFIG_KEY,
    UNCERTAINTY,
    Hint,
    Outputs,
    Runtime,
    check_graph,
    decode_config,
    in_file_order,
    reason_of,
    refuse_nonfinite,
)
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.checksums import verify_weights
from leadline.io.processors import usable_processors

SAME_BITS = {"SNIPPETS_MODE": "DISABLE"}
"""Compile options with which a fixed-size network computes the same bits as the any-size one.

Otherwise OpenVINO fuses elementwise operations for fixed sizes, which changes the rounding: the
metres of a picture would depend on the pictures before it.
"""


@cache
def openvino_core() -> Any:
    """Return the one `openvino.Core` of this process, which is never released.

    OpenVINO's CPU plugin gives the thread that loads it a signal stack, and takes it away again
    with its Core. If two Cores are released in the order of their creation, the second restores the
    stack of the first, whose memory is gone: the next signal (Ctrl-C, or the exit of a child
    process) then kills this process (OpenVINO 2026.4).
    """
    return import_openvino().Core()


def processor_name() -> str:
    """Return the name of the processor, as OpenVINO reports it."""
    return str(openvino_core().get_property("CPU", "FULL_DEVICE_NAME"))


def config_of(graph: Any, path: Path) -> Mapping[str, Any]:
    """Return the model's config stored in `graph`, which was read from `path`.

    Errors: LeadlineError if there is no valid config.
    """
    place = ["framework", CONFIG_KEY]
    text = graph.get_rt_info(place).astype(str) if graph.has_rt_info(place) else None
    return decode_config(path, text)


class OpenVinoRuntime(Runtime):
    """An exported `.xml` or `.onnx` file on the CPU.

    Only the network of the graph is compiled; photographs are resized outside it. `run` may be
    called from several threads, since each call has its own inference request. With `hint` auto it
    is as fast as possible for one call at a time, and `for_many` returns the form for several at
    once. Without `uncertainty`, that output is not computed. Precision int8 runs the file
    `NAME-int8.xml` beside `path` if it has the same weights.
    """

    name = "openvino"
    precision: PrecisionChoice

    def __init__(
        self,
        path: Path,
        precision: PrecisionOption = "f32",
        threads: int | None = None,
        processing_area: int | None = None,
        hint: Hint = "auto",
        uncertainty: bool = True,
    ):
        self._core = openvino_core()
        without = () if uncertainty else (UNCERTAINTY,)
        graph, is_sealed = _read_verified(self._core, path)
        self.config = RuntimeConfig.from_file(path, config_of(graph, path))
        self._network = cut_network(graph, processing_area, without)
        self.precision = self._chosen(path, graph, precision)
        if self.precision.precision == "int8" and not is_int8(graph):
            path = int8_path(path)
            graph, is_sealed = _read_verified(self._core, path)
            twin = RuntimeConfig.from_file(path, config_of(graph, path))
            self.config = config_with_graph_of(self.config, twin)
            self._network = cut_network(graph, processing_area, without)
        if self._network is None:
            _check_whole_graph(path, self.precision.precision)
            if processing_area is not None:
                _replace_area(path, graph, processing_area)
        self._model = graph if self._network is None else self._network.model
        self._hint = hint
        self._threads = threads or usable_processors()
        # The checksum in a sealed file covers everything it is compiled from.
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self._identity = f"{digest} {processing_area} {without}" if is_sealed else None
        self._compiled = self._compiled_for("latency" if hint == "auto" else hint)
        self._many: OpenVinoRuntime | None = None
        self._lock = Lock()

    def for_many(self) -> OpenVinoRuntime:
        """Return this runtime for several calls at once; itself if a hint was given.

        Both share the graph; each has its own compiled models.
        """
        if self._hint != "auto":
            return self
        with self._lock:
            if self._many is None:
                self._many = copy(self)
                self._many._hint = "throughput"
                self._many._compiled = self._compiled_for("throughput")
            return self._many

    def _compiled_for(self, hint: Hint) -> CompiledModels:
        # OpenVINO chooses bf16 by itself if the CPU has it, so the precision is always stated.
        options = {
            "PERFORMANCE_HINT": hint.upper(),
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision.precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": self._threads,
            "CPU_RUNTIME_CACHE_CAPACITY": CACHED_KERNELS,
            # Fixed-size files have only one form, and OpenVINO 2026.4 fails at the first call of
            # ZoeDepth without the fused nodes.
            **(SAME_BITS if self.config.picture_size is None else {}),
        }
        return CompiledModels(self._core, self._model, options, self._identity)

    def _chosen(self, path: Path, graph: Any, wanted: PrecisionOption) -> PrecisionChoice:
        """Return the precision to run in; an 8-bit file fixes it unless bf16 is asked for.

        Errors: LeadlineError for int8 without an 8-bit file, or with one of other weights.
        """
        if is_int8(graph) and wanted != "bf16":
            return choice_of_8_bits(path, wanted)
        twin = int8_path(path)
        return choose_with_twin(
            path,
            twin,
            wanted,
            self.config,
            self._available(),
            twin_config=lambda: RuntimeConfig.from_file(
                twin, config_of(read_graph(self._core, twin), twin)
            ),
            digest=lambda: weights_digest(graph),
        )

    def _available(self) -> list[Precision]:
        """Return the precisions without an 8-bit file, fastest first."""
        can = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return ["bf16", "f32"] if "BF16" in can and self._network is not None else ["f32"]

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        try:
            return self._run_whole(images) if self._network is None else self._run_network(images)
        except RuntimeError as error:
            raise LeadlineError(
                f"OpenVINO failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({reason_of(error)}); process fewer pixels or use a smaller image"
            ) from error

    def _run_network(self, images: NDArray[np.uint8]) -> Outputs:
        network = self._network
        assert network is not None
        resized = to_network(images, network.area, network.stride)
        with self._compiled.pool_for(resized.shape).request() as request:
            views = list(request.infer([resized], share_inputs=True, share_outputs=True).values())
            return network.outputs(views, (images.shape[1], images.shape[2]))

    def _run_whole(self, images: NDArray[np.uint8]) -> Outputs:
        with self._compiled.pool_for(ANY_SIZE).request() as request:
            results = request.infer([in_file_order(images, self.config)], share_inputs=True)
            return {port.any_name: np.asarray(value) for port, value in results.items()}


def _read_verified(core: Any, path: Path) -> tuple[Any, bool]:
    """Return the graph of a file, and whether the file has checksums (which are verified)."""
    is_sealed = verify_weights(path)
    graph = read_graph(core, path)
    if not is_sealed:
        refuse_nonfinite(path, _nonfinite_constant(graph))
    return graph, is_sealed


def read_graph(core: Any, path: Path) -> Any:
    """Return the graph of a file. Errors: LeadlineError if Leadline did not export it."""
    try:
        graph = core.read_model(path)
    except RuntimeError as error:
        raise LeadlineError(
            f"{path}: OpenVINO cannot read it ({reason_of(error)}); export the model again"
        ) from error
    inputs = {_name_of(port): port.get_element_type().to_string() == "u8" for port in graph.inputs}
    check_graph(path, inputs, [_name_of(port) for port in graph.outputs])
    return graph


def _name_of(port: Any) -> str:
    """Return the name of an input or output, "" if a foreign graph has none."""
    return str(port.any_name) if port.names else ""


def _check_whole_graph(path: Path, precision: str) -> None:
    """Raise LeadlineError for bf16 in a graph that includes the resizing.

    The positions of the resizing would be computed in bf16 too, and be off by pixels.
    """
    if precision == "bf16":
        raise LeadlineError(
            f"{path}: its network cannot be separated from the resizing, which needs float32; "
            "use --precision f32, or export the model again"
        )


def _nonfinite_constant(model: Any) -> str | None:
    """Return the name of a non-finite constant; OpenVINO's clamp would turn NaN into a depth."""
    for node in model.get_ordered_ops():
        is_floating = node.get_type_name() == "Constant" and node.get_element_type().is_real()
        if is_floating and not np.isfinite(node.data).all():
            return str(node.get_friendly_name())
    return None


def _replace_area(path: Path, model: Any, area: int) -> None:
    from openvino import opset13

    for node in model.get_ops():
        if node.get_friendly_name() == "area":
            constant = opset13.constant(np.array([area], dtype=np.float32))
            node.output(0).replace(constant.output(0))
            return
    raise LeadlineError(f"{path}: has no processing area to change; export it again")
