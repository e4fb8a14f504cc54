"""`leadline convert --to shards`: planning, packing and verifying a data set's splits."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from leadline.datasets.packing import Packing, Resize

STRIDE = 32
"""Sides that --area gives are multiples of it: every network takes them as they are."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    data: Path
    out: Path
    depth_scale: float | None
    units: float | None
    splits: tuple[str, ...]
    area: int | None
    size: str | None
    layout: str


def pack_data(wanted: Wanted, data_options: list[str] | None) -> None:
    """Pack the splits of a data set, each into a folder of its own; say the space needed first."""
    from leadline.cli.progress import tracker
    from leadline.datasets.packing import check_space, pack

    packings = _plan(wanted, data_options)
    needed, free = check_space(packings.values(), wanted.out)
    for name, packing in packings.items():
        state = ", already there" if packing.is_done else ""
        typer.echo(f"{name}: {len(packing.data)} samples, {_types(packing)}{state}")
    typer.echo(f"to write: about {needed / 1e9:.2f} GB ({free / 1e9:.1f} GB free)")
    for name, packing in packings.items():
        pack(packing, tracker(f"pack {name}"), lambda line: print(line, file=sys.stderr))
    typer.echo(f"packed: {wanted.out}   next: leadline train --data {wanted.out} ...")


def _types(packing: "Packing") -> str:
    units = packing.encoding.units_per_metre
    exact = "rounded" if packing.encoding.rounded else "lossless"
    depth = "depth float32 metres" if units is None else f"depth uint16 1/{units:g} m ({exact})"
    labels = packing.encoding.labels
    return f"image uint8, {depth}" + (f", labels {labels}" if labels else "")


def _plan(wanted: Wanted, data_options: list[str] | None) -> "dict[str, Packing]":
    from leadline.cli.data_options import parse_data_options
    from leadline.datasets.open import available_splits, open_data
    from leadline.datasets.packing import plan_packing
    from leadline.depth.units import parse_units
    from leadline.errors import LeadlineError

    scale = parse_units(wanted.depth_scale) if wanted.depth_scale else None
    units = parse_units(wanted.units) if wanted.units else None
    resize = _resize(wanted)
    splits = wanted.splits or available_splits(wanted.data, wanted.layout)
    if wanted.out.resolve() == wanted.data.resolve():
        raise LeadlineError(f"{wanted.out}: is the data set itself; choose another -o")
    options = parse_data_options(data_options)
    packings = {}
    for split in splits or (None,):
        data = open_data(
            wanted.data, split, layout=wanted.layout, units_per_metre=scale, options=options
        )
        folder = wanted.out if split is None else wanted.out / split
        packings[split or "all"] = plan_packing(data, folder, resize=resize, units_per_metre=units)
    return packings


def _resize(wanted: Wanted) -> "Resize | None":
    from leadline.datasets.packing import Resize
    from leadline.errors import LeadlineError
    from leadline.models.size_policy import processing_size

    if wanted.area is not None and wanted.size is not None:
        raise LeadlineError("give --area or --size, not both")
    if wanted.area is not None:
        area = wanted.area
        return Resize(
            f"area {area}, sides by {STRIDE}",
            lambda size: processing_size(size[0], size[1], area, STRIDE),
        )
    if wanted.size is None:
        return None
    sides = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", wanted.size)
    if sides is None or 0 in (h := int(sides[1]), w := int(sides[2])):
        raise LeadlineError(f"--size {wanted.size}: expected height x width, for instance 240x320")
    return Resize(f"{h}x{w}", lambda _size: (h, w))


def verify(path: Path) -> None:
    """Check every shard folder at `path`; exit status 1 where anything is not as it was written."""
    from leadline.cli.progress import tracker
    from leadline.datasets.shard_check import verify_shards
    from leadline.datasets.shards import read_manifest, shard_folders
    from leadline.errors import LeadlineError, plural

    folders = shard_folders(path)
    if not folders:
        raise LeadlineError(f"{path}: no packed shards here; give what --to shards wrote")
    problems = []
    for name, folder in folders.items():
        found = verify_shards(folder, tracker(f"verify {name or folder.name}", "blocks"))
        if not found:
            manifest = read_manifest(folder)
            typer.echo(
                f"{folder}: {plural(manifest['samples'], 'sample')} in "
                f"{plural(len(manifest['blocks']), 'block')}, every byte as it was written"
            )
        problems += found
    for problem in problems:
        print(f"leadline: {problem}", file=sys.stderr)
    if problems:
        raise typer.Exit(1)
