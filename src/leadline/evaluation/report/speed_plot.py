"""A plot of accuracy against speed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.evaluation.benchmark import BenchmarkRow
from leadline.io.plots import save_plot

SUFFIXES = (".png", ".svg", ".pdf")


def check_plot(path: Path) -> None:
    """Raise LeadlineError for a suffix that is not supported for plots."""
    if path.suffix not in SUFFIXES:
        raise LeadlineError(f"{path}: a plot is written as {', '.join(SUFFIXES)}; rename it")


def draw_speed(rows: Sequence[BenchmarkRow], path: Path) -> None:
    """Draw abs_rel over pictures per second, one point per case: better is right and low.

    Errors: LeadlineError for another suffix, or a file that cannot be written. Needs matplotlib.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        if row.abs_rel is None:
            continue
        rate = 1000 * row.batch / row.median_ms
        batch = f" x{row.batch}" if row.batch > 1 else ""
        axes.plot(rate, row.abs_rel, "o")
        axes.annotate(
            f"{row.model} {row.runtime} {row.precision} {row.height}x{row.width}{batch}",
            (rate, row.abs_rel),
            xytext=(5, 5),
            textcoords="offset points",
        )
    axes.set_xscale("log")
    axes.set_xlabel("pictures a second, call after call")
    axes.set_ylabel("abs_rel (lower is better)")
    save_plot(figure, path)
