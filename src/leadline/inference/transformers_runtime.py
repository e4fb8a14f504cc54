"""Depth models of Hugging Face's transformers, with their own pre- and post-processing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthKind
from leadline.depth.inverse import depth_of_inverse, from_zero
from leadline.errors import LeadlineError, one_line, size_words
from leadline.inference.runtime import Outputs, Runtime, reason_of
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.files import read_json
from leadline.io.hub import HUB
from leadline.models.storage import CONFIG_FILE

METRIC_TYPES = frozenset({"glpn", "zoedepth", "depth_pro", "prompt_depth_anything"})
INVERSE_TYPES = frozenset({"dpt"})


def is_of_transformers(folder: Path) -> bool:
    """Return whether the config of a model folder is one of transformers."""
    content = read_json(folder / CONFIG_FILE, "model's configuration")
    return isinstance(content, dict) and "model_type" in content


class TransformersRuntime(Runtime):
    """A depth model by its folder or hub name, in float32, for photographs of any size.

    `kind` is the kind of its output: metres, or inverse depth up to a scale and a shift, of which
    `run` returns the reciprocal as depth. None takes it from the configuration.
    Errors: LeadlineError if transformers cannot load it, or if its kind is not known.
    """

    name = "transformers"

    def __init__(self, model: str | Path, kind: DepthKind | None = None):
        try:
            import torch
            from transformers import AutoConfig, AutoImageProcessor, AutoModelForDepthEstimation
            from transformers.utils import logging
        except ImportError as error:
            raise LeadlineError(
                f"{HUB}{model}: needs transformers: pip install 'leadline[hf]'"
            ) from error
        self._torch, self._lock = torch, Lock()
        # trust_remote_code: never run a repository's own code; None would ask at the terminal.
        options = {"local_files_only": Path(model).is_dir(), "trust_remote_code": False}
        logging.disable_progress_bar()
        try:
            config = AutoConfig.from_pretrained(model, **options)
            self.kind = kind or _kind_of(str(model), config)
            self._processor = AutoImageProcessor.from_pretrained(model, **options)
            network = AutoModelForDepthEstimation.from_pretrained(
                model, dtype=torch.float32, **options
            )
        # Anything that transformers raises for a missing, foreign or damaged repository;
        # safetensors has its own exception type.
        except (
            OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AttributeError,
            _safetensors_error(),
        ) as error:  # fmt: skip
            raise LeadlineError(
                f"{HUB}{model}: transformers cannot load a depth model from it "
                f"({one_line(error)[:200]}); give a hub name or a folder of save_pretrained"
            ) from error
        self.network = network.eval()
        self.model_type = str(config.model_type)
        self.config = RuntimeConfig()

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return {"depth": (N,H,W) float32} for images (N,H,W,3) uint8 RGB, one at a time."""
        with self._lock:
            values = [self.predict(image) for image in images]
        if self.kind != "metric":
            values = [depth_of_inverse(from_zero(each) if each.min() < 0 else each)
                      for each in values]  # fmt: skip
        return {"depth": np.stack(values)}

    def predict(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the output (H,W) for a photograph (H,W,3) uint8: depth or inverse depth."""
        size = (int(image.shape[0]), int(image.shape[1]))
        try:
            inputs = self.prepare([image])
            with self._torch.inference_mode():
                predicted = self.finish(self.network(**inputs), size)
        except (RuntimeError, ValueError) as error:
            raise LeadlineError(
                f"transformers failed on an image of {size_words(size)} ({reason_of(error)}); "
                "give another size, or look at the model's preprocessor_config.json"
            ) from error
        return np.asarray(predicted.squeeze().float().cpu().numpy(), dtype=np.float32)

    def prepare(self, images: Sequence[NDArray[Any]]) -> Any:
        """Preprocess images (H,W,3) by the model's processor: {"pixel_values": (N,3,h,w), ...}."""
        return self._processor(
            images=list(images), input_data_format="channels_last", return_tensors="pt"
        )

    def finish(self, outputs: Any, size: tuple[int, int]) -> Any:
        """Postprocess the network's outputs for one photograph of `size` (H,W)."""
        post = getattr(self._processor, "post_process_depth_estimation", None)
        if post is None:
            return self._torch.nn.functional.interpolate(
                outputs.predicted_depth[:, None], size=size, mode="bilinear", align_corners=False
            )
        options = {"target_sizes": [size]}
        if self.model_type == "zoedepth":  # its processor pads, and needs the size to cut
            options["source_sizes"] = [size]
        return post(outputs, **options)[0]["predicted_depth"]


def _safetensors_error() -> type[Exception]:
    from safetensors import SafetensorError

    return SafetensorError


def _kind_of(name: str, config: Any) -> DepthKind:
    """Return the kind of the model's output, according to its configuration."""
    if (declared := getattr(config, "depth_estimation_type", None)) is not None:
        return "metric" if declared == "metric" else "affine-inverse"
    if config.model_type in METRIC_TYPES:
        return "metric"
    if config.model_type in INVERSE_TYPES:
        return "affine-inverse"
    raise LeadlineError(
        f"{HUB}{name}: {config.model_type} models do not say if they predict metres or inverse "
        "depth; leadline evaluate takes --pred-output metric or --pred-output inverse"
    )
