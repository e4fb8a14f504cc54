"""Resize a sample: image, depth and labels through one affine map."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.depth.intrinsics import Intrinsics

SAME_ASPECT = 1.1
"""Images whose aspect ratio is within this factor of the new size always fill it."""

OUTSIDE = -1
"""The label of a pixel outside the photograph, which has no class, even if 0 means unlabelled."""

Planes = tuple[NDArray[np.uint8], NDArray[Any], NDArray[np.int32] | None]
"""Image (h,w,3), depth and labels (h,w) at the new size; depth as `Sample.stored_values`."""

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]
"""The two rows of an affine map."""


def steps_between(
    source: tuple[int, int], size: tuple[int, int], *, fill: bool = False
) -> tuple[float, float]:
    """Return the numbers of source pixels per pixel of the new size (h, w), across and down.

    The whole source fills the new size if their aspect ratios are similar, or with `fill`, if
    prediction resizes it to exactly this size: a size of few pixels, rounded to a large stride, may
    have quite another aspect ratio. Otherwise both sides have one scale, given by the numbers of
    pixels, and the new size shows a part of the source, or more than it.
    """
    step_x, step_y = source[1] / size[1], source[0] / size[0]
    if not fill and not 1 / SAME_ASPECT < step_x / step_y < SAME_ASPECT:
        step_x = step_y = math.sqrt(step_x * step_y)
    return step_x, step_y


def resize_sample(sample: Sample, size: tuple[int, int], *, fill: bool = False) -> Sample:
    """Return the sample at `size` (h, w), centred, with its camera; `fill`: see `steps_between`."""
    (height, width), (h, w) = sample.size, size
    if (height, width) == size:
        return sample
    step_x, step_y = steps_between((height, width), size, fill=fill)
    # Pixel centres are integers, and the centres of both grids coincide.
    left = (width - 1) / 2 - step_x * (w - 1) / 2
    top = (height - 1) / 2 - step_y * (h - 1) / 2
    image, values, labels = warp(sample, size, np.array([[step_x, 0, left], [0, step_y, top]]))
    depth, valid = np.empty(size, np.float32), np.empty(size, bool)
    sample.to_metres(values, depth, valid)
    camera = sample.intrinsics
    if camera is not None:
        camera = Intrinsics(
            fx=camera.fx / step_x,
            fy=camera.fy / step_y,
            cx=(camera.cx - left) / step_x,
            cy=(camera.cy - top) / step_y,
            width=w,
            height=h,
        )
    return Sample.from_metres(sample.id, image, depth, valid, labels, camera)


def warp(sample: Sample, size: tuple[int, int], inverse: NDArray[np.float64]) -> Planes:
    """Return image, stored depth and labels at `size` (h, w) through `inverse`.

    `inverse` is the (2,3) matrix from output (x, y) to source pixels, with centres at integers. The
    image is shrunk as in prediction: bilinear in steps of at most 2, so that no source pixel is
    skipped. Depth and labels take the nearest pixel and are never interpolated. Outside the
    photograph the image is mirrored, depth is 0 and labels are `OUTSIDE`.
    """
    source = sample.size
    for mirrored in (False, True):
        if _are_close(inverse, _cover(source, size, mirrored)):
            step = source[0] // size[0]
            if source == (size[0] * step, size[1] * step):
                return _thin(sample, step, mirrored)
            image = _resize_image(sample.image, size, mirrored)
            return image, *_warp_planes(sample, size, inverse)
    return _warp_image(sample.image, inverse, size), *_warp_planes(sample, size, inverse)


def _are_close(inverse: NDArray[np.float64], matrix: Matrix) -> bool:
    # In plain Python, since the overhead of numpy exceeds the work for six numbers.
    pairs = zip(inverse.ravel().tolist(), (*matrix[0], *matrix[1]), strict=True)
    return all(abs(one - two) < 1e-9 for one, two in pairs)


def _cover(source: tuple[int, int], size: tuple[int, int], mirrored: bool) -> Matrix:
    """Return the matrix with which the whole source fills the new size."""
    step_x, step_y = source[1] / size[1], source[0] / size[0]
    left, top = (step_x - 1) / 2, (step_y - 1) / 2
    if mirrored:
        return (-step_x, 0, source[1] - 1 - left), (0, step_y, top)
    return (step_x, 0, left), (0, step_y, top)


def _thin(sample: Sample, step: int, mirrored: bool) -> Planes:
    """Take every `step`-th pixel, without interpolation."""
    image = _average_down(sample.image, step)
    # The pixel nearest to the centre of `step` pixels; of two, the even one, as in OpenCV.
    first = round((step - 1) / 2)
    picked = (slice(first, None, step), slice(first, None, step))
    depth = sample.stored_values[picked]
    labels = None if sample.labels is None else sample.labels[picked]
    if mirrored:
        image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        depth = depth[:, ::-1]
        labels = None if labels is None else labels[:, ::-1]
    return image, depth, labels


def _warp_planes(
    sample: Sample, size: tuple[int, int], inverse: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.int32] | None]:
    depth = _warp_nearest(sample.stored_values, inverse, size)
    if sample.labels is None:
        return depth, None
    # Class ids are small integers, which float32 represents exactly.
    ids = _warp_nearest(sample.labels.astype(np.float32), inverse, size, outside=OUTSIDE)
    return depth, ids.astype(np.int32)


def _refinement(step: float) -> int:
    """Return the supersampling factor of the image before averaging."""
    return max(1, math.ceil(step / 2 - 0.005))


def _resize_image(
    image: NDArray[np.uint8], size: tuple[int, int], mirrored: bool
) -> NDArray[np.uint8]:
    """Return the result of `_warp_image` if the whole image fills the new size, three times faster.

    The values differ by OpenCV's rounding of warp positions to 1/32 pixel.
    """
    h, w = size
    fine = _refinement(max(image.shape[0] / h, image.shape[1] / w))
    resized = cv2.resize(image, (w * fine, h * fine), interpolation=cv2.INTER_LINEAR)
    smaller = _average_down(np.asarray(resized, dtype=np.uint8), fine)
    return np.asarray(cv2.flip(smaller, 1), dtype=np.uint8) if mirrored else smaller


def _warp_image(
    image: NDArray[np.uint8], inverse: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    (a, b, left), (c, d, top) = inverse.tolist()
    fine = _refinement(max(math.hypot(a, c), math.hypot(b, d)))
    h, w = size
    # Pixel (x, y) of the finer grid lies at ((x + 0.5) / fine - 0.5) of the output grid.
    shift = 0.5 / fine - 0.5
    finer = np.array(
        [
            [a / fine, b / fine, left + (a + b) * shift],
            [c / fine, d / fine, top + (c + d) * shift],
        ]
    )
    # OpenCV warps four channels in less than half the time of three.
    warped = cv2.warpAffine(
        cv2.cvtColor(image, cv2.COLOR_RGB2RGBA),
        finer,
        (w * fine, h * fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    smaller = _average_down(np.asarray(warped, dtype=np.uint8), fine)
    return np.asarray(cv2.cvtColor(smaller, cv2.COLOR_RGBA2RGB), dtype=np.uint8)


def _average_down(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return the means of `step` x `step` pixels of (h,w,C)."""
    if step == 1:
        return image
    size = (image.shape[1] // step, image.shape[0] // step)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _warp_nearest(
    plane: NDArray[Any],
    inverse: NDArray[np.float64],
    size: tuple[int, int],
    outside: int = 0,
) -> NDArray[Any]:
    warped = cv2.warpAffine(
        plane,
        inverse,
        (size[1], size[0]),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    return np.asarray(warped, dtype=plane.dtype)
