"""`Sample`, one item of a data set, and `DepthDataset`, the sequence of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

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


@dataclass(frozen=True)
class DepthDataset:
    """A list of items, each read from disk when it is asked for; a subclass adds `read`.

    `root` is the folder or file it was opened from, `description` its layout and split in words.
    Items are small, can be pickled, and have an `id` of their own, such as the path of the image.
    `units_per_metre` is the scale of its depth files where they are whole numbers that do not say
    it themselves. Depth outside `min_depth` (exclusive) to `max_depth` metres is invalid.
    """

    root: Path
    items: tuple[Any, ...]
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    description: str = ""
    with_labels: bool = True

    @abstractmethod
    def read(self, item: Any) -> Sample | StoredSample:
        """Read one sample with all the depth that its files hold, 0 where there is none.

        Depth may stay in the whole units of its file. Labels may be left out where `with_labels`
        is False.
        """

    def paths(self, item: Any) -> dict[str, Path]:
        """Return the files of one item by kind (image, depth, label, ...), {} where it has none."""
        return {}

    def scene(self, item: Any) -> str:
        """Return the scene of one item: here, the folder of its image."""
        folder: str = item.id.rpartition("/")[0]
        return folder

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        """Read sample `index`."""
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
        name: str = self.items[index].id
        return name

    def scenes(self) -> list[str]:
        """Return the scene of each sample: samples of one scene may look alike."""
        return [self.scene(item) for item in self.items]

    def files(self, index: int) -> Mapping[str, Path]:
        """Return the files of sample `index` by kind (image, depth, label, ...), {} if none."""
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
