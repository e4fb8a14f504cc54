"""`Facts`: everything the checks may look at, gathered once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leadline.data_checks.alignment import Alignment, align
from leadline.data_checks.files import FileFacts
from leadline.data_checks.measure import DepthFacts, PairFacts
from leadline.data_checks.pairs import ListedPair, Listing
from leadline.data_checks.scale import Ranges, ScaleGuess, guess_scale, ranges_of

LOW_AGREEMENT = 2.5
"""Below this many standard deviations a sample does not visibly belong together."""

FEWEST_TO_ALIGN = 3


@dataclass(frozen=True)
class Facts:
    """A data set as found: `files` are all of them, `pairs` the samples that were read.

    `classes` is how many classes the user says the labels have.
    """

    listing: Listing
    files: Mapping[Path, FileFacts]
    pairs: Sequence[PairFacts]
    classes: int | None = None

    @cached_property
    def readable(self) -> list[PairFacts]:
        """The samples that could be read."""
        return [pair for pair in self.pairs if pair.depth is not None]

    @cached_property
    def depths(self) -> list[DepthFacts]:
        """The depth facts of `readable`."""
        return [pair.depth for pair in self.readable if pair.depth is not None]

    def of_role(self, role: str) -> list[FileFacts]:
        """Return the facts of every file with this role, each once."""
        paths = dict.fromkeys(
            entry.files[role] for entry in self.listing.pairs if role in entry.files
        )
        return [self.files[path] for path in paths if path in self.files]

    @cached_property
    def ranges(self) -> Ranges | None:
        """The range of all depths in file units."""
        return ranges_of(self.depths)

    @cached_property
    def scale(self) -> ScaleGuess:
        """Which unit the depth files are in."""
        return guess_scale(self.ranges, self.units)

    @cached_property
    def units(self) -> float | None:
        """The declared unit: the user's or the data set's, else what all files say themselves."""
        said = {each.units_per_metre for each in self.depths}
        if self.listing.declared_units is None and len(said) == 1:
            return said.pop()
        return self.listing.declared_units

    @cached_property
    def edged(self) -> list[PairFacts]:
        """The samples whose photograph and depth have edges that can be compared."""
        return [
            pair
            for pair in self.readable
            if pair.image_size == (pair.depth.size if pair.depth else None)
            and pair.image_edges is not None
            and pair.depth_edges is not None
            and pair.image_edges.any()
            and pair.depth_edges.any()
        ]

    @cached_property
    def alignment(self) -> Alignment | None:
        """How well depth lies on the photographs of `edged`, None for too few samples."""
        if len(self.edged) < FEWEST_TO_ALIGN:
            return None
        images = np.stack([p.image_edges for p in self.edged if p.image_edges is not None])
        depths = np.stack([p.depth_edges for p in self.edged if p.depth_edges is not None])
        return align(images, depths, LOW_AGREEMENT, np.random.default_rng(0))

    def same_content(self, role: str) -> list[list[ListedPair]]:
        """Return the groups of samples whose file of this role has the same bytes."""
        by_size: dict[int, set[Path]] = defaultdict(set)
        users: dict[Path, list[ListedPair]] = defaultdict(list)
        for entry in self.listing.pairs:
            path = entry.files.get(role)
            if path is not None and path in self.files and self.files[path].bytes:
                by_size[self.files[path].bytes].add(path)
                users[path].append(entry)
        groups: dict[bytes, list[ListedPair]] = defaultdict(list)
        for paths in by_size.values():
            for path in sorted(paths) if len(paths) > 1 else ():
                groups[_digest(path)] += users[path]
        return [group for group in groups.values() if len(group) > 1]


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
