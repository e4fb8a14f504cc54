"""`leadline video`: a video becomes its depth."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.inputs import check_needed, print_warnings
from leadline.cli.progress import tracker
from leadline.inference.camera import CameraMode
from leadline.inference.precision import PrecisionOption
from leadline.inference.predict_video import VideoLayout, VideoResult, video
from leadline.inference.runtimes import RuntimeName
from leadline.io.formats import writable_formats
from leadline.viz.color import ColorMap, parse_range
from leadline.weights import DEFAULT_MODEL


def video_command(
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|CAMERA", help="Video file, camera (/dev/video0, 0), or URL."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .mp4 or .webm.")],
    model: Annotated[
        str, typer.Option(help="Shipped model, run or model folder, .onnx, .xml, hf:NAME.")
    ] = DEFAULT_MODEL,
    layout: Annotated[
        VideoLayout, typer.Option(help="Frames beside their depth, or depth alone.")
    ] = "side-by-side",
    color_range: Annotated[
        str | None,
        typer.Option("--range", metavar="A,B", help="Metres of the colours; else measured."),
    ] = None,
    cmap: Annotated[ColorMap, typer.Option(help="Colour map.")] = "turbo",
    smooth: Annotated[
        float, typer.Option(help="Steadies metres over time: 0 (off) to below 1; the file says so.")
    ] = 0.0,
    every: Annotated[int, typer.Option(help="Every Nth frame only.")] = 1,
    start: Annotated[float, typer.Option(help="Seconds to begin at.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Seconds to end at.")] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Leave the sound out.")] = False,
    frames: Annotated[
        Path | None, typer.Option(help="Folder for a depth file of every frame, in metres.")
    ] = None,
    frame_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="|".join(writable_formats()), help="Of --frames (default npy)."
        ),
    ] = None,
    fov: Annotated[float | None, typer.Option(help="Horizontal field of view in degrees.")] = None,
    runtime: Annotated[RuntimeName, typer.Option(help="Engine that runs the model.")] = "auto",
    precision: Annotated[
        PrecisionOption, typer.Option(help="auto: int8 or bf16 where little is lost; f32: exact.")
    ] = "auto",
    camera: Annotated[
        CameraMode, typer.Option(help="auto: metres follow the focal length; ignore: they do not.")
    ] = "auto",
) -> None:
    """Predict the depth of every frame of a video; write it in colours of one range in metres.

    Frames keep their times, and the sound stays. Needs leadline[video].
    """
    check_needed("--format", frame_format, "--frames", frames)
    with print_warnings():
        result = video(
            source,
            out,
            model=model,
            layout=layout,
            color_range=None if color_range is None else parse_range(color_range),
            cmap=cmap,
            smooth=smooth,
            every=every,
            start=start,
            end=end,
            audio=not no_audio,
            frames=frames,
            frame_format=frame_format or "npy",
            fov=fov,
            runtime=runtime,
            precision=precision,
            camera=camera,
            track=tracker("video", "frames"),
        )
    print_video(result)


def print_video(result: VideoResult) -> None:
    """Print what was written, and how fast."""
    low, high = result.color_range
    typer.echo(
        f"written: {result.path} ({result.frames} frames, {result.rate:.1f}/s; colours {low:.2f} "
        f"to {high:.2f} m; smoothing: {result.smoothing})"
    )
