"""Train on several data sets as one: which samples belong to which set, and how often each occurs.

An epoch has as many samples as all parts together. Each part gives its share of them, by weight,
and goes through its own samples in successive random orders, across epochs: a part with a share
above its size repeats some samples, one with a smaller share continues in the next epoch where it
stopped. The samples of an epoch depend only on (seed, epoch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.errors import LeadlineError

NO_LABEL = -1
"""The label of a pixel without a class, even if 0 means unlabelled."""


@dataclass(frozen=True)
class Part:
    """A data set in a mixture.

    `weight` is its share of the samples drawn, relative to the other parts; None: its size. If
    `is_labelled` is False, its pixels have no class, whatever its files hold, since the ids of
    another set would have other meanings.
    """

    name: str
    data: DepthDataset
    weight: float | None = None
    is_labelled: bool = True


@dataclass(frozen=True)
class MixedItem:
    """One sample of one part."""

    part: int
    index: int
    id: str


class Share(NamedTuple):
    """The indices of a part's samples in the whole, and how many of them an epoch draws."""

    indices: NDArray[np.int64]
    drawn: int


@dataclass(frozen=True)
class MixedDataset(DepthDataset):
    """Several data sets as one. Sample ids begin with the name of their part.

    Each part keeps its own range of valid depth.
    """

    parts: tuple[Part, ...] = ()

    @classmethod
    def from_parts(cls, parts: Sequence[Part]) -> Self:
        """Concatenate data sets."""
        items = tuple(
            MixedItem(number, index, f"{part.name}/{part.data.sample_id(index)}")
            for number, part in enumerate(parts)
            for index in range(len(part.data))
        )
        sizes = ", ".join(f"{part.name} ({len(part.data)})" for part in parts)
        return cls(Path(sizes), items, description=f"mix of {sizes}", parts=tuple(parts))

    def read(self, item: MixedItem) -> Sample:
        """Read one sample of its part."""
        part = self.parts[item.part]
        sample = replace(part.data.view(item.index), id=item.id)
        if self.with_labels and not part.is_labelled:
            return replace(sample, labels=np.full(sample.size, NO_LABEL, np.int32))
        return sample

    def view(self, index: int) -> Sample:
        """Read sample `index` without copies, with its part's range of valid depth."""
        return self.read(self.items[index])

    def paths(self, item: MixedItem) -> dict[str, Path]:
        """Return the files of one item by kind."""
        return dict(self.parts[item.part].data.files(item.index))

    def has_labels(self) -> bool:
        """Return whether any part with `is_labelled` has labels."""
        return any(part.is_labelled and part.data.has_labels() for part in self.parts)

    def scene(self, item: MixedItem) -> str:
        """Return the scene of one item, prefixed by its part."""
        part = self.parts[item.part]
        return f"{part.name}/{part.data.scene(part.data.items[item.index])}"

    def location(self, item: MixedItem) -> str:
        """Return an identifier of the image that is the same inside and outside a mixture."""
        part = self.parts[item.part]
        return part.data.location(part.data.items[item.index])

    def part_number(self, index: int) -> int:
        """Return the number of the part of sample `index`."""
        number: int = self.items[index].part
        return number

    def shares(self) -> tuple[Share, ...]:
        """Return how an epoch draws from each part.

        The counts add up to the number of samples; the remainder of rounding goes to the parts that
        lose most by it.
        Errors: LeadlineError if a part's weight is so small that none of its samples are drawn.
        """
        numbers = np.array([item.part for item in self.items])
        members = [np.flatnonzero(numbers == number) for number in range(len(self.parts))]
        weights = [
            float(len(indices)) if part.weight is None else part.weight
            for part, indices in zip(self.parts, members, strict=True)
        ]
        exact = len(self.items) * np.array(weights) / sum(weights)
        counts = np.floor(exact).astype(int)
        most_lost = np.argsort(counts - exact, kind="stable")
        counts[most_lost[: len(self.items) - counts.sum()]] += 1
        for part, count in zip(self.parts, counts, strict=True):
            if count == 0:
                raise LeadlineError(
                    f"data.mix: {part.name} has a weight of {part.weight:g}, which is none of the "
                    f"{len(self.items)} samples of an epoch; raise it, or leave it out"
                )
        return tuple(Share(*pair) for pair in zip(members, counts.tolist(), strict=True))

    def within(self, min_depth: float, max_depth: float | None) -> Self:
        """Return the same data sets with another range of valid depth, in metres."""
        return self._with_data([part.data.within(min_depth, max_depth) for part in self.parts])

    def without_labels(self) -> Self:
        """Return the same data sets without class labels."""
        bare = self._with_data([part.data.without_labels() for part in self.parts])
        return replace(bare, with_labels=False)

    def _with_data(self, data: Sequence[DepthDataset]) -> Self:
        changed = (replace(part, data=each) for part, each in zip(self.parts, data, strict=True))
        return replace(self, parts=tuple(changed))


def parts_of(data: DepthDataset) -> list[tuple[str, DepthDataset]]:
    """Return the sets of a mixture by name; for other data the data set itself, named ""."""
    if isinstance(data, MixedDataset):
        return [(part.name, part.data) for part in data.parts]
    return [("", data)]


def draw_epoch(shares: Sequence[Share], seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the samples of an epoch in order: (N,2) rows (pass, index).

    A sample's pass counts the earlier passes over its part. No row occurs twice in a run, so that
    (seed, pass, sample) can seed its augmentation.
    """
    rows: list[Any] = []
    for number, share in enumerate(shares):
        size = len(share.indices)
        passes, places = np.divmod(np.arange(epoch * share.drawn, (epoch + 1) * share.drawn), size)
        for each in np.unique(passes):
            order = np.random.default_rng([seed, int(each), number]).permutation(size)
            indices = share.indices[order[places[passes == each]]]
            rows.append(np.stack([np.full(len(indices), each), indices], axis=1))
    whole = np.concatenate(rows)
    mixed: NDArray[np.int64] = whole[np.random.default_rng([seed, epoch]).permutation(len(whole))]
    return mixed
