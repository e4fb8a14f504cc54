"""Depth in single-channel TIFF files, which are read but not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from leadline.errors import LeadlineError
from leadline.io.float_files import Raw
from leadline.io.photos import explain_decode_errors
from leadline.io.pictures import open_picture


def read_tiff(path: Path, data: bytes) -> Raw:
    """Return the (H,W) values of a grey TIFF of 8, 16 or 32 bits or floating point."""
    with explain_decode_errors(path, "depth map"), open_picture(data) as image:
        if image.mode != "L" and not _is_deep(image.mode):
            raise LeadlineError(
                f"{path}: looks like a colour picture ({image.mode}), not a depth map; "
                "give a single-channel TIFF"
            )
        _check_one_page(path, image)
        return np.array(image), {}


def _check_one_page(path: Path, image: Image.Image) -> None:
    """Raise LeadlineError where another page is as large, so that either may be the depth.

    Smaller ones are previews.
    """
    size, pages = image.size, getattr(image, "n_frames", 1)
    for page in range(1, pages):
        image.seek(page)
        if image.size == size:
            raise LeadlineError(
                f"{path}: has {pages} pages, two of {size[0]}x{size[1]}: which is the depth? "
                "Save that one alone"
            )
    image.seek(0)


def is_depth_tiff(path: Path, data: bytes) -> bool:
    """Return whether a TIFF has one channel of more than 8 bits."""
    with explain_decode_errors(path, "picture"), open_picture(data) as image:
        return _is_deep(image.mode)


def _is_deep(mode: str) -> bool:
    return mode in ("F", "I") or mode.startswith("I;16")
