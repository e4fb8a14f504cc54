"""Random streams that are named, so that changing one part of a world leaves the others alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from leadline.errors import LeadlineError, check_seed

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def stream(*key: int | str) -> np.random.Generator:
    """Return the generator that belongs to `key`; equal keys give equal numbers."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


@dataclass(frozen=True)
class Seeds:
    """Where one world comes from: the data set's seed, the split and the number in it.

    `attempt` counts worlds that were thrown away because no camera saw anything in them.
    Raises LeadlineError for an unknown split, or a seed below 0.
    """

    seed: int
    split: Split
    index: int
    attempt: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.split not in SPLITS:
            raise LeadlineError(f"unknown split {self.split!r}; choose one of {', '.join(SPLITS)}")

    def stream(self, *name: int | str) -> np.random.Generator:
        """Return the stream called `name` (layout, materials, light, camera, sensor, ...)."""
        return stream(self.seed, self.split, self.index, self.attempt, *name)
