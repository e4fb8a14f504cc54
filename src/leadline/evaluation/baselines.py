"""Trivial baselines that ignore the picture, as a reference for scores."""

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import ConstantPredictions
from leadline.metrics.resize import resize_known
from leadline.progress import Track, untracked

MAX_TRAINING_IMAGES = 1000
"""More would take longer to read than the scoring, and would not change a mean map visibly."""

MILLIMETRES_COUNTED = 10_000_000
"""Limit of the median's histogram, 80 MB of memory; indoor depth takes a thousandth of it."""


def baseline_predictions(
    train: DepthDataset, *, track: Track = untracked
) -> dict[str, ConstantPredictions]:
    """Return the baselines by name, for scoring beside a model: see `training_baselines`.

    A large data set is represented by `MAX_TRAINING_IMAGES` of its images, evenly spaced.
    """
    count = min(len(train), MAX_TRAINING_IMAGES)
    spread = train.subset([number * len(train) // count for number in range(count)])
    title = f"baselines from {count} of {len(train)} training images"
    maps = training_baselines(spread, title, track=track)
    return {name: ConstantPredictions(depth) for name, depth in maps.items()}


def training_baselines(
    data: DepthDataset, title: str = "baselines", *, track: Track = untracked
) -> dict[str, NDArray[np.float32]]:
    """Return two predictions that ignore the photograph, learned from the training depth alone.

    "mean depth map": the mean of each pixel over the images in which it is valid, (H,W) metres, at
    the size of the first image; pixels that are never valid take the overall mean.
    "median depth": the median of all valid pixels, to the millimetre, as a (1,1) map; depth beyond
    10 km counts as 10 km. `track` shows progress over images, under `title`.
    """
    total: NDArray[np.float64] | None = None
    counts: NDArray[np.float64] | None = None
    histogram = np.zeros(1, dtype=np.int64)
    for index in track(range(len(data)), title, len(data), unit="images"):
        sample = data[index]
        if total is None or counts is None:
            total = np.zeros(sample.depth.shape)
            counts = np.zeros(sample.depth.shape)
        size = (total.shape[0], total.shape[1])
        depth, valid = resize_known(sample.depth, sample.valid, size)
        total += np.where(valid, depth, 0)
        counts += valid
        millimetres = np.rint(depth[valid] * 1000).clip(0, MILLIMETRES_COUNTED).astype(np.int64)
        more = np.bincount(millimetres, minlength=len(histogram))
        more[: len(histogram)] += histogram
        histogram = more
    if total is None or counts is None or not counts.any():
        raise LeadlineError("the training data has no valid depth to take a baseline from")
    overall = total.sum() / counts.sum()
    mean_map = np.where(counts > 0, total / np.maximum(counts, 1), overall)
    median = np.searchsorted(np.cumsum(histogram), histogram.sum() / 2) / 1000
    return {
        "mean training depth map": mean_map.astype(np.float32),
        "median training depth": np.full((1, 1), median, dtype=np.float32),
    }
