"""The output path of an export, and checks of what can be written there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from leadline.errors import LeadlineError
from leadline.export import ExportFormat, WeightType
from leadline.export.pictures import GENERATED_SIZE
from leadline.export.sidecar import sidecar_path
from leadline.inference.runtime_config import ChannelOrder
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.io.atomic import check_writable, writable_target
from leadline.models.storage import check_weight_type
from leadline.weights import GRAPH_FILE

ExportPrecision = Literal["f32", "int8"]

SUFFIXES = {
    "onnx": ".onnx",
    "openvino": ".xml",
    "pt2": ".pt2",
    "executorch": ".pte",
    "litert": ".tflite",
}
"""Suffixes of exported files, by format."""
PROGRAM = SUFFIXES["pt2"]
"""Suffix of a program of torch.export."""
FIXED_SIZE = (SUFFIXES["executorch"], SUFFIXES["litert"])
"""Suffixes of files for photographs of one size."""
EXACT = (PROGRAM, *FIXED_SIZE)
"""Suffixes of files whose weights are always float32."""


def resolve_target(out: Path, format: ExportFormat | None, name: str) -> Path:
    """Return the file, or the model folder, to write."""
    if format is None:
        if out.suffix not in SUFFIXES.values():
            raise LeadlineError(
                f"{out}: export writes .onnx (ONNX), .xml (OpenVINO), .pt2 (torch), .pte "
                "(ExecuTorch) or .tflite (LiteRT); rename it, or give --format and a folder"
            )
        return out
    if format not in get_args(ExportFormat):
        known = ", ".join(get_args(ExportFormat))
        raise LeadlineError(f"format {format!r}: choose one of {known}")
    suffix = SUFFIXES.get(format, "")
    if out.suffix in SUFFIXES.values() and out.suffix != suffix:
        raise LeadlineError(f"{out}: not a name for format {format}; give a folder")
    return out if out.suffix == suffix != "" else out / f"{name}{suffix}"


def check_options(
    target: Path, format: ExportFormat | None, input_channels: str, precision: str
) -> None:
    """Raise LeadlineError for an unknown choice, or one that the format does not support."""
    if input_channels not in get_args(ChannelOrder):
        raise LeadlineError(f"input channels {input_channels!r}: choose rgb or bgr")
    if precision not in get_args(ExportPrecision):
        raise LeadlineError(f"precision {precision!r}: choose f32 or int8")
    if format == "checkpoint" and input_channels == "bgr":
        raise LeadlineError("input channels bgr: a model folder is for Leadline, which gives RGB")
    if precision == "int8" and (format == "checkpoint" or target.suffix not in (".xml", ".onnx")):
        raise LeadlineError(
            f"{target}: int8 is written for OpenVINO or ONNX Runtime; give -o FILE.xml or FILE.onnx"
        )


def check_weights(target: Path, weights: WeightType | None) -> None:
    """Raise LeadlineError for a storage type that is unknown, or not possible in the file."""
    if weights is not None:
        check_weight_type(weights)
    if target.suffix in EXACT and weights == "fp16":
        raise LeadlineError(
            f"{target}: a {target.suffix} holds float32 weights; leave --weights fp16 out"
        )


def check_target(target: Path, format: ExportFormat | None, folder: Path) -> None:
    """Raise LeadlineError if the files cannot be written, or would be beside other weights."""
    check_writable(target.parent)
    if format != "checkpoint":
        for file in (target, target.with_suffix(".bin"), sidecar_path(target)):
            writable_target(file)
        return
    if target.resolve() == folder.resolve():
        raise LeadlineError(f"{target}: is the checkpoint itself; choose another -o")
    if (graph := target / GRAPH_FILE).exists():
        raise LeadlineError(
            f"{graph}: exists already, and would be taken for these weights; remove it, or "
            "choose another -o"
        )


def refuse_unchecked(**given: object) -> None:
    """Raise LeadlineError for an option of a check that is not possible."""
    for option, value in given.items():
        if value is not None:
            raise LeadlineError(
                f"--{option.replace('_', '-')}: a copied model folder is checked in torch, which "
                "is not installed; leave it out, or pip install 'leadline[train]'"
            )


def picture_size_of(
    folder: Path,
    size: tuple[int, int] | None,
    kind: str,
    input_channels: ChannelOrder,
    weights: WeightType | None,
) -> tuple[int, int] | None:
    """Return the size of photographs that a file takes, None if it takes any.

    `kind` is the format or the file's suffix.
    Errors: LeadlineError for an option that the model does not have.
    """
    is_fixed = SUFFIXES.get(kind, kind) in FIXED_SIZE
    if not is_of_transformers(folder):
        if size is not None and not is_fixed:
            raise LeadlineError(
                "a size is for .pte and .tflite; other files take any; leave --size out"
            )
        return size or GENERATED_SIZE if is_fixed else None
    if (
        is_fixed
        or kind in (PROGRAM, "pt2", "checkpoint")
        or input_channels == "bgr"
        or weights == "fp16"
    ):
        raise LeadlineError(
            f"{folder}: a model of transformers is exported to .onnx or .xml, of RGB, in float32"
        )
    return size or GENERATED_SIZE
