"""Measure distances in a photograph or a depth file: `leadline measure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.measure import Box, Distance, Pixel, Polygon, Span
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError
from leadline.inference.camera import CameraMode, GivenCamera
from leadline.inference.outputs import calibrated
from leadline.inference.photo_or_depth import is_depth_source, predict_source
from leadline.io.calibration import read_calibration
from leadline.io.formats import read_checked_depth
from leadline.io.masks import read_mask


@dataclass(frozen=True)
class Measurement:
    """The measurements in one picture, in the order of the request.

    `regions` maps a region's description to its distance, `spans` maps "x,y to x,y" to the line in
    space. `is_of_photograph` is False if `source` is a depth file.
    """

    source: Path
    depth_map: DepthMap
    regions: dict[str, Distance]
    spans: dict[str, Span]
    is_of_photograph: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the measurements as JSON-serialisable values."""
        return {
            "source": str(self.source),
            "regions": {name: each.to_dict() for name, each in self.regions.items()},
            "spans": {name: each.to_dict() for name, each in self.spans.items()},
            "provenance": dict(self.depth_map.provenance),
        }


def measure(
    source: str | Path,
    *,
    pixels: Sequence[Pixel] = (),
    boxes: Sequence[Box] = (),
    polygons: Sequence[Polygon] = (),
    masks: Sequence[str | Path] = (),
    points: Sequence[tuple[Pixel, Pixel]] = (),
    relative_error: float | None = None,
    model: str | Path | None = None,
    intrinsics: str | Path | None = None,
    fov: float | None = None,
    camera: CameraMode | None = None,
    calibration: str | Path | None = None,
    units: str | float | None = None,
) -> Measurement:
    """Measure distances of objects in a photograph, predicted by `model`, or in a depth file.

    `pixels` are (x, y). `boxes`, `polygons` and `masks` (files: NPY or a grey picture, 0 outside)
    are the regions of objects, as in `DepthMap.distance`. `points` are pairs of pixels (x, y)
    between which the length of the line in space is measured. `relative_error`, the standard error
    of depth as a share of the depth, gives the lengths an error. `intrinsics`, `fov`, `camera` and
    `calibration` work as in `leadline.predict`; the first two also serve depth files that do not
    hold their camera. `units` are the units per metre of an integer file that does not state its
    unit.

    Errors: LeadlineError for a wrong option or file, a region or pixel without valid depth, or
    points without a known camera.

    >>> round(measure("depth.npy", boxes=[(0, 0, 2, 1)]).regions["box 0,0,2,1"].metres, 3)
    3.0
    """
    source = Path(source)
    if not (pixels or boxes or polygons or masks or points):
        raise LeadlineError(
            "nothing to measure: give a pixel, a box, a polygon, a mask or two points"
        )
    if relative_error is not None and not points:
        raise LeadlineError(
            "a relative error is for the length between two points; give --points, or leave "
            "--relative-error out"
        )
    is_depth = is_depth_source(source, model, units)
    given = GivenCamera.open(intrinsics, fov)
    things = {mask: read_mask(Path(mask)) for mask in masks}
    correction = None if calibration is None else read_calibration(Path(calibration))
    if is_depth:
        if camera is not None:
            raise LeadlineError(f"{source}: is a depth map; leave --camera out")
        if given != GivenCamera() and not points:
            raise LeadlineError(
                f"{source}: is a depth map, of which only points need a camera; leave --fov and "
                "--intrinsics out"
            )
        depth_map = _with_camera(_read(source, units), given, source)
    else:
        depth_map = predict_source(source, model, given, camera)
    depth_map = calibrated(depth_map, correction, source)
    regions = {f"{x},{y}": _at(depth_map, x, y) for x, y in pixels}
    regions |= {f"box {','.join(f'{s:g}' for s in box)}": depth_map.distance(box) for box in boxes}
    for polygon in polygons:
        name = f"polygon {' '.join(f'{x:g},{y:g}' for x, y in polygon)}"
        regions[name] = depth_map.distance(polygon=polygon)
    regions |= {f"mask {path}": _of_mask(depth_map, path, thing) for path, thing in things.items()}
    spans = {
        f"{a[0]},{a[1]} to {b[0]},{b[1]}": depth_map.distance_between(a, b, relative_error)
        for a, b in points
    }
    return Measurement(source, depth_map, regions, spans, not is_depth)


def _at(depth_map: DepthMap, x: int, y: int) -> Distance:
    depth_map.check_pixel(x, y)
    return depth_map.distance((x, y, x + 1, y + 1))


def _of_mask(depth_map: DepthMap, path: str | Path, mask: NDArray[np.bool_]) -> Distance:
    try:
        return depth_map.distance(mask=mask)
    except LeadlineError as error:
        raise LeadlineError(f"mask {path}: {error}") from None


def _read(source: Path, units: str | float | None) -> DepthMap:
    return read_checked_depth(source, None if units is None else parse_units(units))


def _with_camera(depth_map: DepthMap, given: GivenCamera, source: Path) -> DepthMap:
    """Return a depth map with the camera stated by the user."""
    if given == GivenCamera():
        return depth_map
    if depth_map.intrinsics is not None:
        raise LeadlineError(f"{source}: holds its camera; leave --fov and --intrinsics out")
    camera, _ = given.for_size(depth_map.width, depth_map.height)
    return replace(depth_map, intrinsics=camera)
