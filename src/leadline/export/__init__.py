"""Exported files: ONNX and OpenVINO with pre- and post-processing inside, checked for parity."""
