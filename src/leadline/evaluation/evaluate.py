"""`leadline.evaluate`: a model, or anybody's prediction files, on data under a named protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadline.datasets.open import DataSource, OpenOptions, find_data
from leadline.datasets.sample import DepthDataset
from leadline.datasets.trained_on import TrainingData, training_data
from leadline.errors import LeadlineError
from leadline.evaluation.baselines import baseline_predictions
from leadline.evaluation.breakdowns import BreakdownName, Breakdowns, ClassScores
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.predictions import Predictions
from leadline.evaluation.ranges import range_warnings
from leadline.evaluation.report.pages import write_report
from leadline.evaluation.result import DataOpening, Result, check_each_once
from leadline.evaluation.scoring import (
    PeekableSamples,
    Tracker,
    no_tracker,
    resolve_protocol,
    score,
)
from leadline.evaluation.sources import ModelSource, PredictionFolder, open_source
from leadline.evaluation.uncertainty import UncertaintyObserver
from leadline.io.atomic import check_writable
from leadline.metrics import Protocol
from leadline.metrics.alignment import Alignment, AlignmentSpace
from leadline.metrics.protocols import aligned

VOID = (255,)
OPENED_ALREADY = DataOpening()
"""What a result says of how data was opened that was given as a data set."""


def evaluate(
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
    breakdowns: Sequence[BreakdownName] = (),
    void: Sequence[int] = VOID,
    baselines: bool | DepthDataset = True,
    out: str | Path | None = None,
    cases: int | None = None,
    name: str | None = None,
    data_name: str | None = None,
    tracker: Tracker = no_tracker,
) -> Result:
    """Score predictions on every image of `data`, each of which is read once.

    `predictions` is a model (what `leadline.load` takes, or `hf:NAME`), a `ModelSource` that says
    how to run it, a `PredictionFolder`, or anything with the methods of `Predictions`.
    `data` is a path, with the arguments of `open_data` beside it, or a data set that is open. By
    default `split` is val, else test; of data without splits, train and val are those of the run
    that is scored. `limit` takes the first images only.
    `protocol` is a name of `leadline protocols`, a YAML file or a `Protocol`; `align` fits each
    prediction to the truth first, in `align_space`. `breakdowns` are scored beside the whole.
    Label ids in `void` count in no class score. `baselines` are learned from the train split that
    the data has, or from the data set given. With `out` the result, its pictures and
    `report.html` are written into that folder, and `cases` of the worst and of the best images
    are kept, by default 8. `name` and `data_name` are what tables call the predictions and the
    data. `tracker` makes progress bars.

    Errors: LeadlineError for data, predictions or a protocol that do not fit each other, for an
    image that is listed twice, or where no image has a pixel to score.

    >>> result = evaluate("compact-nyu", "pairs", protocol="full", out="scored")
    >>> result.images, f"{result.missing_share:.2f}", sorted(result.metrics)[:2]
    (2, '0.00', ['abs_rel', 'delta1'])
    >>> Result.load("scored").metrics == result.metrics
    True
    """
    if out is not None:
        check_writable(Path(out))
    opening = OpenOptions(layout, units_per_metre, layout_options=data_options or {})
    opened = _open_data(data, split, limit, opening, trained := _training_data(predictions))
    # A run is scored on the validation images that it had, whose result is not written.
    if out is not None or isinstance(data, str | Path):
        check_each_once(opened.ids, opened.name)
    samples = PeekableSamples(opened.samples)
    chosen = resolve_protocol(protocol, samples)
    if align is not None:
        chosen = aligned(chosen, align, align_space)
    source = open_source(predictions, samples, opened.ids, chosen)
    # The report draws error by distance, and cases.
    names = [*breakdowns, "ranges"] if out is not None else breakdowns
    parts = Breakdowns(list(dict.fromkeys(names)), chosen, void)
    classes, collector = ClassScores(void), _collector(len(samples), cases, out is not None)
    train = opened.train() if isinstance(baselines, bool) and baselines else baselines
    unsure = source.uncertainty_observer()
    watchers = source.watchers()
    scores = score(
        source.predictions,
        samples,
        chosen,
        baselines=baseline_predictions(train, tracker) if train else None,
        observers=[parts, classes, collector, unsure, *watchers],
        track=tracker("evaluate"),
    )
    scores.check_not_empty()
    result = Result.from_scores(
        scores,
        model=source.name if name is None else name,
        model_path=source.path,
        prediction_units=source.units,
        warnings=[
            *source.warnings(),
            *trained_on_warnings(trained, opened.samples, opened.could_hold_out),
            *range_warnings(chosen, scores.truth_use),
            *(each for watcher in watchers for each in watcher.warnings()),
        ],
        camera=source.camera_record(),
        data=opened.name if data_name is None else data_name,
        dataset=samples.dataset,
        split=opened.split,
        data_options=opened.opening,
        images_in_data=opened.total,
        semantic=classes.result(),
        breakdowns=parts.result() or None,
        cases_in_memory=collector.cases(),
        **_uncertainty(unsure),
    )
    if out is not None:
        result.save(out, lambda file: write_report(file, result))
    return result


def _uncertainty(observer: UncertaintyObserver) -> dict[str, Any]:
    """Return the fields of a result that only models with uncertainty have."""
    scores = observer.result()
    if scores is None:
        return {}
    return {"uncertainty": scores, "ratios_in_memory": tuple(observer.ratios)}


def _collector(total: int, extreme: int | None, is_drawn: bool) -> CaseCollector:
    """Return what keeps cases to be drawn: by default the usual number, or none at all."""
    if extreme is not None:
        return CaseCollector(total, extreme=extreme)
    return CaseCollector(total) if is_drawn else CaseCollector(total, even=0, extreme=0)


@dataclass(frozen=True)
class _OpenedData:
    """The samples to score, and what a `Result` says of them; `total` is their number unlimited.

    `source` is None for a data set that was given open. `trained_part` is what the scored run left
    to train on where it held the samples out; `could_hold_out`: it did, but all are scored.
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
        """Open the train split that lies in the data or beside it, None where there is none."""
        if self.trained_part is not None:
            return self.trained_part
        return None if self.source is None else self.source.open_if_declared("train")


def _training_data(predictions: object) -> TrainingData | None:
    """Return what the model to be scored was trained on, None where that is not known."""
    name = predictions.name if isinstance(predictions, ModelSource) else predictions
    return training_data(name) if isinstance(name, str | Path) else None


def trained_on_warnings(
    trained: TrainingData | None, data: DepthDataset, could_hold_out: bool = False
) -> list[str]:
    """Return a warning where images of `data` were trained on."""
    count = 0 if trained is None else trained.count_in(data)
    if trained is None or not count:
        return []
    remedy = "; --split val scores those that it held out" if could_hold_out else ""
    return [f"{count} of these {len(data)} images were trained on by {trained.run}{remedy}"]


def _open_data(
    data: str | Path | DepthDataset,
    split: str | None,
    limit: int | None,
    opening: OpenOptions,
    trained: TrainingData | None = None,
) -> _OpenedData:
    """Recognise the data, once, and open what is to be scored of it."""
    if not isinstance(data, str | Path):
        if split is not None or opening != OpenOptions():
            raise LeadlineError("a data set that is open takes no split, layout, unit or option")
        return _limited(_OpenedData(data, str(data.root)), limit)
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
        # An option that is left to the files says nothing of how they were read.
        options={k: v for k, v in source.opening.layout_options.items() if v != "auto"},
    )
    hold_out = None if trained is None else trained.hold_out_of(source)
    if hold_out is None or split not in ("train", "val"):
        whole = _OpenedData(source.open(split), str(data), split, resolved, source=source)
        return _limited(replace(whole, could_hold_out=hold_out is not None), limit)
    resolved = resolved.model_copy(update={"hold_out": hold_out})
    samples, train = hold_out.open(source, split), hold_out.open(source, "train")
    held = _OpenedData(samples, str(data), split, resolved, source=source, trained_part=train)
    return _limited(held, limit)


def _limited(opened: _OpenedData, limit: int | None) -> _OpenedData:
    """Keep the first `limit` samples."""
    total = len(opened.samples)
    if limit is None or limit >= total:
        return replace(opened, total=total)
    return replace(opened, samples=opened.samples.subset(range(limit)), total=total)
