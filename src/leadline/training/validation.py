"""Scoring a network between epochs, each process taking its share of the images."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.errors import LeadlineError
from leadline.metrics import mean_over_images, protocol_for
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline
from leadline.training.distributed import Processes

SAMPLES_SHOWN = 4

Row = tuple[int, dict[str, float] | None]


@dataclass(frozen=True)
class Validation:
    """Mean scores, and the predictions (H,W) of the images that `shown_indices` names."""

    scores: dict[str, float]
    shown: list[NDArray[np.float32]]


def shown_indices(count: int) -> list[int]:
    """Return which of `count` validation images a run shows in pictures."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(SAMPLES_SHOWN, count))})


def shown_samples(data: DepthDataset) -> list[Sample]:
    """Read the samples that a run shows in pictures."""
    return [data[index] for index in shown_indices(len(data))]


def validate(
    model: DepthModel, data: DepthDataset, protocol_name: str, processes: Processes
) -> Validation:
    """Score `model` in float32 on `data`.

    Process r scores images r, r + n, ...; the scores are gathered one by one and averaged in the
    order of the images, so that the mean is the same to the bit with any number of processes.
    """
    processes.broadcast_buffers(model)
    rows: list[Row] = []
    shown: list[tuple[int, NDArray[np.float32]]] = []
    with processes.raise_on_all_ranks():
        rows, shown = _score(model, data, protocol_name, processes.rank, processes.count)
    everyone = processes.gather((rows, shown))
    in_order = sorted((row for part, _ in everyone for row in part), key=lambda row: row[0])
    scores = [score for _, score in in_order if score is not None]
    if not scores:
        raise LeadlineError("no validation image has a pixel to score")
    pictures = sorted((s for _, part in everyone for s in part), key=lambda item: item[0])
    return Validation(mean_over_images(scores), [picture for _, picture in pictures])


def _score(
    model: DepthModel, data: DepthDataset, protocol_name: str, first: int, every: int
) -> tuple[list[Row], list[tuple[int, NDArray[np.float32]]]]:
    model.eval()
    pipeline = InferencePipeline(model, labels=False)
    picked = set(shown_indices(len(data)))
    device = next(model.parameters()).device
    rows: list[Row] = []
    shown = []
    for index in range(first, len(data), every):
        sample = data[index]
        with torch.inference_mode():
            depth = pipeline(torch.tensor(sample.image)[None].to(device))["depth"][0]
        prediction = depth.cpu().numpy()
        protocol = protocol_for(protocol_name, (sample.depth.shape[0], sample.depth.shape[1]))
        rows.append((index, protocol.score(prediction, sample.depth, sample.valid)))
        if index in picked:
            shown.append((index, prediction))
    return rows, shown
