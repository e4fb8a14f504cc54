"""`Finding`: one thing that a check has to say about a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MOST_EXAMPLES = 5


class Severity(StrEnum):
    """How bad it is: an error spoils training, a warning may, a note is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What is wrong (`message`), how often (`count`), where (`examples`) and the `remedy`.

    `code` never changes its meaning: scripts may rely on it. `examples` are at most five ids or
    paths; `pairs` are the ids of the samples concerned, which the contact sheet shows first.
    """

    severity: Severity
    code: str
    message: str
    remedy: str
    count: int = 1
    examples: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        content = asdict(self)
        del content["pairs"]
        return {**content, "severity": str(self.severity), "examples": list(self.examples)}


def error(code: str, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return an error about `where`: ids or paths, of which the first few become examples."""
    return _finding(Severity.ERROR, code, message, remedy, where)


def warning(code: str, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return a warning about `where`: ids or paths, of which the first few become examples."""
    return _finding(Severity.WARNING, code, message, remedy, where)


def note(code: str, message: str, remedy: str, where: Iterable[str] = ()) -> Finding:
    """Return a note about `where`: ids or paths, of which the first few become examples."""
    return _finding(Severity.NOTE, code, message, remedy, where)


def _finding(
    severity: Severity, code: str, message: str, remedy: str, where: Iterable[str]
) -> Finding:
    listed = tuple(where)
    return Finding(
        severity, code, message, remedy, max(1, len(listed)), listed[:MOST_EXAMPLES], listed
    )


def plural(count: int, noun: str) -> str:
    """Return "1 image" or "12 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
