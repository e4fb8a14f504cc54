"""`Layout`: how a published data set is recognised and opened; one row of the table in `open`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError


@dataclass(frozen=True)
class Option:
    """Something a reader can be asked for. Without `choices`, any value of the default's type."""

    help: str
    default: str | float | bool
    choices: tuple[str | float | bool, ...] = ()

    def settle(self, value: Any) -> Any:
        """Return `value`, which may have been typed as text, as the option's own type.

        Errors: ValueError, saying what is accepted.
        """
        if self.choices:
            for choice in self.choices:
                if str(value).lower() == str(choice).lower():
                    return choice
            raise ValueError(f"choose one of {', '.join(map(str, self.choices))}")
        if isinstance(self.default, str):
            return str(value)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError("give a number") from None


def no_splits(_path: Path) -> tuple[str, ...]:
    """Return the splits of a layout that has none."""
    return ()


def no_sibling(_path: Path, _split: str) -> Path | None:
    """Return where else a split of the same data lies: nowhere."""
    return None


@dataclass(frozen=True)
class Layout:
    """A way in which depth data is laid out on disk.

    `matches` returns the evidence that a path is of this layout, or None, reading no more than a
    few file names or the first bytes of a file. `splits` names the splits found at a path. `open`
    takes (path, split or None for everything, units_per_metre, **options) and raises LeadlineError
    for whatever is missing. `units_per_metre` is the unit that the layout prescribes, where it
    does. `sibling` finds another split's file where a path is one split's file.
    """

    name: str
    title: str
    points_at: str
    source: str
    matches: Callable[[Path], str | None]
    open: Callable[..., DepthDataset]
    splits: Callable[[Path], tuple[str, ...]] = no_splits
    sibling: Callable[[Path, str], Path | None] = no_sibling
    units_per_metre: float | None = None
    options: Mapping[str, Option] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what a program needs to choose a layout and its options."""
        return {
            "name": self.name,
            "title": self.title,
            "points_at": self.points_at,
            "source": self.source,
            "units_per_metre": self.units_per_metre,
            "options": {name: asdict(option) for name, option in self.options.items()},
        }

    def settle_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every option's value, defaults filled in.

        Errors: LeadlineError for an option that the layout does not have or a value it rejects.
        """
        for name in given:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise LeadlineError(
                    f"layout {self.name} has no option {name!r}; its options: {known}"
                )
        settled = {name: option.default for name, option in self.options.items()}
        for name, value in given.items():
            try:
                settled[name] = self.options[name].settle(value)
            except ValueError as error:
                raise LeadlineError(
                    f"layout {self.name}: option {name} = {value!r} is not understood; {error}"
                ) from None
        return settled
