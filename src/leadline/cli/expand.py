"""`leadline expand`: rotated, zoomed and cropped copies of a training split, written to disk."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.options import DepthScaleOption, parse_depth_scale
from leadline.cli.progress import track
from leadline.datasets.expansion import ExpandOptions, ImageFormat, expand


def expand_command(
    data: Annotated[
        Path, typer.Argument(help="Data set in any supported layout ('leadline layouts').")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder for the pairs.")],
    per_image: Annotated[
        int, typer.Option(min=1, max=1000, help="Augmented copies per original.")
    ] = 6,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed; the same seed writes the same files.")
    ] = 0,
    rotation: Annotated[
        float, typer.Option(min=0, max=180, help="Largest random rotation, in degrees either way.")
    ] = 5.0,
    max_zoom: Annotated[
        float,
        typer.Option(
            min=1, max=16, help="Largest random zoom (from 1); depth is divided by the zoom."
        ),
    ] = 1.5,
    units: Annotated[
        float,
        typer.Option(
            parser=parse_depth_scale,
            metavar="UNITS",
            help="Units per metre of the 16-bit depth PNGs to write: 1000, kitti, ...",
        ),
    ] = 1000,
    image_format: Annotated[
        ImageFormat, typer.Option(help="Format of the training images; jpg has quality 95.")
    ] = "jpg",
    void: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            help="Class id for pixels that a rotation brings in from outside the image.",
        ),
    ] = 0,
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.9,
            help="Share of the data held out for validation if it has no val split.",
        ),
    ] = 0.1,
    depth_scale: DepthScaleOption = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
) -> None:
    """Write an augmented copy of a training split, and the validation images unchanged, as pairs.

    If it is interrupted, run the same command again to continue. The result is a data set to train
    on like any other.
    """
    expansion = ExpandOptions(
        per_image=per_image,
        seed=seed,
        rotation=rotation,
        zoom=(1.0, max_zoom),
        units_per_metre=units,
        image_format=image_format,
        void=void,
    )
    expanded = expand(
        data,
        out,
        expansion,
        val_fraction=val_fraction,
        workers=workers,
        track=track,
        layout=layout,
        options=parse_data_options(data_option),
        units_per_metre=depth_scale,
    )
    typer.echo(
        f"{out}: {expanded.train} training pairs from {expanded.sources}, "
        f"{expanded.val} validation pairs unchanged"
    )
    made = quote(str(out))
    typer.echo(f"next:  leadline train --recipe resnet50-upproj --data {made} --out runs/expanded")
