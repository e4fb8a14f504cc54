"""Runtimes: interchangeable engines that turn a batch of photographs into metres.

OpenVINO is the default and needs no torch; ONNX Runtime runs the same exported file; torch runs
a checkpoint. Each is imported only when it is asked for.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.io.checksums import verify_weights

Outputs = dict[str, NDArray[Any]]
Precision = Literal["f32", "bf16"]
RuntimeName = Literal["auto", "openvino", "onnxruntime", "torch"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
COMPILED_SIZES = 4
ANY_SIZE = ()
CONFIG_KEY = "leadline"
"""Where exported files hold the model's config as JSON."""


class Runtime(Protocol):
    """An engine with one model in it.

    `config` is the model's `config.json`, {} where an exported file does not have it.
    """

    name: str
    config: Mapping[str, Any]

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return {"depth": (N,H,W) float32 metres, ...} for images (N,H,W,3) uint8 RGB."""
        ...


class OpenVinoRuntime:
    """An exported `.xml` or `.onnx` on the CPU.

    The first few image sizes get a compiled model of their own, a fifth faster than one for any
    size. Further sizes share one for any size in f32; in bf16 they take the place of the size
    that was not used for longest, because with free sizes the positions of the resizing would be
    computed in bf16 too, and be off by pixels.
    """

    name = "openvino"

    def __init__(
        self,
        path: Path,
        precision: Precision = "f32",
        threads: int | None = None,
        processing_area: int | None = None,
    ):
        import openvino

        is_sealed = verify_weights(path)
        self._core = openvino.Core()
        try:
            self._model = self._core.read_model(path)
        except RuntimeError as error:
            raise LeadlineError(
                f"{path}: OpenVINO cannot read it ({_reason(error)}); export the model again"
            ) from error
        if [port.any_name for port in self._model.inputs] != ["image"]:
            raise LeadlineError(
                f"{path}: not a graph exported by Leadline (its input should be one 'image')"
            )
        place = ["framework", CONFIG_KEY]
        has_config = self._model.has_rt_info(place)
        text = self._model.get_rt_info(place).astype(str) if has_config else None
        self.config: Mapping[str, Any] = _parse_config(path, text)
        if not is_sealed:
            _refuse_nan(path, self._model)
        if processing_area is not None:
            _replace_area(self._model, processing_area)
        self._precision = precision
        # OpenVINO picks bf16 by itself where the CPU has it: the precision is always stated.
        self._options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads or len(os.sched_getaffinity(0)),
        }
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        try:
            results = self._compiled_for(images.shape)(images, share_inputs=True)
        except RuntimeError as error:
            raise LeadlineError(
                f"OpenVINO failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({_reason(error)}); process fewer pixels or use a smaller image"
            ) from error
        return {port.any_name: np.asarray(value) for port, value in results.items()}

    def _compiled_for(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._compiled and len(self._compiled) >= COMPILED_SIZES:
            if self._precision == "f32":
                shape = ANY_SIZE
            else:
                self._compiled.popitem(last=False)
        if shape not in self._compiled:
            model = self._model
            if shape != ANY_SIZE:
                model = self._model.clone()
                model.reshape(list(shape))
                _drop_idle_resizes(model)
            self._compiled[shape] = self._core.compile_model(model, "CPU", self._options)
        self._compiled.move_to_end(shape)
        return self._compiled[shape]


def _drop_idle_resizes(model: Any) -> None:
    """Remove resizes to the size that is already there: OpenVINO runs them as copies."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Interpolate":
            continue
        source, result = node.input_value(0), node.output(0)
        if source.get_partial_shape() == result.get_partial_shape():
            result.replace(source)


def _refuse_nan(path: Path, model: Any) -> None:
    """Raise LeadlineError where a weight is NaN: OpenVINO's clamp would make a depth of it."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Constant" and np.isnan(node.data).any():
            raise LeadlineError(
                f"{path}: {node.get_friendly_name()!r} holds numbers that are not finite; "
                "the file is damaged, or of a training that diverged"
            )


def _replace_area(model: Any, area: int) -> None:
    from openvino import opset13

    for node in model.get_ops():
        if node.get_friendly_name() == "area":
            constant = opset13.constant(np.array([area], dtype=np.float32))
            node.output(0).replace(constant.output(0))
            return
    raise LeadlineError("this exported file has no processing area to change; export it again")


class OnnxRuntime:
    """An exported `.onnx` in ONNX Runtime, float32."""

    name = "onnxruntime"

    def __init__(self, path: Path, threads: int | None = None):
        try:
            import onnxruntime
        except ImportError as error:
            raise LeadlineError("the onnxruntime runtime needs: pip install onnxruntime") from error
        verify_weights(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own unrelated exception types
            raise LeadlineError(
                f"{path}: ONNX Runtime cannot read it ({_reason(error)})"
            ) from error
        self._names = [output.name for output in self._session.get_outputs()]
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.config: Mapping[str, Any] = _parse_config(path, metadata.get(CONFIG_KEY))

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        values = self._session.run(self._names, {"image": images})
        return dict(zip(self._names, values, strict=True))


class TorchRuntime:
    """A model folder in torch, float32, on the CPU."""

    name = "torch"

    def __init__(
        self,
        folder: Path,
        threads: int | None = None,
        processing_area: int | None = None,
    ):
        try:
            import torch
        except ImportError as error:
            raise LeadlineError(
                f"{folder}: the torch runtime needs torch: pip install 'leadline[train]'; "
                "exported and shipped models run in openvino without it"
            ) from error
        from leadline.models.build import load_model
        from leadline.models.pipeline import InferencePipeline

        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        model = load_model(folder).to(memory_format=torch.channels_last)
        self._pipeline = InferencePipeline(model, processing_area).eval()
        self.config: Mapping[str, Any] = asdict(model.config)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        torch = self._torch
        try:
            with torch.inference_mode():
                outputs = self._pipeline(torch.from_numpy(np.array(images)))
        except RuntimeError as error:
            raise LeadlineError(
                f"torch failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({_reason(error)}); process fewer pixels, or look at the model's config.json"
            ) from error
        return {name: value.numpy() for name, value in outputs.items()}


def _parse_config(path: Path, text: str | None) -> Mapping[str, Any]:
    """Return the model's config from the metadata of an exported file."""
    if text is None:
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise LeadlineError(
            f"{path}: its model config is damaged ({_reason(error)}); export the model again"
        ) from error
    if not isinstance(config, dict):
        raise LeadlineError(f"{path}: its model config is damaged (no mapping); export again")
    return config


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]
