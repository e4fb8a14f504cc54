"""`Sample`, one item of a data set, and `DepthDataset`, a sequence of samples."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth

LOOKED_AT_FOR_LABELS = 8
"""Number of samples read to find labels, if no files tell whether the data has labels."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A photograph with its true depth.

    `image` (H,W,3) uint8 RGB; `labels` (H,W) int32 class ids or None; `id` is unique in the data
    set. `stored` is the depth as read: a map in metres, or the integers of a file, which are
    cheaper to shrink before dividing by their unit. Depth outside `min_depth` (exclusive) to
    `max_depth` metres is invalid.

    `depth_map` is that depth in metres, computed on first use, with `depth` (H,W) float32 m, 0
    where invalid, `valid` (H,W) bool and `intrinsics`.
    """

    id: str
    image: NDArray[np.uint8]
    stored: DepthMap | QuantizedDepth
    labels: NDArray[np.int32] | None = None
    min_depth: float = 0.0
    max_depth: float | None = None

    @classmethod
    def from_metres(
        cls,
        id: str,
        image: NDArray[np.uint8],
        depth: NDArray[np.float32],
        valid: NDArray[np.bool_] | None = None,
        labels: NDArray[np.int32] | None = None,
        intrinsics: Intrinsics | None = None,
    ) -> Self:
        """Build a sample from depth in metres, (H,W); see `DepthMap.from_metres`."""
        return cls(id, image, DepthMap.from_metres(depth, valid, intrinsics), labels)

    @cached_property
    def depth_map(self) -> DepthMap:
        """The depth in metres within the sample's range."""
        stored = self.stored
        whole = stored if isinstance(stored, DepthMap) else DepthMap.from_quantized(stored)
        return whole.within(self.min_depth, self.max_depth)

    @property
    def depth(self) -> NDArray[np.float32]:
        """Metres, (H,W), 0 where invalid."""
        return self.depth_map.depth

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Mask (H,W) of pixels whose depth is known and in range."""
        return self.depth_map.valid

    @property
    def intrinsics(self) -> Intrinsics | None:
        """The camera, if known."""
        return self.stored.intrinsics

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return int(self.image.shape[0]), int(self.image.shape[1])

    @property
    def stored_values(self) -> NDArray[Any]:
        """The stored depth (H,W), 0 where unknown, for resampling before conversion to metres."""
        stored = self.stored
        return stored.depth if isinstance(stored, DepthMap) else stored.values

    def to_metres(
        self, values: NDArray[Any], depth: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> None:
        """Convert pixels of `stored_values`, of any shape, to `depth` in metres and `valid`."""
        if isinstance(self.stored, DepthMap):
            np.copyto(depth, values)
        else:
            self.stored.metres(values, depth)
        _keep_within(depth, self.min_depth, self.max_depth)
        # 0 means unknown, out of range, or outside the photograph.
        np.greater(depth, 0, out=valid)


def _keep_within(depth: NDArray[np.float32], nearest: float, farthest: float | None) -> None:
    """Set depth outside (nearest, farthest] to 0; OpenCV takes a third of numpy's time."""
    if nearest <= 0 and farthest is None:
        return
    import cv2

    if farthest is not None:
        cv2.threshold(depth, farthest, 0, cv2.THRESH_TOZERO_INV, dst=depth)
    if nearest > 0:
        cv2.threshold(depth, nearest, 0, cv2.THRESH_TOZERO, dst=depth)


@dataclass(frozen=True)
class DepthDataset(ABC):
    """A list of items, each read from disk on access; a subclass adds `read`.

    `root` is the folder or file it was opened from, `description` its layout and split in words.
    Items are small, can be pickled, and have a unique `id`, such as the path of the image.
    `units_per_metre` is the scale of integer depth files that do not state it. Depth outside
    `min_depth` (exclusive) to `max_depth` metres is invalid. `dataset` is the published data set
    (nyu, kitti, ...), "" if not stated. `grey_levels` are black and white of its 16-bit grey
    pictures, None without any. `opened_as` records how it was opened
    (`leadline.datasets.opened_as`), {} for data that no layout opened.
    """

    root: Path
    items: tuple[Any, ...]
    units_per_metre: float | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    description: str = ""
    with_labels: bool = True
    dataset: str = ""
    grey_levels: tuple[int, int] | None = None
    opened_as: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @abstractmethod
    def read(self, item: Any) -> Sample:
        """Read one sample with all the depth in its files.

        Labels may be left out if `with_labels` is False.
        """

    def paths(self, item: Any) -> dict[str, Path]:
        """Return the files of one item by kind (image, depth, label, ...), {} if it has none."""
        return {}

    def scene(self, item: Any) -> str:
        """Return the scene of one item, by default the folder of its image."""
        folder: str = item.id.rpartition("/")[0]
        return folder

    def location(self, item: Any) -> str:
        """Return a unique identifier of the image of one item: the absolute path of its file.

        Links are followed, so that one file has one location. If the item has no file of its own,
        it is the path of the data with the item's id.
        """
        image = self.paths(item).get("image")
        if image is None:
            return f"{_real_path(str(self.root))}::{item.id}"
        return real_file(image)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        """Read sample `index`."""
        sample = self.view(index)
        return replace(sample, image=np.require(sample.image, requirements="W"))

    def view(self, index: int) -> Sample:
        """Read sample `index` without copies; its arrays may be mapped files and read-only.

        For a training loop, which warps them into its own arrays.
        """
        sample = self.read(self.items[index])
        labels = sample.labels if self.with_labels else None
        return replace(sample, labels=labels, min_depth=self.min_depth, max_depth=self.max_depth)

    def sample_id(self, index: int) -> str:
        """Return the id of sample `index` without reading it."""
        name: str = self.items[index].id
        return name

    def scenes(self) -> list[str]:
        """Return the scene of each sample; samples of one scene may look alike."""
        return [self.scene(item) for item in self.items]

    def locations(self) -> list[str]:
        """Return the `location` of each sample, which does not depend on how data is opened."""
        return [self.location(item) for item in self.items]

    def files(self, index: int) -> Mapping[str, Path]:
        """Return the files of sample `index` by kind (image, depth, label, ...), {} if none."""
        return self.paths(self.items[index])

    def has_labels(self) -> bool:
        """Return whether any sample has class labels: by its files, else by reading a few."""
        if any("label" in self.files(index) for index in range(len(self))):
            return True
        looked_at = evenly_spaced(len(self), LOOKED_AT_FOR_LABELS)
        return any(self.view(index).labels is not None for index in looked_at)

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the data set of these samples, in this order."""
        return replace(self, items=tuple(self.items[i] for i in indices))

    def within(self, min_depth: float, max_depth: float | None) -> Self:
        """Return the same data set with another range of valid depth, in metres."""
        return replace(self, min_depth=min_depth, max_depth=max_depth)

    def without_labels(self) -> Self:
        """Return the same data set without class labels, which are then not read."""
        return replace(self, with_labels=False)


def real_file(path: Path | str) -> str:
    """Return the absolute path of a file without symbolic links, with one check per file.

    A missing file keeps its name.
    """
    folder, name = os.path.split(path)
    inside = Path(_real_path(folder), name)
    return os.path.realpath(inside) if inside.is_symlink() else str(inside)


@lru_cache(maxsize=4096)
def _real_path(path: str) -> str:
    """Return a path without symbolic links; cached, since many images share a folder."""
    return os.path.realpath(path)


def evenly_spaced(total: int, count: int) -> list[int]:
    """Return at most `count` different indices below `total`, including the first and the last.

    >>> evenly_spaced(10, 4)
    [0, 3, 6, 9]
    """
    indices: list[int] = np.linspace(0, total - 1, min(count, total)).astype(np.intp).tolist()
    return indices
