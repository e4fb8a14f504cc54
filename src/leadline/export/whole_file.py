"""An exported file as other programs run it: completely, including the resizing, in one engine.

`leadline.inference` resizes outside the graph, and so would not detect an error in its resizing.
"""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineWarning
from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.openvino_runtime import config_of, openvino_core
from leadline.inference.runtime import (
    CONFIG_KEY,
    Outputs,
    Runtime,
    decode_config,
    in_file_order,
)
from leadline.inference.runtime_config import RuntimeConfig
from leadline.inference.torch_runtime import TorchRuntime
from leadline.io.checksums import verify_weights

if TYPE_CHECKING:
    from leadline.models.base import DepthModel


class WholeOpenVino(Runtime):
    """The complete graph of an `.onnx` or `.xml`, for any batch, height and width, in float32."""

    name = "openvino"

    def __init__(self, path: Path):
        verify_weights(path)
        core = openvino_core()
        graph = core.read_model(path)
        self.config = RuntimeConfig.from_file(path, config_of(graph, path))
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self._compiled = core.compile_model(graph, "CPU", options)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        results = self._compiled(in_file_order(images, self.config), share_inputs=True)
        return {port.any_name: np.array(value) for port, value in results.items()}


class Checkpoint(Runtime):
    """A `DepthModel` in torch, in float32, with the resizing around it."""

    name = "torch"

    def __init__(self, model: DepthModel):
        from leadline.models.pipeline import InferencePipeline

        self._pipeline = InferencePipeline(model).eval()
        self.config = RuntimeConfig.from_model(model.config)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return depth (N,H,W) metres, and other outputs, for images (N,H,W,3) uint8 RGB."""
        import torch

        with torch.inference_mode():
            outputs = self._pipeline(torch.from_numpy(np.array(images)))
        return {name: value.numpy() for name, value in outputs.items()}


class WholeProgram(Runtime):
    """A `.pt2`, a program of `torch.export`, in torch; for pictures with unknown cameras."""

    name = "torch.export"

    def __init__(self, path: Path):
        import torch

        notes = {CONFIG_KEY: ""}
        self._module = torch.export.load(path, extra_files=notes).module()
        self.config = RuntimeConfig.from_file(path, decode_config(path, notes[CONFIG_KEY]))

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        import torch

        pixels = torch.from_numpy(np.array(in_file_order(images, self.config)))
        with torch.inference_mode():
            outputs = self._module(pixels, torch.zeros(len(images)))
        return {name: value.numpy() for name, value in outputs.items()}


def open_runtimes(path: Path) -> list[Runtime]:
    """Return all runtimes that can run an exported file, or a model folder, with it loaded."""
    if path.is_dir():
        return [TorchRuntime(path)]
    if path.suffix == ".pt2":
        return [WholeProgram(path)]
    runtimes: list[Runtime] = [WholeOpenVino(path)]
    if path.suffix == ".onnx" and importlib.util.find_spec("onnxruntime") is not None:
        with warnings.catch_warnings():
            # About this processor; quantisation has already warned.
            warnings.simplefilter("ignore", LeadlineWarning)
            runtimes.append(OnnxRuntime(path, precision="auto"))
    return runtimes
