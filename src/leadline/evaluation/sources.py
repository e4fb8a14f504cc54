"""Sources of predictions, by name: a model, or a folder of prediction files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from leadline.datasets.fingerprints import known_photographs
from leadline.depth.units import describe_units
from leadline.errors import LeadlineError
from leadline.evaluation.camera_record import CameraRecord
from leadline.evaluation.crops import parse_crop
from leadline.evaluation.predictions import (
    FilePredictions,
    ModelPredictions,
    PredictionOutput,
    Predictions,
    find_files,
    format_warning,
)
from leadline.evaluation.ranges import InvertedAlignment, ModelRange
from leadline.evaluation.scoring import PeekableSamples
from leadline.evaluation.trained_on import TrainingImageObserver
from leadline.evaluation.uncertainty import UncertaintyObserver
from leadline.evaluation.unit_detection import (
    check_declared_units,
    compared_indices,
    detect_units,
)
from leadline.inference.camera import CameraMode
from leadline.inference.find_model import find_checkpoint, model_name
from leadline.inference.predictor import Predictor
from leadline.inference.runtime import RuntimeName
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.io.hub import is_on_hub
from leadline.metrics import Protocol


@dataclass(frozen=True)
class ModelSource:
    """A model: as for `leadline.load`, or `hf:NAME_OR_FOLDER` of transformers.

    `runtime` is the engine, None for the default; `output` is for `hf:` models whose configuration
    does not state the kind of their output. `camera` says whether metres follow the cameras stated
    by the data, as in `leadline.load`; None: auto.
    """

    name: str | Path
    runtime: RuntimeName | None = None
    output: PredictionOutput | None = None
    camera: CameraMode | None = None

    def __post_init__(self) -> None:
        _check_output(self.output)


@dataclass(frozen=True)
class PredictionFolder:
    """Prediction files, found by the paths of the images; see `find_files`.

    `units_per_metre` is for files that do not state their unit; None: it is detected. `output` is
    the kind of their numbers. `mirrored` is the folder with the predictions of the mirrored
    photographs, for protocols that average flips, unless the files are `flip_averaged` already.
    `crop` is the part of the picture they cover: kb, whole, or x,y,width,height in the truth's
    pixels; None: all of it, or a published crop recognised by the size.
    """

    folder: str | Path
    units_per_metre: float | None = None
    output: PredictionOutput = "metric"
    mirrored: str | Path | None = None
    flip_averaged: bool = False
    crop: str | None = None

    def __post_init__(self) -> None:
        _check_output(self.output)

    def check(self, protocol: Protocol) -> None:
        """Raise LeadlineError if the fields contradict each other or `protocol`."""
        if self.mirrored is not None and self.flip_averaged:
            raise LeadlineError(
                f"{self.folder}: is to be averaged with {self.mirrored}, or is averaged already; "
                "give --mirrored-dir or --flip-averaged, not both"
            )
        if (self.mirrored is not None or self.flip_averaged) and not protocol.flip_averaging:
            option = "--flip-averaged" if self.flip_averaged else "--mirrored-dir"
            raise LeadlineError(
                f"protocol {protocol.name} does not average flips; leave {option} out, or choose "
                "a protocol that does, such as nyu-densedepth"
            )
        _check_aligned(f"{self.folder}: as declared, it", self.output, protocol)
        if self.output == "inverse" and self.units_per_metre is not None:
            raise LeadlineError(
                f"{self.folder}: inverse depth up to a scale has no unit; leave --pred-scale out"
            )


@dataclass(frozen=True)
class OpenedSource:
    """Predictions, their name in tables, their origin, and their unit with the evidence."""

    predictions: Predictions
    name: str
    path: str | None = None
    units: str | None = None

    def warnings(self) -> list[str]:
        """Return warnings on the predictions made so far, one sentence each."""
        return self.predictions.warnings() if isinstance(self.predictions, FilePredictions) else []

    def warning_observers(self) -> list[InvertedAlignment | ModelRange | TrainingImageObserver]:
        """Return the observers that may warn; a model has two more than files."""
        if not isinstance(self.predictions, ModelPredictions):
            return [InvertedAlignment()]
        known = None if self.path is None else known_photographs(self.path)
        seen_before = [] if known is None else [TrainingImageObserver(known)]
        return [InvertedAlignment(), ModelRange(self.predictions), *seen_before]

    @property
    def states_uncertainty(self) -> bool:
        """Whether an uncertainty is predicted, as far as known in advance."""
        predictions = self.predictions
        return (
            isinstance(predictions, ModelPredictions) and predictions.predictor.states_uncertainty
        )

    def uncertainty_observer(self) -> UncertaintyObserver:
        """Return the observer of the uncertainty, with the model's interval factors."""
        if isinstance(self.predictions, ModelPredictions):
            return UncertaintyObserver(self.predictions.predictor.interval_factors)
        return UncertaintyObserver({})

    def camera_record(self) -> CameraRecord | None:
        """Return the effect of the data's cameras on the predictions so far; None for files."""
        if isinstance(self.predictions, ModelPredictions):
            return self.predictions.camera_record()
        return None


def open_source(
    source: str | Path | ModelSource | PredictionFolder | Predictions,
    samples: PeekableSamples,
    ids: Sequence[str],
    protocol: Protocol,
) -> OpenedSource:
    """Open predictions for `samples`, whose `ids` are given, under `protocol`.

    Errors: LeadlineError for a model or files that cannot be found or do not fit the protocol.
    """
    if isinstance(source, str | Path):
        source = ModelSource(source)
    if isinstance(source, ModelSource):
        return _open_model(source, protocol)
    if isinstance(source, PredictionFolder):
        return _open_folder(source, samples, ids, protocol)
    # The collections of another evaluation are replaced by empty ones.
    if isinstance(source, ModelPredictions):
        source = replace(source, cameras=[])
    elif isinstance(source, FilePredictions):
        source = replace(
            source,
            cropped={},
            unreadable={},
            negative=set(),
            has_shift=_has_shift(protocol),
            resize=protocol.resize,
        )
    return OpenedSource(source, type(source).__name__)


def _open_model(source: ModelSource, protocol: Protocol) -> OpenedSource:
    path = str(source.name)
    if is_on_hub(path) and is_of_transformers(folder := find_checkpoint(path)):
        return _open_hugging_face(source, folder, protocol)
    if source.output is not None:
        raise LeadlineError(
            f"{path}: predicts metres, as all of Leadline's own models; leave --pred-output out"
        )
    mode = source.camera or "auto"
    predictor = Predictor.load(
        source.name, runtime=source.runtime or "auto", precision="f32", camera=mode
    )
    return OpenedSource(ModelPredictions(predictor), predictor.name, path)


def _open_hugging_face(source: ModelSource, folder: Path, protocol: Protocol) -> OpenedSource:
    path = str(source.name)
    for option, value in (("runtime", source.runtime), ("camera", source.camera)):
        if value is not None:
            raise LeadlineError(f"{option} {value}: {path} runs in transformers; leave it out")
    # Imported here: transformers comes only with leadline[hf].
    from leadline.evaluation.hugging_face import HuggingFacePredictions

    predictions = HuggingFacePredictions(str(folder), source.output)
    _check_aligned(path, predictions.output, protocol)
    return OpenedSource(predictions, model_name(path, folder), path)


def _open_folder(
    source: PredictionFolder, samples: PeekableSamples, ids: Sequence[str], protocol: Protocol
) -> OpenedSource:
    source.check(protocol)
    folder, units, crop = Path(source.folder), source.units_per_metre, parse_crop(source.crop)
    files = find_files(folder, ids)
    compared = [samples.peek(index) for index in compared_indices(len(samples))]
    warnings = [format_warning(files[sample.id] for sample in compared)]
    if units is None and source.output == "metric":
        detected = detect_units(files, compared, crop)
        units, evidence = detected.units_per_metre, detected.evidence
    else:
        is_scaled = protocol.alignment == "none"
        warnings.append(check_declared_units(files, compared, units, crop, is_scaled=is_scaled))
        evidence = (
            "none: inverse depth, as declared"
            if units is None
            else f"{describe_units(units)}, as declared"
        )
    predictions = FilePredictions(
        files,
        units,
        mirrored=None if source.mirrored is None else find_files(Path(source.mirrored), ids),
        flip_averaged=source.flip_averaged,
        output=source.output,
        first_warnings=tuple(warning for warning in warnings if warning is not None),
        crop=crop,
        has_shift=_has_shift(protocol),
        resize=protocol.resize,
    )
    return OpenedSource(predictions, folder.name, str(folder), evidence)


def _has_shift(protocol: Protocol) -> bool:
    return protocol.alignment == "scale-shift" and protocol.alignment_space == "inverse"


def _check_output(output: str | None) -> None:
    if output is not None and output not in get_args(PredictionOutput):
        choices = ", ".join(get_args(PredictionOutput))
        raise LeadlineError(f"output {output!r} of predictions: choose one of {choices}")


def _check_aligned(name: str, output: PredictionOutput, protocol: Protocol) -> None:
    """Raise LeadlineError if `name` gives inverse depth that `protocol` does not align."""
    is_aligned = protocol.alignment != "none" and protocol.alignment_space == "inverse"
    if output == "inverse" and not is_aligned:
        raise LeadlineError(
            f"{name} predicts inverse depth without a scale, not metres; score it with "
            "--align scale-shift --align-space inverse"
        )
