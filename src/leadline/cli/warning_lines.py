"""Warnings of Leadline as single lines on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from leadline.errors import printable, warnings_taken_by


@contextmanager
def print_warnings() -> Iterator[None]:
    """Print every LeadlineWarning, once, as one line on stderr; leave other warnings alone."""
    printed: set[str] = set()

    def take(text: str) -> bool:
        if text not in printed:
            printed.add(text)
            print(f"leadline: {printable(text)}", file=sys.stderr)
        return True

    with warnings_taken_by(take):
        yield
