"""`Sample`: one data set item, the same for every layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth


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

    def metres(self, depth: NDArray[Any], out: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return pixels of `depth`, which are in metres already, in `out` of the same shape."""
        np.copyto(out, depth)
        return out


@dataclass(frozen=True)
class StoredSample:
    """A sample whose depth is still in the whole units of its file, to be warped before division.

    `image` and `labels` as in `Sample`, but not to be written to; `depth` 0 where invalid. Depth
    outside `min_depth` (exclusive) to `max_depth` metres becomes invalid in `metres`.
    """

    id: str
    image: NDArray[np.uint8]
    whole: QuantizedDepth
    labels: NDArray[np.int32] | None = None
    intrinsics: Intrinsics | None = None
    min_depth: float = 0.0
    max_depth: float | None = None

    @property
    def depth(self) -> NDArray[np.unsignedinteger]:
        """The depth in whole units, (H,W)."""
        return self.whole.values

    def metres(self, depth: NDArray[Any], out: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return pixels of `depth`, (h,w) in whole units, as a `Sample` holds them, in `out`."""
        self.whole.metres(depth, out)
        return keep_within(out, self.min_depth, self.max_depth, out)

    def to_sample(self) -> Sample:
        """Divide all of the depth; copy a photograph that must not be written to."""
        image = np.require(self.image, requirements="W")
        depth = self.metres(self.depth, np.empty(self.depth.shape, np.float32))
        return Sample(self.id, image, depth, depth > 0, self.labels, self.intrinsics)


def to_be_warped(
    id: str,
    image: NDArray[np.uint8],
    depth: DepthMap | QuantizedDepth,
    labels: NDArray[np.int32] | None = None,
    camera: Intrinsics | None = None,
) -> Sample | StoredSample:
    """Return the sample of what was read, with its depth as it is."""
    if isinstance(depth, QuantizedDepth):
        return StoredSample(id, image, depth, labels, camera)
    image = np.require(image, requirements="W")
    return Sample(id, image, depth.depth, depth.valid, labels, camera)


def keep_within(
    depth: NDArray[np.float32],
    nearest: float,
    farthest: float | None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return `depth` with 0 outside (nearest, farthest], in `out` where that is given.

    OpenCV needs a third of numpy's time.
    """
    if nearest <= 0 and farthest is None:
        return depth
    import cv2

    kept: NDArray[Any] = depth
    if farthest is not None:
        kept = cv2.threshold(kept, farthest, 0, cv2.THRESH_TOZERO_INV, dst=out)[1]
    if nearest > 0:
        kept = cv2.threshold(kept, nearest, 0, cv2.THRESH_TOZERO, dst=out)[1]
    return np.asarray(kept, dtype=np.float32)


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

    def stored(self, index: int) -> Sample | StoredSample:
        """Read sample `index`, with its depth as the file holds it where that is quicker."""
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
