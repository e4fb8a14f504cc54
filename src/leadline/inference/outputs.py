"""The files that `leadline predict` writes for a photograph: depth, colours, labels, points."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.calibration import Calibration
from leadline.depth.depth_map import DepthKind, DepthMap
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import PhotoCamera
from leadline.inference.predictor import Prediction
from leadline.io.formats import (
    depth_format,
    depth_suffixes,
    format_of_suffix,
    read_any_depth,
    write_depth,
)
from leadline.io.grey16 import is_grey16
from leadline.io.jobs import FileJob, with_suffix
from leadline.io.labels import write_labels
from leadline.io.mesh import write_mesh
from leadline.io.metadata import MASK_KIND, PREFIX
from leadline.io.photos import DERIVED, Photo, write_png
from leadline.io.png16 import DEFAULT_UNITS
from leadline.io.pointcloud import write_glb, write_ply
from leadline.io.uncertainty import write_uncertainty
from leadline.viz.color import (
    ColorMap,
    check_range,
    color_table,
    colorize,
    colorize_uncertainty,
    parse_range,
)
from leadline.viz.labels import colorize_labels
from leadline.viz.normals import colorize_normals, smoothed

DEFAULT_FORMAT = "npy"
COLOR = "_color.png"
"""Suffix of the file name of a colour picture of the depth."""
COLOR_RANGES = ("auto", "per-image")


def format_of_output(out: Path) -> str | None:
    """Return the depth format of the suffix of `out`; None if `out` is a folder.

    Errors: LeadlineError for a read-only format.
    """
    if out.suffix.lower() not in depth_suffixes() or out.is_dir():
        return None
    name = format_of_suffix(out)
    depth_format(name)
    return name


@dataclass(frozen=True)
class OutputOptions:
    """The files to write for each photograph.

    `format` is one of `writable_formats()`; `units` are the units per metre of png16, a number or
    a name (1000 by default: millimetres). `color` adds a colour picture with a metre scale, `ply`
    and `glb` point clouds, `mesh` a textured surface, `normals` a picture of the surface normals (x
    right, y up, z towards the viewer as red, green, blue), `mask` a picture of the valid pixels,
    `uncertainty` the model's uncertainty (with `color` also as a picture), and `sheet` one picture
    of all photographs with their depth. The colours of `cmap` run from `vmin` to `vmax` metres, or
    as `color_range` says: "auto", from the 2nd to the 98th percentile of all maps together;
    "per-image", of each map; or "A,B" in metres.

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
    mesh: bool = False
    normals: bool = False
    mask: bool = False
    sheet: bool = False
    color_range: str = "auto"
    uncertainty: bool = False

    def __post_init__(self) -> None:
        if self.units is not None and not depth_format(self.format).whole_units:
            raise LeadlineError("units are for format png16; the other formats hold metres")
        depth_format(self.format)
        parse_units(self.units_per_metre)
        color_table(self.cmap)
        check_range(*self.limits)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The ends of the colour range in metres, None where they follow from the maps."""
        if self.color_range in COLOR_RANGES:
            return self.vmin, self.vmax
        ends = parse_range(self.color_range, *COLOR_RANGES)
        if self.vmin is not None or self.vmax is not None:
            raise LeadlineError(
                f"range {self.color_range} and vmin or vmax contradict; give one of them"
            )
        return ends

    @property
    def has_common_range(self) -> bool:
        """Whether colours depend on all maps, so that they can only be drawn at the end."""
        return self.color and self.color_range == "auto" and None in self.limits

    @property
    def units_per_metre(self) -> float:
        """Units per metre of png16."""
        return DEFAULT_UNITS if self.units is None else parse_units(self.units)

    @property
    def needs_metres(self) -> bool:
        """Whether any output needs depth in metres."""
        surfaces = self.ply or self.glb or self.mesh or self.normals or self.sheet
        return surfaces or depth_format(self.format).whole_units

    def suffixes(self, *, labels: bool) -> list[str]:
        """Return the file-name suffixes for one photograph, with or without class labels."""
        further = [file.suffix for file in _FURTHER_FILES if file.is_written(self, labels)]
        return [depth_format(self.format).suffix, *further]

    def depth_file(self, target: Path) -> Path:
        """Return the depth file of a photograph."""
        return with_suffix(target, depth_format(self.format).suffix)

    def files(self, target: Path) -> list[Path]:
        """Return all files that may be written for one photograph."""
        return [with_suffix(target, suffix) for suffix in self.suffixes(labels=True)]

    def is_complete(self, target: Path) -> bool:
        """Return whether the files written for every photograph exist for this one."""
        ends = [end for end in self.suffixes(labels=False)[1:] if not self._is_drawn_later(end)]
        depth, others = self.depth_file(target), [with_suffix(target, end) for end in ends]
        files = [*depth_format(self.format).files(depth), *others]
        # Two formats use .png; a file of the other format does not count.
        is_other = depth.suffix == ".png" and is_grey16(depth) != (self.format == "grey16")
        return all(file.is_file() for file in files) and not is_other

    def _is_drawn_later(self, end: str) -> bool:
        return end == COLOR and self.has_common_range


@dataclass(frozen=True)
class PredictedPhoto:
    """A photograph, its camera, and the files written for it, the depth map first.

    If nothing was written, `kept` holds the depth map. `novelty` is as in `Prediction`.
    """

    source: Path
    files: tuple[Path, ...]
    has_labels: bool
    camera: PhotoCamera
    kind: DepthKind = "metric"
    kept: DepthMap | None = None
    novelty: float | None = None

    @property
    def depth_map(self) -> DepthMap:
        """The predicted depth, from memory or from its file.

        Errors: LeadlineError if the file is gone or holds no metres (grey16).
        """
        return read_any_depth(self.files[0]) if self.kept is None else self.kept


def write_outputs(
    job: FileJob,
    photo: Photo,
    prediction: Prediction,
    calibration: Calibration | None,
    output: OutputOptions,
) -> PredictedPhoto:
    """Write the files of one photograph."""
    depth, labels = calibrated(prediction.depth, calibration, job.source), prediction.labels
    needs_camera = output.ply or output.glb or output.mesh or output.normals
    if depth.intrinsics is None and needs_camera:
        raise LeadlineError(
            f"{job.source}: a point cloud or surface needs a camera, and neither the photograph "
            "nor the model says one; give --fov or --intrinsics"
        )
    contents = _Contents(photo, depth, labels, output)
    for further in _FURTHER_FILES:
        if further.is_written(output, labels is not None):
            further.write(with_suffix(job.target, further.suffix), contents)
    # The depth map comes last, so that it exists only if all other files do.
    write_depth(output.depth_file(job.target), depth, output.format, output.units_per_metre)
    suffixes = output.suffixes(labels=labels is not None)
    return PredictedPhoto(
        job.source,
        files=tuple(with_suffix(job.target, suffix) for suffix in suffixes),
        has_labels=labels is not None,
        camera=prediction.camera,
        kind=depth.kind,
        novelty=prediction.novelty,
    )


@dataclass(frozen=True)
class _Contents:
    """The data from which the files of one photograph are written."""

    photo: Photo
    depth: DepthMap
    labels: NDArray[np.integer] | None
    output: OutputOptions


@dataclass(frozen=True)
class _FurtherFile:
    """A file beside the depth file: its suffix, when it is wanted, and its writer.

    Files with `of_labels` exist only for models that predict classes.
    """

    suffix: str
    is_wanted: Callable[[OutputOptions], bool]
    write: Callable[[Path, _Contents], None]
    of_labels: bool = False

    def is_written(self, output: OutputOptions, has_labels: bool) -> bool:
        """Return whether the file is written for a prediction with or without class labels."""
        return self.is_wanted(output) and (has_labels or not self.of_labels)


def _write_colors(path: Path, contents: _Contents) -> None:
    output, depth = contents.output, contents.depth
    # A common range is known only after all maps are written: see `draw_together`.
    if not (output.has_common_range and depth.kind == "metric"):
        write_color(path, depth, output, output.limits)


def _write_labels(path: Path, contents: _Contents) -> None:
    assert contents.labels is not None
    write_labels(path, contents.labels)


def _write_label_colors(path: Path, contents: _Contents) -> None:
    assert contents.labels is not None
    write_png(path, colorize_labels(contents.labels), DERIVED)


def _write_normals(path: Path, contents: _Contents) -> None:
    write_png(path, colorize_normals(smoothed(contents.depth).normals()), DERIVED)


def _write_mask(path: Path, contents: _Contents) -> None:
    mask = contents.depth.valid.astype(np.uint8) * np.uint8(255)
    write_png(path, mask, {PREFIX + "kind": MASK_KIND})


def _write_uncertainty(path: Path, contents: _Contents) -> None:
    write_uncertainty(path, contents.depth)


def _write_uncertainty_colors(path: Path, contents: _Contents) -> None:
    write_png(path, colorize_uncertainty(contents.depth), DERIVED)


def _write_ply(path: Path, contents: _Contents) -> None:
    write_ply(path, contents.depth, contents.photo.pixels)


def _write_glb(path: Path, contents: _Contents) -> None:
    write_glb(path, contents.depth, contents.photo.pixels)


def _write_mesh(path: Path, contents: _Contents) -> None:
    write_mesh(path, contents.depth, contents.photo.pixels)


_FURTHER_FILES = (
    _FurtherFile(COLOR, lambda output: output.color, _write_colors),
    _FurtherFile("_labels.png", lambda _: True, _write_labels, of_labels=True),
    _FurtherFile(
        "_labels_color.png", lambda output: output.color, _write_label_colors, of_labels=True
    ),
    _FurtherFile("_normals.png", lambda output: output.normals, _write_normals),
    _FurtherFile("_valid.png", lambda output: output.mask, _write_mask),
    _FurtherFile("_uncertainty.npy", lambda output: output.uncertainty, _write_uncertainty),
    _FurtherFile(
        "_uncertainty_color.png",
        lambda output: output.uncertainty and output.color,
        _write_uncertainty_colors,
    ),
    _FurtherFile(".ply", lambda output: output.ply, _write_ply),
    _FurtherFile(".glb", lambda output: output.glb, _write_glb),
    _FurtherFile("_mesh.glb", lambda output: output.mesh, _write_mesh),
)
"""The files written for a photograph before its depth file."""


def write_color(
    path: Path,
    depth: DepthMap,
    output: OutputOptions,
    limits: tuple[float | None, float | None],
) -> None:
    """Write a map as colours over `limits` metres, with its scale."""
    low, high = limits
    write_png(path, colorize(depth, vmin=low, vmax=high, cmap=output.cmap, bar=True), DERIVED)


def calibrated(depth: DepthMap, calibration: Calibration | None, source: Path) -> DepthMap:
    """Return a depth map with a calibration applied, if there is one.

    Errors: LeadlineError if the map is already calibrated.
    """
    if calibration is None:
        return depth
    if earlier := depth.provenance.get("calibration"):
        raise LeadlineError(
            f"{source}: is calibrated already ({earlier}); leave --calibration out, or give the "
            "depth map that it was made from"
        )
    _warn_of_another_camera(source, calibration.about, depth.provenance)
    return calibration.apply(depth)


def _warn_of_another_camera(
    source: Path, made_with: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """Warn if the camera was known either now or when the calibration was made, but not both."""
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
