"""What `leadline predict` writes for a photograph: depth, colours, labels, points."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import PhotoCamera
from leadline.inference.predictor import Prediction
from leadline.io.formats import depth_format, depth_suffixes, format_of_suffix, write_depth
from leadline.io.jobs import FileJob, with_suffix
from leadline.io.labels import write_labels
from leadline.io.photos import DERIVED, Photo, write_png
from leadline.io.png16 import DEFAULT_UNITS
from leadline.io.pointcloud import write_glb, write_ply
from leadline.viz.color import ColorMap, check_range, color_table, colorize
from leadline.viz.labels import colorize_labels

DEFAULT_FORMAT = "npy"


def format_of_output(out: Path) -> str | None:
    """Return the depth format whose suffix the output `out` has; None where it is a folder.

    Errors: LeadlineError for a format that is read but not written.
    """
    if out.suffix.lower() not in depth_suffixes() or out.is_dir():
        return None
    name = format_of_suffix(out)
    depth_format(name)
    return name


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

    format: str = DEFAULT_FORMAT
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

    def is_complete(self, target: Path) -> bool:
        """Return whether what is written for every photograph is there for this one."""
        depth, *others = (with_suffix(target, end) for end in self.suffixes(labels=False))
        files = [*depth_format(self.format).files(depth), *others]
        return all(file.is_file() for file in files)


@dataclass(frozen=True)
class PredictedPhoto:
    """A photograph, its camera, and the files written for it, the depth map first."""

    source: Path
    files: tuple[Path, ...]
    has_labels: bool
    camera: PhotoCamera


def write_outputs(
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
        _warn_of_another_camera(job.source, calibration.about, depth.provenance)
        depth = calibration.apply(depth)
    files = {
        end: with_suffix(job.target, end) for end in output.suffixes(labels=labels is not None)
    }
    if output.color:
        picture = colorize(depth, vmin=output.vmin, vmax=output.vmax, cmap=output.cmap, bar=True)
        write_png(files["_color.png"], picture, DERIVED)
    if labels is not None:
        write_labels(files["_labels.png"], labels)
        if output.color:
            write_png(files["_labels_color.png"], colorize_labels(labels), DERIVED)
    if output.ply:
        write_ply(files[".ply"], depth, photo.pixels)
    if output.glb:
        write_glb(files[".glb"], depth, photo.pixels)
    # Last, so that a depth map is there only where everything else is.
    write_depth(next(iter(files.values())), depth, output.format, output.units_per_metre)
    return PredictedPhoto(job.source, tuple(files.values()), labels is not None, prediction.camera)


def _warn_of_another_camera(
    source: Path, made_with: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """Warn where a calibration has made up for a camera that is known now, or the other way."""
    known = [each.get("camera") in {"measured", "declared", "exif"} for each in (made_with, now)]
    counts = any(float(each.get("camera_scale", 1)) != 1 for each in (made_with, now))
    if "camera" in made_with and known[0] != known[1] and counts:
        warnings.warn(
            f"{source}: its camera is {now.get('camera')}, and was {made_with['camera']} when the "
            "calibration was made, so the metres are off; calibrate with the same --fov, "
            "--intrinsics or EXIF block",
            LeadlineWarning,
            stacklevel=3,
        )
