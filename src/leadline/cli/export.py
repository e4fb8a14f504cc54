"""`leadline export`: one file that runs elsewhere, checked against the checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.export import WeightType
from leadline.export.export_model import ExportedModel, export_model


def export_command(
    checkpoint: Annotated[str, typer.Argument(help="Run folder or model/ folder.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="File to write: .onnx or .xml (OpenVINO).")
    ],
    weights: Annotated[
        WeightType, typer.Option(help="How weights are stored; fp16 halves the size.")
    ] = "f32",
    tolerance: Annotated[
        float,
        typer.Option(
            help="Largest difference allowed, in metres, to the checkpoint (weights as stored)."
        ),
    ] = 1e-3,
) -> None:
    """Export a trained model with resizing and normalisation inside, and check its parity.

    The graph takes a uint8 photograph (N,H,W,3) of any size and returns metres (N,H,W).
    """
    exported = export_model(checkpoint, out, weights=weights, tolerance=tolerance)
    print_parity(exported)
    typer.echo(
        f"written: {out} ({exported.size / 1e6:.1f} MB, weights {weights}), "
        f"parity {exported.max_error:.1e} m"
    )
    if weights == "fp16":
        cost = exported.rounding_error
        typer.echo(f"storing weights as fp16 moves depth by up to {cost:.1e} m (480x640)")


def print_parity(exported: ExportedModel) -> None:
    """Print the largest difference of each runtime, batch and size."""
    typer.echo(f"{'runtime':<12} {'batch':>5} {'H x W':>12} {'max error / m':>14}")
    for row in exported.parity:
        size = f"{row.height} x {row.width}"
        typer.echo(f"{row.runtime:<12} {row.batch:>5} {size:>12} {row.max_error:>14.2e}")
