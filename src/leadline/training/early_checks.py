"""What can be said of a training before it starts: without torch, and without a sample read."""

from __future__ import annotations

import os
from pathlib import Path

from leadline.datasets.open import find_data
from leadline.errors import LeadlineError
from leadline.inference.predictor import find_checkpoint
from leadline.installed import require_module
from leadline.io.atomic import check_writable
from leadline.io.hub import is_on_hub
from leadline.models.catalog import find_architecture
from leadline.training.data import check_data_option
from leadline.training.launchers import launched_by
from leadline.training.ranges import check_range
from leadline.training.recipe import DataSection, MixedSet, Recipe, load_recipe
from leadline.training.run_folder import CHECKPOINTS, RECIPE_FILE, RunInfo, check_is_new, check_run


def check_new_run(
    recipe: Recipe, data: Path | None, out: Path, units_per_metre: float | None
) -> None:
    """Raise LeadlineError where a recipe cannot be trained on `data` into the new folder `out`.

    Silent in one process of several, which find the same together and say it once.
    """
    require_module("torch")
    if _is_one_of_several():
        return
    check_is_new(out)
    check_writable(out)
    check_range(recipe)
    find_architecture(recipe.model.architecture)
    _check_init(recipe)
    check_data_option(recipe, data)
    if data is None and units_per_metre is not None:
        raise LeadlineError(
            f"recipe {recipe.name} names its own data, and --depth-scale is of what --data names; "
            "drop it"
        )
    _check_data(recipe, data, units_per_metre)


def check_resumable(run: Path) -> None:
    """Raise LeadlineError where there is no run in `run`, nothing to resume it from, or no data.

    Silent in one process of several, as `check_new_run`.
    """
    require_module("torch")
    if _is_one_of_several():
        return
    check_run(run)
    recipe, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    if not any((run / CHECKPOINTS).glob("*.ckpt")):
        raise LeadlineError(
            f"{run / CHECKPOINTS}: no checkpoint to resume from; start it again as it was "
            f"started, with --out {run}"
        )
    _check_data(recipe, info.data_path, info.units_per_metre)


def _is_one_of_several() -> bool:
    return "LOCAL_RANK" in os.environ or launched_by(os.environ) is not None


def _check_init(recipe: Recipe) -> None:
    init = recipe.model.init
    if init is not None and not is_on_hub(init) and not Path(init).is_file():
        find_checkpoint(init)


def _check_data(recipe: Recipe, data: Path | None, units: float | None) -> None:
    """Raise LeadlineError where a path holds no data that is known; worlds may not be rendered."""
    named: list[tuple[Path, DataSection | MixedSet, float | None]] = []
    if data is not None and not recipe.data.mix:
        named.append((data, recipe.data, units))
    for each in recipe.data.mix:
        if each.path is not None:
            named.append((Path(each.path), each, None))
        elif each.needs_data_option and data is not None:
            named.append((data, each, units))
    for path, how, scale in named:
        find_data(path, layout=how.layout, options=how.options, units_per_metre=scale)
