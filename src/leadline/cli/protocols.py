"""`leadline protocols`: how each number is made."""

import textwrap
from typing import Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.text import print_list
from leadline.metrics import PROTOCOLS


def protocols_command(as_json: JsonOption = False) -> None:
    """List the evaluation protocols: how each score is computed, and the source of the rule."""
    print_list(as_json, _content, _print_protocols)


def _content() -> list[dict[str, Any]]:
    return [protocol.to_json() for protocol in PROTOCOLS.values()]


def _print_protocols() -> None:
    for protocol in PROTOCOLS.values():
        typer.echo(f"{protocol.name} [{protocol.hash}]")
        for label, text in (
            ("truth", protocol.truth),
            ("how", protocol.describe()),
            ("source", protocol.source),
        ):
            lines = textwrap.wrap(text, 88)
            typer.echo(f"  {label:<8}" + ("\n" + " " * 10).join(lines))
    typer.echo("\none of your own: --protocol FILE.yaml (docs/evaluation.md)")
