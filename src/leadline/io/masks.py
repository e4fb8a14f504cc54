"""Validity masks: which pixels of a depth map are to be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.float_files import read_npy
from leadline.io.photos import check_upright, explain_decode_errors
from leadline.io.pictures import open_picture


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask (H,W) from NPY or a one-channel picture: True, valid, where it is not 0.

    NaN and infinite numbers are not valid, as in depth maps.
    Errors: LeadlineError for a missing or damaged file, for colours, and for a picture that says
    that it is shown turned.
    """
    data = read_bytes(path, "depth mask")
    if path.suffix.lower() == ".npy":
        return _is_valid(read_npy(path, data, booleans=True)[0])
    check_upright(path, data, "depth mask")
    with explain_decode_errors(path, "depth mask"), open_picture(data) as image:
        values = np.asarray(image)
    if values.ndim != 2:
        raise LeadlineError(
            f"{path}: is not a mask of one channel (0: no depth); give a grey PNG or a NPY"
        )
    return _is_valid(values)


def _is_valid(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values) & (values != 0))
