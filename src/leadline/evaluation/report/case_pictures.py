"""Pictures of kept predictions with their photographs and true depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.cases import Case
from leadline.evaluation.predictions import KeptPredictions
from leadline.evaluation.result import Result
from leadline.evaluation.scoring import score
from leadline.metrics.resize import resize_depth
from leadline.viz.color import color_table, colorize, robust_range
from leadline.viz.figure import Cell, Scale, draw_figure
from leadline.viz.panels import ERROR_LIMIT, enlarge_points, error_map, error_table, with_finite_end

Picture = NDArray[np.uint8]
HALF_FLOAT = 0.005
"""Largest difference of a score due to storing predictions as half floats."""
CAPTION_METRICS = ("abs_rel", "delta1")
COLUMN_AREA = 320 * 240
DEFAULT_IMAGES = 4


@dataclass(frozen=True, eq=False)
class PredictionPictures:
    """The prediction for one photograph: depth and error as pictures, and its scores."""

    depth: Picture
    error: Picture
    scores: dict[str, float]

    @property
    def caption(self) -> str:
        """The scores as shown under a picture."""
        if not all(math.isfinite(self.scores[name]) for name in CAPTION_METRICS):
            return "no pixel to score"
        return ", ".join(f"{name} {self.scores[name]:.3f}" for name in CAPTION_METRICS)


@dataclass(frozen=True, eq=False)
class CaseRow:
    """One photograph, its true depth and predictions, coloured from low to high m."""

    id: str
    photo: Picture
    truth: Picture
    predictions: tuple[PredictionPictures, ...]
    low: float
    high: float


def case_rows(
    results: Sequence[Result], samples: Sequence[Sample], *, one_range: bool
) -> list[CaseRow]:
    """Return a row for each of `samples`, whose predictions every result has kept.

    With `one_range` all rows share one colour range in metres, else each has that of its truth.
    """
    shared = _range_of(samples) if one_range else None
    return [_case_row(results, sample, shared or _range_of([sample])) for sample in samples]


def read_samples(results: Sequence[Result], ids: Sequence[str], data: DepthDataset) -> list[Sample]:
    """Read the images `ids` of the scored data.

    Errors: LeadlineError if `data` lacks an image or is not what was scored.
    """
    place = {data.sample_id(index): index for index in range(len(data))}
    lost = [name for name in ids if name not in place]
    if lost:
        raise LeadlineError(
            f"{results[0].data}: has no image {lost[0]} any more; "
            "give the folder that was scored with --data"
        )
    samples = [data[place[name]] for name in ids]
    for result in results:
        _check_truth(result, samples)
    return samples


def _range_of(samples: Sequence[Sample]) -> tuple[float, float]:
    depth = np.concatenate([sample.depth.ravel() for sample in samples])
    valid = np.concatenate([sample.valid.ravel() for sample in samples])
    return robust_range(depth, valid)


def _case_row(results: Sequence[Result], sample: Sample, colors: tuple[float, float]) -> CaseRow:
    low, high = colors
    truth = sample.depth_map
    predictions = []
    for result in results:
        prediction = _case_of(result, sample.id).prediction()
        # A protocol may score at another size.
        prediction = resize_depth(prediction, (truth.height, truth.width))
        prediction = with_finite_end(prediction, truth)
        picture = colorize(DepthMap.from_metres(prediction), vmin=low, vmax=high)
        scores = {name: result.table.value(sample.id, name) for name in result.metrics}
        error = enlarge_points(error_map(truth, prediction), truth.valid)
        predictions.append(PredictionPictures(picture, error, scores))
    true = enlarge_points(colorize(truth, vmin=low, vmax=high), truth.valid)
    return CaseRow(sample.id, sample.image, true, tuple(predictions), low, high)


def _check_truth(result: Result, samples: Sequence[Sample]) -> None:
    """Score the kept predictions again; a changed score means another truth, unit or folder."""
    protocol = replace(result.protocol, alignment="none", flip_averaging=False)
    kept = KeptPredictions(lambda name: _case_of(result, name).prediction())
    for image in score(kept, samples, protocol).images:
        before = result.table.value(image.id, "abs_rel")
        now = image.metrics["abs_rel"] if image.metrics else math.nan
        is_same = math.isclose(now, before, rel_tol=HALF_FLOAT, abs_tol=HALF_FLOAT)
        if not is_same and not (math.isnan(now) and math.isnan(before)):
            raise LeadlineError(
                f"{result.location}: {image.id} had abs_rel {before:.4f}, against the truth read "
                f"now it has {now:.4f}; give the data that was scored with --data"
            )


def _case_of(result: Result, name: str) -> Case:
    for case in result.cases:
        if case.id == name:
            return case
    raise LeadlineError(f"{result.location}: kept no prediction of {name}")


def choose_cases(results: Sequence[Result], images: int | Sequence[str] | None) -> list[str]:
    """Return image ids that every result has kept, in the data's order.

    `images` is a number of evenly spaced ones (None: at most four) or a list of ids; a file's name
    or stem stands for its id.
    Errors: LeadlineError if an id was not kept by all results.
    """
    first = results[0]
    kept = [case.id for case in first.cases if _kept_by_all(results, case.id)]
    if images is not None and not isinstance(images, int):
        return [_id_of(name, kept, first) for name in images]
    even = [case.id for case in first.ranked_cases("even") if case.id in kept]
    if not even:
        raise LeadlineError(
            f"{first.location}: these results kept no image in common to draw; "
            "evaluate them on the same data with -o"
        )
    count = min(len(even), images if images is not None else DEFAULT_IMAGES)
    return [even[round(place)] for place in np.linspace(0, len(even) - 1, count)]


def _kept_by_all(results: Sequence[Result], name: str) -> bool:
    return all(any(case.id == name for case in result.cases) for result in results)


def _id_of(name: str, kept: Sequence[str], first: Result) -> str:
    for matches in (lambda i: i == name, lambda i: name in (Path(i).name, Path(i).stem)):
        ids = [image for image in kept if matches(image)]
        if len(ids) == 1:
            return ids[0]
    raise LeadlineError(
        f"{first.location}: image {name!r} was not kept by every result (or its name stands for "
        f"several); choose among {', '.join(kept) or 'none'}"
    )


def comparison_figure(
    rows: Sequence[CaseRow], labels: Sequence[str], *, errors: bool = False
) -> Picture:
    """Return input, truth and every model side by side, (H,W,3) uint8, with scores below.

    With `errors` a second line of pictures shows each model's error map. All rows share one
    range, whose metre scale is at the right.
    """
    cells: list[list[Cell | None]] = []
    for row in rows:
        predicted = [Cell(each.depth, each.caption) for each in row.predictions]
        cells.append([Cell(row.photo, Path(row.id).name), Cell(row.truth), *predicted])
        if errors:
            cells.append([None, None, *(Cell(each.error) for each in row.predictions)])
    scales = [depth_scale(rows[0].low, rows[0].high)]
    if errors:
        scales.append(error_scale())
    height, width = rows[0].photo.shape[:2]
    # Wide pictures are drawn wider, so that all have about the area of 320 x 240.
    shown = round(math.sqrt(COLUMN_AREA * width / height))
    return draw_figure(["input", "truth", *labels], cells, scales, width=shown)


def depth_scale(low: float, high: float) -> Scale:
    """Return the metre scale of pictures coloured from `low` to `high`."""
    return Scale("depth", color_table("turbo")[::-1], low, high)


def error_scale() -> Scale:
    """Return the scale of error maps, in per cent of the true depth."""
    limit = 100 * ERROR_LIMIT
    return Scale("error", error_table(), -limit, limit, _percent)


def _percent(ticks: list[float]) -> list[str]:
    return ["0 %" if abs(tick) < 1e-6 else f"{tick:+.0f} %" for tick in ticks]
