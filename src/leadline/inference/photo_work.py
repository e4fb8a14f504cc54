"""The work on one photograph: read it, predict it, write the results."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import GivenCamera
from leadline.inference.load_options import LoadOptions
from leadline.inference.outputs import OutputOptions, PredictedPhoto, calibrated, write_outputs
from leadline.inference.predictor import Predictor
from leadline.io.jobs import FileJob
from leadline.io.photos import Photo, decode_photo, read_photo

STDIN = Path("-")


@dataclass(frozen=True)
class PhotoWork:
    """How photographs are predicted and written; it can be sent to another process.

    With `keeps`, nothing is written, and the depth maps stay in the results.
    """

    model: str | Path
    load: LoadOptions
    given: GivenCamera
    calibration: Calibration | None
    output: OutputOptions
    keeps: bool = False

    def start(self, *, many: bool) -> PhotoPredictor:
        """Load the model. Errors: as `Predictor.load`, or for an output the model does not have."""
        predictor = Predictor.load_with(self.model, self.load)
        if self.output.uncertainty and not predictor.states_uncertainty:
            raise LeadlineError(f"{self.model}: states no uncertainty; leave out --uncertainty")
        if self.calibration is None and self.output.needs_metres:
            predictor.require_metres("a point cloud, a surface, a sheet or png16")
        if self.calibration is None and self.output.limits != (None, None):
            predictor.require_metres("a range of the colours")
        if self.calibration is not None and self.calibration.shift == 0:
            predictor.require_metres("a calibration without a shift")
        return PhotoPredictor(self, predictor.for_many() if many else predictor)


class PhotoPredictor:
    """A loaded model that does a `PhotoWork`; it can be called from several threads."""

    def __init__(self, work: PhotoWork, predictor: Predictor):
        self._work, self._predictor = work, predictor
        self.notes = () if predictor.precision is None else (str(predictor.precision),)
        if work.calibration is not None:
            _warn_of_another_way(work.calibration, predictor)

    def __call__(self, job: FileJob, data: bytes | None = None) -> PredictedPhoto:
        """Predict a photograph and write its results; `data` are the bytes of its file, if known.

        Errors: LeadlineError for a picture that cannot be read, or files that cannot be written.
        """
        work = self._work
        photo = _read(job.source) if data is None else decode_photo(data, job.source)
        camera = work.given.for_size(photo.width, photo.height)
        prediction = self._predictor.predict(photo, *camera)
        if work.keeps:
            depth = calibrated(prediction.depth, work.calibration, job.source)
            has_labels = prediction.labels is not None
            return PredictedPhoto(
                job.source,
                files=(),
                has_labels=has_labels,
                camera=prediction.camera,
                kind=depth.kind,
                kept=depth,
                novelty=prediction.novelty,
            )
        return write_outputs(job, photo, prediction, work.calibration, work.output)


def _read(source: Path) -> Photo:
    if source != STDIN:
        return read_photo(source)
    data = sys.stdin.buffer.read()
    if not data:
        raise LeadlineError("standard input is empty; pipe a picture into it")
    return decode_photo(data, Path("stdin"))


def _warn_of_another_way(calibration: Calibration, predictor: Predictor) -> None:
    """Warn if a calibration was made with another model, or with another use of the camera."""
    now = {
        "model": predictor.name,
        "camera_use": predictor.training_camera.use(predictor.camera_mode),
    }
    for key, value in now.items():
        made_for = calibration.about.get(key, "")
        if made_for and made_for != value:
            what = made_for if key == "model" else f"the camera {made_for}"
            warnings.warn(
                f"the calibration was made for {what}, not {value}: the metres may be off",
                LeadlineWarning,
                stacklevel=5,
            )
