"""Training curves of one run or several in one picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from leadline.depth.atomic import atomic_path
from leadline.depth.errors import LeadlineError
from leadline.depth.files import one_line

PANELS = {
    "loss": "training loss",
    "val_abs_rel": "validation abs_rel",
    "val_delta1": "validation delta1",
    "val_rmse": "validation rmse, m",
}
SMOOTHED_SHARE = 0.05
"""The thick line of the loss is the mean over this share of its points."""


@dataclass(frozen=True)
class Curves:
    """The numbers of a run: rows of `metrics.csv`; `loss` says what its loss consists of."""

    label: str
    rows: Sequence[Mapping[str, str]]
    loss: str = ""

    def series(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the steps and the values of a column, (n,) each, where it has values."""
        rows = [row for row in self.rows if row.get(name)]
        steps = np.array([float(row["step"]) for row in rows])
        return steps, np.array([float(row[name]) for row in rows])


def read_curves(run: Path, label: str | None = None) -> Curves:
    """Read the numbers that `leadline train` left in the folder `run`.

    Errors: LeadlineError where it is no run folder, or its numbers are damaged or none yet.
    """
    file = run / "metrics.csv"
    if not file.is_file():
        raise LeadlineError(
            f"{run}: not a run folder (no metrics.csv); give what train --out wrote"
        )
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
        curves = Curves(label or run.resolve().name, rows, _loss_of(run))
        counts = [curves.series(name)[0].size for name in PANELS]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise LeadlineError(f"{file}: not a table of numbers ({one_line(error)})") from error
    if not any(counts):
        raise LeadlineError(f"{file}: has no numbers yet; wait for the first logged steps")
    return curves


def _loss_of(run: Path) -> str:
    """What the run's recipe says of its loss, as text that compares."""
    file = run / "recipe.yaml"
    if not file.is_file():
        return ""
    try:
        recipe = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise LeadlineError(f"{file}: not readable as YAML ({one_line(error)})") from error
    return str(recipe.get("loss")) if isinstance(recipe, dict) else ""


def draw_curves(runs: Sequence[Curves], path: Path) -> None:
    """Draw loss and validation scores of every run over its steps, one colour a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
        for number, run in enumerate(runs):
            _draw_series(axes, run, column, f"C{number}")
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
    panels[0].set_yscale("log")
    if len({run.loss for run in runs}) > 1:
        panels[0].set_title(f"{PANELS['loss']} (each run has its own: not comparable)")
    if len(runs) > 1:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(runs)))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_series(axes: Any, run: Curves, column: str, color: str) -> None:
    steps, values = run.series(column)
    draw = axes.plot
    if column != "loss":
        draw(steps, values, marker="o", markersize=3, color=color, label=run.label)
        return
    width = max(1, round(SMOOTHED_SHARE * len(values)))
    if width > 1:
        draw(steps, values, linewidth=0.8, alpha=0.35, color=color)
    # A mean stands at the last of the steps it is over.
    means = moving_mean(values, width)
    draw(steps[len(values) - len(means) :], means, linewidth=1.6, color=color, label=run.label)


def moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean over every `width` neighbours of (n,) values, (n - width + 1,)."""
    if values.size < width:
        return values
    return np.convolve(values, np.full(width, 1 / width), mode="valid")
