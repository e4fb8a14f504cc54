"""Inverse depth as a 16-bit grey picture, near = white: what graphics tools take; not metres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.metadata import INVERSE_KIND, PREFIX, Metadata
from leadline.io.photos import head_of_png, says_kind, write_png
from leadline.io.png16 import LARGEST, decode_grey_png, is_depth_png

RANGE_KEY = PREFIX + "inverse_range"
"""The text with 1/metres of grey 1 and of grey 65535; 0 is invalid."""

DEPTH_KIND_KEY = PREFIX + "depth_kind"
"""The text with the `DepthKind` of what is shown: the range of one without unit has none either."""


def write_grey16(path: Path, depth_map: DepthMap, about: Metadata) -> None:
    """Write 1/depth linearly, from 1 at the farthest valid pixel to 65535 at the nearest.

    Invalid pixels are 0. The range stands in the file's text, and that these are no metres, which
    `read_depth` refuses.
    Errors: LeadlineError where there is depth at `path` already, or it cannot be written.
    """
    check_no_metres(path)
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
    text[DEPTH_KIND_KEY] = depth_map.kind
    text[RANGE_KEY] = f"{low!r} {high!r}"
    write_png(path, values, text)


def check_no_metres(path: Path) -> None:
    """Raise LeadlineError for a PNG of depth, which a picture of the same name would replace."""
    if is_depth_png(path, head_of_png(path)) and not is_grey16(path):
        raise LeadlineError(
            f"{path}: holds depth (png16), which grey16, a picture without metres, would replace; "
            "choose another folder or name, or delete it first"
        )


def is_grey16(path: Path) -> bool:
    """Return whether a file is a PNG that says, at its beginning, that `write_grey16` wrote it."""
    return says_kind(path, INVERSE_KIND)


def read_grey16(path: Path) -> DepthMap:
    """Return the depth that a file of `write_grey16` shows, to about 16 bits.

    For pictures made of it. Errors: LeadlineError for a file that is none.
    """
    decoded, text = decode_grey_png(path, read_bytes(path, "picture of inverse depth"))
    values = np.asarray(decoded, dtype=np.float64)
    if RANGE_KEY not in text:
        raise LeadlineError(f"{path}: no picture of inverse depth (it says no range)")
    low, high = (float(part) for part in text[RANGE_KEY].split())
    share = (values - 1) / (LARGEST - 1)
    inverse = np.where(values > 0, low + share * (high - low), 0)
    shown = DepthMap.from_inverse(inverse.astype(np.float32))
    return (
        replace(shown, kind="metric") if text.get(DEPTH_KIND_KEY, "metric") == "metric" else shown
    )
