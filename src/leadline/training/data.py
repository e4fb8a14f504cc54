"""The data of a recipe: opened from disk, rendered if generated, and mixed."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from leadline.datasets.mixing import MixedDataset, Part
from leadline.datasets.open import open_train_and_val
from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError
from leadline.progress import Say, Track
from leadline.training.recipe import LayoutOptions, MixedSet, Recipe, WorldsSection
from leadline.worlds import WorldSet, cached_folder, render_cached

SECONDS_BETWEEN_LINES = 20.0

_Item = TypeVar("_Item")


def open_recipe_data(
    recipe: Recipe, data: Path | None, units_per_metre: float | None
) -> tuple[DepthDataset, DepthDataset | None]:
    """Open the training data and the validation data of a recipe.

    `data` is the folder of `--data`, and `units_per_metre` its scale; None if the recipe names all
    its data. Generated worlds must have been rendered by `render_recipe_worlds`.
    Errors: LeadlineError if data is missing, or has no labels although a loss needs them.
    """
    section = recipe.data
    validating = section.validating_set
    if validating is None:
        path = data if data is not None else _worlds_folder(section.worlds)
        train, val = _open(recipe, path, section.layout, section.options, units_per_metre)
        if recipe.class_terms and not train.has_labels():
            raise LeadlineError(
                f"{path}: has no label images, and {_class_terms(recipe)} compares class labels; "
                "add labels, or choose a recipe without classes"
            )
        return train, val
    opened = {
        mixed_set.name: _open_set(recipe, mixed_set, data, units_per_metre)
        for mixed_set in section.mix
    }
    parts = [
        Part(mixed_set.name, opened[mixed_set.name][0], mixed_set.weight, mixed_set.labels)
        for mixed_set in section.mix
    ]
    if recipe.class_terms:
        for part in parts:
            _check_labels(part)
        if not any(part.is_labelled for part in parts):
            raise LeadlineError(
                f"data.mix: every set has labels: false, and {_class_terms(recipe)} compares class "
                "labels; leave labels out for the set that has some"
            )
    return MixedDataset.from_parts(parts), opened[validating.name][1]


def render_recipe_worlds(recipe: Recipe, data: Path | None, say: Say) -> None:
    """Render the missing worlds of a recipe into the cache, reporting progress to `say`.

    Errors: LeadlineError if the recipe needs data that was not given, for an unknown option of
    worlds, or if they cannot be rendered.
    """
    check_data_option(recipe, data)
    for section in _worlds(recipe, data):
        _render(_world_set(section), say)


def check_data_option(recipe: Recipe, data: Path | None) -> None:
    """Raise LeadlineError if --data is missing, or given although the recipe does not use it."""
    if data is None and recipe.data.needs_data_option:
        raise LeadlineError(f"recipe {recipe.name} names no data of its own; give it with --data")
    if data is not None and recipe.data.mix and not recipe.data.needs_data_option:
        raise LeadlineError(f"recipe {recipe.name} names all of its data (data.mix); drop --data")


def check_mix_weights(recipe: Recipe) -> None:
    """Raise LeadlineError if only some sets of a mixture have a weight.

    A set without a weight counts by its size, about a thousand times as much as a weight of 1.
    """
    without = [mixed_set.name for mixed_set in recipe.data.mix if mixed_set.weight is None]
    if without and len(without) < len(recipe.data.mix):
        raise LeadlineError(
            f"data.mix: {', '.join(without)} without a weight, beside sets that have one; give "
            "every set a weight, or none (then each counts by its size)"
        )


def describe_mix(data: DepthDataset) -> Iterator[str]:
    """Yield a line on the images per epoch of each set of a mixture; nothing for other data."""
    if isinstance(data, MixedDataset):
        shares = zip(data.parts, data.shares(), strict=True)
        each = [f"{part.name} {share.drawn} (has {len(part.data)})" for part, share in shares]
        yield f"images of an epoch: {', '.join(each)}"


def _worlds(recipe: Recipe, data: Path | None) -> Iterator[WorldsSection]:
    if recipe.data.worlds is not None and data is None:
        yield recipe.data.worlds
    yield from (mixed_set.worlds for mixed_set in recipe.data.mix if mixed_set.worlds is not None)


def _world_set(section: WorldsSection) -> WorldSet:
    return WorldSet(**section.model_dump())


def _worlds_folder(section: WorldsSection | None) -> Path:
    if section is None:
        raise LeadlineError("the recipe names no data of its own; give it with --data")
    return cached_folder(_world_set(section))


def _render(world_set: WorldSet, say: Say) -> None:
    render_cached(world_set, track=_lines_of_rendering(world_set, say))


def _lines_of_rendering(world_set: WorldSet, say: Say) -> Track:
    """Return a tracker that reports the rendering of a set every `SECONDS_BETWEEN_LINES`."""

    def track(items: Iterable[_Item], _title: str, total: int, /, *, unit: str) -> Iterator[_Item]:
        say(f"rendering {total} {world_set.kind} into {cached_folder(world_set)}, once")
        started = last_line = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if done == total or now - last_line > SECONDS_BETWEEN_LINES:
                rate, last_line = done / max(now - started, 1e-9), now
                left = (total - done) / rate / 60
                say(f"{world_set.kind}: {done} of {total}, {rate:.1f}/s, {left:.0f} minutes left")

    return track


def _open_set(
    recipe: Recipe, mixed_set: MixedSet, data: Path | None, units_per_metre: float | None
) -> tuple[DepthDataset, DepthDataset | None]:
    if mixed_set.needs_data_option:
        if data is None:
            raise LeadlineError(f"data.mix: {mixed_set.name} has no path; give it with --data")
        return _open(recipe, data, mixed_set.layout, mixed_set.options, units_per_metre)
    path = _worlds_folder(mixed_set.worlds) if mixed_set.path is None else Path(mixed_set.path)
    return _open(recipe, path, mixed_set.layout, mixed_set.options, None)


def _open(
    recipe: Recipe, path: Path, layout: str, options: LayoutOptions, units: float | None
) -> tuple[DepthDataset, DepthDataset | None]:
    return open_train_and_val(
        path,
        val_fraction=recipe.data.val_fraction,
        seed=recipe.data.seed,
        val_unit=recipe.data.val_unit,
        limit=recipe.data.limit,
        layout=layout,
        options=options,
        units_per_metre=units,
        min_depth=recipe.data.min_depth,
        max_depth=recipe.data.max_depth,
    )


def _class_terms(recipe: Recipe) -> str:
    """Return the keys and names of the loss terms that compare class labels."""
    return ", ".join(f"loss.{place} ({term.name})" for place, term in recipe.class_terms.items())


def _check_labels(part: Part) -> None:
    if part.is_labelled and not part.data.has_labels():
        raise LeadlineError(
            f"data.mix: {part.name} has no label images, and a loss compares class labels; give "
            "it labels: false"
        )
