"""Apply `--set KEY=VALUE` to a recipe, and refuse settings without effect."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import yaml

from leadline.errors import LeadlineError
from leadline.io.yaml_files import parse_yaml
from leadline.training.config import Section


class Users(NamedTuple):
    """A key that chooses a kind, the kinds that use a setting, and those that do not."""

    key: str
    used_by: tuple[str, ...]
    unused_by: tuple[str, ...]


def _of_schedules(*used_by: str) -> Users:
    shipped = ("constant", "polynomial", "step", "cosine", "one_cycle", "plateau")
    return Users("schedule.name", used_by, tuple(set(shipped) - set(used_by)))


USERS = {
    "optimizer.momentum": Users("optimizer.name", ("sgd",), ("adam", "adamw")),
    "optimizer.amsgrad": Users("optimizer.name", ("adam", "adamw"), ("sgd",)),
    "schedule.power": _of_schedules("polynomial"),
    "schedule.every_epochs": _of_schedules("step"),
    "schedule.factor": _of_schedules("step", "plateau"),
    "schedule.final": _of_schedules("polynomial", "cosine", "one_cycle", "plateau"),
    "schedule.metric": _of_schedules("plateau"),
    "schedule.patience": _of_schedules("plateau"),
    "schedule.min_delta": _of_schedules("plateau"),
}
"""Settings used only by some optimizers or schedules. Added schedules are assumed to use all."""


def apply_overrides(content: dict[str, Any], overrides: Sequence[str]) -> None:
    """Change keys of a recipe by `key=value` texts.

    A length in epochs replaces a length in steps.
    Errors: LeadlineError for a text that is no key=value, a section that does not exist, or invalid
    YAML.
    """
    for override in overrides:
        _apply(content, override)
    if changes(overrides, "trainer.epochs") and not changes(overrides, "trainer.max_steps"):
        _apply(content, "trainer.max_steps=null")


def changes(overrides: Sequence[str], key: str) -> bool:
    """Return whether one of the overrides sets exactly this key."""
    return key in {override.partition("=")[0] for override in overrides}


def check_effects(recipe: Section, overrides: Sequence[str]) -> None:
    """Raise LeadlineError for an override that has no effect in the recipe."""
    for key, users in USERS.items():
        kind, value = attrgetter(users.key)(recipe), attrgetter(key)(recipe)
        if kind in users.unused_by and changes(overrides, key) and value != _default(recipe, key):
            raise LeadlineError(
                f"{key}={value}: has no effect with {users.key}={kind}, only with "
                f"{' or '.join(users.used_by)}; leave it out, or set {users.key} too"
            )


def _default(recipe: Section, key: str) -> Any:
    section, _, name = key.partition(".")
    return type(getattr(recipe, section)).model_fields[name].default


def _apply(content: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise LeadlineError(f"{override!r}: expected key=value, for instance optimizer.lr=3e-4")
    *sections, last = key.split(".")
    place: Any = content
    for section in sections:
        place = _step_into(place, section)
        if not isinstance(place, dict | list):
            raise LeadlineError(f"{override!r}: {section} is not a section of the recipe")
    if not isinstance(place, dict):
        raise LeadlineError(f"{override!r}: {last} is not a section of the recipe")
    try:
        place[last] = _number_or_yaml(value)
    except (yaml.YAMLError, LeadlineError) as error:
        raise LeadlineError(f"{override[:80]!r}: the value is not valid YAML") from error


def _step_into(place: Any, section: str) -> Any:
    """Return the part of a recipe called `section`; a number is a list index (loss.1.weight)."""
    if isinstance(place, list):
        known = section.isdigit() and int(section) < len(place)
        return place[int(section)] if known else None
    if place.get(section) is None:  # absent, or an optional section that is switched off
        place[section] = {}
    return place[section]


def _number_or_yaml(value: str) -> Any:
    # YAML 1.1 reads 3e-4 as a string; the user means the number.
    try:
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    except ValueError:
        return parse_yaml(value, "override", "value")
