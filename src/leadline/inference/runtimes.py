"""Runtimes: interchangeable engines that turn a batch of photographs into metres.

OpenVINO is the default and needs no torch; ONNX Runtime runs the same exported file; torch runs
a checkpoint. Each is imported only when it is asked for.
"""

from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.openvino_runtime import OpenVinoRuntime
from leadline.inference.runtime import (
    PRECISIONS,
    RUNTIMES,
    Outputs,
    Precision,
    Runtime,
    RuntimeName,
)
from leadline.inference.torch_runtime import TorchRuntime

__all__ = [
    "PRECISIONS",
    "RUNTIMES",
    "OnnxRuntime",
    "OpenVinoRuntime",
    "Outputs",
    "Precision",
    "Runtime",
    "RuntimeName",
    "TorchRuntime",
]
