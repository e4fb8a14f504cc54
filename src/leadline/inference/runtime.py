"""The interface of a runtime: an engine that holds one model and predicts photographs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthKind
from leadline.errors import LeadlineError, size_words
from leadline.inference.precision import PrecisionChoice
from leadline.inference.runtime_config import RuntimeConfig

Outputs = dict[str, NDArray[Any]]
RuntimeName = Literal["auto", "openvino", "onnxruntime", "torch"]
RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
Hint = Literal["auto", "latency", "throughput"]
"""Optimise for the time of one picture or of many; auto: by how many there are."""
HINTS: tuple[Hint, ...] = get_args(Hint)

UNCERTAINTY = "uncertainty"
"""Name of the uncertainty output, (N,H,W) float32, as in `DepthMap`."""

VALIDITY = "validity"
"""Name of the validity output, (N,H,W) float32, the probability that there is a depth."""

LEAST_VALIDITY = 0.5
"""Pixels with less validity have no depth."""

NOVELTY = "novelty"
"""Name of the output, and of the model option, for how unlike the training data a picture is."""

Device = Literal["cpu", "cuda", "tensorrt", "coreml", "directml", "mps"]
DEVICES: tuple[Device, ...] = get_args(Device)
CONFIG_KEY = "leadline"
"""Metadata key of the model's config (JSON) in exported files."""


class Runtime(ABC):
    """An engine that holds one model.

    `precision` is the one it runs in, None if there is no choice; `kind` is the kind of its depth.
    `run` may be called from several threads at once.
    """

    name: str
    config: RuntimeConfig
    precision: PrecisionChoice | None = None
    kind: DepthKind = "metric"

    @abstractmethod
    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return {"depth": (N,H,W) float32 metres, ...} for images (N,H,W,3) uint8 RGB."""

    def for_many(self) -> Runtime:
        """Return the form of this runtime for several calls at once, if there is one."""
        return self


def in_file_order(images: NDArray[np.uint8], config: RuntimeConfig) -> NDArray[np.uint8]:
    """Return RGB images (N,H,W,3) in the channel order of an exported file.

    Errors: LeadlineError for a file that takes photographs of another size.
    """
    size = config.picture_size
    if size is not None and (images.shape[1:3] != size or len(images) != 1):
        raise LeadlineError(
            f"this file takes one photograph of {size_words(size)}, not {len(images)} of "
            f"{size_words(images.shape[1:3])}; export the model again with --size"
        )
    return np.ascontiguousarray(images[..., ::-1]) if config.input_channels == "bgr" else images


def check_graph(path: Path, inputs: Mapping[str, bool], outputs: Collection[str]) -> None:
    """Raise LeadlineError for a graph that Leadline did not export.

    `inputs` is {name: whether it takes bytes}.
    """
    if inputs != {"image": True} or "depth" not in outputs:
        raise LeadlineError(
            f"{path}: not a graph exported by Leadline (which takes one uint8 'image' and gives "
            "'depth'); export a model with 'leadline export'"
        )


def decode_config(path: Path, text: str | None) -> Mapping[str, Any]:
    """Return the model's config from the metadata of an exported file, {} if there is none."""
    if text is None:
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise LeadlineError(
            f"{path}: its model config is damaged ({reason_of(error)}); export the model again"
        ) from error
    if not isinstance(config, dict):
        raise LeadlineError(f"{path}: its model config is damaged (no mapping); export again")
    return config


def reason_of(error: Exception) -> str:
    """Return the last line of an engine's message, which states the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]


def refuse_nonfinite(path: Path, name: str | None) -> None:
    """Raise LeadlineError for the constant `name` with NaN or infinity, if there is one."""
    if name is not None:
        raise LeadlineError(
            f"{path}: {name!r} holds numbers that are not finite; "
            "the file is damaged, or of a training that diverged"
        )
