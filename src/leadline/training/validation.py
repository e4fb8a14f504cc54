"""Score a network between epochs; each process takes its share of the images."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample, evenly_spaced
from leadline.evaluation.predictions import ModelPredictions, PredictedMaps
from leadline.evaluation.scoring import Scores, resolve_protocol, score
from leadline.inference import Predictor
from leadline.inference.runtime import Outputs, Runtime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.metrics import Comparison
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline
from leadline.training.distributed import Processes

SAMPLES_SHOWN = 4


@dataclass(frozen=True)
class Validation:
    """Scores, and the predictions (H,W) of the images in `shown_indices`."""

    scores: dict[str, float]
    shown: list[NDArray[np.float32]]


def shown_indices(count: int) -> list[int]:
    """Return the indices of the `count` validation images that a run shows in pictures."""
    return evenly_spaced(count, SAMPLES_SHOWN)


def shown_samples(data: DepthDataset) -> list[Sample]:
    """Read the samples that a run shows in pictures."""
    return [data[index] for index in shown_indices(len(data))]


def check_protocol(data: DepthDataset, protocol: str) -> None:
    """Raise LeadlineError if `protocol` does not fit the validation images.

    It checks the images that are shown in pictures.
    """
    chosen = resolve_protocol(protocol, data)
    for sample in shown_samples(data):
        height, width = chosen.working_size or sample.depth.shape
        chosen.window((height, width))


def validate(
    model: DepthModel, data: DepthDataset, protocol: str, processes: Processes
) -> Validation:
    """Score `model` in float32 on `data`, as `leadline evaluate` does.

    Process r scores images r, r + n, ...; the scores are gathered per image and sorted by image, so
    that the result is bit-identical for any number of processes.
    """
    processes.broadcast_buffers(model)
    indices = range(processes.rank, len(data), processes.count)
    pictures = _ShownPredictions(shown_indices(len(data)))
    with processes.raise_on_all_ranks():
        predictions = ModelPredictions(Predictor("the network", _NetworkRuntime(model)))
        scores = score(predictions, data, protocol, observers=[pictures], indices=indices)
        mine = list(zip(indices, scores.images, strict=True)), pictures.maps
    everyone = processes.gather(mine)
    rows = sorted((row for part, _ in everyone for row in part), key=lambda row: row[0])
    shown = {index: depth for _, maps in everyone for index, depth in maps.items()}
    whole = Scores(scores.protocol, tuple(image for _, image in rows))
    return Validation(whole.metrics, [shown[index] for index in sorted(shown)])


class _NetworkRuntime(Runtime):
    """The network of a run as a runtime, on its current device."""

    name = "training"

    def __init__(self, model: DepthModel):
        self._pipeline = InferencePipeline(model, labels=False).eval()
        self.config = RuntimeConfig.from_model(model.config)
        self._device = next(model.parameters()).device

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return {"depth": (N,H,W) float32 metres} for images (N,H,W,3) uint8 RGB."""
        with torch.inference_mode():
            outputs = self._pipeline(torch.tensor(images).to(self._device))
        return {name: value.cpu().numpy() for name, value in outputs.items()}


@dataclass
class _ShownPredictions:
    """Stores the predictions of some images."""

    indices: list[int]
    maps: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Store the prediction of image `index` if it is one of these."""
        if index in self.indices:
            self.maps[index] = predicted.depth
