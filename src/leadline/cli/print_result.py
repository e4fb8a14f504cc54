"""A result on the terminal: its scores, with what made them above."""

import typer

from leadline.cli.table import score_table
from leadline.evaluation import Result
from leadline.evaluation.ranges import describe_use

INTERVALS = ("delta1", "abs_rel", "rmse")
"""The metrics whose bootstrap interval is printed."""


def print_result(result: Result) -> None:
    """Print a result as a table with its protocol above it."""
    protocol, opening = result.protocol, result.data_options
    read_as = ["" if opening.layout == "auto" else opening.layout, result.split]
    read_as += [f"{key} {value}" for key, value in opening.options.items() if value != ""]
    how = ", ".join(part for part in read_as if part)
    typer.echo(f"data      {result.data}{f' ({how})' if how else ''}: {result.extent}")
    typer.echo(f"protocol  {result.protocol_label}: {protocol.describe()}")
    typer.echo(f"source    {protocol.source}")
    typer.echo(f"expects   {protocol.truth} (not checked against the files)")
    if result.prediction_units:
        typer.echo(f"unit      {result.prediction_units}")
    if result.camera:
        typer.echo(f"camera    {result.camera.describe()}")
    if result.missing_share:
        typer.echo(
            f"missing   {result.missing_share:.2%} of the scored pixels have no prediction; "
            f"they count as {protocol.describe_holes()}"
        )
    if result.truth_use:
        typer.echo(f"left out  {describe_use(protocol, result.truth_use)}")
    columns = protocol.table_metrics
    typer.echo(score_table({result.model: result.metrics, **result.baselines}, columns))
    if result.intervals:
        bounds = ", ".join(
            "{} {:.3f}..{:.3f}".format(name, *result.intervals[name]) for name in INTERVALS
        )
        typer.echo(f"95 % bootstrap interval: {bounds}")
        typer.echo(f"          over {result.interval_words}")
    extra = [f"{name} {value:.4g}" for name, value in result.metrics.items() if name not in columns]
    typer.echo(f"also      {', '.join(extra)}")
    if result.semantic is not None:
        accuracy, iou = result.semantic["pixel_accuracy"], result.semantic["mean_iou"]
        typer.echo(f"classes   pixel accuracy {accuracy:.3f}, mean IoU {iou:.3f}")
    print_breakdowns(result)
    print_uncertainty(result)


def print_uncertainty(result: Result) -> None:
    """Print what the intervals of a model cover, and whether its uncertainty finds the errors."""
    scores = result.uncertainty
    if scores is None:
        return
    parts = [
        f"{percent} % covers {share:.1%} ({scores.width[percent]:.3g} m wide)"
        for percent, share in scores.coverage.items()
    ]
    none = "no factors are stored; leadline intervals MODEL DATA --store fits them"
    typer.echo(f"intervals {', '.join(parts) or none}")
    ause = ", ".join(f"{name} {value:.4f}" for name, value in scores.ause.items())
    typer.echo(f"AUSE      of abs_rel, ordered by: {ause} (0: where the errors are)")


def print_breakdowns(result: Result) -> None:
    """Print boundary F1 in a line and every other breakdown as a table."""
    for name in result.breakdowns or ():
        if name == "boundary":
            boundary = result.boundary
            values = [
                f"{key} {boundary[key]:.4f}" for key in ("f1", "precision", "recall")
                if boundary["images"]
            ]  # fmt: skip
            line = ", ".join(values) or "no edge in the truth"
            typer.echo(f"boundary  {line} ({boundary['images']} images)")
            continue
        rows = {
            f"{part.name} ({part.pixels:,} px)": part.metrics
            for part in result.parts(name)
            if part.metrics is not None
        }
        typer.echo(f"by {name}, pooled over their pixels:")
        typer.echo(score_table(rows, result.protocol.table_metrics) if rows else "no pixel")
