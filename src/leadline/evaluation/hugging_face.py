"""Depth models of Hugging Face's transformers as predictions to score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.evaluation.predictions import PredictedMaps, PredictionOutput, mirror
from leadline.inference.transformers_runtime import TransformersRuntime


class HuggingFacePredictions:
    """A depth model by its hub name or local folder; `output` is the kind of its output.

    "metric" is metres. "inverse" is disparity up to an unknown scale and shift; `predict` returns
    its reciprocal, which is meaningful only after scale-shift alignment of inverse depth.
    """

    def __init__(self, name: str, output: PredictionOutput | None = None):
        self.name = name
        kind = {"metric": "metric", "inverse": "affine-inverse", None: None}[output]
        self._runtime = TransformersRuntime(name, kind)  # type: ignore[arg-type]
        self.output: PredictionOutput = "metric" if self._runtime.kind == "metric" else "inverse"

    def predict(self, sample: Sample) -> PredictedMaps:
        """Run the model with its own pre- and post-processing, at the photograph's size."""
        return PredictedMaps(self._runtime.run(sample.image[None])["depth"][0])

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Run the model on the mirrored photograph."""
        return self.predict(mirror(sample)).depth
