"""`leadline check-data`: what is wrong with a data set, before training on it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.options import DepthScaleOption, JsonOption
from leadline.cli.progress import track
from leadline.data_checks import check_data
from leadline.datasets.open import find_data
from leadline.io.atomic import check_writable


def check_data_command(
    path: Annotated[Path, typer.Argument(help="Data set: a folder or a list file.")],
    split: Annotated[str | None, typer.Option(help="Check only this split (default: all).")] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    depth_scale: DepthScaleOption = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Number of classes that the labels should have.")
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            min=1, help="Number of pairs to read in full; the headers of all files are read."
        ),
    ] = 1000,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Output folder for report.json and a contact sheet."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a data set before training on it: units, pairing, alignment, duplicates, damage.

    Exit status: 0 for no findings or notes only, 1 for warnings or errors, 2 if the data could
    not be checked.
    """
    if out is not None:  # before minutes of reading
        check_writable(out)
        find_data(path, layout=layout).check_outside(out)
    report = check_data(
        path,
        split,
        layout=layout,
        units_per_metre=depth_scale,
        classes=classes,
        sample=sample,
        options=parse_data_options(data_option),
        track=track,
    )
    written = report.save(out) if out is not None else []
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else str(report))
    if written and not as_json:
        typer.echo(f"written: {', '.join(map(str, written))}")
    raise typer.Exit(0 if report.ok else 1)
