"""Validity masks: which pixels of a depth map are to be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.float_files import read_npy


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask (H,W) from NPY or a one-channel picture: True, valid, where it is not 0.

    Errors: LeadlineError for a missing or damaged file, and for colours.
    """
    import cv2

    data = read_bytes(path, "depth mask")
    if path.suffix.lower() == ".npy":
        return np.asarray(read_npy(path, data)[0] != 0)
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2:
        raise LeadlineError(
            f"{path}: is not a mask of one channel (0: no depth); give a grey PNG or a NPY"
        )
    return np.asarray(values != 0)
