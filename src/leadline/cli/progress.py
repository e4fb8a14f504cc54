"""Progress: a bar with rate and time left on a terminal, plain lines elsewhere, all on stderr."""

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

SECONDS_BETWEEN_LINES = 10.0

_Item = TypeVar("_Item")


class Progress:
    """Counts towards `total`; use as a context manager and call `advance`."""

    def __init__(
        self,
        title: str,
        total: int,
        unit: str = "images",
        first: int = 0,
        hidden: bool = False,
    ):
        self.title, self.total, self.unit, self.hidden = title, total, unit, hidden
        self.first = self.done = first
        self.extra = ""
        self._bar: Any = None
        self._task: Any = None
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._started = self._last_line = time.monotonic()
        if sys.stderr.isatty() and not self.hidden:
            self._open_bar()
        return self

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import (
            Progress as RichProgress,
        )
        from rich.table import Column

        # In a narrow terminal only the bar becomes shorter.
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[extra]}"),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task(
            self.title, total=self.total, completed=self.done, rate="", extra=""
        )

    def advance(self, extra: str = "") -> None:
        """Count one; `extra` is shown behind the time left, on a bar in place of the rate."""
        self.done += 1
        self.extra = extra
        if self.hidden:
            return
        if self._bar is not None:
            rate = "" if extra else f"{self.rate:.1f} {self.unit}/s"
            self._bar.update(self._task, completed=self.done, rate=rate, extra=extra)
        elif self.done == self.total or time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.say(self._line())

    @property
    def rate(self) -> float:
        """Units per second since the start."""
        return (self.done - self.first) / max(1e-9, time.monotonic() - self._started)

    def _line(self) -> str:
        left = (self.total - self.done) / max(self.rate, 1e-9)
        return (
            f"{self.title}: {self.done}/{self.total} {self.unit}, {self.rate:.1f}/s, "
            f"{clock(left)} left{' ' + self.extra if self.extra else ''}"
        )

    def say(self, line: str) -> None:
        """Print a line without tearing the bar."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def track(items: Iterable[_Item], title: str, total: int, /, *, unit: str) -> Iterator[_Item]:
    """Show progress over `items` where there are more than one: a `leadline.progress.Track`."""
    with Progress(title, total, unit, hidden=total == 1) as progress:
        for item in items:
            yield item
            progress.advance()


def clock(seconds: float) -> str:
    """Return hours, minutes and seconds as people write them: 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
