"""Exported files: ONNX and OpenVINO with pre- and post-processing inside, checked for parity."""

from typing import Literal

WeightType = Literal["f32", "fp16"]
"""How weights are stored in an exported file."""

__all__ = ["WeightType"]
