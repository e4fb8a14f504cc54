"""Compare the validation images of a run with the training images of the model it starts from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from leadline.datasets.fingerprints import known_photographs
from leadline.datasets.mixing import parts_of
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.datasets.trained_on import TrainingData, training_data, written_images
from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import RECIPE_FILE, RunInfo
from leadline.weights import shipped_models

HOLD_OUTS = ("val_fraction", "seed", "val_unit", "limit", "layout", "options")
"""Keys of `data` that determine the validation samples of a data set."""

LOOKED_AT = 64
"""Validation images compared with fingerprints before a run starts, which takes half a second."""


class Overlap(NamedTuple):
    """Number of validation images that were trained on, with a message and a remedy."""

    images: int = 0
    finding: str | None = None
    remedy: str = ""

    @property
    def warning(self) -> str | None:
        """The warning if the run continues anyway."""
        return f"{self.finding}; {self.remedy}" if self.remedy else self.finding


def start_of(recipe: Recipe) -> TrainingData | None:
    """Return the training data of the run in `model.init`, None if it names no run."""
    init = recipe.model.init
    return None if init is None or init in shipped_models() else training_data(init)


def find_overlap(
    trained: TrainingData | None, recipe: Recipe, data: Path | None, val_data: DepthDataset | None
) -> Overlap:
    """Compare the validation images of a new run with the training data of its initial model.

    `recipe` and `data` (the folder of --data) are those of the new run.
    """
    if trained is None or val_data is None:
        return Overlap()
    if trained.sets and not trained.images():
        return Overlap(
            finding=f"{trained.run}: its training data has moved or gone, so it is unknown whether "
            "the validation images are among it"
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


def check_same_images(run: Path, recipe: Recipe, train_data: DepthDataset) -> None:
    """Raise LeadlineError if the training images differ from those when the run in `run` began.

    The validation images would then be drawn anew, from images it was trained on. The list of a run
    that starts from another run includes the images of that one, so only new images are detected.
    """
    written = written_images(run)
    if written is None:
        return
    parts = (part.locations() for _, part in parts_of(train_data))
    now = frozenset(each for part in parts for each in _where_it_was(part, written))
    starts_alone = recipe.model.init is None or recipe.model.init in shipped_models()
    added, lost = len(now - written), len(written - now) if starts_alone else 0
    if added or lost:
        counts = [f"{n} {word}" for n, word in ((added, "new"), (lost, "missing")) if n]
        raise LeadlineError(
            f"{run}: its data has changed since it began, of the training images "
            f"{' and '.join(counts)}, so that images it has seen may validate; put the data back "
            f"as it was, or start a new run with --init {run}"
        )


def _where_it_was(locations: Sequence[str], written: frozenset[str]) -> Sequence[str]:
    """Return the locations of a data set as a run wrote them, even if it has moved since.

    It counts as moved if no location is known, but all are known below another folder.
    """
    if not locations or not written.isdisjoint(locations):
        return locations
    try:
        here = os.path.commonpath([Path(locations[0]).parent, *locations])
    except ValueError:  # on different drives
        return locations
    names = [each.removeprefix(here) for each in locations]
    for image in written:
        if image.endswith(names[0]):
            there = image.removesuffix(names[0])
            moved = [there + name for name in names]
            if written.issuperset(moved):
                return moved
    return locations


def known_warnings(start: str | Path | None, val_data: DepthDataset | None) -> tuple[str, ...]:
    """Return a warning if validation images are known training photographs of the model `start`."""
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
    """Return the settings with which the earlier run's samples are held out; [] for other data."""
    try:
        first, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    except LeadlineError:  # of another version, whose keys may differ
        return []
    if data is None or info.data_path is None or info.data_path.resolve() != data.resolve():
        return []
    pairs = [(key, getattr(first.data, key), getattr(recipe.data, key)) for key in HOLD_OUTS]
    changed = [(key, before) for key, before, now in pairs if before != now]
    return [f"data.{key}={'null' if value is None else value}" for key, value in changed]
