"""Exported files: ONNX and OpenVINO with pre- and post-processing inside, checked for parity."""

from typing import Literal

from leadline.models.storage import WeightType

ExportFormat = Literal["onnx", "openvino", "checkpoint"]
"""What an export writes: NAME.onnx, NAME.xml with NAME.bin, or a model folder NAME."""

__all__ = ["ExportFormat", "WeightType"]
