"""Exported files: ONNX, OpenVINO, torch.export, ExecuTorch, LiteRT; with resizing, verified."""

from typing import Literal

from leadline.models.storage import WeightType

ExportFormat = Literal["onnx", "openvino", "pt2", "executorch", "litert", "checkpoint"]
"""The output of an export: NAME.onnx, NAME.xml with NAME.bin, NAME.pt2, NAME.pte, NAME.tflite, or
a model folder NAME."""

__all__ = ["ExportFormat", "WeightType"]
