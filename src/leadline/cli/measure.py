"""`leadline measure`: how far things in a picture are, and how far apart."""

import re
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.options import DepthScaleOption, JsonOption
from leadline.cli.text import print_list
from leadline.errors import LeadlineError
from leadline.inference.camera import CameraMode
from leadline.inference.measure_file import Measurement, measure

_NUMBER = r"-?\d+(?:\.\d+)?"


def parse_numbers(option: str, text: str, count: int, example: str) -> list[float]:
    """Return the `count` numbers, with commas between them, that were given for an option.

    Errors: LeadlineError for anything else.
    """
    if not re.fullmatch(rf"\s*{_NUMBER}(\s*,\s*{_NUMBER}){{{count - 1}}}\s*", text):
        raise LeadlineError(f"{option} {text[:80]}: expected {example}")
    return [float(part) for part in text.split(",")]


PIXEL = "a pixel X,Y, for instance 320,240"
TWO_PIXELS = "two pixels X,Y X,Y, for instance 100,50 400,50"


def parse_pixel(option: str, text: str, example: str) -> tuple[int, int]:
    """Return the pixel (x, y) that "X,Y" names. Errors: LeadlineError for anything else."""
    x, y = parse_numbers(option, text, 2, example)
    if x != int(x) or y != int(y):
        raise LeadlineError(f"{option} {text[:80]}: give whole pixels")
    return int(x), int(y)


def parse_polygon(text: str) -> list[tuple[float, float]]:
    """Return the corners of "X,Y X,Y X,Y". Errors: LeadlineError for anything else."""
    example = "corners 'X,Y X,Y X,Y' in pixels"
    corners = [parse_numbers("--polygon", part, 2, example) for part in text.split()]
    return [(x, y) for x, y in corners]


def measure_command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Photograph, or a depth file.")],
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y", help="Distance of this pixel; repeatable."),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1",
            help="Distance of the thing in this box (left, top, right, bottom); repeatable.",
        ),
    ] = None,
    polygon: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'X,Y X,Y ...'",
            help="Distance of the thing in this polygon, given by its corners; repeatable.",
        ),
    ] = None,
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help="Distance of the thing in this mask (NPY or grey picture, 0 outside); repeatable."
        ),
    ] = None,
    points: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="X,Y X,Y", help="Straight-line distance in space between these two pixels."
        ),
    ] = None,
    relative_error: Annotated[
        float | None,
        typer.Option(
            help="Your estimate of the standard error of depth, as a share (e.g. 0.1); gives "
            "--points an error."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model that predicts a photograph given as INPUT.")
    ] = None,
    intrinsics: Annotated[
        Path | None, typer.Option(help="Camera file, as for 'leadline predict'.")
    ] = None,
    fov: Annotated[float | None, typer.Option(help="Horizontal field of view, in degrees.")] = None,
    camera: Annotated[
        CameraMode | None,
        typer.Option(
            help="Photographs only. auto (default): scale depth by the focal length; ignore: do "
            "not."
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Apply this calibration.json, written by 'leadline calibrate'."),
    ] = None,
    depth_scale: DepthScaleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far away things are, and how far apart two pixels are in space.

    Distances are planar z in metres, along the viewing direction. A box, polygon or mask gives the
    median of its pixels and the range that holds 80 % of them, which is the spread of the surface.
    If the model predicts uncertainty, 8 of 10 true values lie in the interval 'likely'. Otherwise
    give your own estimate of the error with --relative-error.
    """
    ends = [parse_pixel("--points", each, TWO_PIXELS) for each in points or ()]
    measured = measure(
        source,
        pixels=[parse_pixel("--at", each, PIXEL) for each in at or ()],
        boxes=[parse_numbers("--box", each, 4, "X0,Y0,X1,Y1 in pixels") for each in box or ()],
        polygons=[parse_polygon(each) for each in polygon or ()],
        masks=mask or (),
        points=[(ends[0], ends[1])] if ends else [],
        relative_error=relative_error,
        model=model,
        intrinsics=intrinsics,
        fov=fov,
        camera=camera,
        calibration=calibration,
        units=depth_scale,
    )
    print_list(as_json, measured.to_dict, lambda: print_measured(measured))


def print_measured(measured: Measurement) -> None:
    """Print a line for each distance and each span."""
    for name, distance in measured.regions.items():
        typer.echo(f"{name}: {distance}")
    for name, span in measured.spans.items():
        typer.echo(f"{name}: {span}")
    camera = measured.depth_map.provenance.get("camera")
    if camera == "assumed":
        where = "" if measured.is_of_photograph else "to 'leadline predict', which made this file, "
        typer.echo(
            f"the camera is taken to be that of the training data; give --fov {where}if it is known"
        )
