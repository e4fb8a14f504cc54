"""`leadline convert`: depth files between formats, and data sets into packed shards."""

from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from leadline.cli import pack
from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.inputs import FORMATS, list_failures
from leadline.cli.options import parse_depth_scale, parse_size
from leadline.cli.progress import track
from leadline.datasets.open import Opening
from leadline.datasets.packing import PackOptions
from leadline.errors import LeadlineError
from leadline.io.convert import convert
from leadline.io.formats import describe_values, format_of_suffix
from leadline.io.jobs import JobResults
from leadline.io.png16 import DEFAULT_UNITS


def convert_command(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            help="Depth file, folder or quoted glob; with --to shards, a data set.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Output folder; for a single input also a file."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar=f"{FORMATS}|shards",
            help="Depth format to write (default: by the suffix of -o); shards packs a data set.",
        ),
    ] = None,
    declared: Annotated[
        float | None,
        typer.Option(
            "--from",
            "--depth-scale",
            parser=parse_depth_scale,
            metavar="UNITS",
            help="Units per metre of integer inputs that do not state it: 1000, kitti, tum, ...",
        ),
    ] = None,
    units: Annotated[
        float | None,
        typer.Option(
            parser=parse_depth_scale,
            metavar="UNITS",
            help="Units per metre to write in png16 (default 1000) and shards (default: lossless).",
        ),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="shards: pack only this split; repeatable.")
    ] = None,
    area: Annotated[
        int | None,
        typer.Option(
            min=1024, help="shards: shrink images to about N pixels, keeping the aspect ratio."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="shards: shrink images to the training size of this recipe; with --area, to that "
            "area."
        ),
    ] = None,
    size: Annotated[
        Any,
        typer.Option(
            parser=parse_size,
            metavar="HxW",
            help="shards: resize every sample to this height x width, e.g. 240x320.",
        ),
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Verify every byte of the shards against the checksums."),
    ] = False,
) -> None:
    """Convert depth files to another format, or pack a data set into shards for fast epochs.

    A depth file that cannot be read is skipped and listed at the end; the exit status is then 1.
    Packing can be interrupted: run the same command again to continue.
    """
    if not inputs:
        raise LeadlineError("no input: give a depth file, a folder, a quoted glob, or a data set")
    if to == "shards" or (verify and to is None):
        opening = Opening(
            layout=layout,
            units_per_metre=declared,
            options=parse_data_options(data_option),
        )
        packing = PackOptions(tuple(split or ()), pack.resize_rule(area, size, recipe), units)
        pack_or_verify(inputs, out, packing, to, verify, **opening)
        return
    named = None if layout == "auto" else layout
    refuse_for_files(split=split, area=area, size=size, recipe=recipe, data_option=data_option,
                     verify=verify, layout=named)  # fmt: skip
    if out is None:
        raise LeadlineError("no output: give -o FOLDER, or for one file -o FILE")
    results = convert(
        inputs,
        out,
        format=to,
        input_units=declared,
        units=units,
        track=track,
    )
    print_done(results, out, to, units)
    list_failures(results)


def refuse_for_files(**options: object) -> None:
    """Raise LeadlineError where one of the options that only shards have is given."""
    for name, value in options.items():
        if value:
            raise LeadlineError(f"--{name.replace('_', '-')} is for --to shards")


def refuse_for_verify(out: Path | None, packing: PackOptions, **opening: Unpack[Opening]) -> None:
    """Raise LeadlineError where --verify alone, which only reads, is given an option of packing."""
    for option, given in (
        ("-o", out),
        ("--split", packing.splits),
        ("--area, --size or --recipe", packing.resize),
        ("--units", packing.units_per_metre),
        ("--depth-scale", opening.get("units_per_metre")),
        ("--data-option", opening.get("options")),
        ("--layout", opening.get("layout") != "auto"),
    ):
        if given:
            raise LeadlineError(f"--verify alone reads shards as they are: leave {option} out")


def print_done(results: JobResults[Path], out: Path, to: str | None, units: float | None) -> None:
    """Print how many files were converted, and what is in them."""
    if results.done:
        first = results.done[0]
        values = describe_values(to or format_of_suffix(first), units or DEFAULT_UNITS)
        typer.echo(
            f"{len(results.done)} of {len(results)} converted: {out} "
            f"({first.suffix.removeprefix('.')}, {values.removeprefix('depth in ')})"
        )


def pack_or_verify(
    inputs: list[str], out: Path | None, packing: PackOptions, to: str | None, verify: bool,
    **opening: Unpack[Opening],
) -> None:  # fmt: skip
    """Pack one data set into shards, or verify shards that are packed."""
    if len(inputs) > 1:
        raise LeadlineError(f"--to shards takes one data set, not {len(inputs)} inputs")
    data = Path(inputs[0])
    if to is None:
        refuse_for_verify(out, packing, **opening)
        pack.verify(data)
        return
    pack.pack_data(data, out, packing, **opening)
    if verify and out is not None:
        pack.verify(out)
