"""The HTML report of one evaluation, and the page of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from leadline.datasets.sample import DepthDataset, Sample
from leadline.errors import LeadlineError
from leadline.evaluation.breakdowns import PartScore
from leadline.evaluation.comparison_table import ComparisonTable, compare_results
from leadline.evaluation.ranges import describe_use
from leadline.evaluation.report.case_pictures import CaseRow, case_rows, read_samples
from leadline.evaluation.report.html import write_page
from leadline.evaluation.report.plots import bars, curves, histogram, scatter
from leadline.evaluation.report.tables import BEST_WORDS, blocks
from leadline.evaluation.result import Result

LEAD_METRICS = ("abs_rel", "delta1", "rmse")
BREAKDOWN_METRICS = ("abs_rel", "rmse", "delta1", "log10")
BREAKDOWN_TITLES = {
    "ranges": "By true distance, all pixels together",
    "edges": "At edges of the true depth and elsewhere, all pixels together",
    "classes": "By true class, all pixels together",
}
MAX_LISTED = 1000
MAX_CASES = 6


def write_report(path: Path, result: Result, data: DepthDataset | None = None) -> None:
    """Write the report of `result` as one self-contained HTML file.

    `data` is the scored data, from which a loaded result takes its photographs.
    Errors: LeadlineError if `data` is needed, or is not what was scored.
    """
    metrics = result.protocol.table_metrics
    table = compare_results([result], metrics=metrics, published=False)
    errors = result.table.columns["abs_rel"]
    write_page(
        path,
        "report.html",
        title=f"{result.model} on {result.data_label}",
        created=result.created,
        result=result,
        lead_metrics=LEAD_METRICS,
        metrics=metrics,
        blocks=blocks(table),
        facts=_facts(result),
        fields=_fields(result),
        histogram=histogram(errors[np.isfinite(errors)], "abs_rel"),
        range_plot=_range_plot(result),
        sparsification=_sparsification_plot(result),
        breakdowns=_breakdown_tables(result),
        extras=_extras(result),
        case_blocks=_case_blocks(result, data),
        images=_listed(result),
        holes=result.protocol.describe_holes(),
    )


def write_comparison(
    path: Path, table: ComparisonTable, rows: Sequence[CaseRow], *, errors: bool = False
) -> None:
    """Write a comparison as one self-contained HTML file; `rows` are its pictures."""
    write_page(
        path,
        "compare.html",
        title=f"{len(table.results)} results compared",
        created=None,
        table=table,
        labels=table.marked_labels,
        blocks=blocks(table),
        best_words=BEST_WORDS,
        scatters=_scatters(table),
        rows=rows,
        errors=errors,
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    """Return how the numbers were made, in words."""
    protocol = result.protocol
    return [
        ("model", result.model_path or result.model),
        ("data", result.data),
        ("protocol", result.protocol_label),
        ("in words", protocol.describe()),
        ("source", protocol.source),
        ("presupposed truth", protocol.truth),
        *([("left out", describe_use(protocol, result.truth_use))] if result.truth_use else []),
        *([("camera", result.camera.describe())] if result.camera else []),
        *(("warning", warning) for warning in result.warnings),
    ]


def _fields(result: Result) -> list[tuple[str, str]]:
    """Return all fields of the protocol, and how the data was opened."""
    values = {**asdict(result.protocol), **result.data_options.model_dump()}
    shown_above = ("name", "source", "truth")
    return [
        (name.replace("_", " "), _in_words(value))
        for name, value in values.items()
        if name not in shown_above
    ]


def _in_words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(each) for each in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_in_words(each)}" for key, each in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _range_plot(result: Result) -> Markup | None:
    """Plot the error by distance, from the ranges with pixels; None if not measured."""
    ranges = list(result.parts("ranges"))
    while ranges and ranges[-1].metrics is None:
        ranges.pop()
    if not ranges:
        return None
    edges = [row.low or 0.0 for row in ranges] + [ranges[-1].high or 0.0]
    values = [row.metrics["abs_rel"] if row.metrics else None for row in ranges]
    return bars(edges, values, "abs_rel", "true distance, m")


def _sparsification_plot(result: Result) -> Markup | None:
    """Plot the error without the most uncertain pixels; None without uncertainty."""
    if result.uncertainty is None:
        return None
    lines = dict(result.uncertainty.sparsification)
    return curves(lines.pop("removed"), lines, "share taken away", "abs_rel")


def _breakdown_tables(result: Result) -> list[Mapping[str, Any]]:
    """Return one table per measured breakdown."""
    tables: list[Mapping[str, Any]] = []
    for name, title in BREAKDOWN_TITLES.items():
        rows: list[PartScore] = [part for part in result.parts(name) if part.metrics]
        if rows:
            tables.append({"title": title, "rows": rows, "metrics": BREAKDOWN_METRICS})
    return tables


def _extras(result: Result) -> list[tuple[str, str]]:
    """Return single numbers beside the table: boundaries and classes."""
    boundary = result.boundary
    semantic = result.semantic or {}
    named = {
        "boundary F1": boundary.get("f1"),
        "boundary precision": boundary.get("precision"),
        "boundary recall": boundary.get("recall"),
        "pixel accuracy of classes": semantic.get("pixel_accuracy"),
        "mean IoU of classes": semantic.get("mean_iou"),
    }
    return [(name, f"{value:.3f}") for name, value in named.items() if value is not None]


def _case_blocks(result: Result, data: DepthDataset | None) -> list[tuple[str, str, list[CaseRow]]]:
    """Return the kept cases in titled blocks, each picture in its own colour range."""
    titles = {
        "worst": ("Worst cases", "The images with the largest abs_rel."),
        "best": ("Best cases", "The images with the smallest abs_rel."),
        "even": ("A fair sample", "Evenly spaced over the data, whatever their score."),
    }
    case_blocks = []
    for role, (title, words) in titles.items():
        rows = case_rows([result], _samples(result, role, data), one_range=False)
        if rows:
            case_blocks.append((title, words, rows))
    return case_blocks


def _samples(result: Result, role: str, data: DepthDataset | None) -> list[Sample]:
    """Return the photographs and truth of the first cases of a role, from memory or read again."""
    cases = result.ranked_cases(role)[:MAX_CASES]
    in_memory = [case.sample for case in cases if case.sample is not None]
    if len(in_memory) == len(cases):
        return in_memory
    if data is None:
        raise LeadlineError(
            f"{result.location}: a report of a result that was loaded needs the data that was "
            "scored as well"
        )
    return read_samples([result], [case.id for case in cases], data)


def _listed(result: Result) -> list[tuple[str, str, list[float | None]]]:
    """Return the images with their scores, by decreasing abs_rel, at most `MAX_LISTED`."""
    columns = result.table.columns
    errors = columns["abs_rel"]
    order = np.argsort(np.where(np.isfinite(errors), -errors, np.inf), kind="stable")
    return [
        (
            result.table.ids[index],
            f"{columns['pixels'][index]:,.0f}",
            [_finite(columns[metric][index]) for metric in result.protocol.table_metrics],
        )
        for index in order[:MAX_LISTED]
    ]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _scatters(table: ComparisonTable) -> list[Mapping[str, Any]]:
    """Plot abs_rel image by image for each result that can be tested against the first."""
    first = table.results[0]
    plots: list[Mapping[str, Any]] = []
    for label, result in zip(table.labels, table.results, strict=True):
        if label not in table.differences:
            continue
        x = first.table.columns["abs_rel"]
        y = result.table.column("abs_rel", first.table.ids)
        both = np.isfinite(x) & np.isfinite(y)
        better = int(np.count_nonzero(y[both] < x[both]))
        words = (
            f"abs_rel of each image. Below the line {label} is better: {better} of "
            f"{np.count_nonzero(both)} images."
        )
        svg = scatter(x[both], y[both], table.labels[0], label, "abs_rel")
        plots.append({"svg": svg, "words": words})
    return plots
