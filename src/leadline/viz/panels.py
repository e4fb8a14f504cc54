"""Pictures made of several pictures: photograph, truth, predictions, error, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.viz.color import INVALID_COLOR, blended_table, colorize, robust_range
from leadline.viz.scale_bar import draw_title

ERROR_LIMIT = 0.5
"""The relative error with the full colour in an error map."""

# ColorBrewer "RdBu", eleven classes (Cynthia Brewer, Apache-2.0), turned round.
_TOO_NEAR_TO_TOO_FAR = (
    "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"
)  # fmt: skip


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
    in their order. The error is `error_map`, from 50 % too near (blue) to 50 % too far (red).
    """
    import cv2

    low, high = robust_range(truth.depth, truth.valid)
    width = max(1, round(height * image.shape[1] / image.shape[0]))
    true = enlarge_points(colorize(truth, vmin=low, vmax=high), truth.valid, width)
    parts = [image, true, *(colorize(each, vmin=low, vmax=high) for each in predictions)]
    if error:
        parts.append(enlarge_points(error_map(truth, predictions[-1].depth), truth.valid, width))
    row = []
    for number, part in enumerate(parts):
        small = np.asarray(
            cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
        row.append(draw_title(small, titles[number]) if number < len(titles) else small)
    return np.concatenate(row, axis=1)


def error_map(
    truth: DepthMap, prediction: NDArray[np.float32], limit: float = ERROR_LIMIT
) -> NDArray[np.uint8]:
    """Return (prediction - truth) / truth as a picture, (H,W,3) uint8, blue where it is too near.

    Shapes: `truth` (H,W), `prediction` (h,w) metres, brought to the truth's size; `limit` is the
    relative error with the full colour. Invalid truth and missing predictions are dark grey, an
    infinite one is too far.
    """
    import cv2

    # cv2 takes half-pixel centres and returns an equal size unchanged; what touches NaN is NaN.
    known = np.where(prediction > 0, with_finite_end(prediction, truth, limit), np.float32(np.nan))
    resized = cv2.resize(known, (truth.width, truth.height))
    depth = np.asarray(resized, dtype=np.float32)
    shown = truth.valid & np.isfinite(depth) & (depth > 0)
    difference = np.where(shown, depth - truth.depth, 0) / np.where(truth.valid, truth.depth, 1)
    share = np.clip(difference / limit, -1, 1) / 2 + 0.5
    picture = error_table()[np.rint(share * 255).astype(np.uint8)]
    picture[~shown] = INVALID_COLOR
    return picture


def with_finite_end(
    prediction: NDArray[np.float32], truth: DepthMap, limit: float = ERROR_LIMIT
) -> NDArray[np.float32]:
    """Return metres, (h,w), of which those that are infinite are as far as can be seen in a panel.

    That is too far by the relative error `limit` of the farthest truth, and so at every pixel.
    """
    far = np.float32((1 + limit) * truth.depth.max(initial=0))
    return np.where(prediction == np.inf, far, prediction)


def enlarge_points(
    picture: NDArray[np.uint8], valid: NDArray[np.bool_], shown_width: int = 400
) -> NDArray[np.uint8]:
    """Return the picture, (H,W,3), with sparse `valid` pixels (H,W) large enough to be seen.

    Where less than half of the pixels are valid (LiDAR), each takes as much room around it as
    becomes one pixel at `shown_width`; a denser picture is returned as it is.
    """
    import cv2

    if not valid.any() or 2 * np.count_nonzero(valid) >= valid.size:
        return picture
    radius = max(1.0, picture.shape[1] / (2 * shown_width))
    distance, nearest = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colors = np.zeros((int(nearest.max()) + 1, 3), dtype=np.uint8)
    colors[nearest[valid]] = picture[valid]
    grown = np.asarray(distance) <= radius
    return np.where(grown[..., None], colors[nearest], picture)


@lru_cache(maxsize=1)
def error_table() -> NDArray[np.uint8]:
    """Return the 256 colours of `error_map`, (256,3) uint8, from too near to too far."""
    table = blended_table(_TOO_NEAR_TO_TOO_FAR)
    table.setflags(write=False)  # the cache hands out the same array every time
    return table
