"""The HTML report of one evaluation, and the page of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from leadline.datasets.sample import DepthDataset
from leadline.evaluation.case_pictures import CaseRow, case_rows
from leadline.evaluation.comparison import ComparisonTable, compare
from leadline.evaluation.pages import write_page
from leadline.evaluation.plots import bars, histogram, scatter
from leadline.evaluation.stored import Result
from leadline.evaluation.tables import BEST_WORDS, INTERVAL_WORDS, PAIRED_WORDS, blocks
from leadline.metrics import METRICS

LEAD_METRICS = ("abs_rel", "delta1", "rmse")
BREAKDOWN_METRICS = ("abs_rel", "rmse", "delta1", "log10")
BREAKDOWN_TITLES = {
    "ranges": "By true distance, all pixels together",
    "edges": "At edges of the true depth and elsewhere, all pixels together",
    "classes": "By true class, all pixels together",
}
MOST_LISTED = 1000
MOST_CASES = 6


def write_report(path: Path, result: Result, data: DepthDataset) -> None:
    """Write the report of `result`, scored on `data`, as one self-contained HTML file."""
    comparison = compare([result], metrics=METRICS, published=False)
    errors = result.rows["abs_rel"]
    write_page(
        path,
        "report.html",
        title=f"{result.model} on {result.data_label}",
        created=result.content.get("created"),
        result=result,
        content=result.content,
        lead_metrics=LEAD_METRICS,
        metrics=METRICS,
        blocks=blocks(comparison),
        facts=_facts(result),
        histogram=histogram(errors[np.isfinite(errors)], "abs_rel"),
        range_plot=_range_plot(result),
        breakdowns=_breakdown_tables(result),
        extras=_extras(result),
        case_blocks=_case_blocks(result, data),
        images=_listed(result),
    )


def write_comparison(
    path: Path, comparison: ComparisonTable, rows: Sequence[CaseRow], *, errors: bool = False
) -> None:
    """Write a comparison as one self-contained HTML file; `rows` are its pictures."""
    write_page(
        path,
        "compare.html",
        title=f"{len(comparison.results)} results compared",
        created=None,
        comparison=comparison,
        labels=comparison.marked_labels,
        blocks=blocks(comparison),
        best_words=BEST_WORDS,
        interval_words=INTERVAL_WORDS,
        paired_words=PAIRED_WORDS,
        scatters=_scatters(comparison),
        rows=rows,
        errors=errors,
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    """Everything that made the numbers, in words."""
    content, protocol = result.content, result.protocol
    facts = [
        ("model", str(content.get("model_path", content["model"]))),
        ("data", str(content["data"])),
        ("protocol", result.protocol_label),
    ]
    facts += [
        (name.replace("_", " "), _in_words(value))
        for name, value in protocol.items()
        if name not in ("name", "hash")
    ]
    return facts


def _in_words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _range_plot(result: Result) -> Markup | None:
    """Error by distance, from the ranges that have pixels; None where they were not measured."""
    ranges = [row for row in result.breakdowns.get("ranges") or [] if row["metrics"]]
    if not ranges:
        return None
    labels = [f"{row['low']:.0f}-{row['high']:.0f}" for row in ranges]
    values = [row["metrics"]["abs_rel"] for row in ranges]
    return bars(labels, values, "abs_rel", "true distance, m")


def _breakdown_tables(result: Result) -> list[Mapping[str, Any]]:
    """The breakdowns that were measured, one table each."""
    found: list[Mapping[str, Any]] = []
    for key, title in BREAKDOWN_TITLES.items():
        rows = [row for row in result.breakdowns.get(key) or [] if row["metrics"]]
        if rows:
            found.append({"title": title, "rows": rows, "metrics": BREAKDOWN_METRICS})
    return found


def _extras(result: Result) -> list[tuple[str, str]]:
    """Single numbers beside the table: boundaries and classes."""
    boundary = result.breakdowns.get("boundary") or {}
    semantic = result.content.get("semantic") or {}
    named = {
        "boundary F1": boundary.get("f1"),
        "boundary precision": boundary.get("precision"),
        "boundary recall": boundary.get("recall"),
        "pixel accuracy of classes": semantic.get("pixel_accuracy"),
        "mean IoU of classes": semantic.get("mean_iou"),
    }
    return [(name, f"{value:.3f}") for name, value in named.items() if value is not None]


def _case_blocks(result: Result, data: DepthDataset) -> list[tuple[str, str, list[CaseRow]]]:
    """The kept cases in titled blocks, each picture in its own colour range."""
    titles = {
        "worst": ("Worst cases", "The images with the largest abs_rel."),
        "best": ("Best cases", "The images with the smallest abs_rel."),
        "even": ("A fair sample", "Evenly spaced over the data, whatever their score."),
    }
    found = []
    for role, (title, words) in titles.items():
        names = [case.id for case in result.cases if role in case.roles]
        if role != "even":
            names.sort(key=lambda name: result.score_of(name, "abs_rel"), reverse=role == "worst")
        rows = case_rows([result], names[:MOST_CASES], data, one_range=False)
        if rows:
            found.append((title, words, rows))
    return found


def _listed(result: Result) -> list[tuple[str, str, list[float | None]]]:
    """Every image with its scores, the largest abs_rel first, at most `MOST_LISTED`."""
    errors = result.rows["abs_rel"]
    order = np.argsort(np.where(np.isfinite(errors), -errors, np.inf), kind="stable")
    return [
        (
            result.ids[index],
            f"{result.rows['pixels'][index]:,.0f}",
            [_finite(result.rows[metric][index]) for metric in METRICS],
        )
        for index in order[:MOST_LISTED]
    ]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _scatters(comparison: ComparisonTable) -> list[Mapping[str, Any]]:
    """One plot for each result that may be tested against the first: abs_rel image by image."""
    first = comparison.results[0]
    plots: list[Mapping[str, Any]] = []
    for label, result in zip(comparison.labels, comparison.results, strict=True):
        if label not in comparison.differences:
            continue
        x = first.rows["abs_rel"]
        y = result.aligned("abs_rel", first.ids)
        both = np.isfinite(x) & np.isfinite(y)
        better = int(np.count_nonzero(y[both] < x[both]))
        words = (
            f"abs_rel of each image. Below the line {label} is better: {better} of "
            f"{np.count_nonzero(both)} images."
        )
        svg = scatter(x[both], y[both], comparison.labels[0], label, "abs_rel")
        plots.append({"svg": svg, "words": words})
    return plots
