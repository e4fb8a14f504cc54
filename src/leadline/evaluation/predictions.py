"""Where predictions come from: a model, anybody's files, one map for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.errors import LeadlineError
from leadline.depth.formats import read_metres

if TYPE_CHECKING:
    from leadline.inference import Predictor

PREDICTION_SUFFIXES = (".npy", ".npz", ".png", ".exr", ".pfm", ".tif", ".tiff")


@dataclass(frozen=True)
class Answer:
    """What is predicted for one photograph.

    `depth` (h,w) metres of any size, 0 or NaN where there is no prediction, infinite where it is
    too far to say; `labels` (H,W) class ids at the photograph's size, or None.
    """

    depth: NDArray[np.float32]
    labels: NDArray[np.integer] | None = None


class Predictions(Protocol):
    """Something to be scored."""

    def answer(self, sample: Sample) -> Answer:
        """Return what is predicted for the sample's photograph."""
        ...

    def mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Return the depth (h,w) predicted for the mirrored photograph, as it comes.

        Errors: LeadlineError where there is no such prediction.
        """
        ...


@dataclass(frozen=True)
class ModelPredictions:
    """A model that is run on every photograph."""

    predictor: Predictor

    def answer(self, sample: Sample) -> Answer:
        """Run the model on the photograph."""
        outputs = self.predictor.runtime.run(sample.image[None])
        labels = outputs.get("labels")
        depth = np.asarray(outputs["depth"][0], dtype=np.float32)
        return Answer(depth, None if labels is None else labels[0])

    def mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Run the model on the mirrored photograph."""
        return self.answer(mirror(sample)).depth


@dataclass(frozen=True)
class ConstantPredictions:
    """The same map (h,w) for every photograph, also for a mirrored one."""

    depth: NDArray[np.float32]

    def answer(self, sample: Sample) -> Answer:
        """Return the map."""
        return Answer(self.depth)

    def mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Return the map."""
        return self.depth


@dataclass(frozen=True)
class FilePredictions:
    """Somebody's files, found by each sample's id; `flipped` are those of the mirrored photographs.

    With `averaged`, whoever gives the files says that they are flip averages already.
    """

    files: Mapping[str, Path]
    units_per_metre: float | None = None
    flipped: Mapping[str, Path] | None = None
    averaged: bool = False

    def answer(self, sample: Sample) -> Answer:
        """Read the sample's file."""
        return Answer(read_metres(self.files[sample.id], self.units_per_metre))

    def mirrored(self, sample: Sample) -> NDArray[np.float32]:
        """Read the file of the mirrored photograph, or mirror the average back."""
        if self.flipped is not None:
            return read_metres(self.flipped[sample.id], self.units_per_metre)
        if self.averaged:
            return self.answer(sample).depth[:, ::-1]
        raise LeadlineError(
            "this protocol averages with the prediction of the mirrored photograph, which files "
            "cannot make: give those as --mirrored-dir DIR, or say --flip-averaged if the files "
            "are such averages already"
        )


def mirror(sample: Sample) -> Sample:
    """Return the sample with its photograph mirrored left to right (nothing else is)."""
    return replace(sample, image=np.ascontiguousarray(sample.image[:, ::-1]))


def find_files(folder: Path, data: DepthDataset) -> dict[str, Path]:
    """Return {sample id: its prediction file}.

    A file sits at the image's own relative path, or directly in `folder`, with any of the depth
    suffixes. Errors: LeadlineError naming the first image without a prediction.
    """
    if not folder.is_dir():
        raise LeadlineError(f"{folder}: no such folder of predictions")
    ids = [data.sample_id(index) for index in range(len(data))]
    flat = len({Path(name).stem for name in ids}) == len(ids)
    found = {name: _prediction_file(folder, name, flat) for name in ids}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise LeadlineError(
            f"{folder}: no prediction for {len(missing)} of {len(ids)} images, the first is "
            f"{missing[0]}; expected {Path(missing[0]).with_suffix('.npy')} or another depth format"
        )
    return {name: path for name, path in found.items() if path is not None}


def _prediction_file(folder: Path, name: str, flat: bool) -> Path | None:
    relative = Path(name)
    places = [folder / relative.with_suffix("")]
    if len(relative.parts) > 1:
        places.append(folder / Path(*relative.parts[1:]).with_suffix(""))
    if flat:
        places.append(folder / relative.stem)
    for place in places:
        for suffix in PREDICTION_SUFFIXES:
            path = place.with_name(place.name + suffix)
            if path.is_file():
                return path
    return None
