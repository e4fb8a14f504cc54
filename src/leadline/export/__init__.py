"""Exported files: ONNX, OpenVINO, torch.export; resizing inside, checked for parity."""

from typing import Literal

from leadline.models.storage import WeightType

ExportFormat = Literal["onnx", "openvino", "pt2", "checkpoint"]
"""What an export writes: NAME.onnx, NAME.xml with NAME.bin, NAME.pt2, or a model folder NAME."""

__all__ = ["ExportFormat", "WeightType"]
