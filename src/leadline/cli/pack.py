"""`leadline convert --to shards` and `--verify`: packing a data set, and comparing every byte."""

import sys
from pathlib import Path
from shlex import quote
from typing import Unpack

import typer

from leadline.cli.progress import track
from leadline.datasets.open import Opening
from leadline.datasets.packing import PackOptions, Resize, pack_shards
from leadline.datasets.shard_check import check_shards
from leadline.errors import LeadlineError, plural
from leadline.models.catalog import find_architecture
from leadline.models.size_policy import processing_size


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
        track=track,
        say=lambda line: print(line, file=sys.stderr),
        **opening,
    )
    typer.echo(f"packed: {out}   next: leadline train --data {quote(str(out))} ...")


def resize_rule(
    area: int | None, size: tuple[int, int] | None, recipe: str | None
) -> Resize | None:
    """Return what --area, --size or --recipe asks of every sample, None where none is given."""
    if size is not None and (area is not None or recipe is not None):
        raise LeadlineError("give --size, or --area and --recipe, not both")
    if size is not None:
        return Resize.to(*size)
    if recipe is not None:
        from leadline.training.recipe import load_recipe

        trained = load_recipe(recipe)
        stride = find_architecture(trained.model.architecture).stride
        return _about(area or trained.data.area, stride)
    return None if area is None else _about(area, 1)


def _about(area: int, stride: int) -> Resize:
    """Return the rule for about `area` pixels, sides rounded to `stride`: that of training."""
    name = f"area {area}, sides by {stride}" if stride > 1 else f"area {area}"
    return Resize(name, lambda shape: processing_size(*shape, area, stride), fill=True)


def verify(path: Path) -> None:
    """Check every shard folder at `path`; exit status 1 where anything is not as it was written."""
    checks = check_shards(path, track=track)
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
