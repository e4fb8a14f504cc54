"""Checks before a training starts, without torch and without reading a sample."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from leadline.datasets.open import DataSource, find_data
from leadline.errors import LeadlineError
from leadline.inference.find_model import find_checkpoint
from leadline.installed import require_module
from leadline.io.atomic import check_writable
from leadline.io.hub import is_on_hub
from leadline.models.catalog import find_architecture
from leadline.training.data import check_data_option, check_mix_weights
from leadline.training.launchers import launched_by
from leadline.training.ranges import check_range
from leadline.training.recipe import DataSection, MixedSet, Recipe, load_recipe
from leadline.training.run_folder import CHECKPOINTS, RECIPE_FILE, RunInfo, check_is_new, check_run

RESUMABLE_KEYS = (
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.accelerator",
    "trainer.max_minutes",
    "data.workers",
)
"""Keys that a resumed run may change, for one call: where it trains, and for how long."""


def check_new_run(
    recipe: Recipe, data: Path | None, out: Path, units_per_metre: float | None
) -> None:
    """Raise LeadlineError if a recipe cannot be trained on `data` into the new folder `out`.

    Does nothing in one process of several, which check together later and report once.
    """
    require_module("torch")
    if _is_one_of_several():
        return
    check_is_new(out)
    check_writable(out)
    check_range(recipe)
    check_mix_weights(recipe)
    find_architecture(recipe.model.architecture)
    _check_init(recipe)
    check_data_option(recipe, data)
    if data is None and units_per_metre is not None:
        raise LeadlineError(
            f"recipe {recipe.name} names its own data, and a depth scale is for data given beside "
            "it; leave --depth-scale out"
        )
    for source in _find_data(recipe, data, units_per_metre):
        source.check_outside(out)


def check_resumable(run: Path, overrides: Sequence[str] = ()) -> None:
    """Raise LeadlineError if `run` is no run, or its checkpoint or its data is missing.

    Also for an override that a resumed run does not allow (`load_resumed_recipe`). Does nothing in
    one process of several, as `check_new_run`.
    """
    require_module("torch")
    if _is_one_of_several():
        return
    check_run(run)
    recipe, info = load_resumed_recipe(run, overrides), RunInfo.read(run)
    if not any((run / CHECKPOINTS).glob("*.ckpt")):
        raise LeadlineError(
            f"{run / CHECKPOINTS}: no checkpoint to resume from; start it again as it was "
            f"started, with --out {run}"
        )
    _find_data(recipe, info.data_path, info.units_per_metre)


def load_resumed_recipe(run: Path, overrides: Sequence[str]) -> Recipe:
    """Return the recipe of the run in `run`, with `overrides` applied.

    Errors: LeadlineError for an override of a key that is not in `RESUMABLE_KEYS`.
    """
    for override in overrides:
        if override.partition("=")[0] not in RESUMABLE_KEYS:
            raise LeadlineError(
                f"{override}: a resumed run keeps its recipe, except for "
                f"{', '.join(RESUMABLE_KEYS)}; --continue RUN takes changes once it is finished"
            )
    return load_recipe(str(run / RECIPE_FILE), overrides)


def _is_one_of_several() -> bool:
    return "LOCAL_RANK" in os.environ or launched_by(os.environ) is not None


def _check_init(recipe: Recipe) -> None:
    init = recipe.model.init
    if init is not None and not is_on_hub(init) and not Path(init).is_file():
        find_checkpoint(init)


def _find_data(recipe: Recipe, data: Path | None, units: float | None) -> list[DataSource]:
    """Return the data source at each path; worlds may not be rendered yet.

    Errors: LeadlineError for a path without recognised data.
    """
    named: list[tuple[Path, DataSection | MixedSet, float | None]] = []
    if data is not None and not recipe.data.mix:
        named.append((data, recipe.data, units))
    for mixed_set in recipe.data.mix:
        if mixed_set.path is not None:
            named.append((Path(mixed_set.path), mixed_set, None))
        elif mixed_set.needs_data_option and data is not None:
            named.append((data, mixed_set, units))
    return [
        find_data(path, layout=how.layout, options=how.options, units_per_metre=scale)
        for path, how, scale in named
    ]
