"""Reading YAML, with one clear line where it cannot be read."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from leadline.errors import LeadlineError, one_line, value_words
from leadline.io.files import DECODE_ERRORS, read_bytes

YAML_ERRORS: tuple[type[Exception], ...] = (yaml.YAMLError, *DECODE_ERRORS)

MOST_VALUES = 100_000
MOST_LEVELS = 40
"""What a YAML file may hold: a recipe has 200 values, six levels deep."""


def read_yaml(path: Path, noun: str) -> Any:
    """Return what the YAML file `path`, in UTF-8, holds; see `parse_yaml`.

    Errors: LeadlineError as in `read_bytes`, and where the file is not YAML.
    """
    return parse_yaml(read_bytes(path, noun), path, noun)


def parse_yaml(content: bytes | str, origin: Path | str, noun: str) -> Any:
    """Return what the YAML `content` holds.

    Of YAML 1.2 it takes numbers such as 1e-3, which YAML 1.1 reads as text, that 010 is not 8, and
    that a key stands once.
    Errors: LeadlineError, naming `origin`, where the content is not YAML in UTF-8.
    """
    try:
        parsed = yaml.load(content, _Loader)
    except YAML_ERRORS as error:
        raise LeadlineError(
            f"{origin}: not readable as YAML ({one_line(error)[:200]}); correct the {noun}"
        ) from None
    _check_extent(parsed, origin, noun)
    return parsed


def _check_extent(parsed: Any, origin: Path | str, noun: str) -> None:
    """Raise LeadlineError for more values than a person writes, or deeper ones.

    A few aliases of aliases (*a) are millions of values once they are printed or copied.
    """
    level, values = [parsed], 0
    for _depth in range(MOST_LEVELS):
        values += len(level)
        if values > MOST_VALUES:
            break
        level = [
            value
            for each in level
            if isinstance(each, dict | list)
            for value in islice(each.values() if isinstance(each, dict) else each, MOST_VALUES)
        ]
        if not level:
            return
    raise LeadlineError(
        f"{origin}: holds more than {MOST_VALUES} values, or lists more than {MOST_LEVELS} deep, "
        f"with its aliases (*) written out; correct the {noun}"
    )


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that reads 1e-3 as a number and refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping as ever; of two values of one key none is chosen."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{value_words(key.value)} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_INT = "tag:yaml.org,2002:int"
# Of YAML 1.1's whole numbers those that YAML 1.2 has too: there 010 is not 8, nor 1:30 ninety.
_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != _INT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _INT, re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
