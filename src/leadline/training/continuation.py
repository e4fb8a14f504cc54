"""Plan a second phase of a finished run: its recipe with changes, starting from its best model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.inference.find_model import find_checkpoint
from leadline.training.held_out import HOLD_OUTS
from leadline.training.overrides import changes
from leadline.training.recipe import OPENING, Recipe, load_recipe
from leadline.training.run_folder import RECIPE_FILE, Run, RunInfo

NETWORK = ("architecture", "encoder", "encoder_weights", "options", "init")
"""Keys of `model` that a second phase keeps; the others are checked against the weights."""

OF_ONE_DATA_SET = ("limit", "camera_fov")
"""Keys of `data` that are reset for other data, since size and lens differ."""

UNSET = {"layout": "auto", "options": "{}"}
"""Values of `OPENING`, as for `--set`, with which the layout of data is detected."""


@dataclass(frozen=True)
class Continuation:
    """A planned second phase: recipe, data, depth scale, and the folder of the first phase.

    `notes` name the settings of the first phase that it does not keep.
    """

    recipe: Recipe
    data: Path | None
    units_per_metre: float | None
    parent: Path
    notes: tuple[str, ...] = ()


def plan_continuation(
    parent: Path,
    overrides: Sequence[str],
    data: Path | None = None,
    units_per_metre: float | None = None,
) -> Continuation:
    """Plan how to continue the finished run in `parent` with a changed recipe or other data.

    The network stays that of the parent. On the same data, depth scale and validation samples stay
    too. For other data, depth scale, lens and number of images are reset, and the layout is
    detected. Order and augmentation are drawn with another seed.
    Errors: LeadlineError for an unfinished run, or a change of a setting that must stay.
    """
    run, info = Run.open(parent), RunInfo.read(parent)
    if not run.is_finished:
        raise LeadlineError(
            f"{parent}: is not finished ({run.state}); finish it with 'leadline train --resume "
            f"{parent}', or start from its best model with --init {parent}"
        )
    find_checkpoint(parent)
    first = load_recipe(str(parent / RECIPE_FILE))
    is_same_data = data is None or data.resolve() == info.data_path
    reset = {} if is_same_data else _settings_of_other_data(first, overrides)
    recipe = load_recipe(str(parent / RECIPE_FILE), _settings(first, reset, overrides))
    _check_kept(
        "model",
        NETWORK,
        first,
        recipe,
        f"a continued run keeps the network of {parent}; "
        f"start another one with --recipe and --init {parent}",
    )
    if is_same_data:
        _check_hold_outs(first, recipe, parent)
        _check_scale(units_per_metre, info, parent)
        data, units_per_metre = info.data_path, info.units_per_metre
    model = recipe.model.model_copy(update={"init": str(parent.resolve())})
    recipe = recipe.model_copy(update={"model": model})
    notes = _notes(first, reset, parent)
    return Continuation(recipe, data, units_per_metre, parent.resolve(), notes)


def _settings(first: Recipe, reset: Mapping[str, str], overrides: Sequence[str]) -> list[str]:
    """Return all changes to the parent's recipe, in the order in which they are applied."""
    # With the parent's seed, the second phase would repeat its random draws.
    settings = [f"trainer.seed={first.trainer.seed + 1}"]
    settings += [f"{key}={value}" for key, value in reset.items()]
    return [*settings, *overrides]


def _settings_of_other_data(first: Recipe, overrides: Sequence[str]) -> dict[str, str]:
    """Return settings that reset what holds only for the parent's data, and detect the layout.

    Keys named by the overrides are left out. In a mixture, --data is one of several sets, which
    share the limit and the camera.
    """
    reset = {}
    if not any(changes(overrides, f"data.{key}") for key in OPENING):
        reset = {f"{_place_of_named_set(first)}.{key}": value for key, value in UNSET.items()}
    if not first.data.mix:
        reset |= {f"data.{key}": "null" for key in OF_ONE_DATA_SET}
    return {key: value for key, value in reset.items() if not changes(overrides, key)}


def _place_of_named_set(recipe: Recipe) -> str:
    """Return the section that describes the data of --data; in a mixture, one of its sets."""
    named = [
        number for number, mixed_set in enumerate(recipe.data.mix) if mixed_set.needs_data_option
    ]
    return f"data.mix.{named[0]}" if named else "data"


def _notes(first: Recipe, reset: Mapping[str, str], parent: Path) -> tuple[str, ...]:
    """Return a line on the parent's settings that other data does not keep."""
    values = {f"data.{key}": getattr(first.data, key) for key in OF_ONE_DATA_SET}
    lost = [f"{key}={value:g}" for key, value in values.items() if key in reset and value]
    if not lost:
        return ()
    return (
        f"{' and '.join(lost)} of {parent} held for its own data and is not kept; set it again "
        "where it holds for this data too",
    )


def _check_hold_outs(first: Recipe, recipe: Recipe, parent: Path) -> None:
    """Raise LeadlineError if the validation samples would differ from those of the first phase."""
    _check_kept(
        "data",
        HOLD_OUTS,
        first,
        recipe,
        f"{parent} trained on samples that would then validate; leave it out, or give other --data",
    )
    if _validating_data(first) != _validating_data(recipe):
        keys = ("worlds", "mix", "val_set")
        changed = [key for key in keys if getattr(first.data, key) != getattr(recipe.data, key)]
        raise LeadlineError(
            f"{' and '.join(f'data.{key}' for key in changed)}: other images would validate than "
            f"in {parent}; leave it out, or give other --data"
        )


def _validating_data(recipe: Recipe) -> tuple[Any, ...]:
    """Return a comparable description of the validation data, with or without a mixture."""
    chosen = recipe.data.validating_set
    if chosen is None:
        return None, recipe.data.layout, recipe.data.options, recipe.data.worlds
    return chosen.path, chosen.layout, chosen.options, chosen.worlds


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
            f"depth scale {units_per_metre:g}: {parent} read this data at {before} units per "
            "metre; leave it out"
        )
