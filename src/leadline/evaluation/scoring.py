"""The scoring loop: predictions are compared with the truth under a protocol, image by image.

Everything is scored by `score`: the validation of a training run, `leadline evaluate` and its
baselines, kept predictions, the streaming metric. So a model has only one score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.errors import LeadlineError
from leadline.evaluation.crops import Crop, covered_part
from leadline.evaluation.predictions import (
    ConstantPredictions,
    FilePredictions,
    KeptPredictions,
    PredictedMaps,
    Predictions,
)
from leadline.metrics import (
    Comparison,
    Protocol,
    TruthUse,
    blocks_of,
    bootstrap_interval,
    get_protocol,
    mean_over_images,
    protocol_for,
)
from leadline.progress import Track, untracked

PLAIN = Crop()


class Samples(Interface):
    """A sequence of samples that are read one at a time, such as a `DepthDataset`."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """Read sample `index`."""
        ...


def dataset_of(data: Samples) -> str:
    """Return the published data set of the samples, "" if not stated."""
    return data.dataset if isinstance(data, DepthDataset | PeekableSamples) else ""


class PeekableSamples:
    """Samples that can be read before they are scored, without reading them twice."""

    def __init__(self, data: Samples):
        self._data = data
        self._kept: dict[int, Sample] = {}

    @property
    def dataset(self) -> str:
        """The published data set of the samples, "" if not stated."""
        return dataset_of(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def peek(self, index: int) -> Sample:
        """Read sample `index` and keep it until it is scored."""
        if index not in self._kept:
            self._kept[index] = self._data[index]
        return self._kept[index]

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index`, and no longer keep it."""
        kept = self._kept.pop(index, None)
        return self._data[index] if kept is None else kept


class Observer(Interface):
    """Receives every scored image: a breakdown, a collector of pictures."""

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Process image `index`; called in the order of scoring."""
        ...


@dataclass(frozen=True)
class ImageScore:
    """The metrics of one image, None if no pixel counted.

    `missing` counts the scored pixels without a prediction; `sums` are the protocol's sums over its
    pixels, which add up to the pooled metrics; `use` is how its known truth was used.
    """

    id: str
    pixels: int
    metrics: dict[str, float] | None
    missing: int = 0
    sums: NDArray[np.float64] | None = None
    use: TruthUse = field(default_factory=TruthUse)


@dataclass(frozen=True)
class Scores:
    """The scores of images under one protocol, in the order of the images.

    `baselines` are the scores of other predictions of the same images, by name.
    """

    protocol: Protocol
    images: tuple[ImageScore, ...]
    baselines: Mapping[str, Scores] = field(default_factory=dict)

    @cached_property
    def scored(self) -> tuple[ImageScore, ...]:
        """The images with at least one scored pixel.

        Errors: LeadlineError if there are none.
        """
        self.check_not_empty()
        return tuple(image for image in self.images if image.metrics is not None)

    def check_not_empty(self) -> None:
        """Raise LeadlineError if no image has a scored pixel."""
        if all(image.metrics is None for image in self.images):
            raise LeadlineError(
                "no image has a pixel to score; check the depth scale and the protocol"
            )

    @property
    def missing_share(self) -> float:
        """Share of the scored pixels that had no prediction."""
        pixels = sum(image.pixels for image in self.images)
        return sum(image.missing for image in self.images) / max(1, pixels)

    @cached_property
    def truth_use(self) -> TruthUse:
        """The use of the known truth of all images."""
        return sum((image.use for image in self.images), TruthUse())

    @cached_property
    def per_image(self) -> dict[str, float]:
        """The mean over images of every metric."""
        return mean_over_images(image.metrics for image in self.scored if image.metrics)

    @cached_property
    def pooled(self) -> dict[str, float]:
        """Every metric pooled over all pixels of all images."""
        return self.protocol.metric_set.values(self._sums.sum(axis=0))

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric under the protocol's aggregation."""
        return self.pooled if self.protocol.aggregation == "pooled" else self.per_image

    def intervals(self, block: int = 1) -> dict[str, tuple[float, float]]:
        """Return the 95 % bootstrap interval over images of every one of `metrics`.

        `block` neighbouring images are drawn together; {} where all that is scored is one block.
        """
        names = list(self.metrics)
        is_scored = [image.metrics is not None for image in self.images]
        blocks = blocks_of(len(self.images), block)[is_scored]
        if len(set(blocks)) < 2:
            return {}
        if self.protocol.aggregation == "pooled":
            bounds = bootstrap_interval(self._sums, self._pooled_values, blocks=blocks)
        else:
            rows = [list(image.metrics.values()) for image in self.scored if image.metrics]
            bounds = bootstrap_interval(np.array(rows), blocks=blocks)
        return {
            name: (float(low), float(high)) for name, low, high in zip(names, *bounds, strict=True)
        }

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        return np.stack([image.sums for image in self.scored if image.sums is not None])

    def _pooled_values(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        values = self.protocol.metric_set.values
        return np.array([list(values(row).values()) for row in sums])


def score(
    predictions: Predictions,
    data: Samples,
    protocol: Protocol | str = "auto",
    *,
    baselines: Mapping[str, Predictions] | None = None,
    observers: Sequence[Observer] = (),
    indices: Sequence[int] | None = None,
    track: Track = untracked,
) -> Scores:
    """Score `predictions` and `baselines` on the samples `indices` of `data`, by default on all.

    `auto` is resolved once, by the first image of `data`. `observers` receive every image of
    `predictions` as it is scored; `track` shows progress over images. Every image is read once, and
    the memory for maps does not grow with their number.
    Errors: LeadlineError if the protocol does not fit an image.
    """
    data = data if isinstance(data, PeekableSamples) else PeekableSamples(data)
    chosen = resolve_protocol(protocol, data)
    images: list[ImageScore] = []
    baseline_images: dict[str, list[ImageScore]] = {name: [] for name in baselines or {}}
    numbers = range(len(data)) if indices is None else indices
    for index in track(numbers, "evaluate", len(numbers), unit="images"):
        sample = data[index]
        predicted, comparison = _compare(predictions, sample, chosen)
        images.append(_image_score(sample.id, comparison))
        for observer in observers:
            observer.update(index, sample, predicted, comparison)
        for name, baseline in (baselines or {}).items():
            _, comparison = _compare(baseline, sample, chosen)
            baseline_images[name].append(_image_score(sample.id, comparison))
    return Scores(
        chosen,
        tuple(images),
        {name: Scores(chosen, tuple(rows)) for name, rows in baseline_images.items()},
    )


def _compare(
    predictions: Predictions, sample: Sample, protocol: Protocol
) -> tuple[PredictedMaps, Comparison]:
    """Return the prediction for a sample, and its comparison with the truth."""
    predicted = predictions.predict(sample)
    if not isinstance(predictions, ConstantPredictions | FilePredictions | KeptPredictions):
        _check_ratio(predicted.depth, sample)
    mirrored = predictions.predict_mirrored(sample) if protocol.flip_averaging else None
    return predicted, protocol.score(predicted.depth, sample.depth, sample.valid, mirrored)


def _check_ratio(depth: NDArray[np.float32], sample: Sample) -> None:
    """Raise LeadlineError if a prediction would be distorted by resizing it to the truth."""
    truth = sample.depth.shape
    if depth.ndim != 2 or covered_part(depth.shape, (truth[0], truth[1]), PLAIN) is None:
        return
    raise LeadlineError(
        f"{sample.id}: the prediction is a crop of the truth; put it back into the whole picture"
    )


def resolve_protocol(protocol: Protocol | str, data: Samples) -> Protocol:
    """Return the given or named protocol; `auto` is that of the data set, if it names one."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol != "auto":
        return get_protocol(protocol)
    if len(data) == 0:
        return get_protocol("full")
    first = data.peek(0) if isinstance(data, PeekableSamples) else data[0]
    height, width = first.depth.shape
    return protocol_for((height, width), dataset_of(data))


def _image_score(id: str, comparison: Comparison) -> ImageScore:
    metrics = comparison.metrics
    sums = comparison.sums if metrics is not None else None
    return ImageScore(
        id, comparison.pixels, metrics, comparison.missing, sums, comparison.truth_use
    )
