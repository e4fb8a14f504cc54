"""`leadline export`: one file that runs elsewhere, checked against the checkpoint."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leadline.export.parity import ParityRow


def export_command(
    checkpoint: Annotated[str, typer.Argument(help="Run folder or model/ folder.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="File to write: .onnx or .xml (OpenVINO).")
    ],
    weights: Annotated[
        str, typer.Option(help="How weights are stored: f32 or fp16 (half the size).")
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
    from leadline.errors import LeadlineError
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
    with TemporaryDirectory(dir=existing_parent(out)) as folder_name:
        candidate = Path(folder_name) / out.name
        write_exported(graph, candidate, weights)
        rows = check_parity(rounded_like(model, weights), candidate)
        cost = check_parity(model, candidate, sizes=[(480, 640)], batches=[1])[0].max_error
        worst = max(row.max_error for row in rows)
        print_parity(rows)
        # Not `worst > tolerance`: NaN must fail.
        if not worst <= tolerance:
            raise LeadlineError(
                f"{out}: the graph differs from the checkpoint by {worst:.2e} m, more than "
                f"{tolerance:g} m; nothing was written"
            )
        for file in Path(folder_name).iterdir():
            file.replace(out.parent / file.name)
    files = [out, out.with_suffix(".bin")] if out.suffix == ".xml" else [out]
    written = sum(file.stat().st_size for file in files)
    typer.echo(f"written: {out} ({written / 1e6:.1f} MB, weights {weights}), parity {worst:.1e} m")
    if weights == "fp16":
        typer.echo(f"storing weights as fp16 moves depth by up to {cost:.1e} m (480x640)")


def existing_parent(path: Path) -> Path:
    """Return the folder of `path`, made if need be.

    Errors: LeadlineError where it cannot be made or written to.
    """
    from leadline.errors import LeadlineError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeadlineError(
            f"{path.parent}: cannot be made ({error}); choose another -o"
        ) from error
    return path.parent


def print_parity(rows: "list[ParityRow]") -> None:
    """Print the largest difference of each runtime, batch and size."""
    typer.echo(f"{'runtime':<12} {'batch':>5} {'H x W':>12} {'max error / m':>14}")
    for row in rows:
        size = f"{row.height} x {row.width}"
        typer.echo(f"{row.runtime:<12} {row.batch:>5} {size:>12} {row.max_error:>14.2e}")
