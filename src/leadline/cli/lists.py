"""`leadline models`, `recipes`, `layouts` and `protocols`: what there is, without torch."""

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leadline.models.catalog import ModelInfo
    from leadline.training.recipe import Recipe

Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


def models_command(as_json: Json = False) -> None:
    """List the architectures, what recipes published with them, and the models shipped."""
    from dataclasses import asdict

    from leadline.models.catalog import CATALOG
    from leadline.training.recipe import list_recipes, load_recipe
    from leadline.weights import shipped_models

    recipes = [load_recipe(name) for name in list_recipes()]
    if as_json:
        content = {
            "architectures": [asdict(info) for info in CATALOG.values()],
            "shipped": shipped_models(),
        }
        typer.echo(json.dumps(content, indent=2))
        return
    for info in CATALOG.values():
        h, w = info.training_size
        typer.echo(f"{info.name:<24}{info.parameters:>12,} parameters  {h}x{w} (HxW)")
        _below(f"{info.summary}. {info.source}.")
        for recipe in recipes:
            if recipe.model.architecture == info.name and recipe.published:
                _below(f"Published ({recipe.name}): {_published(recipe)}")
    typer.echo(f"\nshipped with weights: {', '.join(shipped_models()) or 'none'}")


def recipes_command(as_json: Json = False) -> None:
    """List the training recipes with their source and published score."""
    from leadline.models.catalog import CATALOG
    from leadline.training.recipe import list_recipes, load_recipe

    recipes = [load_recipe(name) for name in list_recipes()]
    if as_json:
        typer.echo(json.dumps([recipe.model_dump(mode="json") for recipe in recipes], indent=2))
        return
    for recipe in recipes:
        info = CATALOG.get(recipe.model.architecture)
        count = f"{info.parameters:,}" if info else "?"
        typer.echo(f"{recipe.name:<24}{count:>12} parameters  {_input_size(recipe, info)}")
        _below(f"{recipe.description} {recipe.source}.")
        if recipe.published:
            _below(f"Published: {_published(recipe)}")


def _below(text: str) -> None:
    """Print a paragraph below a name, within the width of the terminal."""
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    typer.echo(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))


def _published(recipe: "Recipe") -> str:
    return ", ".join(f"{name} {value:g}" for name, value in recipe.published.items())


def _input_size(recipe: "Recipe", info: "ModelInfo | None") -> str:
    """The sides where the recipe has the architecture's own number of pixels, else that number."""
    h, w = info.training_size if info else (0, 0)
    return f"{h}x{w} (HxW)" if h * w == recipe.data.area else f"{recipe.data.area:,} pixels"


def layouts_command(as_json: Json = False) -> None:
    """List the data layouts that are read: what to point --data at, their options."""
    from leadline.datasets.open import LAYOUTS

    if as_json:
        typer.echo(json.dumps([layout.to_json() for layout in LAYOUTS], indent=2))
        return
    for layout in LAYOUTS:
        typer.echo(f"{layout.name:<16}{layout.title}")
        typer.echo(f"{'':<16}--data {layout.points_at}")
        for name, option in layout.options.items():
            values = "|".join(map(str, option.choices)) or "..."
            default = f"; default {option.default}" if option.default != "" else ""
            typer.echo(f"{'':<16}--data-option {name}={values}  ({option.help}{default})")


def protocols_command(as_json: Json = False) -> None:
    """List the evaluation protocols: how each number is made, and where that is from."""
    from leadline.metrics import PROTOCOLS

    if as_json:
        content = [protocol.to_json() for protocol in PROTOCOLS.values()]
        typer.echo(json.dumps(content, indent=2))
        return
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
