"""The resizing around a network, outside the compiled part: `models.pipeline` in OpenCV.

Photographs have any size, networks see few sizes; so only the network is compiled or cached per
size.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.models.size_policy import processing_size, shrink_sizes


def to_network(images: NDArray[np.uint8], processing_area: int, stride: int) -> NDArray[np.float32]:
    """Resize (N,H,W,3) uint8 to the processing size: (N,3,h,w) float32 in [0,1]."""
    size = (images.shape[1], images.shape[2])
    target = processing_size(*size, processing_area, stride)
    steps = shrink_sizes(size, target)
    resized = np.empty((len(images), 3, *target), np.float32)
    for image, result in zip(images, resized, strict=True):
        # float32 from the start, since OpenCV would round each step of uint8 to integers.
        pixels = image.astype(np.float32)
        for step in steps:
            pixels = _resize(pixels, step)
        np.multiply(pixels.transpose(2, 0, 1), np.float32(1 / 255), out=result)
    return resized


def to_photo(maps: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (N,1,h,w) to (N,H,W), bilinearly."""
    full = np.empty((len(maps), *size), np.float32)
    for small, result in zip(maps, full, strict=True):
        result[...] = _resize(small[0], size)
    return full


def best_class(
    logits: NDArray[np.float32], size: tuple[int, int], dtype: type[np.integer]
) -> NDArray[np.integer]:
    """Return (N,H,W): the class with the largest logit, of logits (N,C,h,w) at the full size.

    For equal logits the first class wins, as in argmax.
    """
    labels = np.zeros((len(logits), *size), dtype)
    for planes, result in zip(logits, labels, strict=True):
        best = _resize(planes[0], size)
        for number, plane in enumerate(planes[1:], start=1):
            scores = _resize(plane, size)
            result[scores > best] = number
            np.maximum(best, scores, out=best)
    return labels


def _resize(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear resize of (H,W) or (H,W,C): half-pixel centres, border repeated, no filter."""
    if values.shape[:2] == size:
        return np.array(values)
    resized = cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32).reshape(*size, *values.shape[2:])
