"""The input of `measure` and `calibrate`: a photograph to predict, or a depth file."""

from __future__ import annotations

from pathlib import Path

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.inference.camera import CameraMode, GivenCamera
from leadline.inference.novelty import warn_of_novelty
from leadline.inference.predictor import Predictor
from leadline.io.formats import is_depth_file
from leadline.io.photos import read_photo, read_photo_to_measure
from leadline.weights import DEFAULT_MODEL


def is_depth_source(source: Path, model: str | Path | None, units: str | float | None) -> bool:
    """Return whether `source` is a depth file; `model` implies a photograph, `units` depth.

    Errors: LeadlineError if both are given, or for a file that cannot be read.
    """
    if units is not None and model is not None:
        raise LeadlineError(
            "a depth scale is for a depth file, a model for a photograph; leave --depth-scale or "
            "--model out"
        )
    return model is None and (units is not None or is_depth_file(source))


def predict_source(
    source: Path, model: str | Path | None, given: GivenCamera, camera: CameraMode | None
) -> DepthMap:
    """Return the depth of a photograph predicted by `model`, by default the shipped one.

    A LeadlineWarning reports a photograph unlike the training data.
    Errors: LeadlineError for a picture that cannot be read or, without `model`, holds depth.
    """
    photo = read_photo(source) if model else read_photo_to_measure(source)
    predictor = Predictor.load(model or DEFAULT_MODEL, camera=camera or "auto")
    prediction = predictor.predict(photo, *given.for_size(photo.width, photo.height))
    warn_of_novelty(model or DEFAULT_MODEL, [(prediction.novelty, str(source))])
    return prediction.depth
