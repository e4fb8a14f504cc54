"""The encoding of samples as arrays of packed shards: the narrowest lossless types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.datasets.shards import DTYPES
from leadline.depth.units import units_stored_as
from leadline.errors import LeadlineError
from leadline.io.png16 import LARGEST

USUAL_UNITS = units_stored_as("u2")
"""Units per metre of the depth of published data sets."""


class UnfitError(Exception):
    """A sample does not fit the encoding; `wider` is the next one to try."""

    def __init__(self, wider: Encoding):
        super().__init__(str(wider))
        self.wider = wider


@dataclass(frozen=True)
class Encoding:
    """Types of the arrays. `units_per_metre` None: float32 metres; `labels` None: no labels.

    With `rounded`, depth is rounded to whole units, since the caller chose the unit; otherwise this
    is only used for depth that it stores without loss.
    """

    units_per_metre: float | None
    rounded: bool = False
    labels: str | None = None

    @property
    def dtypes(self) -> dict[str, str]:
        """The type of every array, by name."""
        dtypes = {"image": "uint8", "depth": "uint16"}
        if self.units_per_metre is None:
            dtypes["depth"] = "float32"
        return dtypes if self.labels is None else {**dtypes, "labels": self.labels}

    def describe(self) -> str:
        """Return the types of the arrays in words."""
        depth = "depth float32 metres"
        if self.units_per_metre is not None:
            exactness = "rounded" if self.rounded else "lossless"
            depth = f"depth uint16 1/{self.units_per_metre:g} m ({exactness})"
        return f"image uint8, {depth}" + (f", labels {self.labels}" if self.labels else "")

    @property
    def bytes_per_pixel(self) -> int:
        """The bytes per pixel of all arrays."""
        sizes = {name: np.dtype(dtype).itemsize for name, dtype in self.dtypes.items()}
        return sizes["depth"] + sizes.get("labels", 0) + 3

    def arrays(self, sample: Sample) -> dict[str, NDArray[Any]]:
        """Return the sample's arrays.

        Errors: UnfitError if it needs a wider encoding; LeadlineError if depth to be rounded is too
        far for 16 bits.
        """
        arrays: dict[str, NDArray[Any]] = {"image": sample.image, "depth": self._depth(sample)}
        fitting = _label_dtype(sample, self.labels)
        if fitting != self.labels:
            raise UnfitError(replace(self, labels=fitting))
        if self.labels is not None:
            labels = np.zeros(sample.depth.shape) if sample.labels is None else sample.labels
            arrays["labels"] = labels.astype(self.labels)
        return arrays

    def _depth(self, sample: Sample) -> NDArray[Any]:
        depth = sample.depth
        if self.units_per_metre is None:
            return depth
        units = np.rint(depth * np.float64(self.units_per_metre))
        whole = np.minimum(units, LARGEST).astype(np.uint16)
        if self.rounded:
            if units.max() > LARGEST:
                raise LeadlineError(
                    f"{sample.id!r}: a depth of {depth.max():g} m does not fit into 16 bits at "
                    f"{self.units_per_metre:g} units per metre; give fewer, or leave --units out"
                )
            whole[sample.valid & (whole == 0)] = 1
        elif not np.array_equal(whole.astype(np.float32) / np.float32(self.units_per_metre), depth):
            raise UnfitError(replace(self, units_per_metre=None))
        return whole


def choose_encoding(
    samples: Iterable[Sample], declared: float | None = None, units: float | None = None
) -> Encoding:
    """Return the narrowest encoding that fits all `samples`.

    `declared` is the data set's own number of units per metre, which is tried first. With `units`,
    depth is rounded to that many units per metre instead.
    """
    if units is not None:
        candidates = [Encoding(units, rounded=True)]
    else:
        units_to_try = [*([declared] if declared else []), *USUAL_UNITS, None]
        candidates = [Encoding(each) for each in units_to_try]
    for sample in samples:
        labels = _label_dtype(sample, candidates[0].labels)
        candidates = [replace(each, labels=labels) for each in candidates]
        candidates = [each for each in candidates if _fits(each, sample)]
    return candidates[0]


def _fits(encoding: Encoding, sample: Sample) -> bool:
    try:
        encoding.arrays(sample)
    except UnfitError:
        return False
    return True


def _label_dtype(sample: Sample, at_least: str | None) -> str | None:
    """Return the narrowest label type, at least `at_least`, that holds the sample's classes."""
    if sample.labels is None:
        return at_least
    low, high = int(sample.labels.min()), int(sample.labels.max())
    widths = DTYPES["labels"]
    enough = [
        name
        for name in widths[0 if at_least is None else widths.index(at_least) :]
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max
    ]
    return enough[0]
