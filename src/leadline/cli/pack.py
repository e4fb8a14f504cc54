"""`leadline convert --to shards` and `--verify`: packing a data set, and comparing every byte."""

import sys
from pathlib import Path
from typing import Unpack

import typer

from leadline.cli.progress import tracker
from leadline.datasets.open import Opening
from leadline.datasets.packing import PackOptions, Resize, pack_shards
from leadline.datasets.shard_check import check_shards
from leadline.errors import LeadlineError, plural
from leadline.models.size_policy import processing_size

STRIDE = 32
"""Sides that --area gives are multiples of it: every network takes them as they are."""


def pack_data(
    data: Path, out: Path | None, packing: PackOptions, **opening: Unpack[Opening]
) -> None:
    """Pack the splits of a data set, each into a folder of its own; say the space needed first."""
    if out is None:
        raise LeadlineError("no output folder: give -o OUT")
    pack_shards(
        data,
        out,
        packing,
        announce=lambda plan: typer.echo(str(plan)),
        track=tracker,
        say=lambda line: print(line, file=sys.stderr),
        **opening,
    )
    typer.echo(f"packed: {out}   next: leadline train --data {out} ...")


def resize_rule(area: int | None, size: tuple[int, int] | None) -> Resize | None:
    """Return what --area or --size asks of every sample, None where neither is given."""
    if area is not None and size is not None:
        raise LeadlineError("give --area or --size, not both")
    if area is not None:
        return Resize(
            f"area {area}, sides by {STRIDE}",
            lambda shape: processing_size(*shape, area, STRIDE),
            fill=True,
        )
    return None if size is None else Resize.to(*size)


def verify(path: Path) -> None:
    """Check every shard folder at `path`; exit status 1 where anything is not as it was written."""
    checks = check_shards(path, lambda title: tracker(title, "blocks"))
    for check in checks:
        if not check.problems:
            typer.echo(
                f"{check.folder}: {plural(check.samples, 'sample')} in "
                f"{plural(check.blocks, 'block')}, every byte as it was written"
            )
    problems = [problem for check in checks for problem in check.problems]
    for problem in problems:
        print(f"leadline: {problem}", file=sys.stderr)
    if problems:
        raise typer.Exit(1)
