"""Reading YAML, with one clear line where it cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from leadline.errors import LeadlineError, one_line
from leadline.io.files import read_bytes


def read_yaml(path: Path, noun: str) -> Any:
    """Return what the YAML file `path`, in UTF-8, holds; see `parse_yaml`.

    Errors: LeadlineError as in `read_bytes`, and where the file is not YAML.
    """
    return parse_yaml(read_bytes(path, noun), path, noun)


def parse_yaml(content: bytes | str, origin: Path | str, noun: str) -> Any:
    """Return what the YAML `content` holds.

    Of YAML 1.2 it takes numbers such as 1e-3, which YAML 1.1 reads as text.
    Errors: LeadlineError, naming `origin`, where the content is not YAML in UTF-8.
    """
    try:
        return yaml.load(content, _Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise LeadlineError(
            f"{origin}: not readable as YAML ({one_line(error)}); correct the {noun}"
        ) from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that reads 1e-3 as a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
