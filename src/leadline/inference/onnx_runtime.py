"""ONNX Runtime: an exported `.onnx` in float32."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.inference.runtime import CONFIG_KEY, Outputs, parse_config, reason_of
from leadline.io.checksums import verify_weights


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
                f"{path}: ONNX Runtime cannot read it ({reason_of(error)})"
            ) from error
        self._names = [output.name for output in self._session.get_outputs()]
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.config: Mapping[str, Any] = parse_config(path, metadata.get(CONFIG_KEY))

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        values = self._session.run(self._names, {"image": images})
        return dict(zip(self._names, values, strict=True))
