"""What an export is doing, for those who wait: it takes from a second to several minutes."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


class Steps:
    """Told of each step as it begins; this one says nothing."""

    def begin(self, name: str) -> None:
        """Begin a step that cannot be counted."""

    def track(self, name: str, items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
        """Yield `total` items, one step."""
        yield from items
