"""Open the inputs of an evaluation: data, predictions and a protocol that fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadline.datasets.open import DataSource, OpenOptions, find_data
from leadline.datasets.sample import DepthDataset
from leadline.datasets.trained_on import TrainingData, training_data
from leadline.errors import LeadlineError
from leadline.evaluation.breakdowns import no_labels
from leadline.evaluation.predictions import Predictions
from leadline.evaluation.result import DataOpening, check_each_once
from leadline.evaluation.scoring import PeekableSamples, resolve_protocol
from leadline.evaluation.sources import (
    ModelSource,
    OpenedSource,
    PredictionFolder,
    open_source,
)
from leadline.metrics import Protocol
from leadline.metrics.alignment import Alignment, AlignmentSpace
from leadline.metrics.protocols import aligned

OPENED_ALREADY = DataOpening()
"""Recorded in a result for data that was given as an open data set."""


@dataclass(frozen=True)
class OpenedData:
    """The samples to score, and their description in a `Result`; `total` ignores the limit.

    `source` is None for a data set that was given open. `trained_part` is the scored run's training
    data, if the samples are its hold-out; `could_hold_out`: the run has a hold-out, but all samples
    are scored.
    """

    samples: DepthDataset
    name: str
    split: str | None = None
    opening: DataOpening = OPENED_ALREADY
    total: int | None = None
    source: DataSource | None = None
    trained_part: DepthDataset | None = None
    could_hold_out: bool = False

    @property
    def ids(self) -> list[str]:
        """The id of every sample."""
        return [self.samples.sample_id(index) for index in range(len(self.samples))]

    def train(self) -> DepthDataset | None:
        """Open the train split in the data or beside it, None if there is none."""
        if self.trained_part is not None:
            return self.trained_part
        return None if self.source is None else self.source.open_if_declared("train")


@dataclass(frozen=True)
class OpenedEvaluation:
    """Data and predictions under a protocol, ready to score; `trained` is the training data."""

    data: OpenedData
    samples: PeekableSamples
    protocol: Protocol
    source: OpenedSource
    trained: TrainingData | None

    def check_labels(self) -> None:
        """Raise LeadlineError if no image has labels, as far as known without reading all."""
        samples = self.data.samples
        if isinstance(samples, DepthDataset) and not samples.has_labels():
            raise no_labels(self.data.name)


def open_evaluation(
    predictions: str | Path | ModelSource | PredictionFolder | Predictions,
    data: str | Path | DepthDataset,
    *,
    split: str | None = None,
    layout: str = "auto",
    units_per_metre: float | None = None,
    data_options: Mapping[str, Any] | None = None,
    limit: int | None = None,
    protocol: str | Protocol = "auto",
    align: Alignment | None = None,
    align_space: AlignmentSpace = "depth",
) -> OpenedEvaluation:
    """Open data, predictions and protocol; the arguments are those of `leadline.evaluate`.

    Errors: LeadlineError if they do not fit each other, or data lists an image twice.
    """
    opening = OpenOptions(layout, units_per_metre, layout_options=data_options or {})
    opened = _open_data(data, split, limit, opening, trained := _training_data(predictions))
    # The validation data of a run may list images twice, since its result is not written.
    if isinstance(data, str | Path):
        check_each_once(opened.ids, opened.name)
    samples = PeekableSamples(opened.samples)
    chosen = resolve_protocol(protocol, samples)
    if align is not None:
        chosen = aligned(chosen, align, align_space)
    if chosen.crop is not None and len(samples):
        height, width = samples.peek(0).depth.shape
        chosen.window(chosen.working_size or (height, width))
    source = open_source(predictions, samples, opened.ids, chosen)
    return OpenedEvaluation(opened, samples, chosen, source, trained)


def _training_data(predictions: object) -> TrainingData | None:
    """Return the training data of the model to score, None if unknown."""
    name = predictions.name if isinstance(predictions, ModelSource) else predictions
    return training_data(name) if isinstance(name, str | Path) else None


def _open_data(
    data: str | Path | DepthDataset,
    split: str | None,
    limit: int | None,
    opening: OpenOptions,
    trained: TrainingData | None = None,
) -> OpenedData:
    """Recognise the data, once, and open the samples to score."""
    if not isinstance(data, str | Path):
        if split is not None or opening != OpenOptions():
            raise LeadlineError("a data set that is open takes no split, layout, unit or option")
        return _limited(OpenedData(data, str(data.root)), limit)
    source = find_data(
        Path(data),
        layout=opening.layout,
        units_per_metre=opening.units_per_metre,
        options=opening.layout_options,
    )
    split = split if split is not None else source.split_to_score()
    resolved = DataOpening(
        layout=source.opening.layout,
        units_per_metre=source.opening.units_per_metre,
        # An option left to the files does not tell how they were read.
        options={k: v for k, v in source.opening.layout_options.items() if v != "auto"},
    )
    hold_out = None if trained is None else trained.hold_out_of(source)
    if hold_out is None or split not in ("train", "val"):
        whole = OpenedData(source.open(split), str(data), split, resolved, source=source)
        return _limited(replace(whole, could_hold_out=hold_out is not None), limit)
    resolved = resolved.model_copy(update={"hold_out": hold_out})
    samples, train = hold_out.open(source, split), hold_out.open(source, "train")
    held = OpenedData(samples, str(data), split, resolved, source=source, trained_part=train)
    return _limited(held, limit)


def _limited(opened: OpenedData, limit: int | None) -> OpenedData:
    """Keep the first `limit` samples."""
    total = len(opened.samples)
    if limit is None or limit >= total:
        return replace(opened, total=total)
    return replace(opened, samples=opened.samples.subset(range(limit)), total=total)
