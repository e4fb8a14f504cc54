"""Runtimes: interchangeable engines that turn a batch of photographs into metres.

OpenVINO is the default and needs no torch; ONNX Runtime runs the same exported file; torch runs
a checkpoint. Each is imported only when it is asked for.
"""

from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.openvino_runtime import OpenVinoRuntime
from leadline.inference.precision import PRECISIONS, Precision, PrecisionOption
from leadline.inference.runtime import (
    DEVICES,
    HINTS,
    RUNTIMES,
    Device,
    Hint,
    Outputs,
    Runtime,
    RuntimeName,
)
from leadline.inference.torch_runtime import TorchRuntime

__all__ = [
    "DEVICES",
    "HINTS",
    "PRECISIONS",
    "RUNTIMES",
    "Device",
    "Hint",
    "OnnxRuntime",
    "OpenVinoRuntime",
    "Outputs",
    "Precision",
    "PrecisionOption",
    "Runtime",
    "RuntimeName",
    "TorchRuntime",
]
