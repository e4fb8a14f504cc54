"""A checkpoint to one file that runs elsewhere, written only if it gives the same metres."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from leadline.datasets.fingerprints import FILE as FINGERPRINTS
from leadline.datasets.trained_on import INFO_FILE
from leadline.errors import LeadlineError, size_words
from leadline.export import ExportFormat, WeightType
from leadline.export.files import (
    CARD,
    copy_checkpoint,
    copy_graph,
    write_openvino,
    write_sealed,
)
from leadline.export.gate import (
    SAME_LABELS,
    GateReport,
    GateRow,
    refuse_difference,
    run_gate,
)
from leadline.export.pictures import GENERATED_SIZE, Pictures, find_pictures, smooth_pictures
from leadline.export.sidecar import describe, sidecar_path, write_export_sidecar
from leadline.export.steps import Steps
from leadline.export.whole_file import Checkpoint, WholeOpenVino, open_runtimes
from leadline.inference.camera import TrainingCamera
from leadline.inference.find_model import find_checkpoint, model_name
from leadline.inference.int8_file import warn_of_overflow
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import ChannelOrder
from leadline.inference.transformers_runtime import TransformersRuntime, is_of_transformers
from leadline.io.atomic import atomic_path, check_writable, writable_target
from leadline.io.checksums import ABOUT_KEY
from leadline.io.files import read_json
from leadline.io.locks import LOCK_FILE
from leadline.io.staging import stage_in
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE, check_weight_type, stored_type
from leadline.weights import GRAPH_FILE, shipped_graph, shipped_models

if TYPE_CHECKING:
    from leadline.export.int8_loss import Int8Report
    from leadline.export.parity import ParityRow
    from leadline.models.base import DepthModel

SUFFIXES = {
    "onnx": ".onnx",
    "openvino": ".xml",
    "pt2": ".pt2",
    "executorch": ".pte",
    "litert": ".tflite",
}
PROGRAM = SUFFIXES["pt2"]
FIXED = (SUFFIXES["executorch"], SUFFIXES["litert"])
"""Files for photographs of one size."""
PICTURES = 8
FINITE = 1e30
SAME_LABELS_INT8 = 0.5
"""Share of the pixels that must keep their class in 8 bits: they are there, and are no noise."""
ExportPrecision = Literal["f32", "int8"]
MAX_LOSS = 0.01
"""The relative change of abs_rel that int8 may cost; without truth, of depth."""


@dataclass(frozen=True)
class ExportedModel:
    """An exported file and how near it is to its checkpoint.

    `files` are the written ones, the model first, of `size` bytes together; `sidecar` is the JSON
    that describes them, None for a model folder. `parity` compares them, runtime by runtime and
    size by size, with the checkpoint whose weights went through the stored type; it is empty where
    the file is a copy. `gate` does so on pictures; None only for a model folder where torch, which
    runs it, is not installed. `int8` says what quantising did, None for f32. `rounding_error` is by
    how much, in metres, storing fp16 weights moves the depth of a 480x640 picture, 0 for f32 and
    for a copy.
    """

    files: tuple[Path, ...]
    weights: WeightType
    parity: tuple[ParityRow, ...] = ()
    rounding_error: float = 0.0
    gate: GateReport | None = None
    sidecar: Path | None = None
    int8: Int8Report | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def max_error(self) -> float:
        """The largest difference to the checkpoint, in metres; 0 for a copy."""
        return max((row.max_error for row in self.parity), default=0.0)


SMALLEST_TOLERANCE, RELATIVE_TOLERANCE = 1e-3, 1e-4
"""Metres by which an export may differ from its checkpoint, and as a share of its farthest depth.
Numbers of float32 are a ten-millionth apart, and a network adds up thousands of them."""


@dataclass(frozen=True)
class _Job:
    """What is to be exported, and how; `target` is a file or a model folder."""

    name: str
    folder: Path
    target: Path
    weights: WeightType
    tolerance: float
    input_channels: ChannelOrder
    pictures: Pictures
    about: dict[str, Any]
    place: str | Path | None
    as_shipped: bool
    max_loss: float
    picture_size: tuple[int, int] | None
    steps: Steps


@dataclass
class _Made:
    """What was made in a temporary folder, how it compares, and what a copy is compared with."""

    parity: Sequence[ParityRow] = ()
    rounding_error: float = 0.0
    reference: DepthModel | None = None
    int8: Int8Report | None = None
    runtime: Runtime | None = None
    opened: Sequence[Runtime] = ()


def export_model(
    checkpoint: str | Path,
    out: str | Path,
    *,
    format: ExportFormat | None = None,
    weights: WeightType | None = None,
    tolerance: float | None = None,
    input_channels: ChannelOrder = "rgb",
    images: str | Path | None = None,
    image_count: int = PICTURES,
    precision: ExportPrecision = "f32",
    max_loss: float = MAX_LOSS,
    size: tuple[int, int] | None = None,
    beside: Path | None = None,
    steps: Steps | None = None,
) -> ExportedModel:
    """Export a shipped model, a run or a model folder for another runtime, or as a model folder.

    `out` is a file, `.onnx`, `.xml` (OpenVINO, with its `.bin`), `.pt2` (torch.export), `.pte`
    (ExecuTorch) or `.tflite` (LiteRT), or with `format` a folder for NAME.onnx, NAME.xml and so on,
    or the model folder NAME. Resizing and
    normalisation are inside: the graph takes uint8 photographs (N,H,W,3) of any size and returns
    metres (N,H,W); a `.pt2` takes their focal lengths too. `input_channels` is the order of their
    colours, rgb or bgr. `weights` is how weights are stored, f32 or fp16 (half the size), by
    default as in the checkpoint, in `.pt2`, `.pte` and `.tflite` always f32. The last two take one
    photograph of `size` (H,W), by default 480x640, and need `leadline[executorch]` or
    `leadline[litert]`.

    The file is compared with the checkpoint in every runtime that reads it: at several sizes and
    batches, and on `image_count` pictures from `images`, which is a folder of pictures, a data set,
    whose depth then scores both, or "worlds" for rendered rooms; by default the data of the run, or
    generated pictures. That needs `leadline[train]`; a shipped model with its weights as they are
    is copied, and needs nothing: without torch the copy is compared with what was copied.

    With `precision` int8 the network is quantised, an `.xml` for OpenVINO, which needs
    `leadline[int8]`, or an `.onnx` for ONNX Runtime; see `quantise` and `quantise_onnx`, which
    calibrate on 64 pictures of `images`, of its train split where it has one, measure on others, of
    the split to score where it has one, and accept a relative change of abs_rel of `max_loss`.
    `tolerance` then holds for the float32 graph. With `format` the file is NAME-int8.xml or
    NAME-int8.onnx.

    A depth model of transformers ("hf:NAME") in metres becomes an `.onnx` or `.xml` for one
    photograph of `size` (H,W), by default 480x640, with its own processing inside. That needs
    `leadline[hf]`.

    `beside` is a copy of the checkpoint that the file is to lie beside, as in a repository.
    `steps` is told of each step as it begins.

    Errors: LeadlineError for a checkpoint that is none or is damaged, another suffix, or a
    difference above `tolerance` metres, in which case nothing is written; by default 1 mm, of a
    model that sees farther than 10 m a ten-thousandth of its farthest depth.

    >>> exported = export_model("runs/kitchen", "kitchen.onnx")
    >>> exported.max_error < 1e-3, [path.name for path in exported.files]
    (True, ['kitchen.onnx'])
    >>> exported.gate.pictures, exported.gate.worst.max_error < 1e-3
    (8, True)
    """
    folder = find_checkpoint(checkpoint)
    name = model_name(checkpoint, folder)
    target = _target(Path(out), format, name if precision != "int8" else f"{name}-int8")
    _check_options(target, format, input_channels, precision)
    if format == "checkpoint" and not _has_torch():
        counted = image_count if image_count != PICTURES else None
        _refuse_unchecked(tolerance=tolerance, images=images, image_count=counted)
    if weights is not None:
        check_weight_type(weights)
    is_exact = target.suffix in (PROGRAM, *FIXED)
    if is_exact and weights == "fp16":
        raise LeadlineError(
            f"{target}: a {target.suffix} holds float32 weights; leave --weights fp16 out"
        )
    picture_size = _picture_size(folder, size, format or target.suffix, input_channels, weights)
    _check_target(target, format, folder)
    allowed = _tolerance(folder, tolerance)
    is_foreign = is_of_transformers(folder)
    stored = "f32" if is_exact or is_foreign else stored_type(folder / WEIGHTS_FILE)
    place = _data_of_run(folder) if images is None else images
    about = describe(name, folder, input_channels, weights or stored, precision, beside)
    is_copy = str(checkpoint) in shipped_models() and weights in (None, stored) and not is_exact
    job = _Job(
        name, folder, target, weights or stored, allowed, input_channels,
        replace(find_pictures(place, image_count), size=picture_size), about, place,
        is_copy and input_channels == "rgb", max_loss, picture_size, steps or Steps(),
    )  # fmt: skip
    with stage_in(target.parent) as stage:
        candidate = stage / target.name
        if precision == "int8":
            made = _quantise(job, candidate)
        elif job.picture_size is not None and is_foreign:
            made = _build_of_transformers(job, candidate, job.picture_size)
        elif job.picture_size is not None:
            made = _build_fixed(job, candidate, job.picture_size)
        elif format == "checkpoint" or job.as_shipped:
            made = _copy(job, candidate, format)
        else:
            made = _build(job, candidate)
        gate = _gate(job, made, candidate)
        sidecar = None
        if format != "checkpoint":
            # Beside the candidate: a file and what is said of it take their places together.
            write_export_sidecar(candidate, job.about, gate.to_json() if gate else {})
            sidecar = sidecar_path(target)
        files = _move(candidate, target)
    return ExportedModel(
        tuple(file for file in files if file != sidecar), job.weights, tuple(made.parity),
        made.rounding_error, gate, sidecar, made.int8,
    )  # fmt: skip


def _check_options(
    target: Path, format: ExportFormat | None, input_channels: str, precision: str
) -> None:
    """Raise LeadlineError for an unknown choice, or one that the format does not have."""
    if input_channels not in get_args(ChannelOrder):
        raise LeadlineError(f"input channels {input_channels!r}: choose rgb or bgr")
    if precision not in get_args(ExportPrecision):
        raise LeadlineError(f"precision {precision!r}: choose f32 or int8")
    if format == "checkpoint" and input_channels == "bgr":
        raise LeadlineError("--input-channels bgr: a model folder is for Leadline, which gives RGB")
    if precision == "int8" and (format == "checkpoint" or target.suffix not in (".xml", ".onnx")):
        raise LeadlineError(
            f"{target}: int8 is written for OpenVINO or ONNX Runtime; give -o FILE.xml or FILE.onnx"
        )


def _check_target(target: Path, format: ExportFormat | None, folder: Path) -> None:
    """Raise LeadlineError where the files cannot be written, or would be beside others' weights."""
    check_writable(target.parent)
    if format != "checkpoint":
        for file in (target, target.with_suffix(".bin"), sidecar_path(target)):
            writable_target(file)
        return
    if target.resolve() == folder.resolve():
        raise LeadlineError(f"{target}: is the checkpoint itself; choose another -o")
    if (graph := target / GRAPH_FILE).exists():
        raise LeadlineError(
            f"{graph}: lies there already, and would be taken for these weights; remove it, or "
            "choose another -o"
        )


def _refuse_unchecked(**given: object) -> None:
    """Raise LeadlineError for an option of a check that cannot be made."""
    for option, value in given.items():
        if value is not None:
            raise LeadlineError(
                f"--{option.replace('_', '-')}: a copied model folder is checked in torch, which "
                "is not installed; leave it out, or pip install 'leadline[train]'"
            )


def _picture_size(
    folder: Path,
    size: tuple[int, int] | None,
    kind: str,
    input_channels: ChannelOrder,
    weights: WeightType | None,
) -> tuple[int, int] | None:
    """Return the size of photographs that a file is for, None where it takes any.

    `kind` is the format or the file's suffix.
    Errors: LeadlineError for an option that the model does not have.
    """
    is_fixed = SUFFIXES.get(kind, kind) in FIXED
    if not is_of_transformers(folder):
        if size is not None and not is_fixed:
            raise LeadlineError(
                "--size: is for .pte and .tflite; other files of our models take any; leave it out"
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


def _target(out: Path, format: ExportFormat | None, name: str) -> Path:
    """Return the file, or the model folder, that is to be written."""
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


def _data_of_run(folder: Path) -> str | None:
    """Return where the data of the run lies whose model is in `folder`, None where it is gone."""
    run = folder.parent / INFO_FILE
    if not run.is_file():
        return None
    data = read_json(run, "record of the run's start").get("data")
    return data if isinstance(data, str) and Path(data).exists() else None


def _copy(job: _Job, candidate: Path, format: ExportFormat | None) -> _Made:
    """Copy a model folder or a shipped graph; the checkpoint is loaded where torch is there."""
    if format == "checkpoint":
        copy_checkpoint(job.folder, candidate, job.weights)
    else:
        copy_graph(shipped_graph(job.name), candidate)
    if not _has_torch():
        return _Made()
    from leadline.export.exporter import rounded_like
    from leadline.models.build import load_model

    return _Made(reference=rounded_like(load_model(job.folder), job.weights))


def _has_torch() -> bool:
    try:
        return importlib.util.find_spec("torch") is not None
    except ValueError:  # its entry in sys.modules is None
        return False


def _build(job: _Job, candidate: Path) -> _Made:
    """Write the graph, and compare it at several sizes and batches with the checkpoint."""
    # torch and onnx are not in the light install, which copies shipped models without them.
    from leadline.export.exporter import rounded_like, to_onnx, write_exported
    from leadline.export.parity import SIZES, check_parity
    from leadline.models.build import load_model

    model = load_model(job.folder)
    card = job.folder / CARD
    text = card.read_text() if card.is_file() else ""
    reference = rounded_like(model, job.weights)
    job.steps.begin("tracing the network")
    if candidate.suffix == PROGRAM:
        from leadline.export.program import write_program

        write_program(reference, candidate, job.input_channels, job.about)
    else:
        write_exported(to_onnx(model, text, job.input_channels, job.about), candidate, job.weights)
    job.steps.begin("comparing it with the checkpoint at several sizes")
    rows = check_parity(reference, candidate, SIZES)
    _refuse_parity(job.target, rows, job.tolerance)
    rounding_error = 0.0
    if job.weights != "f32":
        row = check_parity(model, candidate, sizes=[(480, 640)], batches=[1])[0]
        rounding_error = row.max_error
    return _Made(rows, rounding_error, reference)


def _build_of_transformers(job: _Job, candidate: Path, size: tuple[int, int]) -> _Made:
    """Write the graph of a model of transformers, and compare it on a generated picture."""
    from leadline.export.exporter import write_exported
    from leadline.export.of_transformers import WholeModel, transformers_to_onnx
    from leadline.export.parity import ParityRow

    runtime = TransformersRuntime(job.folder)
    model = WholeModel(runtime, size).eval()
    job.about["size_policy"] = {"rule": f"one photograph of {size_words(size)} pixels"}
    job.steps.begin("tracing the network")
    write_exported(transformers_to_onnx(model, size, job.about), candidate, job.weights)
    images = smooth_pictures(1, *size)
    depth = runtime.run(images)["depth"]
    rows = [
        ParityRow(each.name, 1, *size, float(np.abs(each.run(images)["depth"] - depth).max()))
        for each in open_runtimes(candidate)
    ]
    _refuse_parity(job.target, rows, job.tolerance)
    return _Made(rows, runtime=runtime)


def _build_fixed(job: _Job, candidate: Path, size: tuple[int, int]) -> _Made:
    """Write the file for one size, and compare it on a generated picture."""
    from leadline.export.exporter import rounded_like
    from leadline.export.fixed_size import write_fixed
    from leadline.export.parity import compare_with
    from leadline.models.build import load_model

    reference = rounded_like(load_model(job.folder), "f32")
    job.steps.begin(f"converting the network for photographs of {size_words(size)} pixels")
    runtime = write_fixed(reference, candidate, size, job.input_channels)
    job.about["input"]["shape"] = ",".join(map(str, (1, *size, 3)))
    job.about["output"]["shape"] = ",".join(map(str, (1, *size)))
    job.about["outputs"] = list(runtime.names)
    rows = compare_with(reference, [runtime], size, 1)
    _refuse_parity(job.target, rows, job.tolerance)
    return _Made(rows, reference=reference, opened=[runtime])


def _quantise(job: _Job, candidate: Path) -> _Made:
    """Quantise the float32 graph, which is made and checked first."""
    from leadline.export.int8_loss import find_calibration

    if is_of_transformers(job.folder):
        raise LeadlineError(f"{job.name}: int8 is for models of ours; leave --precision int8 out")
    if job.place is None:
        raise LeadlineError("int8 needs pictures like those it will see: --images FOLDER or worlds")
    pictures, scored = find_calibration(job.place)
    with stage_in(candidate.parent.parent) as stage:
        exact = stage / f"{job.name}.onnx"
        made = _copy(job, exact, "onnx") if job.as_shipped else _build(job, exact)
        quantise = _quantise_openvino if candidate.suffix == ".xml" else _quantise_onnx
        made.int8 = quantise(job, exact, candidate, pictures, scored)
    return made


def _quantise_openvino(
    job: _Job, exact: Path, candidate: Path, pictures: Pictures, scored: Pictures | None
) -> Int8Report:
    from leadline.export.int8 import quantise

    model, report = quantise(exact, pictures, job.max_loss, scored, job.steps)
    _say_quantised(job, report, pictures, scored)
    model.set_rt_info(json.dumps(job.about), ["framework", ABOUT_KEY])
    write_openvino(model, candidate)
    return report


def _quantise_onnx(
    job: _Job, exact: Path, candidate: Path, pictures: Pictures, scored: Pictures | None
) -> Int8Report:
    try:
        from leadline.export.int8_onnx import quantise_onnx
    except ImportError as error:
        raise LeadlineError("int8 for ONNX needs: pip install 'leadline[train]'") from error

    warn_of_overflow(job.target)
    model, report = quantise_onnx(exact, pictures, job.max_loss, scored, job.steps)
    _say_quantised(job, report, pictures, scored)
    model.metadata_props.add(key=ABOUT_KEY, value=json.dumps(job.about))
    write_sealed(model.SerializeToString(), candidate)
    return report


def _say_quantised(
    job: _Job, report: Int8Report, pictures: Pictures, scored: Pictures | None
) -> None:
    """Note in what is said of the file what quantising did, and on which pictures."""
    job.about["weights"] = "int8"
    measured = pictures if scored is None else scored
    on = {"calibrated_on": pictures.origin, "scored_on": measured.origin}
    job.about["int8"] = {**on, **asdict(report)}


def _tolerance(folder: Path, given: float | None) -> float:
    """Return the largest difference allowed, in metres: what was given, or the default."""
    if given is not None:
        if not given > 0:
            raise LeadlineError(f"--tolerance {given:g}: give metres above 0, for instance 0.001")
        return given
    config = read_json(folder / CONFIG_FILE, "model's configuration")
    if not isinstance(config, dict):
        raise LeadlineError(f"{folder / CONFIG_FILE}: not a Leadline model configuration")
    farthest = config.get("max_depth")
    if not isinstance(farthest, int | float):  # whoever loads the model says where it is wrong
        return SMALLEST_TOLERANCE
    return max(SMALLEST_TOLERANCE, RELATIVE_TOLERANCE * farthest)


def _refuse_parity(out: Path, rows: Sequence[ParityRow], tolerance: float) -> None:
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


def _gate(job: _Job, made: _Made, candidate: Path) -> GateReport | None:
    """Run the made file on pictures beside the checkpoint; refuse one that differs."""
    if candidate.is_dir() and made.reference is None:
        return None
    runtimes = list(made.opened) or open_runtimes(candidate)
    checkpoint: Runtime
    if made.runtime is not None:
        checkpoint = made.runtime
    elif made.reference is not None:
        checkpoint = Checkpoint(made.reference)
    else:
        checkpoint = WholeOpenVino(shipped_graph(job.name))
    camera = TrainingCamera.from_config(checkpoint.config)
    report = run_gate(checkpoint, runtimes, job.pictures, camera, job.steps)

    def explain(row: GateRow) -> str:
        if made.reference is None:
            return ""
        from leadline.export.causes import find_cause

        [runtime] = [each for each in runtimes if each.name == row.runtime]
        pictures = {picture.name: picture.pixels for picture in job.pictures}
        return find_cause(made.reference, runtime, pictures[row.worst.picture])

    # What int8 may lose is judged by its loss; here, only that every depth is a number.
    tolerance, same_labels = (job.tolerance, SAME_LABELS)
    if made.int8 is not None:
        tolerance, same_labels = FINITE, SAME_LABELS_INT8
    refuse_difference(report, str(job.target), tolerance, explain, same_labels)
    return report


def _move(candidate: Path, target: Path) -> tuple[Path, ...]:
    """Move what was made to its place; return the files, the model first."""
    if candidate.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        (target / FINGERPRINTS).unlink(missing_ok=True)  # of the photographs of another model
        folder, place = candidate, target
    else:
        folder, place = candidate.parent, target.parent
    names = sorted(file.name for file in folder.iterdir() if file.name != LOCK_FILE)
    for name in names:
        if (place / name).is_symlink():  # written through, to another disk perhaps
            with atomic_path(place / name) as temporary:
                shutil.copyfile(folder / name, temporary)
        else:
            (folder / name).replace(place / name)
    first = [] if candidate.is_dir() else [target.name]
    return tuple(place / name for name in [*first, *(name for name in names if name not in first)])
