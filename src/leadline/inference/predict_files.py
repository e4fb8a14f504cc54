"""Photographs from files, metres to files: what `leadline predict` does."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.depth.intrinsics import Intrinsics, check_fov
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode, CameraSource, PhotoCamera
from leadline.inference.predictor import Prediction, Predictor
from leadline.inference.runtimes import Precision, RuntimeName
from leadline.io.atomic import check_writable
from leadline.io.calibration import read_calibration
from leadline.io.cameras import CameraFile, read_camera_file
from leadline.io.formats import depth_format, write_depth
from leadline.io.jobs import FileJob, JobResults, Paths, Track, find_jobs, run_jobs, with_suffix
from leadline.io.labels import write_labels
from leadline.io.photos import IMAGE_SUFFIXES, Photo, read_photo, write_png
from leadline.io.png16 import DEFAULT_UNITS
from leadline.io.pointcloud import write_glb, write_ply
from leadline.viz.color import ColorMap, check_range, color_table, colorize
from leadline.viz.labels import colorize_labels
from leadline.weights import DEFAULT_MODEL


@dataclass(frozen=True)
class OutputOptions:
    """What is written for each photograph.

    `format` is one of `writable_formats()`; `units` are the units per metre of png16, a number or
    a name (1000 by default: millimetres). `color` adds a colour picture with a metre scale, `ply`
    and `glb` point clouds. The colours of `cmap` run from `vmin` to `vmax` metres, by default the
    2nd to the 98th percentile of each map.
    Errors: LeadlineError for an unknown format, unit or colour map, a unit for a format in metres,
    or a range that is not increasing.
    """

    format: str = "npy"
    units: str | float | None = None
    color: bool = False
    ply: bool = False
    glb: bool = False
    vmin: float | None = None
    vmax: float | None = None
    cmap: ColorMap = "turbo"

    def __post_init__(self) -> None:
        if self.units is not None and not depth_format(self.format).whole_units:
            raise LeadlineError("--units is for --format png16; the other formats hold metres")
        depth_format(self.format)
        parse_units(self.units_per_metre)
        color_table(self.cmap)
        check_range(self.vmin, self.vmax)

    @property
    def units_per_metre(self) -> float:
        """Units per metre of png16."""
        return DEFAULT_UNITS if self.units is None else parse_units(self.units)

    def suffixes(self, *, labels: bool) -> list[str]:
        """Return how the names of the files of one photograph end, with class labels or without."""
        ends = [depth_format(self.format).suffix] + ["_color.png"] * self.color
        if labels:
            ends += ["_labels.png"] + ["_labels_color.png"] * self.color
        return ends + [".ply"] * self.ply + [".glb"] * self.glb

    def files(self, target: Path) -> list[Path]:
        """Return every file that may be written for one photograph."""
        return [with_suffix(target, suffix) for suffix in self.suffixes(labels=True)]


@dataclass(frozen=True)
class PredictedPhoto:
    """A photograph, its camera, and the files written for it, the depth map first."""

    source: Path
    files: tuple[Path, ...]
    has_labels: bool
    camera: PhotoCamera


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
        return _write(job, photo, prediction, correction, output)

    return run_jobs(jobs, predict_one, track)


def _write(
    job: FileJob,
    photo: Photo,
    prediction: Prediction,
    calibration: Calibration | None,
    output: OutputOptions,
) -> PredictedPhoto:
    """Write the files of one photograph."""
    depth, labels = prediction.depth, prediction.labels
    if depth.intrinsics is None and (output.ply or output.glb):
        raise LeadlineError(
            f"{job.source}: a point cloud needs a camera, and neither the photograph nor the model "
            "says one; give --fov or --intrinsics"
        )
    if calibration is not None:
        depth = calibration.apply(depth)
    files = {
        end: with_suffix(job.target, end) for end in output.suffixes(labels=labels is not None)
    }
    write_depth(next(iter(files.values())), depth, output.format, output.units_per_metre)
    if output.color:
        picture = colorize(depth, vmin=output.vmin, vmax=output.vmax, cmap=output.cmap, bar=True)
        write_png(files["_color.png"], picture)
    if labels is not None:
        write_labels(files["_labels.png"], labels)
        if output.color:
            write_png(files["_labels_color.png"], colorize_labels(labels))
    if output.ply:
        write_ply(files[".ply"], depth, photo.pixels)
    if output.glb:
        write_glb(files[".glb"], depth, photo.pixels)
    return PredictedPhoto(job.source, tuple(files.values()), labels is not None, prediction.camera)


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
