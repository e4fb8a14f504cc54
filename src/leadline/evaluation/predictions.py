"""Predictions to score: of a model, from files, or one map for all images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.depth.inverse import depth_of_inverse, from_zero
from leadline.errors import LeadlineError
from leadline.evaluation.camera_record import CameraRecord
from leadline.evaluation.crops import WHOLE, Box, Crop, covered_part, paste
from leadline.inference.camera import PhotoCamera
from leadline.inference.predictor import Predictor
from leadline.io.files import is_file
from leadline.io.formats import depth_suffixes, is_depth_file, read_depth_values, read_metres
from leadline.io.walk import walk
from leadline.metrics.resize import Size, resize_depth

PredictionOutput = Literal["metric", "inverse"]
"""The kind of predicted numbers: metres, or inverse depth of unknown scale and shift."""


@dataclass(frozen=True)
class PredictedMaps:
    """The prediction for one photograph.

    `depth` (h,w) is in metres at any size, 0 or NaN where there is no prediction, infinite where it
    is too far; `labels` (H,W) are class ids at the photograph's size, or None; `uncertainty` (h,w)
    is the scale of a Laplace distribution of ln(metres), or None; `novelty` is above 1 for a
    picture unlike the training data, None if unknown.
    """

    depth: NDArray[np.float32]
    labels: NDArray[np.integer] | None = None
    uncertainty: NDArray[np.float32] | None = None
    novelty: float | None = None


class Predictions(Protocol):
    """The interface of predictions to score."""

    def predict(self, sample: Sample) -> PredictedMaps:
        """Return the prediction for the sample's photograph."""
        ...

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Return the depth (h,w) predicted for the mirrored photograph, not mirrored back.

        Errors: LeadlineError if there is no such prediction.
        """
        ...


@dataclass(frozen=True)
class ModelPredictions:
    """A model that is run on every photograph.

    Metres follow the cameras stated by the data, unless the predictor ignores them; `cameras`
    collects their effect, one entry for each image with a camera.
    """

    predictor: Predictor
    cameras: list[PhotoCamera] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.predictor.require_metres("this score")

    def predict(self, sample: Sample) -> PredictedMaps:
        """Run the model on the photograph."""
        camera = self._camera(sample)
        if sample.intrinsics is not None:
            self.cameras.append(camera)
        return self._run(sample, camera)

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Run the model on the mirrored photograph."""
        return self._run(mirror(sample), self._camera(sample)).depth

    @property
    def depth_range(self) -> tuple[float, float]:
        """The minimum and the maximum depth that the network predicts, metres."""
        config = self.predictor.runtime.config
        return config.min_depth, config.max_depth

    def range_of(self, sample: Sample) -> tuple[float, float]:
        """Return the minimum and the maximum depth that can be predicted for a photograph."""
        ends = self._camera(sample).metres(np.array([self.depth_range], np.float32))[0]
        return float(ends[0]), float(ends[1])

    def camera_record(self) -> CameraRecord | None:
        """Summarise `cameras`, None if the data states none."""
        if not self.cameras:
            return None
        return CameraRecord.from_cameras(self.cameras, self.predictor.training_camera.focal)

    def _camera(self, sample: Sample) -> PhotoCamera:
        height, width = sample.size
        return self.predictor.training_camera.resolve(
            width, height, sample.intrinsics, "measured", self.predictor.camera_mode
        )

    def _run(self, sample: Sample, camera: PhotoCamera) -> PredictedMaps:
        batch = self.predictor.predict_batch(sample.image[None])
        labels = None if batch.labels is None else batch.labels[0]
        uncertainty = None if batch.uncertainty is None else batch.uncertainty[0]
        novelty = None if batch.novelty is None else float(batch.novelty[0])
        return PredictedMaps(camera.metres(batch.depth[0]), labels, uncertainty, novelty)


@dataclass(frozen=True)
class ConstantPredictions:
    """The same map (h,w) for every photograph, mirrored or not."""

    depth: NDArray[np.float32]

    def predict(self, sample: Sample) -> PredictedMaps:
        """Return the map."""
        return PredictedMaps(self.depth)

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Return the map."""
        return self.depth


@dataclass(frozen=True)
class KeptPredictions:
    """Predictions kept by an earlier scoring: flip-averaged, aligned, at the scored size."""

    prediction_of: Callable[[str], NDArray[np.float32]]

    def predict(self, sample: Sample) -> PredictedMaps:
        """Return the kept prediction."""
        return PredictedMaps(self.prediction_of(sample.id))

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Return the mirrored prediction."""
        return self.predict(sample).depth[:, ::-1]


@dataclass(frozen=True)
class FilePredictions:
    """Prediction files, found by sample id; `mirrored` are those of mirrored photographs.

    `flip_averaged` declares that the files are flip averages already. `output` is the kind of their
    numbers; "inverse" is for protocols that align inverse depth. `first_warnings` are warnings from
    before all files are read. `crop` is the declared part of the picture; `cropped` collects files
    that cover a part, with that part, and `unreadable` the damaged ones with their error, whose
    images have no prediction. `negative` collects files of inverse depth with values below 0, which
    are meaningful only with a fitted shift (`has_shift`). `resize` is the protocol's rule, by which
    crops are resized to their size in the truth.
    """

    files: Mapping[str, Path]
    units_per_metre: float | None = None
    mirrored: Mapping[str, Path] | None = None
    flip_averaged: bool = False
    output: PredictionOutput = "metric"
    first_warnings: tuple[str, ...] = ()
    crop: Crop = field(default_factory=Crop)
    cropped: dict[Path, Box] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    negative: set[Path] = field(default_factory=set)
    has_shift: bool = True
    resize: str = "bilinear"

    def predict(self, sample: Sample) -> PredictedMaps:
        """Read the sample's file.

        A damaged file is added to `unreadable`, and its image has no prediction.
        Errors: LeadlineError for a file that is transposed, covers neither the whole picture nor a
        known part, or holds something else than declared.
        """
        return PredictedMaps(self._read(self.files[sample.id], sample))

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Read the file of the mirrored photograph, or mirror the average back."""
        if self.mirrored is not None:
            return self._read(self.mirrored[sample.id], sample, is_mirrored=True)
        if self.flip_averaged:
            return self.predict(sample).depth[:, ::-1]
        raise LeadlineError(
            "this protocol averages with the prediction of the mirrored photograph, which files "
            "cannot make: give those as --mirrored-dir DIR, or say --flip-averaged if the files "
            "are such averages already"
        )

    def _read(
        self, path: Path, sample: Sample, *, is_mirrored: bool = False
    ) -> NDArray[np.float32]:
        size = (sample.depth.shape[0], sample.depth.shape[1])
        try:
            if self.output == "inverse":
                values = self._depth_of(read_disparity(path), path)
            else:
                values = read_metres(path, self.units_per_metre)
        except LeadlineError as error:
            if not is_damaged(path):
                raise
            self.unreadable[path] = str(error)
            return np.full(size, np.nan, np.float32)
        shape = (values.shape[0], values.shape[1])
        box = part_of_picture(path, shape, size, self.crop)
        if box is not None:
            self.cropped[path] = box
            part = (box.height, box.width)
            values = resize_depth(values, part, self.resize, inverse=self.output == "inverse")
            return paste(values, box.mirrored(size[1]) if is_mirrored else box, size)
        return values

    def _depth_of(self, inverse: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
        """Return reciprocals; if inverse depth is negative, its minimum becomes the zero first."""
        if (inverse[np.isfinite(inverse)] < 0).any():
            self.negative.add(path)
            if self.has_shift:
                return depth_of_inverse(from_zero(inverse))
        return depth_of_inverse(inverse)

    def warnings(self) -> list[str]:
        """Return warnings on the files read so far, one sentence each."""
        warnings = list(self.first_warnings)
        if self.unreadable:
            first = next(iter(self.unreadable.values()))
            warnings.append(
                f"{len(self.unreadable)} prediction files cannot be read, and their images count "
                f"as without a prediction; the first: {first}"
            )
        if self.negative and not self.has_shift:
            warnings.append(
                f"{len(self.negative)} files of inverse depth have values below 0, the first is "
                f"{min(self.negative)}; they count as infinitely far: an alignment without a shift "
                "gives them no meaning, --align scale-shift does"
            )
        if self.cropped and self.crop == Crop():
            path, box = next(iter(self.cropped.items()))
            warnings.append(
                f"{len(self.cropped)} prediction files were recognised as a crop, the first is "
                f"{path}: {box.width}x{box.height} pixels from {box.left},{box.top} on; what lies "
                "outside has no prediction"
            )
        return warnings


def is_damaged(path: Path) -> bool:
    """Return whether a depth file cannot be read, whatever its unit."""
    try:
        read_depth_values(path)
    except LeadlineError:
        return True
    return False


def part_of_picture(path: Path, shape: Size, size: Size, crop: Crop) -> Box | None:
    """Return the part of truth of `size` (H,W) that a file of `shape` covers, None for all of it.

    Errors: LeadlineError, naming the file, if it is transposed or covers no known part.
    """
    if crop.name != WHOLE:
        check_upright(path, shape, size)
    try:
        return covered_part(shape, size, crop)
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def read_disparity(path: Path) -> NDArray[np.float32]:
    """Read the numbers of a file of inverse depth unchanged, (h,w).

    Errors: LeadlineError for a file declared as depth.
    """
    values, metadata = read_depth_values(path)
    if metadata.units_per_metre is not None:
        raise LeadlineError(
            f"{path}: says that it holds depth ({metadata.units_per_metre:g} units a metre), not "
            "inverse depth; leave --pred-output out"
        )
    return values.astype(np.float32)


def check_upright(path: Path, shape: Size, size: Size) -> None:
    """Raise LeadlineError if the sides of a file's `shape` (h,w) are those of `size` swapped."""
    if shape[0] * size[0] == shape[1] * size[1] and size[0] != size[1]:
        raise LeadlineError(
            f"{path}: is {_by(shape)} (H x W) where the truth is {_by(size)}: rows and columns are "
            "exchanged; write its transpose"
        )


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def mirror(sample: Sample) -> Sample:
    """Return the sample with only its photograph mirrored left to right."""
    return replace(sample, image=np.ascontiguousarray(sample.image[:, ::-1]))


def find_files(folder: str | Path, ids: Sequence[str]) -> dict[str, Path]:
    """Return {sample id: its prediction file} for samples of these `ids`.

    A file may be below `folder` at the image's own path, or at the end of that path if no other
    image's path ends in the same way; or, if no other image has its stem, anywhere below, once. Its
    suffix is one of `depth_suffixes()`.
    Errors: LeadlineError naming the first image without a prediction, or with several.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LeadlineError(f"{folder}: no such folder of predictions")
    shortest = _count_of_unique_parts(list(dict.fromkeys(ids)))
    files = {name: _file_at(_places(folder, name, shortest)) for name in ids}
    missing = [name for name, path in files.items() if path is None]
    if missing and shortest == 1:
        below = _places_by_stem(folder)
        for name in missing:
            files[name] = _file_at(_only_place(folder, name, below[Path(name).stem]))
        missing = [name for name, path in files.items() if path is None]
    if missing:
        places = _places(folder, missing[0], shortest)
        named = places[-1:] if Path(missing[0]).is_absolute() else [places[0], places[-1]]
        expected = " or ".join(dict.fromkeys(f"{place}.npy" for place in named))
        raise LeadlineError(
            f"{folder}: no prediction for {len(missing)} of {len(ids)} images, the first is "
            f"{missing[0]}; expected {expected}, or another depth format there"
        )
    return {name: path for name, path in files.items() if path is not None}


def _parts_of(name: str) -> tuple[str, ...]:
    """Return an id as path parts, without parts that leave the folder: a root, or ".."."""
    path = Path(name).with_suffix("")
    return tuple(part for part in path.parts if part not in (path.anchor, ".."))


def _count_of_unique_parts(names: Sequence[str]) -> int:
    """Return the number of final path parts that distinguish all images; at least 1."""
    parts = [_parts_of(name) for name in names]
    longest = max(map(len, parts), default=1)
    ends = ({each[-count:] for each in parts} for count in range(1, longest + 1))
    return next((count for count, end in enumerate(ends, 1) if len(end) == len(parts)), longest)


def _places(folder: Path, name: str, shortest: int) -> list[Path]:
    """Return possible paths of an image's file, without suffix, the most exact first."""
    parts = _parts_of(name)
    starts = range(max(1, len(parts) - shortest + 1))
    return [folder.joinpath(*parts[start:]) for start in starts]


def _places_by_stem(folder: Path) -> defaultdict[str, list[Path]]:
    """Return {stem: paths without suffix below `folder` that end with it}."""
    places: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(walk(folder)):
        place = path.with_suffix("")
        if path.suffix.lower() in depth_suffixes() and place not in places[place.name]:
            places[place.name].append(place)
    return places


def _only_place(folder: Path, name: str, places: list[Path]) -> list[Path]:
    if len(places) > 1:
        raise LeadlineError(
            f"{folder}: several predictions for {name}: {places[0]} and {places[1]}; "
            "give the folder of one set"
        )
    return places


def _file_at(places: Sequence[Path]) -> Path | None:
    for place in places:
        if path := next(_files_at(place), None):
            return path
    return None


def _files_at(place: Path) -> Iterator[Path]:
    """Yield the files of depth formats at a path without suffix, in the order of the formats."""
    for suffix in depth_suffixes():
        for spelt in (suffix, suffix.upper()):
            path = place.with_name(place.name + spelt)
            if is_file(path):
                yield path


def format_warning(paths: Iterable[Path]) -> str | None:
    """Return a warning if a file that is scored has a sibling in another depth format."""
    for path in paths:
        for other in _files_at(path.with_suffix("")):
            if other != path and not other.samefile(path) and is_depth_file(other):
                return (
                    f"{path.parent}: holds depth of one image in several formats; {path.name} is "
                    f"scored, {other.name} is not: remove those of an earlier run"
                )
    return None
