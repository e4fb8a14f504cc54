"""`leadline curves`: how runs trained, in one picture."""

from pathlib import Path
from typing import Annotated

import typer


def curves_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that `leadline train` wrote.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="PNG, SVG or PDF to write.")],
    label: Annotated[
        list[str] | None, typer.Option(help="Name of a run in the legend; give it once for each.")
    ] = None,
) -> None:
    """Draw the training curves of one run or several in one picture."""
    from leadline.depth.errors import LeadlineError
    from leadline.training.curves import draw_curves, read_curves

    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise LeadlineError(f"{out}: its suffix names no picture; use .png, .svg or .pdf")
    names = label or [run.resolve().name for run in runs]
    if len(names) != len(runs):
        raise LeadlineError(f"{len(runs)} runs need {len(runs)} labels, got {len(names)}")
    if len(set(names)) < len(names):
        names = [str(run) for run in runs]
    draw_curves([read_curves(run, name) for run, name in zip(runs, names, strict=True)], out)
    typer.echo(f"written: {out}")
