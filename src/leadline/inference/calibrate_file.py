"""Correct a predicted depth map by known distances: `leadline calibrate`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.calibration import Calibration, Fit, fit_calibration
from leadline.depth.depth_map import DepthMap
from leadline.depth.known_points import KnownPoint, KnownPoints
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode, GivenCamera
from leadline.inference.outputs import COLOR
from leadline.inference.photo_or_depth import is_depth_source, predict_source
from leadline.io.atomic import check_writable
from leadline.io.calibration import write_calibration
from leadline.io.formats import depth_format, read_any_depth, write_depth
from leadline.io.jobs import with_suffix
from leadline.io.photos import DERIVED, write_png
from leadline.io.points import TEXT_SUFFIXES, read_points
from leadline.metrics import depth_metrics
from leadline.viz.color import colorize

_MADE_BY = ("model", "camera_use", "camera", "camera_scale")
"""Provenance keys stored with a calibration: it is valid for predictions that agree in them."""

_RATIOS_OF_UNITS = {"centimetres": (30, 300), "millimetres": (300, 3000)}
"""Ratio of known to predicted distances that suggests these units; no model is so far off."""

FARTHEST_SCORED = 1e6
"""Limit in metres of calibrated depth in the scores, since a shift may send it to infinity."""


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """A fitted calibration, the data it was fitted to, and the written files, the depth map first.

    `points` are the known distances on valid depth; `predicted` and `calibrated` are the depths
    there in metres, (n,) float64, before and after. `points_on_invalid` counts the known distances
    on invalid depth, which were left out; `pixels_beyond_infinity` counts the pixels that the shift
    made invalid.
    """

    calibration: Calibration
    points: KnownPoints
    predicted: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    points_on_invalid: int
    pixels_beyond_infinity: int
    files: tuple[Path, ...]

    def scores(self) -> dict[str, dict[str, float]]:
        """Return the metrics and the median absolute error in metres at the points.

        Keys: "predicted" and "calibrated", each with the keys of `depth_metrics` and
        "median_error".
        """
        rows = {"predicted": self.predicted, "calibrated": self.calibrated}
        scores = {}
        for name, metres in rows.items():
            finite = np.minimum(metres, FARTHEST_SCORED)
            error = float(np.median(np.abs(finite - self.points.metres)))
            scores[name] = {**depth_metrics(finite, self.points.metres), "median_error": error}
        return scores


def calibrate(
    source: str | Path,
    out: str | Path,
    *,
    points: Sequence[KnownPoint | tuple[int, int, float]] = (),
    sparse: str | Path | None = None,
    sparse_units: str | float | None = None,
    shift: bool = False,
    fit: Fit = "median",
    model: str | Path | None = None,
    intrinsics: str | Path | None = None,
    fov: float | None = None,
    camera: CameraMode | None = None,
    units: str | float | None = None,
    format: str = "npy",
    color: bool = False,
) -> CalibrationResult:
    """Fit the scale of a depth map to known distances; write the corrected map and the fit.

    `source` is a predicted depth file, or a photograph, whose depth `model` predicts first. The
    known distances (planar z in metres) are `points` of (column, row, metres), or the file
    `sparse`: a depth map of the same size, or text lines with column, row and metres. `intrinsics`,
    `fov` and `camera` are for photographs and work as in `leadline.predict`; use the same values in
    both, since the fit is valid only for the same use of the camera. `units` and `sparse_units` are
    the units per metre of integer files that do not state their unit. With `shift`, inverse depth
    is also shifted. `fit` is as in `fit_calibration`. The corrected map and `calibration.json` are
    written to the folder `out`, with `color` also a colour picture.

    Errors: LeadlineError for a wrong option or file, a point on invalid depth, or distances that
    do not determine the fit.

    >>> result = calibrate("depth.npy", "corrected", points=[(0, 0, 3.0), (1, 0, 6.0)])
    >>> print(result.calibration)
    scale 1.5
    >>> [path.name for path in result.files]
    ['depth.npy', 'calibration.json']
    """
    source, out = Path(source), Path(out)
    _check_distances(points, sparse, sparse_units)
    files = [with_suffix(out / source.stem, depth_format(format).suffix), out / "calibration.json"]
    files += [with_suffix(out / source.stem, COLOR)] * color
    if source.resolve() in [path.resolve() for path in files]:
        raise LeadlineError(f"{source}: would be overwritten by a result; choose another -o")
    check_writable(out)
    prediction = _read_or_predict(source, model, units, GivenCamera.open(intrinsics, fov), camera)
    if "calibration" in prediction.provenance:
        raise LeadlineError(
            f"{source}: is calibrated already; calibrate the depth map that it was made from"
        )
    if prediction.kind != "metric" and not shift:
        raise LeadlineError(
            f"{source}: is {prediction.kind} depth, without scale and shift; add --shift, and two "
            "known distances or more"
        )
    known = _known_points(prediction, points, sparse, sparse_units)
    predicted = known.depth_at(prediction)
    usable = predicted > 0
    on_invalid = int(np.count_nonzero(~usable))
    known, predicted = known.select(usable), predicted[usable]
    calibration = fit_calibration(
        predicted, known.metres, shift=shift, fit=fit, kind=prediction.kind
    )
    if prediction.kind == "metric":
        _warn_of_other_units(known.metres, predicted, sparse)
    made_by = {key: prediction.provenance.get(key, "") for key in _MADE_BY}
    about = {"source": source.name, **made_by, "fit": fit, "points": str(len(known))}
    calibration = replace(calibration, about={key: value for key, value in about.items() if value})
    calibrated = calibration.apply(prediction)
    write_depth(files[0], calibrated, format)
    write_calibration(files[1], calibration)
    if color:
        write_png(files[2], colorize(calibrated, bar=True), DERIVED)
    return CalibrationResult(
        calibration,
        known,
        predicted,
        calibration.metres(predicted),
        points_on_invalid=on_invalid,
        pixels_beyond_infinity=int(prediction.valid.sum() - calibrated.valid.sum()),
        files=tuple(files),
    )


def _warn_of_other_units(
    known: NDArray[np.floating], predicted: NDArray[np.floating], sparse: str | Path | None
) -> None:
    """Warn if the ratio of known to predicted distances suggests a unit other than metres."""
    if not len(known):
        return
    ratio = float(np.median(known / predicted))
    units = (name for name, (low, high) in _RATIOS_OF_UNITS.items() if low < ratio < high)
    unit = next(units, None)
    if unit is None:
        return
    remedy = "give --point X,Y=METRES, for instance 320,240=2.5"
    if sparse is not None:
        is_text = Path(sparse).suffix.lower() in TEXT_SUFFIXES
        scale = f"--sparse-scale {1000 if unit == 'millimetres' else 100}, or "
        remedy = f"{'' if is_text else scale}write metres into {sparse}"
    warnings.warn(
        f"the known distances are {ratio:.0f} times the predicted ones: {unit}? They are taken for "
        f"metres; {remedy}",
        LeadlineWarning,
        stacklevel=3,
    )


def _check_distances(
    points: Sequence[KnownPoint | tuple[int, int, float]],
    sparse: str | Path | None,
    sparse_units: str | float | None,
) -> None:
    """Raise LeadlineError unless there are either points or a file of them."""
    if (sparse is None) == (not points):
        raise LeadlineError(
            "give known distances: --point X,Y=METRES (repeatable) or --sparse FILE"
            + (", not both" if points else "")
        )
    if sparse_units is not None and sparse is None:
        raise LeadlineError(
            "the unit of sparse points is given without them; give --sparse, or leave "
            "--sparse-scale out"
        )


def _read_or_predict(
    source: Path,
    model: str | Path | None,
    units: str | float | None,
    given: GivenCamera,
    camera: CameraMode | None,
) -> DepthMap:
    if not is_depth_source(source, model, units):
        return predict_source(source, model, given, camera)
    if given != GivenCamera() or camera is not None:
        raise LeadlineError(
            f"{source}: is a depth map, whose camera is fixed; leave --fov, --intrinsics and "
            "--camera out"
        )
    return read_any_depth(source, None if units is None else parse_units(units))


def _known_points(
    prediction: DepthMap,
    points: Sequence[KnownPoint | tuple[int, int, float]],
    sparse: str | Path | None,
    sparse_units: str | float | None,
) -> KnownPoints:
    """Return the known points; named points must lie on valid depth, those of a file need not."""
    if sparse is not None:
        units = None if sparse_units is None else parse_units(sparse_units)
        return read_points(Path(sparse), prediction.shape, units)
    for x, y, _ in points:
        prediction.check_pixel(x, y)
    return KnownPoints.from_points(points)
