"""Exported files: ONNX and OpenVINO with pre- and post-processing inside, checked for parity."""

from leadline.models.storage import WeightType

__all__ = ["WeightType"]
