"""`leadline predict`: photographs become metres."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from leadline.cli.inputs import FORMATS, check_needed, list_failures
from leadline.cli.options import parse_depth_scale
from leadline.cli.progress import track
from leadline.errors import LeadlineError
from leadline.inference.camera import CameraMode, CameraSource, CameraUse, PhotoCamera
from leadline.inference.combined_pictures import SHEET
from leadline.inference.outputs import (
    DEFAULT_FORMAT,
    OutputOptions,
    PredictedPhoto,
    format_of_output,
)
from leadline.inference.precision import PrecisionOption
from leadline.inference.predict_files import Engine, predict
from leadline.inference.runtime import Device, Hint, RuntimeName
from leadline.io.formats import depth_format, describe_values
from leadline.io.jobs import JobResults
from leadline.viz.color import ColorMap
from leadline.weights import DEFAULT_MODEL

STDOUT = Path("-")

RANGE_HELP = "Colour range in metres: auto (one for all pictures), per-image, or A to B."

OutputFormatOption = Annotated[
    str | None,
    typer.Option(
        metavar=FORMATS,
        help="Format of the depth file (default: by the suffix of -o, else npy): png16 holds "
        "integer units, grey16 inverse depth, the others metres.",
    ),
]


def predict_command(
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="Output folder; for a single picture also a file, or - (stdout)."
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INPUT]...", help="Photograph, folder, quoted glob, or - (stdin)."),
    ] = None,
    more_inputs: Annotated[
        list[str] | None, typer.Option("-i", "--input", help="Another input; repeatable.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Shipped model, run folder, model folder, .onnx, .xml, or hf:NAME.")
    ] = DEFAULT_MODEL,
    format: OutputFormatOption = None,
    units: Annotated[
        float | None,
        typer.Option(
            parser=parse_depth_scale,
            metavar="UNITS",
            help="png16: units per metre (default 1000, millimetres), or a name: nyu-mm, kitti, "
            "tum, ...",
        ),
    ] = None,
    color: Annotated[
        bool, typer.Option("--color", help="Also write <name>_color.png with a scale in metres.")
    ] = False,
    ply: Annotated[
        bool, typer.Option("--ply", help="Also write the point cloud <name>.ply.")
    ] = False,
    glb: Annotated[
        bool, typer.Option("--glb", help="Also write the point cloud <name>.glb.")
    ] = False,
    vmin: Annotated[
        float | None, typer.Option(help="Near end of the colour range, in metres.")
    ] = None,
    vmax: Annotated[
        float | None, typer.Option(help="Far end of the colour range, in metres.")
    ] = None,
    cmap: Annotated[ColorMap | None, typer.Option(help="Colour map (default turbo).")] = None,
    intrinsics: Annotated[
        Path | None,
        typer.Option(
            help="Camera file: 3x3 matrix K or 'fx fy cx cy', in pixels; also COLMAP, OpenCV and "
            "ROS."
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            help="Horizontal field of view, in degrees (default: from EXIF, else that of the "
            "training data)."
        ),
    ] = None,
    camera: Annotated[
        CameraMode,
        typer.Option(
            help="auto: scale depth by the focal length; ignore: use the camera for point clouds "
            "only."
        ),
    ] = "auto",
    calibration: Annotated[
        Path | None,
        typer.Option(help="Apply this calibration.json, written by 'leadline calibrate'."),
    ] = None,
    precision: Annotated[
        PrecisionOption,
        typer.Option(
            help="auto: int8 or bf16 if it costs at most 0.5 % of abs_rel, else f32; f32 is exact."
        ),
    ] = "auto",
    runtime: Annotated[RuntimeName, typer.Option(help="Runtime of the model.")] = "auto",
    processing_area: Annotated[
        int | None,
        typer.Option(
            help="Number of pixels that the network processes (default: as in training; others are"
            " less exact)."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads of the network (default: all).")
    ] = None,
    hint: Annotated[
        Hint,
        typer.Option(
            help="openvino only. latency: one picture as soon as possible; throughput: several in "
            "parallel; auto: by the number of pictures."
        ),
    ] = "auto",
    device: Annotated[
        Device, typer.Option(help="Device for the runtimes onnxruntime and torch.")
    ] = "cpu",
    compiled: Annotated[
        bool,
        typer.Option(
            "--compile", help="torch only: compile the network first, which takes a minute."
        ),
    ] = False,
    mesh: Annotated[
        bool, typer.Option("--mesh", help="Also write the textured mesh <name>_mesh.glb.")
    ] = False,
    normals: Annotated[
        bool,
        typer.Option(
            "--normals", help="Also write the surface normals as the picture <name>_normals.png."
        ),
    ] = False,
    mask: Annotated[
        bool,
        typer.Option("--mask", help="Also write <name>_valid.png: white where depth is valid."),
    ] = False,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Also write sheet.png: photographs beside their depth.")
    ] = False,
    color_range: Annotated[
        str, typer.Option("--range", metavar="auto|per-image|A,B", help=RANGE_HELP)
    ] = "auto",
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty",
            help="Also write <name>_uncertainty.npy, if the model predicts uncertainty.",
        ),
    ] = False,
    engine: Annotated[
        Engine,
        typer.Option(help="ray: run on a Ray cluster, which also accepts URIs (s3://...)."),
    ] = "local",
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Skip photographs whose output files all exist, of the same model and units.",
        ),
    ] = False,
) -> None:
    """Predict metric depth for photographs: one depth file each, at the photograph's own size.

    The output folder mirrors the tree of an input folder. A photograph that cannot be read is
    skipped and listed at the end; the exit status is then 1. A full or read-only disk ends the
    run.
    """
    chosen_range = None if color_range == "auto" else color_range
    of_colors = {"--vmin": vmin, "--vmax": vmax, "--cmap": cmap, "--range": chosen_range}
    for option, value in of_colors.items():
        check_needed(option, value, "--color", color or sheet)
    check_needed("--skip-existing", skip_existing, "a folder or file as -o", out != STDOUT)
    output = OutputOptions(
        format=format or format_of_output(out) or DEFAULT_FORMAT,
        units=units,
        color=color,
        ply=ply,
        glb=glb,
        vmin=vmin,
        vmax=vmax,
        cmap=cmap or "turbo",
        mesh=mesh,
        normals=normals,
        mask=mask,
        sheet=sheet,
        color_range=color_range,
        uncertainty=uncertainty,
    )
    with output_place(out, output) as place:
        results = predict(
            [*(inputs or []), *(more_inputs or [])],
            place,
            model=model,
            output=output,
            intrinsics=intrinsics,
            fov=fov,
            calibration=calibration,
            runtime=runtime,
            precision=precision,
            processing_area=processing_area,
            camera=camera,
            threads=threads,
            hint=hint,
            device=device,
            compiled=compiled,
            skip_existing=skip_existing,
            engine=engine,
            track=track,
        )
    print_done(results, out, output)
    list_failures(results)


@contextmanager
def output_place(out: Path, output: OutputOptions) -> Iterator[Path]:
    """Yield where to write; what is to go to standard output is sent there at the end.

    Errors: LeadlineError where that would be more than one file.
    """
    if out != STDOUT:
        yield out
        return
    if len(output.suffixes(labels=False)) > 1 or output.sheet:
        raise LeadlineError("-o -: standard output takes the depth file alone; give a folder")
    with TemporaryDirectory() as folder:
        place = Path(folder) / f"depth{depth_format(output.format).suffix}"
        try:
            yield place
        except LeadlineError as error:
            raise LeadlineError(str(error).replace(str(place), "-o -")) from error
        if place.is_file():
            write_to_stdout(place.read_bytes())


def write_to_stdout(data: bytes) -> None:
    """Write all of `data` to standard output.

    Unbuffered (PYTHONUNBUFFERED), it takes a part at a time and says how much.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) or 0 :]
    sys.stdout.buffer.flush()


def print_done(results: JobResults[PredictedPhoto], out: Path, output: OutputOptions) -> None:
    """Print how many photographs were predicted, and where their files are."""
    there = f"{results.existing} were there already" if results.existing else ""
    to_stderr = out == STDOUT
    if not results.done:
        if there:
            typer.echo(there, err=to_stderr)
        return
    values = describe_values(output.format, output.units_per_metre, results.done[0].kind)
    first, *others = output.suffixes(labels=any(photo.has_labels for photo in results.done))
    is_folder = not to_stderr and format_of_output(out) is None
    name = "<name>" if is_folder else out.stem
    files = [f"{out}/{name}{first}" if is_folder else str(out), *(name + end for end in others)]
    if output.sheet and not results.undrawn:
        files.append(SHEET)
    typer.echo(
        f"{len(results.done)} of {len(results)} predicted: {', '.join(files)} "
        f"({values}){there and f'; {there}'}",
        err=to_stderr,
    )
    cameras = cameras_in_words([photo.camera for photo in results.done])
    typer.echo(f"camera: {cameras}", err=to_stderr)
    for note in results.notes:
        typer.echo(note, err=to_stderr)


def cameras_in_words(cameras: Sequence[PhotoCamera]) -> str:
    """Say how many cameras are known how, and by what they multiplied the metres."""
    groups = defaultdict(list)
    for camera in cameras:
        groups[camera.source, camera.use].append(camera.scale)
    return ", ".join(
        f"{len(scales)} {source} ({_effect_in_words(source, use, scales)})"
        for (source, use), scales in sorted(groups.items())
    )


def _effect_in_words(source: CameraSource, use: CameraUse, scales: Sequence[float]) -> str:
    if use != "used":
        return f"{use}: metres as the network says"
    low, high = f"{min(scales):.3g}", f"{max(scales):.3g}"
    factor = f"metres x {low}" + (f" to {high}" if high != low else "")
    return f"as in training, {factor}" if source == "assumed" else factor
