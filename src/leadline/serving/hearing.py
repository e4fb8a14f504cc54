"""Which of the warnings of many threads belong to which request."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from leadline.errors import LeadlineWarning, printable


class Hearing:
    """Collects the `LeadlineWarning`s of each thread apart.

    Python's own `catch_warnings` replaces what all threads share, so it is entered once.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the place of what shows warnings, for all threads."""
        with warnings.catch_warnings():
            show_other = warnings.showwarning
            warnings.simplefilter("always", LeadlineWarning)
            warnings.showwarning = self._show(show_other)
            yield

    def _show(self, show_other: Callable[..., None]) -> Callable[..., None]:
        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            heard = getattr(self._of_thread, "heard", None)
            if heard is None or not issubclass(category, LeadlineWarning):
                show_other(message, category, filename, lineno, file, line)
            elif (text := printable(" ".join(str(message).split()))) not in heard:
                heard.append(text)

        return show

    @contextmanager
    def listen(self) -> Iterator[list[str]]:
        """Yield the list of what is warned of in this thread inside the block."""
        heard: list[str] = []
        self._of_thread.heard = heard
        try:
            yield heard
        finally:
            self._of_thread.heard = None
