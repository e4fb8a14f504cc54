"""A second phase of a finished run: its recipe with changes, from its best model on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.inference.predictor import find_checkpoint
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import RECIPE_FILE, Run, RunInfo

NETWORK = ("architecture", "encoder", "encoder_weights", "options", "init")
"""Keys of `model` that a second phase keeps; the other ones are checked against the weights."""

HOLD_OUTS = ("val_fraction", "seed", "val_unit", "limit", "layout", "options")
"""Keys of `data` that decide which samples validate."""


@dataclass(frozen=True)
class Continuation:
    """What a second phase trains: recipe, data, depth scale, and the folder of the first phase."""

    recipe: Recipe
    data: Path | None
    units_per_metre: float | None
    parent: Path


def plan_continuation(
    parent: Path,
    overrides: Sequence[str],
    data: Path | None = None,
    units_per_metre: float | None = None,
) -> Continuation:
    """Return how to go on from the finished run in `parent` with another recipe or other data.

    The network stays that of the parent. On the parent's data, its depth scale and the samples that
    validate stay as well. Other data has its own depth scale, and its layout is recognised.
    Errors: LeadlineError for a run that is not finished, or a change of what stays.
    """
    run, info = Run.open(parent), RunInfo.read(parent)
    if run.status is not None and run.status.state != "finished":
        raise LeadlineError(
            f"{parent}: is not finished ({run.state}); finish it with 'leadline train --resume "
            f"{parent}', or start from its best model with --init {parent}"
        )
    find_checkpoint(parent)
    first = load_recipe(str(parent / RECIPE_FILE))
    changed = {override.partition("=")[0] for override in overrides}
    settings = [*_settings_of_new_data(data, info, changed), *overrides]
    if "trainer.epochs" in changed and "trainer.max_steps" not in changed:
        settings.append("trainer.max_steps=null")
    recipe = load_recipe(str(parent / RECIPE_FILE), settings)
    _check_kept(
        "model",
        NETWORK,
        first,
        recipe,
        f"--continue keeps the network of {parent}; "
        f"start another one with --recipe and --init {parent}",
    )
    if _is_same_data(data, info):
        _check_kept(
            "data",
            HOLD_OUTS,
            first,
            recipe,
            f"{parent} trained on samples that would "
            "then validate; leave it out, or give other --data",
        )
        _check_scale(units_per_metre, info, parent)
        data, units_per_metre = info.data_path, info.units_per_metre
    model = recipe.model.model_copy(update={"init": str(parent.resolve())})
    recipe = recipe.model_copy(update={"model": model})
    return Continuation(recipe, data, units_per_metre, parent.resolve())


def _is_same_data(data: Path | None, info: RunInfo) -> bool:
    return data is None or data.resolve() == info.data_path


def _settings_of_new_data(data: Path | None, info: RunInfo, changed: set[str]) -> list[str]:
    """Return settings that let other data be recognised, where the overrides do not name it."""
    if _is_same_data(data, info) or changed & {"data.layout", "data.options"}:
        return []
    return ["data.layout=auto", "data.options={}"]


def _check_kept(
    section: str, keys: Sequence[str], first: Recipe, second: Recipe, remedy: str
) -> None:
    for key in keys:
        before: Any = getattr(getattr(first, section), key)
        after: Any = getattr(getattr(second, section), key)
        if after != before:
            raise LeadlineError(f"{section}.{key}={after}: was {before}; {remedy}")


def _check_scale(units_per_metre: float | None, info: RunInfo, parent: Path) -> None:
    if units_per_metre is not None and units_per_metre != info.units_per_metre:
        before = "the data's own" if info.units_per_metre is None else f"{info.units_per_metre:g}"
        raise LeadlineError(
            f"--depth-scale {units_per_metre:g}: {parent} read this data at {before} units per "
            "metre; leave it out"
        )
