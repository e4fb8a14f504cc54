"""The numbers of a comparison: which results are comparable, what differs, how significantly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, check_seed
from leadline.evaluation.published import PublishedSet, published_for
from leadline.evaluation.result import DataOpening, Result, check_block, describe_intervals
from leadline.metrics import (
    HIGHER_IS_BETTER,
    METRICS,
    Protocol,
    blocks_of,
    bootstrap_interval,
    paired_test,
)

SHOWN_METRICS = ("delta1", "delta2", "delta3", "abs_rel", "rmse", "rmse_log", "log10")
"""Default metrics of comparisons, unless the protocol or the user chooses others."""

PAIRED_WORDS = (
    "mean of the per-image differences, its 95 % bootstrap interval, and the p value of a "
    "sign-flip permutation test; p is not corrected for the number of tests"
)
TOGETHER = "neighbouring images are drawn and flipped together"

MIN_IMAGES = 2
"""Smallest number of images for an interval or a test."""


@dataclass(frozen=True)
class Value:
    """One number of a table, with its 95 % interval if there is one."""

    number: float | None
    interval: tuple[float, float] | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row of the score table. `kind` is result, baseline or published."""

    name: str
    kind: str
    values: dict[str, Value]
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairedDifference:
    """A result against the first on the same images: mean difference, interval and p value."""

    mean: float
    interval: tuple[float, float]
    p: float


@dataclass
class ComparisonTable:
    """The content of a comparison, independent of the output format."""

    metrics: tuple[str, ...]
    results: list[Result]
    labels: list[str]
    rows: list[Row]
    differences: dict[str, dict[str, PairedDifference]]
    notes: dict[str, str] = field(default_factory=dict)
    block: int = 1

    @property
    def interval_words(self) -> str:
        """A description of the intervals."""
        return f"95 % bootstrap intervals over {describe_intervals(self.block)}"

    @property
    def paired_words(self) -> str:
        """A description of the differences."""
        return PAIRED_WORDS if self.block == 1 else f"{PAIRED_WORDS}; {self.block} {TOGETHER}"

    @property
    def warnings(self) -> list[str]:
        """The warnings of the results, prefixed by their labels."""
        return [
            f"{label}: {warning}"
            for label, result in zip(self.labels, self.results, strict=True)
            for warning in result.warnings
        ]

    @property
    def marked_labels(self) -> list[str]:
        """The labels, with marks for results that were made differently."""
        rows = [row for row in self.rows if row.kind == "result"]
        return [f"{row.name} [{','.join(row.marks)}]" if row.marks else row.name for row in rows]

    @property
    def protocol(self) -> str:
        """Name and hash of the first result's protocol."""
        return self.results[0].protocol_label

    @property
    def data(self) -> str:
        """The first result's data, and how many of its images were scored."""
        return f"{self.results[0].data_label}, {self.results[0].extent}"


def compare_results(
    results: Sequence[Result],
    *,
    labels: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    mixed: bool = False,
    baselines: bool = True,
    published: bool = True,
    seed: int = 0,
    block: int | None = None,
) -> ComparisonTable:
    """Compare results side by side; the others are tested against the first.

    `metrics` are the columns, by default those of the first result's protocol. `block` neighbouring
    images are drawn and flipped together, by default as many as in the first result.
    Errors: LeadlineError if two results were not made alike (protocol, data, cameras, images or
    true depth) and `mixed` does not allow it, or for a wrong metric, label, `block` or `seed`.
    """
    check_seed(seed)
    block = results[0].block if block is None else block
    for result in results:
        if block != result.block:
            check_block(block, result.images)
    if metrics is None:
        metrics = shown_metrics(results[0].protocol)
    _check_metrics(results, metrics)
    names = list(labels) if labels else unique_labels(results)
    if len(names) != len(results) or len(set(names)) != len(names):
        raise LeadlineError(
            f"{len(results)} results need {len(results)} different labels, got {names}"
        )
    groups = groups_of(results)
    if max(groups) > 0 and not mixed:
        other = results[groups.index(1)]
        raise LeadlineError(
            f"{results[0].location} and {other.location} cannot stand side by side: "
            f"{'; '.join(differences(results[0], other))}. Evaluate alike, or allow it with --mixed"
        )
    notes = {
        _letter(number): _group_note(results[0], results[groups.index(number)])
        for number in range(1, max(groups) + 1)
    }
    rows = _result_rows(results, names, groups, metrics, block)
    if baselines:
        rows += _baseline_rows(results[0], metrics)
    reference = published_beside(results[0]) if published else None
    if reference is not None:
        rows += _published_rows(reference, metrics, notes)
    tested = {
        name: _paired(results[0], result, metrics, seed, block)
        for name, result, group in zip(names, results, groups, strict=True)
        if result is not results[0] and group == 0
    }
    paired = {name: by_metric for name, by_metric in tested.items() if by_metric}
    return ComparisonTable(tuple(metrics), list(results), names, rows, paired, notes, block)


def published_beside(result: Result) -> PublishedSet | None:
    """Return the published table for the data of a result, None if there is none."""
    return published_for(result.protocol.name, result.dataset)


def shown_metrics(protocol: Protocol) -> tuple[str, ...]:
    """Return the columns of a comparison under `protocol`."""
    return SHOWN_METRICS if protocol.table_metrics == METRICS else protocol.table_metrics


def unique_labels(results: Sequence[Result]) -> list[str]:
    """Return a different name for each result: its model, if necessary with its folder."""
    models = [result.model for result in results]
    labels = [
        model
        if result.folder is None or models.count(model) == 1
        else f"{model} ({result.folder.resolve().name})"
        for model, result in zip(models, results, strict=True)
    ]
    if len(set(labels)) < len(labels):
        labels = [f"{result.model} ({result.location})" for result in results]
    if len(set(labels)) < len(labels):
        raise LeadlineError("the same result is given twice; a comparison needs different ones")
    return labels


def _letter(group: int) -> str:
    return chr(ord("a") + group - 1)


def _group_note(first: Result, other: Result) -> str:
    return f"Not made like the first row: {'; '.join(differences(first, other))}."


def _check_metrics(results: Sequence[Result], metrics: Sequence[str]) -> None:
    for metric in metrics:
        without = [result for result in results if metric not in result.metrics]
        if without:
            raise LeadlineError(
                f"{without[0].location} has no metric {metric!r}; "
                f"choose among {', '.join(without[0].metrics)}"
            )


def _result_rows(
    results: Sequence[Result],
    names: Sequence[str],
    groups: Sequence[int],
    metrics: Sequence[str],
    block: int,
) -> list[Row]:
    rows = []
    for result, name, group in zip(results, names, groups, strict=True):
        peers = [other.metrics for other, its in zip(results, groups, strict=True) if its == group]
        values = {
            metric: Value(
                result.metrics[metric],
                _interval(result, metric, block),
                len(peers) > 1 and result.metrics[metric] == _best(metric, peers),
            )
            for metric in metrics
        }
        rows.append(Row(name, "result", values, (_letter(group),) if group else ()))
    return rows


def _interval(result: Result, metric: str, block: int) -> tuple[float, float] | None:
    """Return the interval stored in a result, or compute it for another block length."""
    if block == result.block:
        return result.intervals.get(metric) if result.images_scored >= MIN_IMAGES else None
    if result.protocol.aggregation == "pooled":
        raise LeadlineError(
            f"{result.location}: scores that pool pixels keep the intervals of block "
            f"{result.block}; evaluate again with --block {block}"
        )
    values = result.table.columns[metric]
    scored = np.isfinite(values)
    blocks = blocks_of(len(values), block)[scored]
    return _bootstrap(values[scored], blocks) if len(set(blocks)) >= MIN_IMAGES else None


def _bootstrap(
    values: NDArray[np.float64], blocks: NDArray[np.intp], seed: int = 0
) -> tuple[float, float]:
    """Return the interval of the mean of values (n,), drawing each block (n,) together."""
    low, high = bootstrap_interval(values[:, None], blocks=blocks, seed=seed)[:, 0]
    return float(low), float(high)


def _best(metric: str, peers: Sequence[dict[str, float]]) -> float:
    values = [scores[metric] for scores in peers]
    return max(values) if metric in HIGHER_IS_BETTER else min(values)


def _baseline_rows(first: Result, metrics: Sequence[str]) -> list[Row]:
    return [
        Row(name, "baseline", {metric: Value(scores.get(metric)) for metric in metrics})
        for name, scores in first.baselines.items()
    ]


def _published_rows(
    reference: PublishedSet, metrics: Sequence[str], notes: dict[str, str]
) -> list[Row]:
    """Return the rows of documents; each caveat becomes a numbered note shared by all rows."""
    numbers: dict[str, str] = {}
    rows = []
    for published in reference.rows:
        if not any(metric in published.metrics for metric in metrics):
            continue
        for caveat in published.caveats:
            numbers.setdefault(caveat, str(len(numbers) + 1))
        marks = tuple(numbers[caveat] for caveat in published.caveats)
        values = {metric: Value(published.metrics.get(metric)) for metric in metrics}
        rows.append(Row(published.name, "published", values, marks))
    notes.update({number: reference.caveats[caveat] for caveat, number in numbers.items()})
    return rows


def _paired(
    first: Result, other: Result, metrics: Sequence[str], seed: int, block: int
) -> dict[str, PairedDifference]:
    """Test `other` against `first`, image by image, on the images scored by both."""
    by_metric = {}
    for metric in metrics:
        if metric not in first.table.columns or metric not in other.table.columns:
            continue
        a, b = first.table.columns[metric], other.table.column(metric, first.table.ids)
        both = np.isfinite(a) & np.isfinite(b)
        blocks = blocks_of(len(both), block)[both]
        if len(set(blocks)) < MIN_IMAGES:
            continue
        delta = b[both] - a[both]
        interval = _bootstrap(delta, blocks, seed)
        p = paired_test(a[both], b[both], seed=seed, blocks=blocks)
        by_metric[metric] = PairedDifference(float(delta.mean()), interval, p)
    return by_metric


def differences(first: Result, other: Result) -> list[str]:
    """Return in words why two results were not made alike; empty if they were."""
    reasons = []
    if first.protocol_label != other.protocol_label:
        reasons.append(f"protocol {first.protocol_label} against {other.protocol_label}")
    if first.data_label != other.data_label:
        reasons.append(f"data {first.data_label} against {other.data_label}")
    else:
        reasons += _read_otherwise(first.data_options, other.data_options)
    reasons += _other_camera(first, other)
    mine, theirs = first.table.ids, other.table.ids
    if set(mine) != set(theirs):
        common = len(set(mine) & set(theirs))
        reasons.append(f"{len(mine)} images against {len(theirs)}, {common} in common")
    elif first.protocol_label == other.protocol_label:
        reasons += _other_truth(first, other)
    return reasons


def _read_otherwise(mine: DataOpening, theirs: DataOpening) -> list[str]:
    """Name the ways of reading the data that differ."""
    reasons = []
    if mine.layout != theirs.layout:
        reasons.append(f"data read as layout {mine.layout} against {theirs.layout}")
    if mine.units_per_metre != theirs.units_per_metre:
        units = [
            "the data's own" if each.units_per_metre is None else f"{each.units_per_metre:g}"
            for each in (mine, theirs)
        ]
        reasons.append(f"--depth-scale {units[0]} against {units[1]}")
    if mine.options != theirs.options:
        reasons.append(f"data options {mine.options} against {theirs.options}")
    if mine.hold_out != theirs.hold_out:
        reasons.append("validation images that a training run held out against others")
    return reasons


def _other_camera(first: Result, other: Result) -> list[str]:
    """Return the difference if only one of the results used the data's cameras."""
    mine, theirs = first.camera, other.camera
    if mine is None or theirs is None or mine.use == theirs.use:
        return []
    if not (mine.has_effect or theirs.has_effect):
        return []
    return [f"the data's cameras {mine.use} against {theirs.use}"]


def _other_truth(first: Result, other: Result) -> list[str]:
    """Return the difference in scored pixels, which depend only on true depth and protocol."""
    ids = first.table.ids
    mine, theirs = first.table.columns["pixels"], other.table.column("pixels", ids)
    unequal = np.flatnonzero(mine != theirs)
    if unequal.size == 0:
        return []
    index = int(unequal[0])
    return [
        f"true depth ({ids[index]} has {mine[index]:.0f} scored pixels against "
        f"{theirs[index]:.0f}: another ground truth or another unit)"
    ]


def groups_of(results: Sequence[Result]) -> list[int]:
    """Return a group number per result: results of one group were made alike; the first is 0."""
    leaders: list[Result] = []
    groups = []
    for result in results:
        is_alike = [not differences(leader, result) for leader in leaders]
        if True not in is_alike:
            leaders.append(result)
            is_alike.append(True)
        groups.append(is_alike.index(True))
    return groups
