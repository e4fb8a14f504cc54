"""`leadline models`: the architectures, and what ships with weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.text import print_below, print_list, scores_in_words
from leadline.errors import LeadlineError, readable
from leadline.io.checksums import verify_weights, weight_files
from leadline.models.catalog import CATALOG
from leadline.training.recipe import list_recipes, load_recipe
from leadline.weights import FOLDER, shipped_models


def models_command(
    path: Annotated[
        Path | None,
        typer.Argument(help="With --verify: weight file or folder (default: the shipped weights)."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check weight files against their SHA-256.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the architectures with the published scores of their recipes, and the shipped models."""
    if verify:
        print_verified(FOLDER if path is None else path)
    elif path is not None:
        raise LeadlineError(f"{path}: to check its weight files, add --verify")
    else:
        print_list(as_json, _content, _print_models)


def print_verified(path: Path) -> None:
    """Print of every weight file whether its checksum fits.

    Of a damaged one, a line on stderr says what it has.
    Errors: LeadlineError for the last damaged file, once all are checked.
    """
    damaged: dict[str, LeadlineError] = {}
    for file in weight_files(path):
        try:
            is_sealed = verify_weights(file)
        except LeadlineError as error:
            damaged[str(error)] = error
        else:
            typer.echo(f"{file}: {'whole' if is_sealed else 'has no checksum to compare with'}")
    if damaged:
        *others, last = damaged.values()
        for other in others:
            typer.echo(readable(f"leadline: error: {other}"), err=True)
        raise last


def _content() -> dict[str, Any]:
    return {
        "architectures": [asdict(info) for info in CATALOG.values()],
        "shipped": shipped_models(),
    }


def _print_models() -> None:
    recipes = [load_recipe(name) for name in list_recipes()]
    for info in CATALOG.values():
        h, w = info.training_size
        count = f"{info.parameters:,}" if info.parameters else "?"
        typer.echo(f"{info.name:<24}{count:>12} parameters  {h}x{w} (HxW)")
        print_below(f"{info.summary}. {info.source}.")
        for recipe in recipes:
            if recipe.model.architecture == info.name and recipe.published:
                print_below(f"Published ({recipe.name}): {scores_in_words(recipe.published)}")
    typer.echo(f"\nshipped with weights: {', '.join(shipped_models()) or 'none'}")
