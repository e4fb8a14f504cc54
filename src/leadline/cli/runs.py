"""`leadline runs`: the runs there are and how good they became; their curves in one picture."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.progress import clock
from leadline.cli.table import text_table
from leadline.training.curves import Axis, draw_curves
from leadline.training.run_folder import list_runs, sort_runs
from leadline.training.schedules import SELECTION_METRIC

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
            help="Also draw the curves of these runs in one picture. An argument that ends in "
            f"{', '.join(PICTURES)} names the file (default {DEFAULT_PICTURE}).",
        ),
    ] = False,
    x: Annotated[Axis, typer.Option("--x", help="Horizontal axis of the curves.")] = "step",
    sort: Annotated[
        str,
        typer.Option(
            help="Sort by run, recipe, started, seconds, bytes or a metric such as abs_rel."
        ),
    ] = "run",
    as_json: JsonOption = False,
) -> None:
    """List training runs with their state and best validation scores; --plot draws their curves."""
    paths = folders or []
    pictures = [path for path in paths if plot and path.suffix.lower() in PICTURES]
    listing = list_runs([path for path in paths if path not in pictures] or [Path("runs")])
    runs = sort_runs(listing.runs, sort)
    summaries = [run.summary() for run in runs]
    if as_json:
        others = [{"folder": str(folder), "reason": why} for folder, why in listing.skipped]
        typer.echo(json.dumps({"runs": summaries, "others": others}, indent=2))
    else:
        typer.echo(_table(summaries) if summaries else "no runs here")
        _print_notes(summaries, listing.skipped)
    for picture in (pictures or [DEFAULT_PICTURE]) if plot else []:
        draw_curves(runs, picture, x)
        typer.echo(f"wrote {picture}", err=True)


def _print_notes(summaries: list[dict[str, Any]], skipped: list[tuple[Path, str]]) -> None:
    if len({each["data"] for each in summaries if each[SELECTION_METRIC] is not None}) > 1:
        typer.echo("not all scored on the same data: --json says on which", err=True)
    for folder, why in skipped:
        typer.echo(f"not listed: {folder}: {why}", err=True)


def _table(summaries: list[dict[str, Any]]) -> str:
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
    if moment is None:
        return "-"
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else clock(seconds)
