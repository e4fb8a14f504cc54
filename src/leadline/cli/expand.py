"""`leadline expand`: rotated, zoomed and cropped copies of a training split, written to disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options


def expand_command(
    data: Annotated[Path, typer.Argument(help="Data of any layout in docs/data.md.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder for the expanded pairs.")],
    per_image: Annotated[
        int, typer.Option(min=1, max=1000, help="Copies beside each original.")
    ] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes the same files.")] = 0,
    rotation: Annotated[float, typer.Option(min=0, max=180, help="Degrees, either way.")] = 5.0,
    max_zoom: Annotated[
        float, typer.Option(min=1, max=16, help="Zoom by 1 to this; depth is divided by it.")
    ] = 1.5,
    units: Annotated[
        str, typer.Option(help="Units per metre of the written 16-bit PNGs: 1000, kitti, ...")
    ] = "1000",
    image_format: Annotated[
        str, typer.Option(help="Training images: jpg (quality 95) or png.")
    ] = "jpg",
    void: Annotated[
        int, typer.Option(min=0, max=65535, help="Class id of pixels turned in from outside.")
    ] = 0,
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.9, help="Put aside for validation where the data has no val split."
        ),
    ] = 0.1,
    depth_scale: Annotated[
        str | None,
        typer.Option(help="Units per metre of the depth files that are read: 1000, kitti, ..."),
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Write an expanded training split, and the validation images as they are, as pairs.

    A stopped run is continued by the same call. Train on the result as on any data.
    """
    from leadline.datasets.open import open_train_and_val
    from leadline.depth.units import parse_units
    from leadline.errors import LeadlineError
    from leadline.training.expansion import Expansion, expand

    expansion = Expansion(
        per_image=per_image,
        seed=seed,
        rotation=rotation,
        zoom=(1.0, max_zoom),
        units_per_metre=parse_units(units),
        image_format=image_format,
        void=void,
    )
    train, val = open_train_and_val(
        data,
        val_fraction=val_fraction,
        seed=seed,
        layout=layout,
        options=parse_data_options(data_option),
        units_per_metre=parse_units(depth_scale) if depth_scale else None,
    )
    if val is None:
        raise LeadlineError(
            f"{data}: {len(train)} pairs leave none for validation; raise --val-fraction"
        )
    expand(train, val, out, expansion, workers=workers, track=_progress)
    typer.echo(
        f"{out}: {len(train) * (per_image + 1)} training pairs from {len(train)}, "
        f"{len(val)} validation pairs unchanged"
    )
    typer.echo(f"next:  leadline train --recipe resnet50-upproj --data {out} --out runs/expanded")


def _progress(done: Iterator[int], total: int) -> Iterator[int]:
    from leadline.cli.progress import Progress

    with Progress("expand", total, "pairs") as progress:
        for item in done:
            yield item
            progress.advance()
