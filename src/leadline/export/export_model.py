"""A checkpoint to one file that runs elsewhere, written only if it gives the same metres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from leadline.errors import LeadlineError
from leadline.export import WeightType
from leadline.inference.predictor import find_checkpoint
from leadline.io.atomic import check_writable

if TYPE_CHECKING:
    from leadline.export.parity import ParityRow

SUFFIXES = (".onnx", ".xml")


@dataclass(frozen=True)
class ExportedModel:
    """An exported file and how near it is to its checkpoint.

    `files` are the written ones, the model first, of `size` bytes together. `parity` compares
    them, runtime by runtime and size by size, with the checkpoint whose weights went through the
    stored type. `rounding_error` is by how much, in metres, storing fp16 weights moves the depth
    of a 480x640 picture, 0 for f32.
    """

    files: tuple[Path, ...]
    weights: WeightType
    parity: tuple[ParityRow, ...]
    rounding_error: float

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def max_error(self) -> float:
        """The largest difference to the checkpoint, in metres."""
        return max(row.max_error for row in self.parity)


def export_model(
    checkpoint: str | Path,
    out: str | Path,
    *,
    weights: WeightType = "f32",
    tolerance: float = 1e-3,
) -> ExportedModel:
    """Export a run or model folder as `.onnx`, or as `.xml` with its `.bin` (OpenVINO).

    Resizing and normalisation are inside: the graph takes uint8 photographs (N,H,W,3) of any size
    and returns metres (N,H,W). `weights` is how weights are stored, f32 or fp16 (half the size).
    The file is compared with the checkpoint in every runtime that reads it.
    Needs `leadline[train]`.

    Errors: LeadlineError for a checkpoint that is none, another suffix, or a difference above
    `tolerance` metres, in which case nothing is written.

    >>> exported = export_model("runs/kitchen", "kitchen.onnx")
    >>> exported.max_error < 1e-3, [path.name for path in exported.files]
    (True, ['kitchen.onnx'])
    """
    out = Path(out)
    folder = find_checkpoint(checkpoint)
    if out.suffix not in SUFFIXES:
        raise LeadlineError(f"{out}: export writes .onnx (ONNX) or .xml (OpenVINO); rename it")
    check_writable(out.parent)
    # torch and onnx are not in the light install, whose errors above need neither.
    from leadline.export.exporter import rounded_like, to_onnx, write_exported
    from leadline.export.parity import SIZES, check_parity
    from leadline.models.build import load_model

    model = load_model(folder)
    card = folder / "README.md"
    graph = to_onnx(model, description=card.read_text() if card.is_file() else "")
    with TemporaryDirectory(dir=out.parent) as temporary:
        candidate = Path(temporary) / out.name
        write_exported(graph, candidate, weights)
        rows = check_parity(rounded_like(model, weights), candidate, SIZES)
        _refuse_difference(out, rows, tolerance)
        rounding_error = 0.0
        if weights != "f32":
            row = check_parity(model, candidate, sizes=[(480, 640)], batches=[1])[0]
            rounding_error = row.max_error
        names = sorted((file.name for file in Path(temporary).iterdir()), reverse=True)
        for name in names:
            (Path(temporary) / name).replace(out.parent / name)
    files = (out, *(out.parent / name for name in names if name != out.name))
    return ExportedModel(files, weights, tuple(rows), rounding_error)


def _refuse_difference(out: Path, rows: list[ParityRow], tolerance: float) -> None:
    """Raise LeadlineError, naming the worst comparison, where one is above the tolerance."""
    # Not `> tolerance`: NaN must fail.
    failed = [row for row in rows if not row.max_error <= tolerance]
    if failed:
        worst = max(failed, key=lambda row: row.max_error)
        raise LeadlineError(
            f"{out}: the graph differs from the checkpoint by {worst.max_error:.2e} m, more than "
            f"{tolerance:g} m ({worst.runtime}, batch {worst.batch}, {worst.height} x "
            f"{worst.width}); nothing was written"
        )
