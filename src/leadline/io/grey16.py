"""Inverse depth as a 16-bit grey picture, near = white: what graphics tools take; not metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.metadata import INVERSE_KIND, PREFIX, Metadata
from leadline.io.photos import says_kind, write_png
from leadline.io.png16 import LARGEST, decode_grey_png

RANGE_KEY = PREFIX + "inverse_range"
"""The text with 1/metres of grey 1 and of grey 65535; 0 is invalid."""


def write_grey16(path: Path, depth_map: DepthMap, about: Metadata) -> None:
    """Write 1/depth linearly, from 1 at the farthest valid pixel to 65535 at the nearest.

    Invalid pixels are 0. The range stands in the file's text, and that these are no metres, which
    `read_depth` refuses.
    """
    inverse = np.zeros(depth_map.shape, dtype=np.float64)
    np.divide(1.0, depth_map.depth, out=inverse, where=depth_map.valid)
    seen = inverse[depth_map.valid]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    span = high - low if high > low else 1.0
    grey = np.rint((inverse - low) / span * (LARGEST - 1)) + 1
    if high == low:  # one distance: as near as anything
        grey[:] = LARGEST
    values = np.where(depth_map.valid, grey, 0).astype(np.uint16)
    unit = {PREFIX + "units_per_metre", PREFIX + "unit"}
    text = {key: value for key, value in about.to_text().items() if key not in unit}
    text[PREFIX + "kind"] = INVERSE_KIND
    text[RANGE_KEY] = f"{low!r} {high!r}"
    write_png(path, values, text)


def is_grey16(path: Path) -> bool:
    """Return whether a file is a PNG that says, at its beginning, that `write_grey16` wrote it."""
    return says_kind(path, INVERSE_KIND)


def read_grey16(path: Path) -> NDArray[np.float32]:
    """Return the metres, (H,W), that a file of `write_grey16` shows, to about 16 bits.

    For pictures made of it. Errors: LeadlineError for a file that is none.
    """
    decoded, text = decode_grey_png(path, read_bytes(path, "picture of inverse depth"))
    values = np.asarray(decoded, dtype=np.float64)
    if RANGE_KEY not in text:
        raise LeadlineError(f"{path}: no picture of inverse depth (it says no range)")
    low, high = (float(part) for part in text[RANGE_KEY].split())
    share = (values - 1) / (LARGEST - 1)
    inverse = low + share * (high - low)
    metres = np.zeros(values.shape, dtype=np.float64)
    np.divide(1.0, inverse, out=metres, where=values > 0)
    return metres.astype(np.float32)
