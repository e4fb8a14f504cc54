"""`Sample`: one data set item, the same for every layout."""

from dataclasses import dataclass
from typing import Protocol

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
    """What every reader is: a sequence of samples, read one at a time."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """Read sample `index`."""
        ...

    def sample_id(self, index: int) -> str:
        """Return the id of sample `index` without reading it."""
        ...
