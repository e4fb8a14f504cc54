"""A progress display that remembers what it was given."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Recorder:
    """A `leadline.progress.Track`: `loops` holds (title, total, items that were done, unit)."""

    def __init__(self) -> None:
        self.loops: list[tuple[str, int, int, str]] = []

    def __call__(self, items: Iterable[T], title: str, total: int, /, *, unit: str) -> Iterator[T]:
        """Count the items of a loop."""
        place = len(self.loops)
        self.loops.append((title, total, 0, unit))
        return self._counted(items, place)

    def _counted(self, items: Iterable[T], place: int) -> Iterator[T]:
        for item in items:
            yield item
            title, total, done, unit = self.loops[place]
            self.loops[place] = (title, total, done + 1, unit)
