"""ONNX Runtime: an exported `.onnx` in float32."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.inference.precision import PrecisionChoice
from leadline.inference.runtime import (
    CONFIG_KEY,
    Device,
    Outputs,
    check_graph,
    in_file_order,
    parse_config,
    reason_of,
    refuse_nonfinite,
)
from leadline.io.checksums import verify_weights
from leadline.io.onnx_files import find_nonfinite, malformed_named
from leadline.io.processors import usable_processors

PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""ONNX Runtime's names of the devices."""

PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
}


class OnnxRuntime:
    """An exported `.onnx` in ONNX Runtime, float32, on a device that its build offers."""

    name = "onnxruntime"
    precision = PrecisionChoice("f32", "onnxruntime runs the file's own numbers")

    def __init__(self, path: Path, threads: int | None = None, device: Device = "cpu"):
        try:
            import onnxruntime
        except ImportError as error:
            raise LeadlineError("the onnxruntime runtime needs: pip install onnxruntime") from error
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
            # ONNX Runtime would go on with the CPU after a warning.
            raise LeadlineError(
                f"device {device}: {providers[0]} did not start; check its driver, or use cpu"
            )
        self._names = [output.name for output in self._session.get_outputs()]
        inputs = {each.name: each.type == "tensor(uint8)" for each in self._session.get_inputs()}
        check_graph(path, inputs, self._names)
        with malformed_named(path):
            metadata = self._session.get_modelmeta().custom_metadata_map
        self.config: Mapping[str, Any] = parse_config(path, metadata.get(CONFIG_KEY))

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        pixels = in_file_order(images, self.config)
        try:
            values = self._session.run(self._names, {"image": pixels})
        except Exception as error:  # as where it reads a file
            raise LeadlineError(
                f"ONNX Runtime failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({reason_of(error)}); use a smaller image"
            ) from error
        return dict(zip(self._names, values, strict=True))


def _providers(device: Device, available: Sequence[str]) -> list[str]:
    """Return the execution providers for a device, the CPU's last for what it does not run.

    Errors: LeadlineError where this build of ONNX Runtime has none for the device.
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
