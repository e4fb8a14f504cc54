"""Export a checkpoint as one file for another runtime, written only if its metres agree."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.datasets.fingerprints import FILE as FINGERPRINTS
from leadline.datasets.trained_on import INFO_FILE
from leadline.errors import LeadlineError
from leadline.export import ExportFormat, WeightType
from leadline.export.builders import BuiltFile, ExportJob, build
from leadline.export.gate import (
    SAME_LABELS,
    GateReport,
    GateRow,
    refuse_difference,
    run_gate,
)
from leadline.export.pictures import find_pictures
from leadline.export.sidecar import describe, sidecar_path, write_export_sidecar
from leadline.export.target import (
    EXACT,
    ExportPrecision,
    check_options,
    check_target,
    check_weights,
    picture_size_of,
    refuse_unchecked,
    resolve_target,
)
from leadline.export.whole_file import Checkpoint, WholeOpenVino, open_runtimes
from leadline.inference.camera import TrainingCamera
from leadline.inference.find_model import find_checkpoint, model_name
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import ChannelOrder
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.installed import is_installed
from leadline.io.atomic import atomic_path
from leadline.io.files import read_json
from leadline.io.locks import LOCK_FILE
from leadline.io.staging import stage_in
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE, stored_type
from leadline.progress import Say, Track, unsaid, untracked
from leadline.weights import shipped_graph, shipped_models

if TYPE_CHECKING:
    from leadline.export.int8_loss import Int8Report
    from leadline.export.parity import ParityRow

PICTURE_COUNT = 8
"""Default number of pictures on which the file is compared."""
ANY_NUMBER = 1e30
"""A tolerance in metres that only NaN and infinity exceed."""
SAME_LABELS_INT8 = 0.5
"""Share of the pixels that must keep their class in 8 bits: classes exist and are not noise."""
MAX_LOSS = 0.01
"""Largest relative change of abs_rel by int8; without truth, of depth."""


@dataclass(frozen=True)
class ExportedModel:
    """An exported file, and how closely it agrees with its checkpoint.

    `files` are the written ones, the model first, of `size` bytes in total; `sidecar` is the JSON
    that describes them, None for a model folder. `parity` compares them, by runtime and size, with
    the checkpoint with weights rounded to the stored type; it is empty for a copy. `gate` does so
    on pictures; it is None only for a model folder without torch, which would run it. `int8`
    reports the quantisation, None for f32. `rounding_error` is the change in metres of the depth of
    a 480x640 picture by storing fp16 weights, 0 for f32 and for a copy.
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
        """Total size of the files in bytes."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def max_error(self) -> float:
        """The largest difference from the checkpoint, in metres; 0 for a copy."""
        return max((row.max_error for row in self.parity), default=0.0)


SMALLEST_TOLERANCE, RELATIVE_TOLERANCE = 1e-3, 1e-4
"""Largest difference of an export from its checkpoint: metres, and a share of its maximum depth.
float32 numbers have a relative precision of 1e-7, and a network adds up thousands of them."""


def export_model(
    checkpoint: str | Path,
    out: str | Path,
    *,
    format: ExportFormat | None = None,
    weights: WeightType | None = None,
    tolerance: float | None = None,
    input_channels: ChannelOrder = "rgb",
    images: str | Path | None = None,
    image_count: int = PICTURE_COUNT,
    precision: ExportPrecision = "f32",
    max_loss: float = MAX_LOSS,
    size: tuple[int, int] | None = None,
    beside: str | Path | None = None,
    track: Track = untracked,
    say: Say = unsaid,
) -> ExportedModel:
    """Export a shipped model, a run or a model folder for another runtime, or as a model folder.

    `out` is a file, `.onnx`, `.xml` (OpenVINO, with its `.bin`), `.pt2` (torch.export), `.pte`
    (ExecuTorch) or `.tflite` (LiteRT), or with `format` a folder for NAME.onnx, NAME.xml etc., or
    for the model folder NAME. Resizing and normalisation are included: the graph takes uint8
    photographs (N,H,W,3) of any size and returns metres (N,H,W); a `.pt2` also takes their focal
    lengths. `input_channels` is the channel order, rgb or bgr. `weights` is the storage type of the
    weights, f32 or fp16 (half the size), by default as in the checkpoint; in `.pt2`, `.pte` and
    `.tflite` always f32. The last two take one photograph of `size` (H,W), by default 480x640, and
    need `leadline[executorch]` or `leadline[litert]`.

    The file is compared with the checkpoint in every runtime that reads it: at several sizes and
    batches, and on `image_count` pictures from `images`, which is a folder of pictures, a data set,
    with which both are also scored, or "worlds" for rendered rooms; by default the data of the run,
    or generated pictures. That needs `leadline[train]`. A shipped model with unchanged weights is
    copied, which needs nothing: without torch, the copy is compared with its source.

    With `precision` int8 the network is quantised, an `.xml` for OpenVINO, which needs
    `leadline[int8]`, or an `.onnx` for ONNX Runtime; see `quantise` and `quantise_onnx`. They
    calibrate on 64 pictures of `images`, of its train split if there is one, measure on others, of
    the split to score if there is one, and accept a relative change of abs_rel of `max_loss`.
    `tolerance` then applies to the float32 graph. With `format` the file is NAME-int8.xml or
    NAME-int8.onnx.

    A metric depth model of transformers ("hf:NAME") becomes an `.onnx` or `.xml` for one photograph
    of `size` (H,W), by default 480x640, including its own processing. That needs `leadline[hf]`.

    `beside` is a copy of the checkpoint beside which the file will be placed, as in a repository.
    `track` shows progress over pictures and layers; `say` is given a line for each other step.

    Errors: LeadlineError for a missing or damaged checkpoint, another suffix, or a difference above
    `tolerance` metres, in which case nothing is written. The default tolerance is 1 mm, or a
    ten-thousandth of the maximum depth if that is above 10 m.

    >>> exported = export_model("runs/kitchen", "kitchen.onnx")
    >>> exported.max_error < 1e-3, [path.name for path in exported.files]
    (True, ['kitchen.onnx'])
    >>> exported.gate.pictures, exported.gate.worst.max_error < 1e-3
    (8, True)
    """
    folder = find_checkpoint(checkpoint)
    name = model_name(checkpoint, folder)
    target = resolve_target(Path(out), format, name if precision != "int8" else f"{name}-int8")
    check_options(target, format, input_channels, precision)
    if format == "checkpoint" and not is_installed("torch"):
        counted = image_count if image_count != PICTURE_COUNT else None
        refuse_unchecked(tolerance=tolerance, images=images, image_count=counted)
    check_weights(target, weights)
    picture_size = picture_size_of(folder, size, format or target.suffix, input_channels, weights)
    check_target(target, format, folder)
    is_exact = target.suffix in EXACT
    stored = "f32" if is_exact or is_of_transformers(folder) else stored_type(folder / WEIGHTS_FILE)
    place = _data_of_run(folder) if images is None else images
    is_copy = str(checkpoint) in shipped_models() and weights in (None, stored) and not is_exact
    job = ExportJob(
        name=name,
        folder=folder,
        target=target,
        format=format,
        precision=precision,
        weights=weights or stored,
        tolerance=_tolerance(folder, tolerance),
        input_channels=input_channels,
        pictures=replace(find_pictures(place, image_count), size=picture_size),
        about=describe(name, folder, input_channels, weights or stored, precision, beside),
        place=place,
        as_shipped=is_copy and input_channels == "rgb",
        max_loss=max_loss,
        picture_size=picture_size,
        track=track,
        say=say,
    )
    with stage_in(target.parent) as stage:
        candidate = stage / target.name
        built = build(job, candidate)
        gate = _gate(job, built, candidate)
        sidecar = None if format == "checkpoint" else sidecar_path(target)
        if sidecar is not None:
            # Beside the candidate, so that the file and its description are moved together.
            write_export_sidecar(candidate, job.about, gate.to_json() if gate else {})
        files = _move(candidate, target)
    return ExportedModel(
        files=tuple(file for file in files if file != sidecar),
        weights=job.weights,
        parity=tuple(built.parity),
        rounding_error=built.rounding_error,
        gate=gate,
        sidecar=sidecar,
        int8=built.int8,
    )


def _data_of_run(folder: Path) -> str | None:
    """Return the path of the data of the run with the model in `folder`, None if it is gone."""
    run = folder.parent / INFO_FILE
    if not run.is_file():
        return None
    data = read_json(run, "record of the run's start").get("data")
    return data if isinstance(data, str) and Path(data).exists() else None


def _tolerance(folder: Path, given: float | None) -> float:
    """Return the largest allowed difference in metres: as given, or the default."""
    if given is not None:
        if not given > 0:
            raise LeadlineError(f"tolerance {given:g}: give metres above 0, for instance 0.001")
        return given
    config = read_json(folder / CONFIG_FILE, "model's configuration")
    if not isinstance(config, dict):
        raise LeadlineError(f"{folder / CONFIG_FILE}: not a Leadline model configuration")
    farthest = config.get("max_depth")
    if not isinstance(farthest, int | float):  # loading the model reports the error
        return SMALLEST_TOLERANCE
    return max(SMALLEST_TOLERANCE, RELATIVE_TOLERANCE * farthest)


def _gate(job: ExportJob, built: BuiltFile, candidate: Path) -> GateReport | None:
    """Compare the file with the checkpoint on pictures, and refuse one that differs."""
    if candidate.is_dir() and built.reference is None:
        return None
    runtimes = list(built.opened) or open_runtimes(candidate)
    checkpoint: Runtime
    if built.runtime is not None:
        checkpoint = built.runtime
    elif built.reference is not None:
        checkpoint = Checkpoint(built.reference)
    else:
        checkpoint = WholeOpenVino(shipped_graph(job.name))
    camera = TrainingCamera.from_config(checkpoint.config)
    report = run_gate(checkpoint, runtimes, job.pictures, camera, track=job.track)

    def explain(row: GateRow) -> str:
        if built.reference is None:
            return ""
        from leadline.export.causes import find_cause

        [runtime] = [each for each in runtimes if each.name == row.runtime]
        pictures = {picture.name: picture.pixels for picture in job.pictures}
        return find_cause(built.reference, runtime, pictures[row.worst.picture])

    # The loss of int8 is checked elsewhere; here every depth only has to be a number.
    tolerance, same_labels = job.tolerance, SAME_LABELS
    if built.int8 is not None:
        tolerance, same_labels = ANY_NUMBER, SAME_LABELS_INT8
    refuse_difference(report, str(job.target), tolerance, explain, same_labels)
    return report


def _move(candidate: Path, target: Path) -> tuple[Path, ...]:
    """Move the candidate to its place; return the files, the model first."""
    if candidate.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        (target / FINGERPRINTS).unlink(missing_ok=True)  # of another model's photographs
        folder, place = candidate, target
    else:
        folder, place = candidate.parent, target.parent
    names = sorted(file.name for file in folder.iterdir() if file.name != LOCK_FILE)
    for name in names:
        if (place / name).is_symlink():  # write through the link, maybe to another disk
            with atomic_path(place / name) as temporary:
                shutil.copyfile(folder / name, temporary)
        else:
            (folder / name).replace(place / name)
    first = [] if candidate.is_dir() else [target.name]
    return tuple(place / name for name in [*first, *(name for name in names if name not in first)])
