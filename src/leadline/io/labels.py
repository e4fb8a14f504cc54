"""Pictures of class ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.metadata import LABELS_KIND, PREFIX
from leadline.io.photos import check_upright, explain_decode_errors, write_png
from leadline.io.pictures import open_picture

_LARGEST_SAMPLE = {2: 3, 4: 15}
"""Of grey PNGs that Pillow stretches to 8 bits, by their bits a pixel."""


def read_labels(path: Path) -> NDArray[np.int32]:
    """Read a picture of class ids, (H,W) int32: grey samples as stored, indices of a palette.

    Errors: LeadlineError for a missing or damaged file, for colours, and for a picture that says
    that it is shown turned.
    """
    data = read_bytes(path, "label")
    check_upright(path, data, "label image")
    with explain_decode_errors(path, "label image"), open_picture(data) as image:
        mode, values = image.mode, np.asarray(image)
    if values.ndim != 2:
        raise LeadlineError(
            f"{path}: is a label image in colours ({mode}); give one class id a pixel, as a grey "
            "or a palette PNG"
        )
    largest = _LARGEST_SAMPLE.get(_bits_of_grey_png(data))
    if largest is not None:
        values = values // np.uint8(255 // largest)
    return values.astype(np.int32)


def _bits_of_grey_png(data: bytes) -> int:
    """Return the bits a pixel of a grey PNG, 0 of any other file."""
    is_grey = data[:8] == b"\x89PNG\r\n\x1a\n" and data[25:26] == b"\0"
    return data[24] if is_grey else 0


def write_labels(path: str | Path, labels: NDArray[np.integer]) -> None:
    """Write class ids (H,W) as a self-describing grey PNG: 8 bits, or 16 for ids above 255."""
    ids = labels.astype(np.uint8) if labels.max() < 256 else labels.astype(np.uint16)
    write_png(Path(path), ids, {PREFIX + "kind": LABELS_KIND})
