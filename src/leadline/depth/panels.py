"""Pictures made of several pictures: photograph, truth, predictions, error, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leadline.depth.color import colorize, robust_range
from leadline.depth.depth_map import DepthMap
from leadline.depth.scale_bar import draw_title


def side_by_side(
    image: NDArray[np.uint8],
    truth: DepthMap,
    predictions: Sequence[DepthMap],
    *,
    height: int = 240,
    titles: Sequence[str] = (),
    error: bool = False,
) -> NDArray[np.uint8]:
    """Return photograph | truth | predictions (| error of the last) as one row, (height,W,3) uint8.

    Every depth map is coloured in the truth's robust range. `titles` are written over the parts,
    in their order. The error is |prediction - truth| / truth, from 0 (dark) to 50 % (bright).
    """
    import cv2

    low, high = robust_range(truth.depth, truth.valid)
    parts = [image, *(colorize(each, vmin=low, vmax=high) for each in (truth, *predictions))]
    if error:
        parts.append(_error_picture(truth, predictions[-1]))
    width = max(1, round(height * image.shape[1] / image.shape[0]))
    row = []
    for number, part in enumerate(parts):
        small = np.asarray(
            cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
        row.append(draw_title(small, titles[number]) if number < len(titles) else small)
    return np.concatenate(row, axis=1)


def _error_picture(truth: DepthMap, prediction: DepthMap) -> NDArray[np.uint8]:
    import cv2

    # cv2 takes half-pixel centres and returns an equal size unchanged.
    depth = cv2.resize(prediction.depth, (truth.width, truth.height))
    relative = np.abs(np.asarray(depth, dtype=np.float32) - truth.depth) / np.where(
        truth.valid, truth.depth, 1
    )
    shown = DepthMap.from_metres(np.maximum(relative, 1e-6), valid=truth.valid)
    return colorize(shown, vmin=0.0, vmax=0.5, cmap="magma", invert=True)
