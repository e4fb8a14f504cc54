"""`leadline predict`: photographs become metres."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.inputs import (
    Failure,
    Job,
    check_writable,
    find_jobs,
    list_failures,
    with_suffix,
)

if TYPE_CHECKING:
    from leadline.depth import Calibration, DepthMap, Intrinsics
    from leadline.io import Photo

ASSUMED_FOV = 60.0


def predict_command(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT]...", help="File, folder or quoted glob.")
    ] = None,
    more_inputs: Annotated[
        list[str] | None, typer.Option("-i", "--input", help="Another input; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the results.")] = None,
    model: Annotated[
        str, typer.Option(help="Shipped model, run folder, model folder, .onnx or .xml.")
    ] = "compact-nyu",
    format: Annotated[
        str, typer.Option(help="Depth file: npy, npz, exr, pfm (metres) or png16 (see --units).")
    ] = "npy",
    units: Annotated[
        str, typer.Option(help="png16 only: units per metre (1000 = mm) or nyu-mm, kitti, tum, ...")
    ] = "1000",
    color: Annotated[
        bool, typer.Option("--color", help="Also write <name>_color.png with a metre scale.")
    ] = False,
    ply: Annotated[
        bool, typer.Option("--ply", help="Also write a point cloud <name>.ply.")
    ] = False,
    glb: Annotated[
        bool, typer.Option("--glb", help="Also write a point cloud <name>.glb.")
    ] = False,
    vmin: Annotated[float | None, typer.Option(help="Nearest metre of the colours.")] = None,
    vmax: Annotated[float | None, typer.Option(help="Farthest metre of the colours.")] = None,
    cmap: Annotated[str, typer.Option(help="turbo, magma, inferno, viridis, gray, ...")] = "turbo",
    intrinsics: Annotated[
        Path | None, typer.Option(help="Camera file for point clouds: 3x3 K or 'fx fy cx cy'.")
    ] = None,
    fov: Annotated[
        float | None, typer.Option(help="Horizontal field of view in degrees, for point clouds.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="calibration.json of 'leadline calibrate', to be applied.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="f32, or bf16: faster, about 1 % coarser.")
    ] = "f32",
    runtime: Annotated[str, typer.Option(help="auto, openvino, onnxruntime or torch.")] = "auto",
    processing_area: Annotated[
        int | None,
        typer.Option(help="Pixels the network sees; another number than trained at: wrong metres."),
    ] = None,
) -> None:
    """Predict metric depth of photographs: one depth file each, at the photograph's own size.

    The tree of an input folder is mirrored below the output folder. A photograph that cannot be
    read is skipped and listed at the end; the exit status is then 1.
    """
    from leadline.cli.progress import Progress
    from leadline.depth import parse_units
    from leadline.errors import LeadlineError
    from leadline.inference import Predictor
    from leadline.io import IMAGE_SUFFIXES, depth_format, read_calibration

    wanted = [*(inputs or []), *(more_inputs or [])]
    if not wanted:
        raise LeadlineError("no input: give a photograph, a folder or a quoted glob")
    if out is None:
        raise LeadlineError("no output folder: give -o OUT")
    writing = Writing(
        folder=out,
        suffix=depth_format(format).suffix,
        units_per_metre=parse_units(units),
        color=color,
        ply=ply,
        glb=glb,
        vmin=vmin,
        vmax=vmax,
        cmap=cmap,
        intrinsics=intrinsics,
        fov=fov,
        calibration=None if calibration is None else read_calibration(calibration),
    )
    if writing.suffix != ".png" and units != "1000":
        raise LeadlineError("--units is for --format png16; the other formats hold metres")
    jobs = find_jobs(wanted, out, noun="pictures", suffixes=IMAGE_SUFFIXES, outputs=writing.outputs)
    writing.check()
    if processing_area is not None:
        print(
            f"leadline: processing at {processing_area} pixels, not the size the model was trained "
            "at: the metres will be off",
            file=sys.stderr,
        )
    predictor = Predictor.load(
        model, runtime=runtime, precision=precision, processing_area=processing_area
    )
    warn_of_other_model(writing.calibration, predictor.name)
    failures: list[Failure] = []
    labelled = False
    with Progress("predict", len(jobs), hidden=len(jobs) == 1) as progress:
        for job in jobs:
            try:
                labelled |= _predict_one(predictor, job, writing)
            except LeadlineError as error:
                failures.append((job.source, str(error)))
            except KeyboardInterrupt:
                progress.say(f"leadline: stopped after {progress.done} of {len(jobs)}")
                raise typer.Exit(130) from None
            progress.advance()
    _conclude(len(jobs), failures, writing, labelled)


@dataclass(frozen=True)
class Writing:
    """What is written for each photograph, and where."""

    folder: Path
    suffix: str
    units_per_metre: float
    color: bool
    ply: bool
    glb: bool
    vmin: float | None
    vmax: float | None
    cmap: str
    intrinsics: Path | None
    fov: float | None
    calibration: "Calibration | None" = None

    def outputs(self, target: Path) -> list[Path]:
        """Return every file that may be written for one photograph."""
        return [with_suffix(target, suffix) for suffix in self.suffixes(labelled=True)]

    def suffixes(self, *, labelled: bool) -> list[str]:
        """Return how the names of the files of one photograph end, with class labels or without."""
        ends = [self.suffix] + ["_color.png"] * self.color
        if labelled:
            ends += ["_labels.png"] + ["_labels_color.png"] * self.color
        return ends + [".ply"] * self.ply + [".glb"] * self.glb

    def check(self) -> None:
        """Find wrong options before a model is loaded, not once for each photograph.

        Errors: LeadlineError naming the option.
        """
        from leadline.depth import Intrinsics
        from leadline.errors import LeadlineError
        from leadline.viz.color import color_table

        color_table(self.cmap)
        if self.vmin is not None and self.vmax is not None and self.vmin >= self.vmax:
            raise LeadlineError(f"--vmin {self.vmin:g} is not below --vmax {self.vmax:g}")
        if self.fov is not None and self.intrinsics is not None:
            raise LeadlineError("give --fov or --intrinsics, not both")
        if self.fov is not None:
            Intrinsics.from_fov(self.fov, 640, 480)
        if self.intrinsics is not None:
            from leadline.io import read_camera

            read_camera(self.intrinsics, 640, 480)
        check_writable(self.folder)


def _predict_one(predictor, job: Job, writing: Writing) -> bool:  # type: ignore[no-untyped-def]
    """Write the files of one photograph; return whether it got class labels."""
    import warnings

    from leadline.io import read_photo, write_depth, write_glb, write_ply, write_png
    from leadline.io.labels import write_labels
    from leadline.viz import colorize
    from leadline.viz.labels import colorize_labels

    photo = read_photo(job.source)
    camera, note = camera_of(photo, writing)
    prediction = predictor.predict(photo, camera)
    depth: DepthMap = prediction.depth
    if writing.calibration is not None:
        depth = writing.calibration.apply(depth)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_depth(
            with_suffix(job.target, writing.suffix), depth, units_per_metre=writing.units_per_metre
        )
    for warning in caught:
        print(f"leadline: {warning.message}", file=sys.stderr)
    if writing.color:
        picture = colorize(depth, vmin=writing.vmin, vmax=writing.vmax, cmap=writing.cmap, bar=True)
        write_png(with_suffix(job.target, "_color.png"), picture)
    if prediction.labels is not None:
        write_labels(with_suffix(job.target, "_labels.png"), prediction.labels)
        if writing.color:
            picture = colorize_labels(prediction.labels)
            write_png(with_suffix(job.target, "_labels_color.png"), picture)
    if note and (writing.ply or writing.glb):
        print(f"leadline: {job.source}: {note}", file=sys.stderr)
    if writing.ply:
        write_ply(with_suffix(job.target, ".ply"), depth, photo.pixels)
    if writing.glb:
        write_glb(with_suffix(job.target, ".glb"), depth, photo.pixels)
    return prediction.labels is not None


def warn_of_other_model(calibration: "Calibration | None", model: str) -> None:
    """Say so where a calibration was made for the predictions of another model."""
    made_for = calibration.about.get("model", "") if calibration else ""
    if made_for and made_for != model:
        print(
            f"leadline: the calibration was made for {made_for}, not {model}: "
            "the metres may be off",
            file=sys.stderr,
        )


def camera_of(photo: "Photo", writing: Writing) -> "tuple[Intrinsics, str]":
    """Return the camera of a photograph, and a note where it had to be assumed.

    In this order: --intrinsics, --fov, the EXIF focal length, a field of view of 60 degrees.
    """
    from leadline.depth import Intrinsics
    from leadline.io import read_camera

    width, height = photo.width, photo.height
    if writing.intrinsics is not None:
        return read_camera(writing.intrinsics, width, height), ""
    if writing.fov is not None:
        return Intrinsics.from_fov(writing.fov, width, height), ""
    if photo.focal_35mm is not None:
        return Intrinsics.from_focal_35mm(photo.focal_35mm, width, height), ""
    note = f"camera unknown, assuming {ASSUMED_FOV:g} degrees across; give --fov or --intrinsics"
    return Intrinsics.from_fov(ASSUMED_FOV, width, height), note


def _conclude(count: int, failures: list[Failure], writing: Writing, labelled: bool) -> None:
    done = count - len(failures)
    if done:
        kinds = writing.suffixes(labelled=labelled)
        unit = f"1/{writing.units_per_metre:g} metre" if writing.suffix == ".png" else "metres"
        typer.echo(
            f"{done} of {count} predicted: {writing.folder}/<name>{', <name>'.join(kinds)} "
            f"(depth in {unit}, planar z)"
        )
    list_failures(count, failures)
