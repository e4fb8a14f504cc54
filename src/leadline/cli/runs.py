"""`leadline runs`: the runs there are and how good they became; their curves in one picture."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

PICTURES = (".png", ".svg", ".pdf")
DEFAULT_PICTURE = Path("curves.png")


def runs_command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Run folders, or folders of runs.", show_default="runs"),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot",
            help="Draw the curves of these runs in one picture; a name that ends in "
            f"{', '.join(PICTURES)} says into which file ({DEFAULT_PICTURE} where not given).",
        ),
    ] = False,
    x: Annotated[
        str, typer.Option("--x", help="Axis of the curves: step, epoch or images.")
    ] = "step",
    sort: Annotated[
        str, typer.Option(help="Order: run, recipe, started, seconds, bytes or a metric (abs_rel).")
    ] = "run",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """List training runs with their state and best validation scores, or draw their curves."""
    from leadline.training.runs import SELECTED_BY, find_runs, sorted_runs

    named = folders or []
    pictures = [path for path in named if plot and path.suffix.lower() in PICTURES]
    found = find_runs([path for path in named if path not in pictures] or [Path("runs")])
    summaries = sorted_runs(found.runs, sort)
    if as_json:
        others = [{"folder": str(folder), "reason": why} for folder, why in found.others]
        typer.echo(json.dumps({"runs": summaries, "others": others}, indent=2))
    else:
        typer.echo(_table(summaries) if summaries else "no runs here")
        if len({each["data"] for each in summaries if each[SELECTED_BY] is not None}) > 1:
            typer.echo("not all scored on the same data: --json says on which", err=True)
        for folder, why in found.others:
            typer.echo(f"not listed: {folder}: {why}", err=True)
    if plot:
        order = {summary["folder"]: place for place, summary in enumerate(summaries)}
        _plot(sorted(found.runs, key=lambda run: order[str(run.folder)]), pictures, x)


def _plot(runs: list[Any], pictures: list[Path], x: str) -> None:
    from leadline.errors import LeadlineError
    from leadline.training.curves import AXES, MOST_RUNS, draw_curves

    if x not in AXES:
        raise LeadlineError(f"--x {x}: not an axis; choose one of {', '.join(AXES)}")
    if not runs:
        raise LeadlineError("there are no runs to draw")
    if len(runs) > MOST_RUNS:
        raise LeadlineError(
            f"{len(runs)} runs are too many for one picture (at most {MOST_RUNS}); name fewer"
        )
    for picture in pictures or [DEFAULT_PICTURE]:
        draw_curves(runs, picture, x)
        typer.echo(f"wrote {picture}", err=True)


def _table(summaries: list[dict[str, Any]]) -> str:
    from leadline.cli.table import text_table

    head = ("run", "recipe", "state", "best epoch", "delta1", "abs_rel", "rmse", "protocol")
    rows = [
        (
            each["run"],
            str(each["recipe"] or "-"),
            each["state"],
            _or_dash(each["best_epoch"], "d"),
            *(_or_dash(each[metric], ".3f") for metric in ("delta1", "abs_rel", "rmse")),
            each["protocol"] or "-",
            _local_minute(each["started"]),
            _duration(each["seconds"]),
            f"{each['bytes'] / 1e6:.0f}",
        )
        for each in summaries
    ]
    return text_table((*head, "started", "time", "MB"), rows, numbers=(3, 4, 5, 6, 9, 10))


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _local_minute(moment: str | None) -> str:
    from datetime import datetime

    if moment is None:
        return "-"
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def _duration(seconds: float | None) -> str:
    from leadline.cli.progress import clock

    return "-" if seconds is None else clock(seconds)
