"""`leadline export`: one file that runs elsewhere, checked against the checkpoint."""

from pathlib import Path
from typing import Annotated

import typer


def export_command(
    checkpoint: Annotated[str, typer.Argument(help="Run folder or model/ folder.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="File to write: .onnx or .xml (OpenVINO).")
    ],
    weights: Annotated[
        str, typer.Option(help="How weights are stored: f32 or fp16 (half the size).")
    ] = "f32",
    tolerance: Annotated[
        float, typer.Option(help="Largest allowed difference to the checkpoint, in metres.")
    ] = 1e-3,
) -> None:
    """Export a trained model with resizing and normalisation inside, and check its parity.

    The graph takes a uint8 photograph (N,H,W,3) of any size and returns metres (N,H,W).
    """
    from leadline.depth.errors import LeadlineError
    from leadline.inference import find_model

    folder = find_model(checkpoint)
    if not folder.is_dir():
        raise LeadlineError(f"{checkpoint}: already exported; give a run folder or a model/ folder")
    if out.suffix not in {".onnx", ".xml"}:
        raise LeadlineError(f"{out}: export writes .onnx (ONNX) or .xml (OpenVINO); rename it")

    from leadline.export.exporter import rounded_like, to_onnx, write_exported
    from leadline.export.parity import check_parity
    from leadline.models.build import load_model

    model = load_model(folder)
    card = folder / "README.md"
    graph = to_onnx(model, description=card.read_text() if card.is_file() else "")
    write_exported(graph, out, weights)
    rows = check_parity(rounded_like(model, weights), out)
    typer.echo(f"{'runtime':<12} {'batch':>5} {'H x W':>12} {'max error / m':>14}")
    for row in rows:
        size = f"{row.height} x {row.width}"
        typer.echo(f"{row.runtime:<12} {row.batch:>5} {size:>12} {row.max_error:>14.2e}")
    worst = max(row.max_error for row in rows)
    if worst > tolerance:
        raise LeadlineError(
            f"{out}: differs from the checkpoint by {worst:.2e} m, more than {tolerance:g} m; "
            "the file was written but should not be trusted"
        )
    files = [out, out.with_suffix(".bin")] if out.suffix == ".xml" else [out]
    written = sum(file.stat().st_size for file in files)
    typer.echo(f"written: {out} ({written / 1e6:.1f} MB, weights {weights}), parity {worst:.1e} m")
