"""Validity masks: which pixels of a depth map are to be trusted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.float_files import read_npy
from leadline.io.photos import explain_decode_errors


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask (H,W) from NPY or a one-channel picture: True, valid, where it is not 0.

    Errors: LeadlineError for a missing or damaged file, and for colours.
    """
    data = read_bytes(path, "depth mask")
    if path.suffix.lower() == ".npy":
        return np.asarray(read_npy(path, data)[0] != 0)
    with explain_decode_errors(path, "depth mask"), Image.open(BytesIO(data)) as image:
        values = np.asarray(image)
    if values.ndim != 2:
        raise LeadlineError(
            f"{path}: is not a mask of one channel (0: no depth); give a grey PNG or a NPY"
        )
    return np.asarray(values != 0)
