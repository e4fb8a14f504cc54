"""What a run holds out, beside what the model that it starts from was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from leadline.datasets.fingerprints import known_photographs
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.datasets.trained_on import TrainingData, training_data
from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import RECIPE_FILE, RunInfo
from leadline.weights import shipped_models

HOLD_OUTS = ("val_fraction", "seed", "val_unit", "limit", "layout", "options")
"""Keys of `data` that decide which samples of one data set validate."""

LOOKED_AT = 64
"""Validation images that are compared with fingerprints before a run starts: half a second."""


class Overlap(NamedTuple):
    """How many validation images were trained on, what to say of it, and what to do."""

    images: int = 0
    finding: str | None = None
    remedy: str = ""

    @property
    def warning(self) -> str | None:
        """What to say where the run goes on all the same."""
        return f"{self.finding}; {self.remedy}" if self.remedy else self.finding


def start_of(recipe: Recipe) -> TrainingData | None:
    """Return what the run that `model.init` names was trained on, None where it names none."""
    init = recipe.model.init
    return None if init is None or init in shipped_models() else training_data(init)


def find_overlap(
    trained: TrainingData | None, recipe: Recipe, data: Path | None, val_data: DepthDataset | None
) -> Overlap:
    """Compare the validation images of a new run with what its start was trained on.

    `recipe` and `data` (what --data names) are those of the new run.
    """
    if trained is None or val_data is None:
        return Overlap()
    if trained.sets and not trained.images():
        return Overlap(
            finding=f"{trained.run}: its data is not where it was, so that whether the validation "
            "images were trained on cannot be told"
        )
    count = trained.count_in(val_data)
    if not count:
        return Overlap()
    keys = _keys_to_set(trained.run, recipe, data)
    return Overlap(
        count,
        f"{count} of the {len(val_data)} validation images were trained on in {trained.run}: "
        "their scores will look better than the model is",
        f"set {' '.join(keys)}" if keys else "validate on images that it has not seen",
    )


def known_warnings(start: str | Path | None, val_data: DepthDataset | None) -> tuple[str, ...]:
    """Return a warning where validation images are known photographs of the model `start`."""
    known = None if start is None else known_photographs(start)
    if known is None or val_data is None:
        return ()
    looked_at = evenly_spaced(len(val_data), LOOKED_AT)
    count = sum(known.contains(val_data[index].image) for index in looked_at)
    if not count:
        return ()
    return (
        f"{count} of {len(looked_at)} validation images looked at are photographs that "
        f"{known.model} was trained on: their scores will look better than the model is; "
        "validate on images that it has not seen",
    )


def _keys_to_set(run: Path, recipe: Recipe, data: Path | None) -> list[str]:
    """Return the keys that hold out what the earlier run held out, [] for other data."""
    try:
        first, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    except LeadlineError:  # of another version: what it held out cannot be said in keys of this one
        return []
    if data is None or info.data_path is None or info.data_path.resolve() != data.resolve():
        return []
    pairs = [(key, getattr(first.data, key), getattr(recipe.data, key)) for key in HOLD_OUTS]
    changed = [(key, before) for key, before, now in pairs if before != now]
    return [f"data.{key}={'null' if value is None else value}" for key, value in changed]
