"""ONNX Runtime: an exported `.onnx` file, in float32 or in 8 bits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.inference.int8_file import (
    MAY_OVERFLOW,
    choice_of_8_bits,
    choose_with_twin,
    config_with_graph_of,
    int8_path,
    warn_of_overflow,
    weights_digest,
)
from leadline.inference.precision import PrecisionChoice, PrecisionOption
from leadline.inference.runtime import (
    CONFIG_KEY,
    Device,
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
from leadline.io.files import read_bytes
from leadline.io.onnx_files import find_nonfinite, malformed_named, read_metadata
from leadline.io.processors import adds_bytes_exactly, usable_processors

PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""Devices and their execution providers in ONNX Runtime."""

PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
}


class OnnxRuntime(Runtime):
    """An exported `.onnx` file in ONNX Runtime, on a device that its build supports.

    Precision int8 runs the file `NAME-int8.onnx` beside `path` if it has the same weights; auto
    does so on the CPU if its loss is small.
    """

    name = "onnxruntime"
    precision: PrecisionChoice

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        device: Device = "cpu",
        precision: PrecisionOption = "f32",
    ):
        try:
            import onnxruntime
        except ImportError as error:
            raise LeadlineError("the onnxruntime runtime needs: pip install onnxruntime") from error
        is_sealed = verify_weights(path)
        self.precision = _chosen(path, precision, device)
        exact = path
        if self.precision.precision == "int8" and not _is_int8(path):
            path = int8_path(path, ".onnx")
            is_sealed = verify_weights(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_processors()
        providers = _providers(device, onnxruntime.get_available_providers())
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # onnxruntime raises its own unrelated exception types
            raise LeadlineError(
                f"{path}: ONNX Runtime cannot read it ({reason_of(error)})"
            ) from error
        if not is_sealed:
            refuse_nonfinite(path, find_nonfinite(path))
        if self._session.get_providers()[:1] != providers[:1]:
            # ONNX Runtime would only warn, and use the CPU.
            raise LeadlineError(
                f"device {device}: {providers[0]} did not start; check its driver, or use cpu"
            )
        self._names = [output.name for output in self._session.get_outputs()]
        inputs = {each.name: each.type == "tensor(uint8)" for each in self._session.get_inputs()}
        check_graph(path, inputs, self._names)
        with malformed_named(path):
            metadata = self._session.get_modelmeta().custom_metadata_map
        config = RuntimeConfig.from_file(path, decode_config(path, metadata.get(CONFIG_KEY)))
        is_twin = path != exact
        self.config = config_with_graph_of(_config_of(exact), config) if is_twin else config

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        pixels = in_file_order(images, self.config)
        try:
            values = self._session.run(self._names, {"image": pixels})
        except Exception as error:  # onnxruntime's own types, as above
            raise LeadlineError(
                f"ONNX Runtime failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({reason_of(error)}); use a smaller image"
            ) from error
        return dict(zip(self._names, values, strict=True))


def _is_int8(path: Path) -> bool:
    """Return whether a file is the 8-bit form of another."""
    return _config_of(path).quantised_from is not None


def _config_of(path: Path) -> RuntimeConfig:
    """Return the model's config stored in a file."""
    model = read_bytes(path, "ONNX file")
    with malformed_named(path):
        text = read_metadata(model).get(CONFIG_KEY)
    return RuntimeConfig.from_file(path, decode_config(path, text))


def _chosen(path: Path, wanted: PrecisionOption, device: Device) -> PrecisionChoice:
    """Return the precision to run in; an 8-bit file fixes it.

    Errors: LeadlineError for int8 without an 8-bit file, or with one of other weights.
    """
    twin = int8_path(path, ".onnx")
    if _is_int8(path):
        _refuse_device(path, device)
        return choice_of_8_bits(path, wanted)
    if wanted == "int8":
        _refuse_device(twin, device)
    is_there = twin.is_file() and device == "cpu"
    if wanted == "auto" and not is_there:
        return PrecisionChoice("f32", "onnxruntime runs the file's own numbers")
    if wanted == "auto" and not adds_bytes_exactly():
        return PrecisionChoice("f32", f"{twin.name} is not taken: {MAY_OVERFLOW}")
    # Only if a twin exists: its digest needs a second engine, which takes time to load.
    choice = choose_with_twin(
        path,
        twin,
        wanted,
        _config_of(path),
        ["f32"],
        twin_config=lambda: _config_of(twin),
        digest=lambda: _digest(path),
    )
    if choice.precision == "int8":
        warn_of_overflow(twin)
    return choice


def _refuse_device(path: Path, device: Device) -> None:
    """Raise LeadlineError for an 8-bit file on a device other than the CPU."""
    if device != "cpu":
        raise LeadlineError(
            f"device {device}: {path.name} is quantised for the processor; use the float32 file, "
            "or --device cpu"
        )


def _digest(path: Path) -> str:
    from leadline.inference.openvino_runtime import openvino_core, read_graph

    return weights_digest(read_graph(openvino_core(), path))


def _providers(device: Device, available: Sequence[str]) -> list[str]:
    """Return the execution providers for a device, with the CPU's last as a fallback.

    Errors: LeadlineError if this build of ONNX Runtime has none for the device.
    """
    wanted = PROVIDERS.get(device)
    if wanted is None:
        raise LeadlineError(
            f"device {device}: onnxruntime runs on {', '.join(PROVIDERS)}; use one of these"
        )
    if wanted not in available:
        raise LeadlineError(
            f"device {device}: this onnxruntime has no {wanted}, only {', '.join(available)}; "
            f"install {PACKAGES.get(device, 'a build that has it')}, or use cpu"
        )
    return list(dict.fromkeys([wanted, PROVIDERS["cpu"]]))
