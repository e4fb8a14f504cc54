"""`leadline recipes`: the training recipes."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from leadline.cli.options import JsonOption
from leadline.cli.text import print_below, print_list, scores_in_words
from leadline.models.catalog import CATALOG
from leadline.training.config import FieldDescription
from leadline.training.recipe import Recipe, describe_recipe, list_recipes, load_recipe

PARAMETERS = {
    "crisp": 3_173_689,
    "crisp-edges": 3_173_689,
    "crisp-street": 3_186_811,
    "crisp-uncertainty": 3_180_250,
    "ds-net-worlds": 22_472_504,
    "finetune": 3_180_250,
}
"""Of the recipes that have other options than their architecture: to count them takes torch."""


def recipes_command(
    name: Annotated[
        str | None,
        typer.Argument(help="Recipe name or YAML file: list its keys with their meaning."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the training recipes with their source and published score, or the keys of one."""
    if name is None:
        print_list(as_json, _content, _print_recipes)
    else:
        fields = describe_recipe(name)
        print_list(as_json, lambda: [asdict(field) for field in fields], lambda: _print(fields))


def _content() -> list[dict[str, Any]]:
    return [load_recipe(name).model_dump(mode="json") for name in list_recipes()]


def _print(fields: list[FieldDescription]) -> None:
    """Print each key as `key: value` with its description below it."""
    for field in fields:
        typer.echo(f"{field.key}: {json.dumps(field.value, default=list, ensure_ascii=False)}")
        print_below(field.description)


def _print_recipes() -> None:
    for recipe in map(load_recipe, list_recipes()):
        info = CATALOG.get(recipe.model.architecture)
        number = PARAMETERS.get(recipe.name, info.parameters if info else None)
        count = f"{number:,}" if number else "?"
        typer.echo(f"{recipe.name:<24}{count:>12} parameters  {_input_size(recipe)}")
        print_below(f"{recipe.description} {recipe.source}.")
        if recipe.published:
            print_below(f"Published: {scores_in_words(recipe.published)}")


def _input_size(recipe: Recipe) -> str:
    """The sides where the recipe has the architecture's own number of pixels, else that number."""
    info = CATALOG.get(recipe.model.architecture)
    h, w = info.training_size if info else (0, 0)
    return f"{h}x{w} (HxW)" if h * w == recipe.data.area else f"{recipe.data.area:,} pixels"
