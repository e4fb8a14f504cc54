"""`Finding`: one result of the checks of a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

MAX_EXAMPLES = 5


class Severity(StrEnum):
    """An error spoils training, a warning may spoil it, a note is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


Code = Literal[
    # listing
    "cannot-open",
    "csv-columns",
    "csv-empty",
    "csv-line",
    "csv-missing-file",
    "csv-unreadable",
    "dataset-yaml",
    "lonely-depth",
    "lonely-image",
    "no-camera",
    "no-pairs",
    "same-stem",
    "unlabelled",
    "unlisted-images",
    # files
    "cut-short",
    "depth-24-bit",
    "depth-colour",
    "depth-three-channels",
    "empty-file",
    "label-size",
    "listed-twice",
    "mixed-depth-types",
    "mixed-image-sizes",
    "not-a-picture",
    "size-mismatch",
    "too-large",
    "unreadable",
    # values
    "blank-image",
    "constant-depth",
    "depth-8-bit",
    "depth-is-image",
    "wrapped-depth",
    "far-background",
    "few-valid",
    "infinite-depth",
    "label-range",
    "nan-depth",
    "negative-depth",
    "no-valid-depth",
    "saturated",
    "sparse-depth",
    # scale
    "inverted-depth",
    "mixed-scales",
    "narrow-range",
    "ray-distance",
    "no-ray-distance",
    "relative-depth",
    "rotated-bits",
    "scale-contradiction",
    "scale-undeclared",
    "scale-unknown",
    "units-per-file",
    # alignment
    "alignment-unknown",
    "depth-mirrored",
    "depth-rotated",
    "depth-shifted",
    "depth-upside-down",
    "swapped-pairs",
    "unrelated-depth",
    # splits
    "duplicate-depth",
    "duplicate-image",
    "leak-near-image",
    "leak-same-file",
    "leak-same-image",
    "near-duplicates",
]
"""The subject of a finding. A code never changes its meaning, since scripts may rely on it."""


@dataclass(frozen=True)
class Finding:
    """A fault (`message`), its frequency (`count`), `examples` of places, and the `remedy`.

    `examples` are at most five ids or paths; `pairs` are the ids of the affected samples, which the
    contact sheet shows first.
    """

    severity: Severity
    code: Code
    message: str
    remedy: str
    count: int = 1
    examples: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-serialisable values."""
        content = asdict(self)
        del content["pairs"]
        return {**content, "severity": str(self.severity), "examples": list(self.examples)}


def finding(
    severity: Severity, code: Code, message: str, remedy: str, where: Iterable[str] = ()
) -> Finding:
    """Return a finding about `where`: ids or paths, of which the first few become examples."""
    places = tuple(where)
    count = max(1, len(places))
    return Finding(severity, code, message, remedy, count, places[:MAX_EXAMPLES], places)


def error(code: Code, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return an error about `where`, see `finding`."""
    return finding(Severity.ERROR, code, message, remedy, where)


def warning(code: Code, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return a warning about `where`, see `finding`."""
    return finding(Severity.WARNING, code, message, remedy, where)


def note(code: Code, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return a note about `where`, see `finding`."""
    return finding(Severity.NOTE, code, message, remedy, where)
