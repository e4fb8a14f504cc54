"""Training and validation curves of one or several runs in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.plots import save_plot
from leadline.metrics import HIGHER_IS_BETTER
from leadline.training.run_folder import Run

SHOWN = ("delta1", "abs_rel", "rmse")
Axis = Literal["step", "epoch", "images"]
SMOOTHED_SHARE = 0.05
MAX_RUNS = 20
LOG_SPAN = 4
"""The loss axis is logarithmic if the largest loss is at least this many times the smallest."""
LINES = ("-", (0, (4, 2)), (0, (6, 2, 1, 2)), (0, (1, 1.5)))
"""Line styles of the runs; gaps in later ones keep earlier ones visible."""
PLACES = {"left": 0.05, "right": 0.99, "bottom": 0.07, "top": 0.93, "wspace": 0.2, "hspace": 0.3}
"""Margins of the subplots: letting Matplotlib compute them would draw everything twice, after every
validation."""
FIRST_DOT, LAST_DOT, STAR = 6.0, 3.0, 8.0
"""Diameters of the points in 1/72 inch; a star is larger than its point by `STAR`."""


def draw_curves(runs: Sequence[Run], path: Path, x: Axis = "step") -> None:
    """Draw loss, learning rate and validation metrics of `runs` over `x` into the picture `path`.

    `x` is step, epoch or images. Each run has one colour and one line style in all parts, so that
    equal curves remain visible. The logged loss is drawn thin, and its running mean over
    `SMOOTHED_SHARE` of the run thick, if that is more than one value.
    Errors: LeadlineError for no run, or for more than `MAX_RUNS`.
    """
    if not runs:
        raise LeadlineError("no runs to draw")
    if len(runs) > MAX_RUNS:
        raise LeadlineError(
            f"{len(runs)} runs are too many for one picture (at most {MAX_RUNS}); name fewer"
        )
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7))
    parts = figure.subplots(2, 3, gridspec_kw=PLACES)
    (loss, rate, legend), validation = parts
    pens = _pens(len(runs))
    for run, pen in zip(runs, pens, strict=True):
        _draw_loss(loss, run, x, pen)
        _draw_line(rate, *run.series("lr", x), pen, width=1.5)
        for metric, axes in zip(SHOWN, validation, strict=True):
            _draw_metric(axes, run, metric, x, pen)
    loss.set_title(_loss_title(runs))
    _scale_loss(loss, [value for run in runs for value in run.series("loss")[1]])
    rate.set_title("learning rate")
    for metric, axes in zip(SHOWN, validation, strict=True):
        better = "higher" if metric in HIGHER_IS_BETTER else "lower"
        axes.set_title(f"validation {metric} ({better} is better)")
    for axes in (loss, rate, *validation):
        axes.set_xlabel(x)
        axes.grid(alpha=0.3)
        axes.margins(x=0.02)
    _draw_legend(legend, runs, pens)
    save_plot(figure, path, dpi=110)


@dataclass(frozen=True)
class _Pen:
    """The style of one run; `dot` is the diameter of its points."""

    colour: Any
    line: Any
    dot: float


def _pens(count: int) -> list[_Pen]:
    """Return distinct colours and line styles, and decreasing point sizes."""
    largest = FIRST_DOT if count > 1 else LAST_DOT
    dots = np.linspace(largest, LAST_DOT, count)
    lines = [LINES[place % len(LINES)] for place in range(count)]
    return [_Pen(*each) for each in zip(_colours(count), lines, dots.tolist(), strict=True)]


def _colours(count: int) -> list[Any]:
    """Return clearly distinct colours, also for most people with colour blindness."""
    from matplotlib import colormaps

    if count <= 8:
        okabe_ito = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
        return [*okabe_ito, "#8C564B"][:count]
    return [colormaps["turbo"](value) for value in np.linspace(0.03, 0.97, count)]


def _loss_title(runs: Sequence[Run]) -> str:
    title = "training loss"
    if any(_window(run.series("loss")[1]) > 1 for run in runs):
        title += f" (thick: mean over {SMOOTHED_SHARE:.0%} of the run)"
    if len({str(run.recipe.get("loss")) for run in runs}) > 1:
        title += "\ndifferent losses: heights do not compare"
    return title


def _scale_loss(axes: Any, values: Sequence[float]) -> None:
    """Make the axis logarithmic if the loss falls far, with plain labels at 1, 2 and 5."""
    from matplotlib.ticker import LogLocator

    if not values or min(values) <= 0 or max(values) < LOG_SPAN * min(values):
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")


def _window(values: Sequence[float]) -> int:
    """Return the window length of the running mean; 1 means no smoothing."""
    return max(1, round(SMOOTHED_SHARE * len(values)))


def _draw_loss(axes: Any, run: Run, x: str, pen: _Pen) -> None:
    places, values = run.series("loss", x)
    window = _window(values)
    if window > 1:
        axes.plot(places, values, color=pen.colour, alpha=0.3, linewidth=0.8)
        values = running_mean(np.array(values), window).tolist()
    _draw_line(axes, places, values, pen, width=1.8)


def _draw_line(
    axes: Any, places: Sequence[float], values: Sequence[float], pen: _Pen, width: float
) -> None:
    # A line through a single point would be invisible.
    marker = "o" if len(values) == 1 else None
    axes.plot(
        *(places, values),
        color=pen.colour,
        linestyle=pen.line,
        linewidth=width,
        marker=marker,
        markersize=pen.dot,
    )


def running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return at each place of (n,) the mean of the last `window` values (fewer at the start)."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - window)
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _draw_metric(axes: Any, run: Run, metric: str, x: str, pen: _Pen) -> None:
    places, values = run.series(f"val_{metric}", x)
    axes.plot(
        *(places, values),
        color=pen.colour,
        linestyle=pen.line,
        linewidth=1.4,
        marker="o",
        markersize=pen.dot,
    )
    kept = run.kept
    at = [
        place
        for place, step in zip(places, run.series(f"val_{metric}")[0], strict=True)
        if step == kept.get("step")
    ]
    if at:
        axes.plot(
            *(at[-1:], [kept[metric]]),
            color=pen.colour,
            marker="*",
            markersize=STAR + pen.dot,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )


def _draw_legend(axes: Any, runs: Sequence[Run], pens: Sequence[_Pen]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=pen.colour, linestyle=pen.line, linewidth=2.5, label=_describe(run))
        for run, pen in zip(runs, pens, strict=True)
    ]
    if len({run.status.protocol for run in runs if run.status and run.status.protocol}) > 1:
        handles.append(
            Line2D([], [], linestyle="", label="protocols differ: scores do not compare")
        )
    axes.axis("off")
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-0.18, 1),  # names are long, and this part has no figures on its left
        fontsize=8 if len(runs) < 8 else 6,
        handlelength=3.5,
        frameon=False,
    )


def _describe(run: Run) -> str:
    kept = run.kept
    scores = ", ".join(f"{metric} {kept[metric]:.3f}" for metric in SHOWN if metric in kept)
    star = f"\n* epoch {kept['epoch']:.0f}: {scores}" if kept else "\nnot validated yet"
    protocol = run.status.protocol if run.status else None
    name = run.name if len(run.name) <= 32 else run.name[:29] + "..."
    return f"{name} ({run.recipe.get('name')}, {run.state}){star}" + (
        f" ({protocol})" if protocol else ""
    )
