"""Builders of exported files: by copying, tracing, conversion for one size, or quantisation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leadline.errors import LeadlineError, size_words
from leadline.export import ExportFormat, WeightType
from leadline.export.files import (
    CARD,
    copy_checkpoint,
    copy_graph,
    write_openvino,
    write_sealed,
)
from leadline.export.pictures import Pictures, smooth_pictures
from leadline.export.target import PROGRAM, ExportPrecision
from leadline.export.whole_file import open_runtimes
from leadline.inference.int8_file import warn_of_overflow
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import ChannelOrder
from leadline.inference.transformers_runtime import TransformersRuntime, is_of_transformers
from leadline.installed import is_installed
from leadline.io.checksums import ABOUT_KEY
from leadline.io.staging import stage_in
from leadline.progress import Say, Track
from leadline.weights import shipped_graph

if TYPE_CHECKING:
    from leadline.export.int8_loss import Int8Report
    from leadline.export.parity import ParityRow
    from leadline.models.base import DepthModel


@dataclass(frozen=True)
class ExportJob:
    """What to export, and how; `target` is a file or a model folder.

    `about` is the metadata of the file, which builders extend; `place` is the source of `pictures`.
    With `as_shipped`, a shipped graph is copied.
    """

    name: str
    folder: Path
    target: Path
    format: ExportFormat | None
    precision: ExportPrecision
    weights: WeightType
    tolerance: float
    input_channels: ChannelOrder
    pictures: Pictures
    about: dict[str, Any]
    place: str | Path | None
    as_shipped: bool
    max_loss: float
    picture_size: tuple[int, int] | None
    track: Track
    say: Say


@dataclass
class BuiltFile:
    """The parity of a file in a temporary folder, and its reference for comparison on pictures.

    The reference is `reference` or `runtime`; without either, the shipped graph that was copied.
    `opened` are engines that have already loaded the file.
    """

    parity: Sequence[ParityRow] = ()
    rounding_error: float = 0.0
    reference: DepthModel | None = None
    int8: Int8Report | None = None
    runtime: Runtime | None = None
    opened: Sequence[Runtime] = ()


def build(job: ExportJob, candidate: Path) -> BuiltFile:
    """Write the requested file or folder as `candidate`, and compare it with the checkpoint.

    Errors: LeadlineError for a file that differs by more than is allowed, or cannot be made.
    """
    if job.precision == "int8":
        return _quantise(job, candidate)
    if job.picture_size is not None and is_of_transformers(job.folder):
        return _build_of_transformers(job, candidate, job.picture_size)
    if job.picture_size is not None:
        return _build_fixed(job, candidate, job.picture_size)
    if job.format == "checkpoint" or job.as_shipped:
        return _copy(job, candidate)
    return _build_graph(job, candidate)


def _copy(job: ExportJob, candidate: Path) -> BuiltFile:
    """Copy a model folder or a shipped graph; the checkpoint is loaded if torch is installed."""
    if job.format == "checkpoint":
        copy_checkpoint(job.folder, candidate, job.weights)
    else:
        copy_graph(shipped_graph(job.name), candidate)
    if not is_installed("torch"):
        return BuiltFile()
    from leadline.export.exporter import rounded_like
    from leadline.models.build import load_model

    return BuiltFile(reference=rounded_like(load_model(job.folder), job.weights))


def _build_graph(job: ExportJob, candidate: Path) -> BuiltFile:
    """Write the graph, and compare it with the checkpoint at several sizes and batches."""
    # torch and onnx are not in the light install, which can only copy shipped models.
    from leadline.export.exporter import rounded_like, to_onnx, write_exported
    from leadline.export.parity import SIZES, check_parity
    from leadline.models.build import load_model

    model = load_model(job.folder)
    card = job.folder / CARD
    text = card.read_text() if card.is_file() else ""
    reference = rounded_like(model, job.weights)
    job.say("tracing the network")
    if candidate.suffix == PROGRAM:
        from leadline.export.program import write_program

        write_program(reference, candidate, job.input_channels, job.about)
    else:
        write_exported(to_onnx(model, text, job.input_channels, job.about), candidate, job.weights)
    job.say("comparing it with the checkpoint at several sizes")
    rows = check_parity(reference, candidate, SIZES)
    _refuse_parity(job.target, rows, job.tolerance)
    rounding_error = 0.0
    if job.weights != "f32":
        row = check_parity(model, candidate, sizes=[(480, 640)], batches=[1])[0]
        rounding_error = row.max_error
    return BuiltFile(rows, rounding_error, reference)


def _build_of_transformers(job: ExportJob, candidate: Path, size: tuple[int, int]) -> BuiltFile:
    """Write the graph of a model of transformers, and compare it on a generated picture."""
    from leadline.export.exporter import write_exported
    from leadline.export.of_transformers import WholeModel, transformers_to_onnx
    from leadline.export.parity import ParityRow

    runtime = TransformersRuntime(job.folder)
    model = WholeModel(runtime, size).eval()
    job.about["size_policy"] = {"rule": f"one photograph of {size_words(size)} pixels"}
    job.say("tracing the network")
    write_exported(transformers_to_onnx(model, size, job.about), candidate, job.weights)
    images = smooth_pictures(1, *size)
    depth = runtime.run(images)["depth"]
    rows = [
        ParityRow(reader.name, 1, *size, float(np.abs(reader.run(images)["depth"] - depth).max()))
        for reader in open_runtimes(candidate)
    ]
    _refuse_parity(job.target, rows, job.tolerance)
    return BuiltFile(rows, runtime=runtime)


def _build_fixed(job: ExportJob, candidate: Path, size: tuple[int, int]) -> BuiltFile:
    """Write the file for one size, and compare it on a generated picture."""
    from leadline.export.exporter import rounded_like
    from leadline.export.fixed_size import write_fixed
    from leadline.export.parity import compare_with
    from leadline.models.build import load_model

    reference = rounded_like(load_model(job.folder), "f32")
    job.say(f"converting the network for photographs of {size_words(size)} pixels")
    runtime = write_fixed(reference, candidate, size, job.input_channels)
    job.about["input"]["shape"] = ",".join(map(str, (1, *size, 3)))
    job.about["output"]["shape"] = ",".join(map(str, (1, *size)))
    job.about["outputs"] = list(runtime.names)
    rows = compare_with(reference, [runtime], size, 1)
    _refuse_parity(job.target, rows, job.tolerance)
    return BuiltFile(rows, reference=reference, opened=[runtime])


def _quantise(job: ExportJob, candidate: Path) -> BuiltFile:
    """Quantise the float32 graph, which is first built and checked."""
    from leadline.export.int8_loss import find_calibration

    if is_of_transformers(job.folder):
        raise LeadlineError(
            f"{job.name}: int8 is for Leadline's own models; leave --precision int8 out"
        )
    if job.place is None:
        raise LeadlineError("int8 needs pictures like those it will see: --images FOLDER or worlds")
    pictures, scored = find_calibration(job.place)
    with stage_in(candidate.parent.parent) as stage:
        exact = stage / f"{job.name}.onnx"
        made = _copy(job, exact) if job.as_shipped else _build_graph(job, exact)
        quantise = _quantise_openvino if candidate.suffix == ".xml" else _quantise_onnx
        made.int8 = quantise(job, exact, candidate, pictures, scored)
    return made


def _quantise_openvino(
    job: ExportJob, exact: Path, candidate: Path, pictures: Pictures, scored: Pictures | None
) -> Int8Report:
    from leadline.export.int8 import quantise

    model, report = quantise(exact, pictures, job.max_loss, scored, track=job.track, say=job.say)
    _say_quantised(job, report, pictures, scored)
    model.set_rt_info(json.dumps(job.about), ["framework", ABOUT_KEY])
    write_openvino(model, candidate)
    return report


def _quantise_onnx(
    job: ExportJob, exact: Path, candidate: Path, pictures: Pictures, scored: Pictures | None
) -> Int8Report:
    try:
        from leadline.export.int8_onnx import quantise_onnx
    except ImportError as error:
        raise LeadlineError("int8 for ONNX needs: pip install 'leadline[train]'") from error

    warn_of_overflow(job.target)
    model, report = quantise_onnx(
        exact, pictures, job.max_loss, scored, track=job.track, say=job.say
    )
    _say_quantised(job, report, pictures, scored)
    model.metadata_props.add(key=ABOUT_KEY, value=json.dumps(job.about))
    write_sealed(model.SerializeToString(), candidate)
    return report


def _say_quantised(
    job: ExportJob, report: Int8Report, pictures: Pictures, scored: Pictures | None
) -> None:
    """Record in the metadata what quantisation did, and on which pictures."""
    job.about["weights"] = "int8"
    measured = pictures if scored is None else scored
    on = {"calibrated_on": pictures.origin, "scored_on": measured.origin}
    job.about["int8"] = {**on, **asdict(report)}


def _refuse_parity(out: Path, rows: Sequence[ParityRow], tolerance: float) -> None:
    """Raise LeadlineError, naming the worst comparison, if any is above the tolerance."""
    # Not `> tolerance`, since NaN must fail.
    failed = [row for row in rows if not row.max_error <= tolerance]
    if failed:
        worst = max(failed, key=lambda row: row.max_error)
        raise LeadlineError(
            f"{out}: the graph differs from the checkpoint by {worst.max_error:.2e} m, more than "
            f"{tolerance:g} m ({worst.runtime}, batch {worst.batch}, {worst.height} x "
            f"{worst.width}); nothing was written"
        )
