"""What there is to check: the samples of a data set, before and after one is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.findings import Finding
from leadline.datasets.pairs import read_labels
from leadline.datasets.sample import DepthDataset
from leadline.io.formats import read_depth_values
from leadline.io.photos import read_photo


@dataclass(frozen=True)
class RawPair:
    """A photograph with the numbers of its depth file, as stored and not yet judged.

    `image` (H,W,3) uint8; `values` (h,w) of any numeric type; `units_per_metre` where the file
    says it itself; `labels` (h,w) int32 or None.
    """

    image: NDArray[np.uint8]
    values: NDArray[Any]
    units_per_metre: float | None = None
    labels: NDArray[np.int32] | None = None


class Entry(Protocol):
    """One sample that the data set promises."""

    @property
    def id(self) -> str:
        """Its name, unique within the split."""
        ...

    @property
    def split(self) -> str:
        """The split it belongs to, "" where there are none."""
        ...

    @property
    def files(self) -> Mapping[str, Path]:
        """Its files by role: image, depth, label."""
        ...

    def read(self) -> RawPair:
        """Read it; LeadlineError where it cannot be read."""
        ...


@dataclass(frozen=True)
class FileEntry:
    """An image file beside a depth file."""

    id: str
    split: str
    image: Path
    depth: Path
    label: Path | None = None

    @property
    def files(self) -> Mapping[str, Path]:
        """The files by role."""
        files = {"image": self.image, "depth": self.depth, "label": self.label}
        return {role: path for role, path in files.items() if path is not None}

    def read(self) -> RawPair:
        """Read the files, whatever their sizes."""
        image = read_photo(self.image).pixels
        values, about = read_depth_values(self.depth)
        labels = None if self.label is None else read_labels(self.label)
        return RawPair(image, values, about.units_per_metre, labels)


@dataclass(frozen=True)
class SampleEntry:
    """Sample `index` of a reader, in metres."""

    id: str
    split: str
    data: DepthDataset
    index: int
    files: Mapping[str, Path] = field(default_factory=dict)

    def read(self) -> RawPair:
        """Read the sample; what the reader calls invalid is 0."""
        sample = self.data[self.index]
        values = np.where(sample.valid, sample.depth, np.float32(0))
        return RawPair(sample.image, values, 1.0, sample.labels)


@dataclass(frozen=True)
class Listing:
    """What a data set promises, and what was wrong already in listing it.

    `declared_units` and `declared_by` are the scale that the user or the data set declares, and
    who said it; `evidence` is why the layout was recognised.
    """

    path: Path
    layout: str
    evidence: str
    entries: tuple[Entry, ...]
    faults: tuple[Finding, ...] = ()
    declared_units: float | None = None
    declared_by: str = ""

    @property
    def splits(self) -> dict[str, int]:
        """How many samples each split has."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.split] = counts.get(entry.split, 0) + 1
        return counts
