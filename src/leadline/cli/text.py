"""Words and paragraphs that several commands print."""

import json
import shutil
import textwrap
from collections.abc import Callable
from typing import Any

import typer


def print_list(as_json: bool, content: Callable[[], Any], lines: Callable[[], None]) -> None:
    """Print what there is: `content` as JSON and nothing else, or as text, which `lines` prints."""
    if as_json:
        typer.echo(json.dumps(content(), indent=2))
    else:
        lines()


def print_below(text: str) -> None:
    """Print a paragraph below a name, within the width of the terminal."""
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    typer.echo(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))


def scores_in_words(scores: dict[str, float]) -> str:
    """Return published scores as "delta1 0.629, rmse 0.641"."""
    return ", ".join(f"{name} {value:g}" for name, value in scores.items())
