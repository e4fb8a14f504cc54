"""`leadline convert`: depth files between formats, and data sets into packed shards."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption
from leadline.cli.inputs import (
    Failure,
    Job,
    check_writable,
    find_jobs,
    list_failures,
    with_suffix,
)


def convert_command(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...", help="Depth file, folder, quoted glob; or a data set."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for the results; for one file also a file name."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="png16, npy, npz, exr, pfm; or shards: a whole data set.")
    ] = None,
    declared: Annotated[
        str | None,
        typer.Option(
            "--from",
            "--depth-scale",
            help="Units per metre of whole-number inputs that do not say it: 1000, kitti, tum, ...",
        ),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(help="Units per metre to write: png16 (1000), shards (default: lossless)."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="shards: only this split; repeatable.")
    ] = None,
    area: Annotated[
        int | None, typer.Option(min=1024, help="shards: shrink to about N pixels, sides by 32.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="shards: resize every sample, e.g. 240x320.")
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every byte of the shards with its check sum.")
    ] = False,
) -> None:
    """Convert depth files to another format, or pack a data set into shards for fast epochs.

    A depth file that cannot be read is skipped and listed at the end; the exit status is then 1.
    Packing may be stopped at any moment: the same command continues it.
    """
    from leadline.cli import pack
    from leadline.errors import LeadlineError

    if not inputs:
        raise LeadlineError("no input: give a depth file, a folder, a quoted glob, or a data set")
    packing = to == "shards" or (verify and to is None)
    for name, value in (("--split", split), ("--area", area), ("--size", size),
                        ("--data-option", data_option), ("--verify", verify)):  # fmt: skip
        if value and not packing:
            raise LeadlineError(f"{name} is for --to shards")
    if not packing:
        _convert_files(inputs, out, to, declared, units)
        return
    if len(inputs) > 1:
        raise LeadlineError(f"--to shards takes one data set, not {len(inputs)} inputs")
    data = Path(inputs[0])
    if to is None:
        pack.verify(data)
        return
    if out is None:
        raise LeadlineError("no output folder: give -o OUT")
    wanted = pack.Wanted(data, out, declared, units, tuple(split or ()), area, size, layout)
    pack.pack_data(wanted, data_option)
    if verify:
        pack.verify(out)


def _convert_files(
    inputs: list[str], out: Path | None, to: str | None, declared: str | None, units: str | None
) -> None:
    from leadline.cli.progress import Progress
    from leadline.depth import parse_units
    from leadline.errors import LeadlineError
    from leadline.io import depth_format, depth_suffixes, writable_formats
    from leadline.io.metadata import sidecar_of

    if out is None:
        raise LeadlineError("no output: give -o FOLDER, or for one file -o FILE")
    named = out.suffix.lower() in depth_suffixes() and not out.is_dir()
    if to is None and not named:
        raise LeadlineError("no format: give --to png16, npy, npz, exr, pfm or shards")
    suffix = depth_format(to).suffix if to else out.suffix.lower()
    if named and suffix != out.suffix.lower():
        raise LeadlineError(f"{out}: format {to} is written as {suffix}; rename the output")
    if named and suffix not in [depth_format(name).suffix for name in writable_formats()]:
        raise LeadlineError(f"{out}: {suffix} is read but not written; give another suffix")
    if units is not None and suffix != ".png":
        raise LeadlineError("--units is for --to png16; the other formats hold metres")
    scales = (parse_units(declared) if declared else None, parse_units(units or "1000"))

    def outputs(target: Path) -> list[Path]:
        file = target if named else with_suffix(target, suffix)
        return [file, *([sidecar_of(file)] if suffix in (".npy", ".pfm") else [])]

    if named:
        jobs = find_jobs(inputs, out.parent, noun="depth files", suffixes=depth_suffixes(),
                         outputs=lambda _target: outputs(out))  # fmt: skip
        jobs = [Job(job.source, out) for job in jobs]
    else:
        jobs = find_jobs(
            inputs, out, noun="depth files", suffixes=depth_suffixes(), outputs=outputs
        )
    check_writable(out.parent if named else out)
    failures: list[Failure] = []
    with Progress("convert", len(jobs), "files", hidden=len(jobs) == 1) as progress:
        for job in jobs:
            try:
                _convert_one(job.source, outputs(job.target)[0], *scales)
            except LeadlineError as error:
                failures.append((job.source, str(error)))
            progress.advance()
    done = len(jobs) - len(failures)
    if done:
        unit = f"1/{scales[1]:g} metre" if suffix == ".png" else "metres"
        typer.echo(f"{done} of {len(jobs)} converted: {out} ({suffix[1:]}, {unit}, planar z)")
    list_failures(len(jobs), failures)


def _convert_one(source: Path, target: Path, declared: float | None, units: float) -> None:
    import warnings

    from leadline.depth.units import UndeclaredUnitsError, undeclared_units
    from leadline.io import read_depth, write_depth

    try:
        depth_map = read_depth(source, declared)
    except UndeclaredUnitsError:  # no dataset.yaml is looked for here
        raise undeclared_units(source, "--from 1000 for millimetres") from None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_depth(target, depth_map, units_per_metre=units)
    for warning in caught:
        print(f"leadline: {warning.message}", file=sys.stderr)
