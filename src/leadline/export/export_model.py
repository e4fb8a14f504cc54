"""A checkpoint to one file that runs elsewhere, written only if it gives the same metres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

from leadline.errors import LeadlineError
from leadline.export import ExportFormat, WeightType
from leadline.export.files import CARD, copy_checkpoint, copy_graph
from leadline.inference.predictor import find_checkpoint, model_name
from leadline.io.atomic import check_writable
from leadline.models.storage import WEIGHTS_FILE, stored_type
from leadline.weights import shipped_graph, shipped_models

if TYPE_CHECKING:
    from leadline.export.parity import ParityRow

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}


@dataclass(frozen=True)
class ExportedModel:
    """An exported file and how near it is to its checkpoint.

    `files` are the written ones, the model first, of `size` bytes together. `parity` compares
    them, runtime by runtime and size by size, with the checkpoint whose weights went through the
    stored type; it is empty where the file is a copy. `rounding_error` is by how much, in metres,
    storing fp16 weights moves the depth of a 480x640 picture, 0 for f32 and for a copy.
    """

    files: tuple[Path, ...]
    weights: WeightType
    parity: tuple[ParityRow, ...] = ()
    rounding_error: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def max_error(self) -> float:
        """The largest difference to the checkpoint, in metres; 0 for a copy."""
        return max((row.max_error for row in self.parity), default=0.0)


def export_model(
    checkpoint: str | Path,
    out: str | Path,
    *,
    format: ExportFormat | None = None,
    weights: WeightType | None = None,
    tolerance: float = 1e-3,
) -> ExportedModel:
    """Export a shipped model, a run or a model folder for another runtime, or as a model folder.

    `out` is a file, `.onnx` or `.xml` (OpenVINO, with its `.bin`), or with `format` a folder for
    NAME.onnx, NAME.xml or the model folder NAME. Resizing and normalisation are inside: the graph
    takes uint8 photographs (N,H,W,3) of any size and returns metres (N,H,W). `weights` is how
    weights are stored, f32 or fp16 (half the size), by default as in the checkpoint.

    The file is compared with the checkpoint in every runtime that reads it, for which this needs
    `leadline[train]`; a shipped model with its weights as they are is copied, and needs nothing.

    Errors: LeadlineError for a checkpoint that is none or is damaged, another suffix, or a
    difference above `tolerance` metres, in which case nothing is written.

    >>> exported = export_model("runs/kitchen", "kitchen.onnx")
    >>> exported.max_error < 1e-3, [path.name for path in exported.files]
    (True, ['kitchen.onnx'])
    """
    folder = find_checkpoint(checkpoint)
    target = _target(Path(out), format, model_name(checkpoint, folder))
    check_writable(target.parent)
    stored = stored_type(folder / WEIGHTS_FILE)
    chosen = weights or stored
    if format == "checkpoint":
        return ExportedModel(tuple(copy_checkpoint(folder, target, chosen)), chosen)
    if str(checkpoint) in shipped_models() and chosen == stored:
        return ExportedModel(tuple(copy_graph(shipped_graph(str(checkpoint)), target)), chosen)
    return _export(folder, target, chosen, tolerance)


def _target(out: Path, format: ExportFormat | None, name: str) -> Path:
    """Return the file, or the model folder, that is to be written."""
    if format is None:
        if out.suffix not in SUFFIXES.values():
            raise LeadlineError(
                f"{out}: export writes .onnx (ONNX) or .xml (OpenVINO); rename it, "
                "or give --format and a folder"
            )
        return out
    if format not in get_args(ExportFormat):
        known = ", ".join(get_args(ExportFormat))
        raise LeadlineError(f"format {format!r}: choose one of {known}")
    suffix = SUFFIXES.get(format, "")
    if out.suffix in SUFFIXES.values() and out.suffix != suffix:
        raise LeadlineError(f"{out}: not a name for format {format}; give a folder")
    return out if out.suffix == suffix != "" else out / f"{name}{suffix}"


def _export(folder: Path, out: Path, weights: WeightType, tolerance: float) -> ExportedModel:
    # torch and onnx are not in the light install, which copies shipped models without them.
    from leadline.export.exporter import rounded_like, to_onnx, write_exported
    from leadline.export.parity import SIZES, check_parity
    from leadline.models.build import load_model

    model = load_model(folder)
    card = folder / CARD
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
