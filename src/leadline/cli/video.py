"""`leadline video`: a video becomes its depth."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.inputs import check_needed
from leadline.cli.progress import track
from leadline.inference.camera import CameraMode
from leadline.inference.precision import PrecisionOption
from leadline.inference.predict_video import VideoLayout, VideoResult, video
from leadline.inference.runtime import RuntimeName
from leadline.io.formats import writable_formats
from leadline.viz.color import ColorMap, parse_range
from leadline.weights import DEFAULT_MODEL


def video_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|CAMERA", help="Video file, camera (/dev/video0 or 0), or stream URL."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Output file: .mp4 or .webm.")],
    model: Annotated[
        str, typer.Option(help="Shipped model, run folder, model folder, .onnx, .xml, or hf:NAME.")
    ] = DEFAULT_MODEL,
    layout: Annotated[
        VideoLayout, typer.Option(help="Write the frames beside their depth, or the depth alone.")
    ] = "side-by-side",
    color_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="A,B",
            help="Colour range in metres (default: measured on eight frames).",
        ),
    ] = None,
    cmap: Annotated[ColorMap, typer.Option(help="Colour map.")] = "turbo",
    smooth: Annotated[
        float,
        typer.Option(
            help="Temporal smoothing of the metres, from 0 (off) to below 1; recorded in the "
            "output."
        ),
    ] = 0.0,
    every: Annotated[int, typer.Option(help="Take every Nth frame.")] = 1,
    start: Annotated[float, typer.Option(help="Start time, in seconds.")] = 0.0,
    end: Annotated[
        float | None, typer.Option(help="End time, in seconds (default: the end of the video).")
    ] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Drop the audio track.")] = False,
    frames: Annotated[
        Path | None,
        typer.Option(help="Also write one depth file per frame into this folder, in metres."),
    ] = None,
    frame_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(writable_formats()),
            help="Format of the --frames files (default npy).",
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            help="Horizontal field of view, in degrees (default: that of the training data)."
        ),
    ] = None,
    runtime: Annotated[RuntimeName, typer.Option(help="Runtime of the model.")] = "auto",
    precision: Annotated[
        PrecisionOption,
        typer.Option(
            help="auto: int8 or bf16 if it costs at most 0.5 % of abs_rel, else f32; f32 is exact."
        ),
    ] = "auto",
    camera: Annotated[
        CameraMode, typer.Option(help="auto: scale depth by the focal length; ignore: do not.")
    ] = "auto",
) -> None:
    """Predict the depth of every frame of a video, and write it as a video in colours.

    All frames share one colour range in metres. Frames keep their times, and the sound is kept.
    Needs leadline[video].
    """
    check_needed("--format", frame_format, "--frames", frames)
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
        track=track,
    )
    print_video(result)


def print_video(result: VideoResult) -> None:
    """Print what was written, and how fast."""
    low, high = result.color_range
    typer.echo(
        f"written: {result.path} ({result.frames} frames, {result.rate:.1f}/s; colours {low:.2f} "
        f"to {high:.2f} m; smoothing: {result.smoothing})"
    )
