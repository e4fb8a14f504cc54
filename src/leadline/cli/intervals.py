"""`leadline intervals`: how wide a model's intervals must be to cover what they say."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.options import DepthScaleOption
from leadline.cli.progress import track
from leadline.cli.table import text_table
from leadline.evaluation.intervals import Fitted, fit_intervals


def intervals_command(
    model: Annotated[
        str, typer.Argument(help="Run or model folder of a model that predicts uncertainty.")
    ],
    data: Annotated[
        Path, typer.Argument(help="Data set in any supported layout ('leadline layouts').")
    ],
    split: Annotated[
        str | None,
        typer.Option(
            help="train, val, test or all, as in 'leadline evaluate' (default: val, else test)."
        ),
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    depth_scale: DepthScaleOption = None,
    protocol: Annotated[
        str, typer.Option(help="Evaluation protocol, which selects the pixels.")
    ] = "auto",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N images (default: all).")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Store the factors in the model's config.json.")
    ] = False,
) -> None:
    """Fit the factors q so that the intervals depth * exp(-+ q b) cover 50, 80 and 95 %.

    Every image has the same weight. The table also shows cross-validated coverage: the images are
    cut into four blocks of neighbours, and each block is covered by the factor of the other three.
    """
    fitted = fit_intervals(
        model,
        data,
        store=store,
        track=track,
        split=split,
        layout=layout,
        data_options=parse_data_options(data_option),
        units_per_metre=depth_scale,
        protocol=protocol,
        limit=limit,
    )
    print_intervals(fitted)
    if store:
        typer.echo("stored: interval_factors in the model's config.json; export it again")


def print_intervals(fitted: Fitted) -> None:
    """Print a row for each percentage, and how many images the model calls unlike its own."""
    lines = []
    for interval in fitted.intervals:
        shares = [f"{share:.1%}" for share in interval.coverage]
        mean = sum(interval.coverage) / len(interval.coverage)
        lines.append([f"{interval.percent} %", f"{interval.factor:.4g}", f"{mean:.1%}", *shares])
    blocks = [f"block {number + 1}" for number in range(len(fitted.intervals[0].coverage))]
    head = ["interval", "factor", "covered", *blocks]
    typer.echo(text_table(head, lines, numbers=range(1, len(head))))
    if fitted.unlike is not None:
        typer.echo(
            f"novelty: {fitted.unlike:.1%} of the images are above 1, unlike the training pictures "
            "(usual: 5 %)"
        )
