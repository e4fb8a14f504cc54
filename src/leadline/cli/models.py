"""`leadline models`: the architectures, and what ships with weights."""

from dataclasses import asdict
from typing import Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.text import print_below, print_list, scores_in_words
from leadline.models.catalog import CATALOG
from leadline.training.recipe import list_recipes, load_recipe
from leadline.weights import shipped_models


def models_command(as_json: JsonOption = False) -> None:
    """List the architectures, what recipes published with them, and the models shipped."""
    print_list(as_json, _content, _print_models)


def _content() -> dict[str, Any]:
    return {
        "architectures": [asdict(info) for info in CATALOG.values()],
        "shipped": shipped_models(),
    }


def _print_models() -> None:
    recipes = [load_recipe(name) for name in list_recipes()]
    for info in CATALOG.values():
        h, w = info.training_size
        typer.echo(f"{info.name:<24}{info.parameters:>12,} parameters  {h}x{w} (HxW)")
        print_below(f"{info.summary}. {info.source}.")
        for recipe in recipes:
            if recipe.model.architecture == info.name and recipe.published:
                print_below(f"Published ({recipe.name}): {scores_in_words(recipe.published)}")
    typer.echo(f"\nshipped with weights: {', '.join(shipped_models()) or 'none'}")
