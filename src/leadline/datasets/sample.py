"""`Sample`: one data set item, the same for every layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics


@dataclass(frozen=True)
class Sample:
    """A photograph with its true depth.

    `image` (H,W,3) uint8 RGB; `depth` (H,W) float32 metres, 0 where invalid; `valid` (H,W) bool;
    `labels` (H,W) int32 class ids or None; `id` names it uniquely in its data set.
    """

    id: str
    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int32] | None = None
    intrinsics: Intrinsics | None = None


class DepthDataset(Protocol):
    """What every reader is: a sequence of samples, read one at a time.

    `root` is the folder or file it was opened from, `name` its layout and split in words.
    `units_per_metre` is the scale of its depth files where they are whole numbers that do not say
    it themselves. Depth outside `min_depth` (exclusive) to `max_depth` metres is invalid.
    """

    @property
    def root(self) -> Path: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def units_per_metre(self) -> float | None: ...  # noqa: D102
    @property
    def min_depth(self) -> float: ...  # noqa: D102
    @property
    def max_depth(self) -> float | None: ...  # noqa: D102

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """Read sample `index`."""
        ...

    def sample_id(self, index: int) -> str:
        """Return the id of sample `index` without reading it."""
        ...

    def scenes(self) -> list[str]:
        """Return the scene of each sample: samples of one scene may look alike."""
        ...

    def files(self, index: int) -> Mapping[str, Path]:
        """Return the files of sample `index` by kind (image, depth, label, ...), as far as any."""
        ...

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the data set of these samples, in this order."""
        ...

    def within(self, min_depth: float, max_depth: float | None) -> Self:
        """Return the same data set with another range of valid depth, in metres."""
        ...

    def without_labels(self) -> Self:
        """Return the same data set without class labels."""
        ...

    def named(self, name: str) -> Self:
        """Return the same data set under another `name`."""
        ...
