"""Assign the warnings of many threads to their requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from leadline.errors import printable, warnings_taken_by


class WarningCollector:
    """Collects the `LeadlineWarning`s of each thread separately.

    Python's `catch_warnings` changes state shared by all threads, so it is entered only once.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def installed(self) -> AbstractContextManager[None]:
        """Replace the display of warnings, for all threads."""
        return warnings_taken_by(self._take)

    def _take(self, text: str) -> bool:
        warned: list[str] | None = getattr(self._of_thread, "warned", None)
        if warned is None:
            return False
        line = printable(" ".join(text.split()))
        if line not in warned:
            warned.append(line)
        return True

    @contextmanager
    def collect(self) -> Iterator[list[str]]:
        """Yield the list of this thread's warnings inside the block."""
        warned: list[str] = []
        self._of_thread.warned = warned
        try:
            yield warned
        finally:
            self._of_thread.warned = None
