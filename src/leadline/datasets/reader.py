"""What all readers share: a list of items, each read from disk when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample, StoredSample, keep_within
from leadline.errors import LeadlineError


class Item(Protocol):
    """One entry of a reader's list: small, picklable, and named uniquely."""

    @property
    def id(self) -> str:
        """The sample's id, a relative path of its photograph where there is one."""
        ...


ItemT = TypeVar("ItemT", bound=Item)


class HasShape(Protocol):
    """An array or a depth map."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its height and width."""
        ...


@dataclass(frozen=True)
class Reader(Generic[ItemT]):
    """A `DepthDataset` over `items`; a layout adds `read`, which turns one item into a `Sample`."""

    root: Path
    items: tuple[ItemT, ...]
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    name: str = ""
    with_labels: bool = True

    @abstractmethod
    def read(self, item: ItemT) -> Sample | StoredSample:
        """Read one sample with all the depth that its files hold, 0 where there is none.

        Depth may stay in the whole units of its file. Labels may be left out where `with_labels`
        is False.
        """

    def paths(self, item: ItemT) -> dict[str, Path]:
        """Return the files that `read` reads, by kind: image, depth, label, ...; {} where none."""
        return {}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        sample = self.stored(index)
        return sample if isinstance(sample, Sample) else sample.to_sample()

    def stored(self, index: int) -> Sample | StoredSample:
        """Read sample `index`, with its depth as the file holds it where that is quicker."""
        sample = self.read(self.items[index])
        if not self.with_labels and sample.labels is not None:
            sample = replace(sample, labels=None)
        if self.min_depth <= 0 and self.max_depth is None:
            return sample
        if isinstance(sample, StoredSample):
            return replace(sample, min_depth=self.min_depth, max_depth=self.max_depth)
        depth = keep_within(sample.depth, self.min_depth, self.max_depth)
        return replace(sample, depth=depth, valid=depth > 0)

    def sample_id(self, index: int) -> str:
        """Return the id of sample `index` without reading it."""
        return self.items[index].id

    def scene(self, item: ItemT) -> str:
        """Return the scene of one item: here, the folder of its photograph."""
        return item.id.rpartition("/")[0]

    def scenes(self) -> list[str]:
        """Return the scene of each sample: samples of one scene may look alike."""
        return [self.scene(item) for item in self.items]

    def files(self, index: int) -> Mapping[str, Path]:
        """Return the files of sample `index` by kind (image, depth, label, ...), as far as any."""
        return self.paths(self.items[index])

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the data set of these samples, in this order."""
        return replace(self, items=tuple(self.items[i] for i in indices))

    def within(self, min_depth: float, max_depth: float | None) -> Self:
        """Return the same data set with another range of valid depth, in metres."""
        return replace(self, min_depth=min_depth, max_depth=max_depth)

    def without_labels(self) -> Self:
        """Return the same data set without class labels, which then cost nothing to read."""
        return replace(self, with_labels=False)

    def named(self, name: str) -> Self:
        """Return the same data set under another `name`."""
        return replace(self, name=name)


def check_one_size(
    kind: str, plane: HasShape, file: Path, image: NDArray[np.uint8], photo: Path
) -> None:
    """Raise LeadlineError, naming both files, unless `plane` (h,w) is as large as `image`."""
    if plane.shape != image.shape[:2]:
        raise LeadlineError(
            f"{file}: {kind} is {plane.shape[1]}x{plane.shape[0]} but {photo} is "
            f"{image.shape[1]}x{image.shape[0]}; a pair must have one size"
        )
