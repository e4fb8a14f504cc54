"""`leadline calibrate`: known distances correct a predicted depth map."""

import math
import re
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.inputs import FormatOption
from leadline.cli.options import DepthScaleOption, parse_depth_scale
from leadline.depth.calibration import Fit
from leadline.depth.known_points import KnownPoint
from leadline.errors import LeadlineError
from leadline.inference.calibrate_file import CalibrationResult, calibrate
from leadline.inference.camera import CameraMode

MAX_POINTS_LISTED = 12
"""Points whose errors are printed one by one; of more, only the summary is."""


def parse_point(text: str | KnownPoint) -> KnownPoint:
    """Return the point that "X,Y=METRES" describes.

    Errors: LeadlineError for anything else.
    """
    if isinstance(text, KnownPoint):
        return text
    parts = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*=\s*([-+.\deE]+)\s*m?\s*", text)
    try:
        if parts is None or not math.isfinite(metres := float(parts[3])):
            raise ValueError(text)
    except ValueError:
        raise LeadlineError(
            f"--point {text}: expected X,Y=METRES in pixels from the top left, "
            "for instance 320,240=2.5"
        ) from None
    return KnownPoint(int(parts[1]), int(parts[2]), metres)


def calibrate_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="Predicted depth file, or a photograph, which is predicted first."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Output folder.")],
    point: Annotated[
        list[KnownPoint] | None,
        typer.Option(
            parser=parse_point,
            metavar="X,Y=METRES",
            help="Known distance at a pixel, in metres along the viewing direction; repeatable.",
        ),
    ] = None,
    sparse: Annotated[
        Path | None,
        typer.Option(
            help="File of known distances: a depth file of the same size, or text with 'x y "
            "metres' per line."
        ),
    ] = None,
    sparse_scale: Annotated[
        float | None,
        typer.Option(
            parser=parse_depth_scale,
            metavar="UNITS",
            help="Units per metre of a --sparse file that does not state it: 1000, kitti, ...",
        ),
    ] = None,
    shift: Annotated[
        bool,
        typer.Option(
            "--shift", help="Also fit a shift of inverse depth; needs at least two points."
        ),
    ] = False,
    fit: Annotated[
        Fit, typer.Option(help="How to fit: median is robust to wrong points.")
    ] = "median",
    model: Annotated[
        str | None, typer.Option(help="Model that predicts a photograph given as INPUT.")
    ] = None,
    intrinsics: Annotated[
        Path | None, typer.Option(help="Camera file of the photograph, as for 'leadline predict'.")
    ] = None,
    fov: Annotated[
        float | None, typer.Option(help="Horizontal field of view of the photograph, in degrees.")
    ] = None,
    camera: Annotated[
        CameraMode | None,
        typer.Option(
            help="Photographs only. auto (default): scale depth by the focal length; ignore: do "
            "not."
        ),
    ] = None,
    depth_scale: DepthScaleOption = None,
    format: FormatOption = "npy",
    color: Annotated[
        bool, typer.Option("--color", help="Also write <name>_color.png with a scale in metres.")
    ] = False,
) -> None:
    """Fit the scale of a depth map to known distances, and write the corrected map.

    Known distances are planar z: along the viewing direction, not along the ray. The fit is also
    saved as calibration.json. Use it for other pictures of the same camera with 'leadline predict
    --calibration'.
    """
    result = calibrate(
        source,
        out,
        points=point or (),
        sparse=sparse,
        sparse_units=sparse_scale,
        shift=shift,
        fit=fit,
        model=model,
        intrinsics=intrinsics,
        fov=fov,
        camera=camera,
        units=depth_scale,
        format=format,
        color=color,
    )
    print_fit(result, fit)
    print_points(result)
    typer.echo(f"written: {', '.join(map(str, result.files))}")


def print_fit(result: CalibrationResult, fit: Fit) -> None:
    """Print the calibration and which points and pixels were lost."""
    total = len(result.points) + result.points_on_invalid
    if result.points_on_invalid:
        typer.echo(f"{result.points_on_invalid} of {total} known distances lie on invalid depth")
    typer.echo(f"{result.calibration}   ({fit} of {len(result.points)} known distances)")
    if result.pixels_beyond_infinity:
        lost = result.pixels_beyond_infinity
        typer.echo(f"{lost} pixels lie beyond infinity after the shift: invalid")


def print_points(result: CalibrationResult) -> None:
    """Print the errors at the points, one by one where they are few."""
    if len(result.points) > MAX_POINTS_LISTED:
        typer.echo(f"{'':<12}{'abs_rel':>9}{'rmse':>9}{'delta1':>9}{'median error':>14}")
        for name, scores in result.scores().items():
            typer.echo(
                f"{name:<12}{scores['abs_rel']:>9.3f}{scores['rmse']:>9.3f}"
                f"{scores['delta1']:>9.3f}{scores['median_error']:>12.3f} m"
            )
        return
    points = result.points
    typer.echo(f"{'x':>6}{'y':>6}{'known':>10}{'predicted':>11}{'calibrated':>12}{'error':>9}")
    for x, y, truth, before, after in zip(
        points.x, points.y, points.metres, result.predicted, result.calibrated, strict=True
    ):
        error = round((after - truth) / truth, 4) + 0.0  # no "-0.0 %"
        typer.echo(f"{x:>6}{y:>6}{truth:>10.3f}{before:>11.3f}{after:>12.3f}{error:>+9.1%}")
