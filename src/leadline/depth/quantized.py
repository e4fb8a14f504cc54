"""Depth as a file holds it: whole numbers, not yet divided by their unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics


@dataclass(frozen=True, eq=False)
class QuantizedDepth:
    """A depth map in the units of its file: `values` (H,W) uint8 or uint16, 0 where invalid.

    Half as large as metres, and cheaper to shrink first and divide afterwards.
    `DepthMap.from_quantized` makes the map of it.
    """

    values: NDArray[np.unsignedinteger]
    units_per_metre: float
    intrinsics: Intrinsics | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def can_hold(values: NDArray[Any], units_per_metre: float) -> bool:
        """Return whether these are whole numbers whose quotients never leave float32."""
        is_plane = values.ndim == 2 and values.size > 0
        return is_plane and values.dtype in (np.uint8, np.uint16) and 1e-6 <= units_per_metre <= 1e6

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return int(self.values.shape[0]), int(self.values.shape[1])

    def metres(
        self,
        values: NDArray[np.unsignedinteger],
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return some of `values`, of any shape, in metres; in `out` where that is given."""
        out = np.empty(values.shape, np.float32) if out is None else out
        np.divide(values, np.float32(self.units_per_metre), out=out, dtype=np.float32)
        return out
