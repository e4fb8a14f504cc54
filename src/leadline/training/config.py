"""Base classes for the sections of a recipe: every key is checked, and described in place."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from leadline.errors import nearest, value_words


class Section(BaseModel):
    """A section of a recipe: unknown keys are errors, values are checked, and it is immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


class OneOf:
    """Annotates a string that must be a name in a table, such as `SCHEDULES`.

    The table remains the only list of the names; names added to it later are valid too. The error
    message suggests the nearest one.
    """

    def __init__(self, kind: str, names: Collection[str]):
        self.kind, self.names = kind, names

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the name once it is known to be a string."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, name: str) -> str:
        """Return `name`. Errors: ValueError if it is not in the table."""
        if name not in self.names:
            known = ", ".join(self.names)
            raise ValueError(f"not a {self.kind}{nearest(name, self.names)}; known: {known}")
        return name


@dataclass(frozen=True)
class FieldDescription:
    """One key of a recipe, such as `optimizer.lr`, with its value and its description."""

    key: str
    value: Any
    description: str


def describe_fields(section: Section, prefix: str = "") -> Iterator[FieldDescription]:
    """Yield each key of a section and its subsections, in the order of the YAML."""
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), f"{prefix}{name}"
        if isinstance(value, Section):
            yield from describe_fields(value, f"{key}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            for number, part in enumerate(value):
                yield from describe_fields(part, f"{key}.{number}.")
        else:
            yield FieldDescription(key, value, field.description or "")


def explain(error: ValidationError, whole: type[Section]) -> str:
    """Return one line on the first problem of a recipe, with the nearest known key."""
    problem = error.errors()[0]
    place = list(problem["loc"])
    key = ".".join(str(part) for part in place)
    if problem["type"] != "extra_forbidden":
        value = value_words(problem["input"])
        return f"{key} = {value}: {problem['msg'].removeprefix('Value error, ')}"
    section: Any = whole
    for part in place[:-1]:
        # A number is a list index; all sections of a list have one type.
        section = section if isinstance(part, int) else _section_type(section, str(part))
    known = sorted(section.model_fields) if section else []
    return f"unknown key {key!r}{nearest(str(place[-1]), known)}; known: {', '.join(known)}"


def _section_type(parent: Any, name: str) -> Any:
    annotation = parent.model_fields[name].annotation if parent else None
    choices = [annotation, *get_args(annotation)]
    sections = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
    return sections[0] if sections else None
