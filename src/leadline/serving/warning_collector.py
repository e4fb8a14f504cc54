"""Which of the warnings of many threads belong to which request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from leadline.errors import printable, warnings_taken_by


class WarningCollector:
    """Collects the `LeadlineWarning`s of each thread apart.

    Python's own `catch_warnings` replaces what all threads share, so it is entered once.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def installed(self) -> AbstractContextManager[None]:
        """Take the place of what shows warnings, for all threads."""
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
        """Yield the list of what is warned of in this thread inside the block."""
        warned: list[str] = []
        self._of_thread.warned = warned
        try:
            yield warned
        finally:
            self._of_thread.warned = None
