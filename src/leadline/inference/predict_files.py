"""Photographs from files, metres to files: what `leadline predict` does."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.depth.intrinsics import Intrinsics, check_fov
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.predictor import Predictor
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

ASSUMED_FOV = 60.0
"""Degrees: the horizontal field of view of a camera that nothing is known about."""


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
    """A photograph and the files written for it, the depth map first."""

    source: Path
    files: tuple[Path, ...]
    has_labels: bool


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
    track: Track = iter,
) -> JobResults[PredictedPhoto]:
    """Predict metric depth of photographs; return what was written, and what was skipped.

    `inputs` are files, folders, whose trees are mirrored below the folder `out`, or globs. The
    camera of point clouds is, in this order, the file `intrinsics`, a horizontal field of view of
    `fov` degrees, the focal length of the EXIF block, or 60 degrees. `calibration` is a file of
    `leadline.calibrate`. `model`, `runtime`, `precision` and `processing_area` are those of
    `Predictor.load`. A photograph that cannot be read is skipped. A LeadlineWarning says what was
    assumed or clamped.

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
    camera = None if intrinsics is None else read_camera_file(intrinsics)
    correction = None if calibration is None else read_calibration(Path(calibration))
    jobs = find_jobs(inputs, out, noun="pictures", suffixes=IMAGE_SUFFIXES, outputs=output.files)
    check_writable(out)
    predictor = Predictor.load(
        model, runtime=runtime, precision=precision, processing_area=processing_area
    )
    if correction is not None:
        _warn_of_another_model(correction, predictor.name)

    def predict_one(job: FileJob) -> PredictedPhoto:
        photo = read_photo(job.source)
        chosen = _camera_of(photo, camera, fov, warn=output.ply or output.glb)
        return _write(job, photo, predictor, chosen, correction, output)

    return run_jobs(jobs, predict_one, track)


def _write(
    job: FileJob,
    photo: Photo,
    predictor: Predictor,
    camera: Intrinsics,
    calibration: Calibration | None,
    output: OutputOptions,
) -> PredictedPhoto:
    """Predict one photograph and write its files."""
    prediction = predictor.predict(photo, camera)
    depth, labels = prediction.depth, prediction.labels
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
    return PredictedPhoto(job.source, tuple(files.values()), labels is not None)


def _camera_of(
    photo: Photo, camera: CameraFile | None, fov: float | None, *, warn: bool
) -> Intrinsics:
    """Return the camera of a photograph; with `warn`, a LeadlineWarning says if it is assumed."""
    width, height = photo.width, photo.height
    if camera is not None:
        return camera.for_size(width, height)
    if fov is not None:
        return Intrinsics.from_fov(fov, width, height)
    if photo.focal_35mm is not None:
        return Intrinsics.from_focal_35mm(photo.focal_35mm, width, height)
    if warn:
        warnings.warn(
            f"{photo.path}: camera unknown, assuming {ASSUMED_FOV:g} degrees across; "
            "give --fov or --intrinsics",
            LeadlineWarning,
            stacklevel=2,
        )
    return Intrinsics.from_fov(ASSUMED_FOV, width, height)


def _warn_of_another_model(calibration: Calibration, model: str) -> None:
    made_for = calibration.about.get("model", "")
    if made_for and made_for != model:
        warnings.warn(
            f"the calibration was made for {made_for}, not {model}: the metres may be off",
            LeadlineWarning,
            stacklevel=3,
        )
