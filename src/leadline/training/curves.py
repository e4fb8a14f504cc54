"""Training and validation curves of one run or of several in one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.atomic import atomic_path
from leadline.metrics import HIGHER_IS_BETTER
from leadline.training.runs import RunFolder

SHOWN = ("delta1", "abs_rel", "rmse")
AXES = ("step", "epoch", "images")
SMOOTHED_SHARE = 0.05
MOST_RUNS = 20


def draw_curves(runs: Sequence[RunFolder], path: Path, x: str = "step") -> None:
    """Draw loss, learning rate and validation metrics of `runs` over `x` into the picture `path`.

    `x` is step, epoch or images. Each run has one colour in all parts. The loss is drawn thin as
    it was logged and thick as its running mean over `SMOOTHED_SHARE` of the run.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7), layout="constrained")
    parts = figure.subplots(2, 3)
    (loss, rate, legend), validation = parts
    for run, colour in zip(runs, _colours(len(runs)), strict=True):
        _draw_loss(loss, run, x, colour)
        rate.plot(*run.series("lr", x), color=colour)
        for metric, axes in zip(SHOWN, validation, strict=True):
            _draw_metric(axes, run, metric, x, colour)
    unlike = len({str(run.recipe.get("loss")) for run in runs}) > 1
    loss.set_title(
        f"training loss (thick: mean over {SMOOTHED_SHARE:.0%} of the run)"
        + ("\ndifferent losses: heights do not compare" if unlike else "")
    )
    if all(value > 0 for run in runs for value in run.series("loss")[1]):
        loss.set_yscale("log")
    rate.set_title("learning rate")
    for metric, axes in zip(SHOWN, validation, strict=True):
        better = "higher" if metric in HIGHER_IS_BETTER else "lower"
        axes.set_title(f"validation {metric} ({better} is better)")
    for axes in (loss, rate, *validation):
        axes.set_xlabel(x)
        axes.grid(alpha=0.3)
        axes.margins(x=0.02)
    _draw_legend(legend, runs)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _colours(count: int) -> list[Any]:
    """Return colours that are told apart, also by most people who see fewer of them."""
    from matplotlib import colormaps

    if count <= 8:
        okabe_ito = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
        return [*okabe_ito, "#8C564B"][:count]
    return [colormaps["turbo"](value) for value in np.linspace(0.03, 0.97, count)]


def _draw_loss(axes: Any, run: RunFolder, x: str, colour: Any) -> None:
    places, values = run.series("loss", x)
    window = max(1, round(SMOOTHED_SHARE * len(values)))
    alpha = 0.3 if window > 1 else 1.0
    # A line through one point is nothing to see.
    marker = "o" if len(values) == 1 else None
    axes.plot(places, values, color=colour, alpha=alpha, linewidth=0.8, marker=marker)
    if window > 1:
        axes.plot(places, running_mean(np.array(values), window), color=colour, linewidth=1.8)


def running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return at each place of (n,) the mean of the last `window` values, of fewer at the start."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - window)
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _draw_metric(axes: Any, run: RunFolder, metric: str, x: str, colour: Any) -> None:
    places, values = run.series(f"val_{metric}", x)
    axes.plot(places, values, color=colour, marker="o", markersize=3, linewidth=1.4)
    best = run.best
    kept = [
        place
        for place, step in zip(places, run.series(f"val_{metric}")[0], strict=True)
        if step == best.get("step")
    ]
    if kept:
        axes.plot(kept[-1:], [best[metric]], color=colour, marker="*", markersize=11)


def _draw_legend(axes: Any, runs: Sequence[RunFolder]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linewidth=2.5, label=_describe(run))
        for run, colour in zip(runs, _colours(len(runs)), strict=True)
    ]
    if len({run.status.protocol for run in runs if run.status and run.status.protocol}) > 1:
        handles.append(
            Line2D([], [], linestyle="", label="protocols differ: scores do not compare")
        )
    axes.axis("off")
    axes.legend(
        handles=handles, loc="upper left", fontsize=8 if len(runs) < 8 else 6, frameon=False
    )


def _describe(run: RunFolder) -> str:
    best = run.best
    scores = ", ".join(f"{metric} {best[metric]:.3f}" for metric in SHOWN if metric in best)
    kept = f"\n* epoch {best['epoch']:.0f}: {scores}" if best else "\nnot validated yet"
    protocol = run.status.protocol if run.status else None
    name = run.name if len(run.name) <= 32 else run.name[:29] + "..."
    return f"{name} ({run.recipe.get('name')}, {run.state}){kept}" + (
        f" ({protocol})" if protocol else ""
    )
