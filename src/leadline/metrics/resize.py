"""Bringing a prediction to the size of the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]

RESIZE_RULES = ("bilinear", "bilinear, aligned corners", "nearest")
"""Half-pixel centres; corner pixels on corner pixels (ZoeDepth, MDE-Toolbox); no interpolation."""


def resize_depth(
    depth: NDArray[np.float32], size: Size, rule: str = "bilinear", *, inverse: bool = False
) -> NDArray[np.float32]:
    """Resize a map of metres (h,w) to `size` by one of `RESIZE_RULES`; the same where it fits.

    What is not positive and finite is a hole and takes no part in an interpolation: see
    `resize_known`. A pixel that becomes one is NaN, or infinite where most of its holes are. With
    `inverse`, for reciprocals of what was predicted, it is their reciprocals that are interpolated.
    """
    if depth.shape == size or rule == "nearest":
        return resize_to(depth, size, rule)
    infinite = depth == np.inf
    known = (depth > 0) & ~infinite
    values = np.reciprocal(np.where(known, depth, np.float32(1))) if inverse else depth
    resized, is_known = resize_known(values, known, size, rule)
    if inverse:
        resized = np.reciprocal(resized)
    if infinite.any():
        far = resize_to(infinite.astype(np.float32), size, rule)
        none = resize_to((~(depth > 0)).astype(np.float32), size, rule)
        resized[~is_known & (far > none)] = np.inf
    return resized


def resize_known(
    values: NDArray[np.float32], known: NDArray[np.bool_], size: Size, rule: str = "bilinear"
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Resize values (h,w), of which those where `known` count, and say where they are known then.

    A pixel is known where more than half of what it is interpolated from is, and is the weighted
    mean of that; else NaN. So an unknown pixel stays as large as it was, whatever the size.
    """
    if values.shape == size:
        return values, known
    if known.all():
        return resize_to(values, size, rule), np.ones(size, dtype=np.bool_)
    unknown = resize_to((~known).astype(np.float32), size, rule)
    resized = resize_to(np.where(known, values, np.float32(0)), size, rule)
    blended, lost = unknown > 0, unknown >= 0.5
    resized[blended] /= np.maximum(1 - unknown[blended], np.float32(0.5))
    resized[lost] = np.nan
    return resized, ~lost


def resize_to(
    values: NDArray[np.float32], size: Size, rule: str = "bilinear"
) -> NDArray[np.float32]:
    """Resize (h,w) to `size` by one of `RESIZE_RULES`, every value alike; the same where it fits.

    For maps in which each value counts: masks, classes (by "nearest"). Metres: `resize_depth`.
    """
    if values.shape == size:
        return values
    return _resize(values, size, rule)


def _resize(depth: NDArray[np.float32], size: Size, rule: str) -> NDArray[np.float32]:
    import cv2

    if rule == "bilinear, aligned corners":
        return _resize_aligned(depth, size)
    flag = cv2.INTER_NEAREST if rule == "nearest" else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(depth, (size[1], size[0]), interpolation=flag), dtype=np.float32)


def _resize_aligned(depth: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    # Not OpenCV's remap: before its version 5 it knows 32 places between two pixels only.
    upper, lower, down = _neighbours(depth.shape[0], size[0])
    left, right, across = _neighbours(depth.shape[1], size[1])
    rows = depth[upper] * (1 - down)[:, None] + depth[lower] * down[:, None]
    resized = rows[:, left] * (1 - across) + rows[:, right] * across
    return np.asarray(resized, dtype=np.float32)


def _neighbours(
    before: int, after: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return the two pixels that each new one lies between, and how near it is to the second."""
    places = np.linspace(0, before - 1, after)
    first = np.floor(places).astype(np.intp)
    second = np.minimum(first + 1, before - 1)
    return first, second, (places - first).astype(np.float32)
