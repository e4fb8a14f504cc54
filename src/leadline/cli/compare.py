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
        typer.Argument(metavar="RESULT...", help="Folders written by 'leadline evaluate -o'."),
    ],
    format: Annotated[
        TableFormat | None,
        typer.Option(help="Format of the table (default: by the suffix of -o, else terminal)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write the table to this file instead of printing it."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics to show: names separated by commas, or all (default: those of the "
            "protocol)."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="Name of a result in the table; give one per result, in order."),
    ] = None,
    mixed: Annotated[
        bool,
        typer.Option(
            "--mixed",
            help="Allow results with another protocol, data set or images, and mark them.",
        ),
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Show the baselines of the first result.")] = True,
    published: Annotated[
        bool, typer.Option(help="Show published scores for the same protocol and data set.")
    ] = True,
    panel: Annotated[
        Path | None,
        typer.Option(
            help="Also write this PNG with input, ground truth and all models side by side."
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="Images to draw: their number (default: up to 4), or ids separated by commas."
        ),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Also draw error maps.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Current folder of the scored data, if it was moved.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the resampling.")] = 0,
    block: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of neighbouring images to resample and flip together, for similar images "
            "(default: as in the first result).",
        ),
    ] = None,
) -> None:
    """Compare evaluation results in one table, with a paired test against the first result.

    Results with another protocol, data set or images are refused, unless --mixed is given.
    --panel and HTML tables show the predictions of all models side by side.
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
