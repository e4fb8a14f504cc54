"""How long work shows its progress: what functions take as `track`, and as `say`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

_Item = TypeVar("_Item")


class Track(Protocol):
    """Yields the items of a loop and shows how many are done; `tqdm.tqdm` is one.

    It is called once for every loop, with the `items`, the `title` of the loop ("evaluate"), the
    `total` number of items, and the `unit` they are counted in, a plural ("images"). What an
    earlier call finished is not among them. An item is done when the next one is asked for.
    """

    def __call__(
        self, items: Iterable[_Item], title: str, total: int, /, *, unit: str
    ) -> Iterable[_Item]:
        """Return the items again, in their order."""
        ...


def untracked(items: Iterable[_Item], _title: str, _total: int, /, *, unit: str) -> Iterable[_Item]:
    """Show nothing."""
    return items


Say = Callable[[str], None]
"""Is given lines that a person should read, between loops."""


def unsaid(_line: str) -> None:
    """Show nothing."""
