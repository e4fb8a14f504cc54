"""`leadline compare`: results side by side, if they were made alike."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from leadline.cli.inputs import check_needed
from leadline.errors import LeadlineError
from leadline.evaluation.compare import TableFormat, choose_format, compare
from leadline.evaluation.report.tables import TEXT_FORMATS


def parse_images(text: str | None) -> int | list[str] | None:
    """Return a number of images, or ids; digits that begin with 0 are an id such as 003."""
    if text is None:
        return None
    if text == "0":
        raise LeadlineError("--images 0 draws nothing; give a number from 1 on, or ids")
    if text.isdigit() and not text.startswith("0"):
        return int(text)
    return [name for name in text.split(",") if name]


def parse_metrics(text: str | None) -> list[str] | Literal["all"] | None:
    """Return the names of metrics, or all, or None for those that suit the protocol."""
    if text == "all":
        return "all"
    return None if text is None else text.split(",")


def compare_command(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT...", help="Folders that `leadline evaluate -o` wrote."),
    ],
    format: Annotated[
        TableFormat | None, typer.Option(help="How the table is written; default: by -o's suffix.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write instead of printing.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics to show, separated by commas, or all.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Name of a result in tables; give it once for each.")
    ] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Allow other protocols, data or images, and mark them.")
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Show the first result's baselines.")] = True,
    published: Annotated[bool, typer.Option(help="Show published rows, where they belong.")] = True,
    panel: Annotated[
        Path | None, typer.Option(help="PNG with input, truth and every model side by side.")
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(help="How many images to draw, or which: ids separated by commas."),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Draw error maps as well.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Where the scored data is now, if it was moved.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of resampling.")] = 0,
    block: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Neighbouring images that are drawn and flipped together, where they are alike; "
            "default: as the first result says.",
        ),
    ] = None,
) -> None:
    """Compare evaluations: one table, a paired test against the first, pictures of all models.

    Results under another protocol, on other data or on other images are refused.
    """
    chosen = choose_format(format, out)
    is_drawn = panel is not None or chosen == "html"
    for option, value in (("--errors", errors), ("--images", images), ("--data", data)):
        check_needed(option, value, "--panel or -o FILE.html", is_drawn)
    table = compare(
        results,
        labels=label or (),
        metrics=parse_metrics(metrics),
        mixed=mixed,
        baselines=baselines,
        published=published,
        seed=seed,
        block=block,
        out=out,
        format=chosen,
        panel=panel,
        images=parse_images(images),
        errors=errors,
        data=data,
    )
    if chosen != "terminal" or out is not None:
        for warning in table.warnings:
            typer.echo(f"leadline: warning: {warning}", err=True)
    if chosen != "html" and out is None:
        typer.echo(TEXT_FORMATS[chosen](table))
    for path in (panel, out):
        if path is not None:
            typer.echo(f"written: {path}", err=True)
