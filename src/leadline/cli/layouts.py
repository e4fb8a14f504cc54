"""`leadline layouts`: the data layouts that are read."""

from typing import Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.text import print_list
from leadline.datasets.open import LAYOUTS


def layouts_command(as_json: JsonOption = False) -> None:
    """List the supported data layouts: where to get the data, what to unpack, and options."""
    print_list(as_json, _content, _print_layouts)


def _content() -> list[dict[str, Any]]:
    return [layout.to_json() for layout in LAYOUTS]


def _print_layouts() -> None:
    for layout in LAYOUTS:
        typer.echo(f"{layout.name:<16}{layout.title}")
        typer.echo(f"{'':<16}--data {layout.data_argument}")
        if layout.origin is not None:
            origin = layout.origin
            typer.echo(f"{'':<16}from {origin.url}: {origin.size}; licence {origin.licence}")
            typer.echo(f"{'':<16}unpack {origin.unpack}")
        for name, option in layout.options.items():
            values = "|".join(map(str, option.choices)) or "..."
            default = f"; default {option.default}" if option.default != "" else ""
            typer.echo(f"{'':<16}--data-option {name}={values}  ({option.help}{default})")
