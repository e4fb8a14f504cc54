"""Depth models of Hugging Face's transformers as something to be scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoConfig, AutoImageProcessor, AutoModelForDepthEstimation
from transformers.utils import logging

from leadline.datasets.sample import Sample
from leadline.errors import LeadlineError, one_line
from leadline.evaluation.predictions import (
    HUGGING_FACE,
    PredictedMaps,
    PredictionOutput,
    depth_of_disparity,
    mirror,
)

METRIC_TYPES = frozenset({"glpn", "zoedepth", "depth_pro", "prompt_depth_anything"})
INVERSE_TYPES = frozenset({"dpt"})


class HuggingFacePredictions:
    """A depth model by its hub name or local folder; `output` says what its numbers are.

    "metric" is metres. "inverse" is disparity up to an unknown scale and shift: `predict` then
    gives its reciprocal, which means something only after scale-shift alignment of inverse depth.
    """

    def __init__(self, name: str, output: PredictionOutput | None = None):
        self.name = name
        local = Path(name).is_dir()
        logging.disable_progress_bar()
        try:
            config = AutoConfig.from_pretrained(name, local_files_only=local)
            self.output = output or _output_of(name, config)
            self._processor = AutoImageProcessor.from_pretrained(name, local_files_only=local)
            model = AutoModelForDepthEstimation.from_pretrained(
                name, local_files_only=local, dtype=torch.float32
            )
        # Whatever a missing, foreign or damaged repository makes transformers raise.
        except (
            OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AttributeError,
            SafetensorError,
        ) as error:  # fmt: skip
            raise LeadlineError(
                f"{HUGGING_FACE}{name}: transformers cannot load a depth model from it "
                f"({one_line(error)[:200]}); give a hub name or a folder of save_pretrained"
            ) from error
        self._model = model.eval()

    def predict(self, sample: Sample) -> PredictedMaps:
        """Run the model with its own pre- and post-processing, at the photograph's size."""
        height, width = sample.image.shape[:2]
        inputs = self._processor(
            images=sample.image, input_data_format="channels_last", return_tensors="pt"
        )
        with torch.inference_mode():
            outputs = self._model(**inputs)
        values = self._at_size(outputs, (height, width))
        if self.output == "inverse":
            values = depth_of_disparity(values)
        return PredictedMaps(values)

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Run the model on the mirrored photograph."""
        return self.predict(mirror(sample)).depth

    def _at_size(self, outputs: Any, size: tuple[int, int]) -> NDArray[np.float32]:
        post = getattr(self._processor, "post_process_depth_estimation", None)
        if post is not None:
            options = {"target_sizes": [size]}
            if self._model.config.model_type == "zoedepth":  # it pads, and must know what to cut
                options["source_sizes"] = [size]
            predicted = post(outputs, **options)[0]["predicted_depth"]
        else:
            predicted = torch.nn.functional.interpolate(
                outputs.predicted_depth[:, None], size=size, mode="bilinear", align_corners=False
            )
        return np.asarray(predicted.squeeze().float().cpu().numpy(), dtype=np.float32)


def _output_of(name: str, config: Any) -> PredictionOutput:
    """Return what the model's numbers are, as far as its configuration says."""
    if (declared := getattr(config, "depth_estimation_type", None)) is not None:
        return "metric" if declared == "metric" else "inverse"
    if config.model_type in METRIC_TYPES:
        return "metric"
    if config.model_type in INVERSE_TYPES:
        return "inverse"
    raise LeadlineError(
        f"{HUGGING_FACE}{name}: {config.model_type} models do not say if they predict metres or "
        "inverse depth; say it with --pred-output metric or --pred-output inverse"
    )
