"""Photographs from files, metres to files: what `leadline predict` does."""

from __future__ import annotations

import warnings
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.depth.intrinsics import Intrinsics, check_fov
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode, CameraSource
from leadline.inference.outputs import OutputOptions, PredictedPhoto, write_outputs
from leadline.inference.predictor import Predictor
from leadline.inference.runtimes import Precision, RuntimeName
from leadline.io.atomic import check_writable
from leadline.io.calibration import read_calibration
from leadline.io.cameras import CameraFile, read_camera_file
from leadline.io.jobs import FileJob, JobResults, Paths, Track, find_jobs, run_jobs
from leadline.io.photos import IMAGE_SUFFIXES, Photo, read_photo
from leadline.weights import DEFAULT_MODEL


def predict(
    inputs: Paths,
    out: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    output: OutputOptions | None = None,
    intrinsics: str | Path | None = None,
    fov: float | None = None,
    calibration: str | Path | None = None,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    processing_area: int | None = None,
    camera: CameraMode = "auto",
    track: Track = iter,
) -> JobResults[PredictedPhoto]:
    """Predict metric depth of photographs; return what was written, and what was skipped.

    `inputs` are files, folders, whose trees are mirrored below the folder `out`, or globs. The
    camera of a photograph is, in this order, the file `intrinsics`, a horizontal field of view of
    `fov` degrees, the focal length of its EXIF block, or the camera of the training data. Metres
    and point clouds depend on it, metres not where `camera` is ignore. `calibration` is a file of
    `leadline.calibrate`. `model`, `runtime`, `precision`, `processing_area` and `camera` are those
    of `Predictor.load`. A photograph that cannot be read is skipped, and so is one without any
    camera where point clouds are wanted. A LeadlineWarning says what was clamped or not believed.

    Errors: LeadlineError, before anything is predicted, for a missing input, a wrong option, or an
    output that would overwrite an input or cannot be written.

    >>> results = predict("photo.jpg", "out", output=OutputOptions(format="npz", color=True))
    >>> [path.name for path in results.done[0].files], results.failures
    (['photo.npz', 'photo_color.png'], [])
    """
    out, output = Path(out), output or OutputOptions()
    if not isinstance(inputs, str | Path) and not inputs:
        raise LeadlineError("no input: give a photograph, a folder or a quoted glob")
    if fov is not None and intrinsics is not None:
        raise LeadlineError("give --fov or --intrinsics, not both")
    if fov is not None:
        check_fov(fov)
    camera_file = None if intrinsics is None else read_camera_file(intrinsics)
    correction = None if calibration is None else read_calibration(Path(calibration))
    jobs = find_jobs(inputs, out, noun="pictures", suffixes=IMAGE_SUFFIXES, outputs=output.files)
    check_writable(out)
    predictor = Predictor.load(
        model,
        runtime=runtime,
        precision=precision,
        processing_area=processing_area,
        camera=camera,
    )
    if correction is not None:
        _warn_of_another_way(correction, predictor)

    def predict_one(job: FileJob) -> PredictedPhoto:
        photo = read_photo(job.source)
        prediction = predictor.predict(photo, *_given_camera(photo, camera_file, fov))
        return write_outputs(job, photo, prediction, correction, output)

    return run_jobs(jobs, predict_one, track)


def _given_camera(
    photo: Photo, file: CameraFile | None, fov: float | None
) -> tuple[Intrinsics | None, CameraSource]:
    """Return the camera that the options give for a photograph, and how it is known."""
    if file is not None:
        return file.for_size(photo.width, photo.height), "measured"
    if fov is not None:
        return Intrinsics.from_fov(fov, photo.width, photo.height), "declared"
    return None, "unknown"


def _warn_of_another_way(calibration: Calibration, predictor: Predictor) -> None:
    """Warn where a calibration was made with another model, or with other use of the camera."""
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
                stacklevel=3,
            )
