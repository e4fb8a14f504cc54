"""`leadline.evaluate`: score a model, or prediction files, on data under a named protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.datasets.sample import DepthDataset
from leadline.datasets.trained_on import TrainingData
from leadline.evaluation.baselines import baseline_predictions
from leadline.evaluation.breakdowns import BreakdownName, Breakdowns, ClassScores
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.opening import OpenedEvaluation, open_evaluation
from leadline.evaluation.predictions import Predictions
from leadline.evaluation.ranges import range_warnings
from leadline.evaluation.report.pages import write_report
from leadline.evaluation.result import Result, check_block, check_each_once
from leadline.evaluation.scoring import score
from leadline.evaluation.sources import ModelSource, PredictionFolder
from leadline.evaluation.uncertainty import UncertaintyObserver
from leadline.io.atomic import check_writable
from leadline.metrics import Protocol
from leadline.metrics.alignment import Alignment, AlignmentSpace
from leadline.progress import Track, untracked

VOID = (255,)


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
    block: int = 1,
    name: str | None = None,
    data_name: str | None = None,
    track: Track = untracked,
) -> Result:
    """Score predictions on every image of `data`, each of which is read once.

    `predictions` is a model (as for `leadline.load`, or `hf:NAME`), a `ModelSource` that says how
    to run it, a `PredictionFolder`, or any object with the methods of `Predictions`. `data` is a
    path, with the arguments of `open_data` beside it, or an open data set. By default `split` is
    val, else test; for data without splits, train and val are those of the scored run. `limit`
    takes only the first images.
    `protocol` is a name of `leadline protocols`, a YAML file or a `Protocol`; `align` fits each
    prediction to the truth first, in `align_space`. `breakdowns` are scored in addition. Label ids
    in `void` are left out of class scores. `baselines` are learned from the train split of the
    data, or from the given data set. With `out` the result, its pictures and `report.html` are
    written into that folder, and `cases` of the worst and of the best images are kept, by default
    8. For intervals, `block` neighbouring images are drawn together; 1 if images are independent.
    `name` and `data_name` are the names of predictions and data in tables. `track` shows progress.

    Errors: LeadlineError for data, predictions or a protocol that do not fit each other, for an
    image that is listed twice, for a `block` so large that there are no two blocks, or if no image
    has a pixel to score.

    >>> result = evaluate("compact-nyu", "pairs", protocol="full", out="scored")
    >>> result.images, f"{result.missing_share:.2f}", sorted(result.metrics)[:2]
    (2, '0.00', ['abs_rel', 'delta1'])
    >>> Result.load("scored").metrics == result.metrics
    True
    """
    if out is not None:
        check_writable(Path(out))
    opened = open_evaluation(
        predictions,
        data,
        split=split,
        layout=layout,
        units_per_metre=units_per_metre,
        data_options=data_options,
        limit=limit,
        protocol=protocol,
        align=align,
        align_space=align_space,
    )
    if out is not None and opened.data.source is not None:
        opened.data.source.check_outside(Path(out))
    return evaluate_opened(
        opened,
        breakdowns=breakdowns,
        void=void,
        baselines=baselines,
        out=out,
        cases=cases,
        block=block,
        name=name,
        data_name=data_name,
        track=track,
    )


def evaluate_opened(
    opened: OpenedEvaluation,
    *,
    breakdowns: Sequence[BreakdownName] = (),
    void: Sequence[int] = VOID,
    baselines: bool | DepthDataset = True,
    out: str | Path | None = None,
    cases: int | None = None,
    block: int = 1,
    name: str | None = None,
    data_name: str | None = None,
    track: Track = untracked,
) -> Result:
    """Score the result of `open_evaluation`, once; the arguments are those of `evaluate`.

    Errors: LeadlineError if it has no labels for a breakdown by classes, if an image to be written
    is listed twice, if `block` leaves no two blocks, or if no image has a pixel to score.
    """
    data, samples, chosen, source = opened.data, opened.samples, opened.protocol, opened.source
    check_block(block, len(samples))
    if out is not None:
        check_each_once(data.ids, data.name)
    if "classes" in breakdowns:
        opened.check_labels()
    # The report shows error by distance, and cases.
    names = [*breakdowns, "ranges"] if out is not None else breakdowns
    parts = Breakdowns(list(dict.fromkeys(names)), chosen, void)
    classes, collector = ClassScores(void), _collector(len(samples), cases, out is not None)
    train = data.train() if isinstance(baselines, bool) and baselines else baselines
    unsure = source.uncertainty_observer()
    warning_observers = source.warning_observers()
    scores = score(
        source.predictions,
        samples,
        chosen,
        baselines=baseline_predictions(train, track=track) if train else None,
        observers=[parts, classes, collector, unsure, *warning_observers],
        track=track,
    )
    scores.check_not_empty()
    result = Result.from_scores(
        scores,
        model=source.name if name is None else name,
        model_path=source.path,
        prediction_units=source.units,
        warnings=[
            *source.warnings(),
            *trained_on_warnings(opened.trained, data.samples, data.could_hold_out),
            *range_warnings(chosen, scores.truth_use),
            *(warning for observer in warning_observers for warning in observer.warnings()),
        ],
        camera=source.camera_record(),
        data=data.name if data_name is None else data_name,
        dataset=samples.dataset,
        split=data.split,
        data_options=data.opening,
        images_in_data=data.total,
        block=block,
        semantic=classes.result(),
        breakdowns=parts.result() or None,
        cases_in_memory=collector.cases(),
        **_uncertainty(unsure),
    )
    if out is not None:
        result.save(out, lambda file: write_report(file, result))
    return result


def _uncertainty(observer: UncertaintyObserver) -> dict[str, Any]:
    """Return the fields of a result that exist only for models with uncertainty."""
    scores = observer.result()
    if scores is None:
        return {}
    return {"uncertainty": scores, "ratios_in_memory": tuple(observer.ratios)}


def _collector(total: int, extreme: int | None, is_drawn: bool) -> CaseCollector:
    """Return the collector of cases: by default the usual number if drawn, else none."""
    if extreme is not None:
        return CaseCollector(total, extreme=extreme)
    return CaseCollector(total) if is_drawn else CaseCollector(total, even=0, extreme=0)


def trained_on_warnings(
    trained: TrainingData | None, data: DepthDataset, could_hold_out: bool = False
) -> list[str]:
    """Return a warning if images of `data` were trained on."""
    count = 0 if trained is None else trained.count_in(data)
    if trained is None or not count:
        return []
    remedy = "; --split val scores those that it held out" if could_hold_out else ""
    return [f"{count} of these {len(data)} images were trained on by {trained.run}{remedy}"]
