"""`leadline export`: one file that runs elsewhere, checked against the checkpoint."""

from pathlib import Path
from typing import Annotated, Any

import typer

from leadline.cli.inputs import check_needed
from leadline.cli.options import parse_size
from leadline.cli.progress import track
from leadline.errors import plural
from leadline.export import ExportFormat, WeightType
from leadline.export.export_model import (
    MAX_LOSS,
    PICTURE_COUNT,
    ExportedModel,
    export_model,
)
from leadline.export.gate import GateReport
from leadline.export.int8_loss import Int8Report
from leadline.export.target import ExportPrecision
from leadline.inference.runtime_config import ChannelOrder


def export_command(
    checkpoint: Annotated[
        str, typer.Argument(help="Shipped model, run folder, model folder, or hf:NAME.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            help="Output file: .onnx, .xml (OpenVINO), .pt2 (torch.export), .pte (ExecuTorch), "
            ".tflite (LiteRT); with --format, a folder.",
        ),
    ],
    format: Annotated[
        ExportFormat | None,
        typer.Option(
            help="What to write into the folder --out (default: --out is a file, and its suffix "
            "decides)."
        ),
    ] = None,
    weights: Annotated[
        WeightType | None,
        typer.Option(
            help="How to store the weights (default: as in the checkpoint); fp16 halves the size."
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest allowed difference in metres from the checkpoint with weights as stored.",
            show_default="0.001, or 1/10000 of the model's farthest depth if that is more",
        ),
    ] = None,
    input_channels: Annotated[
        ChannelOrder, typer.Option(help="Channel order of the exported file's input.")
    ] = "rgb",
    images: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|DATA|worlds",
            help="Pictures for the check: a folder, a data set, or rendered rooms (default: the "
            "run's data, else generated pictures).",
        ),
    ] = None,
    image_count: Annotated[
        int, typer.Option("--image-count", min=1, help="Number of pictures for the check.")
    ] = PICTURE_COUNT,
    precision: Annotated[
        ExportPrecision,
        typer.Option(
            help="int8: quantise for OpenVINO (.xml) or ONNX Runtime (.onnx); needs --images."
        ),
    ] = "f32",
    size: Annotated[
        Any,
        typer.Option(
            parser=parse_size,
            metavar="HxW",
            help=".pte, .tflite and transformers models: height x width of the input (default "
            "480x640).",
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            help=f"int8: largest accepted relative change of abs_rel (default {MAX_LOSS:g})."
        ),
    ] = None,
) -> None:
    """Export a model with resizing and normalisation inside, checked against its checkpoint.

    The graph takes uint8 photographs (N,H,W,3) of any size and returns metres (N,H,W). The check
    runs it beside the checkpoint, on pictures too; if they differ, nothing is written.
    A shipped model is copied, which needs no torch.
    """
    check_needed("--max-loss", max_loss, "--precision int8", precision == "int8")
    exported = export_model(
        checkpoint,
        out,
        format=format,
        weights=weights,
        tolerance=tolerance,
        input_channels=input_channels,
        images=images,
        image_count=image_count,
        precision=precision,
        max_loss=MAX_LOSS if max_loss is None else max_loss,
        size=size,
        track=track,
        say=lambda line: typer.echo(f"export: {line}", err=True),
    )
    if exported.parity:
        print_parity(exported)
    if exported.int8 is not None:
        print_int8(exported.int8)
    if exported.gate is not None:
        print_gate(exported.gate)
    print_written(exported)


def print_written(exported: ExportedModel) -> None:
    """Print what was written, and how near it, or the float32 graph it was made of, is."""
    near = f"parity {exported.max_error:.1e} m" if exported.parity else "a copy of the checkpoint"
    weights: str = exported.weights
    if exported.int8 is not None:
        near, weights = f"quantised from float32 ({near})", "int8"
    files = ", ".join(map(str, exported.files))
    typer.echo(f"written: {files} ({exported.size / 1e6:.1f} MB, weights {weights}), {near}")
    if exported.rounding_error:
        cost = exported.rounding_error
        typer.echo(f"storing weights as fp16 moves depth by up to {cost:.1e} m (480x640)")


def print_parity(exported: ExportedModel) -> None:
    """Print the largest difference of each runtime, batch and size."""
    typer.echo(f"{'runtime':<12} {'batch':>5} {'H x W':>12} {'max error / m':>14}")
    for row in exported.parity:
        size = f"{row.height} x {row.width}"
        typer.echo(f"{row.runtime:<12} {row.batch:>5} {size:>12} {row.max_error:>14.2e}")


def print_gate(gate: GateReport) -> None:
    """Print what the file says of the pictures, runtime by runtime, beside the checkpoint."""
    typer.echo(f"{plural(gate.pictures, 'picture')} ({gate.origin}), beside {gate.reference}:")
    for row in gate.rows:
        times = row.checkpoint_seconds / row.seconds
        typer.echo(
            f"{row.runtime:<12} max {row.max_error:.2e} m, p99 {row.p99_error:.2e} m, mean "
            f"{row.mean_error:.2e} m, {1000 * row.seconds:.1f} ms ({times:.2f} times as fast)"
        )
        if row.stated_error:
            typer.echo(f"{'':<12} of what is stated beside depth, max {row.stated_error:.2e} m")
        if row.same_labels is not None:
            typer.echo(f"{'':<12} {row.same_labels:.2%} of the pixels have the same class")
        for name, (before, after) in row.scores.items():
            typer.echo(f"{'':<12} {name} {before:.4f} -> {after:.4f} ({after - before:+.1e})")


def print_int8(report: Int8Report) -> None:
    """Print how much of the network runs in 8 bits, what that costs and what it gains."""
    noun = "abs_rel" if report.has_truth else "depth"
    typer.echo(
        f"int8: {report.share:.1%} of the network's multiplications, {report.kept} of "
        f"{report.layers} layers kept in float32; {noun} changes by {report.loss:+.2%} on "
        f"{plural(report.checked, 'picture')}, {report.timed} takes 1/{report.speedup:.2f} of the "
        "time"
    )
