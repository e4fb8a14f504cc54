"""Joint augmentation of image, depth and labels in one warp, random streams given from outside."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.training.recipe import AugmentSection, Range

SAME_ASPECT = 1.1
"""Images whose aspect ratio is within this factor of the training size fill it exactly."""


SAME_ORDER = (0, 1, 2)
SWAPS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The orders of the channels that change something."""

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601)."""

OUTSIDE = -1
"""The label of a pixel that lies outside the photograph: no class, also where 0 is one."""


@dataclass(frozen=True)
class TrainingItem:
    """A sample at training size: image (h,w,3) float32 in [0,1], the rest as in `Sample`.

    Labels are `OUTSIDE` where the warp reached over the border of the photograph.
    """

    image: NDArray[np.float32]
    depth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int32] | None


def prepare(
    sample: Sample, size: tuple[int, int], section: AugmentSection, rng: np.random.Generator
) -> TrainingItem:
    """Bring a sample to `size` (h, w) with random geometry and colours drawn from `rng`.

    The image is warped once, at a whole multiple of the size, and then averaged down, so that
    no source pixel is skipped; depth and labels are sampled at the nearest pixel and never mixed.
    """
    zoom = _draw(rng, section.scale)
    inverse = _warp_matrix(sample.image.shape[:2], size, zoom, section, rng)
    whole = _whole_step(sample.image.shape[:2], size, inverse)
    image, depth, labels = _warp(sample, size, inverse) if whole is None else _thin(sample, *whole)
    if zoom != 1:
        depth = depth / np.float32(zoom)
    # A sample's depth is 0 where it is invalid, and so is what lies outside the photograph.
    return TrainingItem(_change_colours(image, section, rng), depth, depth > 0, labels)


def _draw(rng: np.random.Generator, bounds: Range) -> float:
    # One number is drawn even from an empty range, so that a recipe that switches one
    # augmentation off leaves the streams of the others as they were.
    return float(rng.uniform(*bounds))


def _warp_matrix(
    source: tuple[int, ...],
    size: tuple[int, int],
    zoom: float,
    section: AugmentSection,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the (2,3) matrix from output (x, y) to source pixels, centres on integers."""
    (height, width), (h, w) = source, size
    step_x, step_y = width / w, height / h
    if not 1 / SAME_ASPECT < step_x / step_y < SAME_ASPECT:
        # As in prediction: one scale for both sides, fixed by the number of pixels.
        step_x = step_y = math.sqrt(step_x * step_y)
    step_x, step_y = step_x / zoom, step_y / zoom
    angle = math.radians(float(rng.uniform(-section.rotation, section.rotation)))
    room_x, room_y = max(0.0, width - w * step_x), max(0.0, height - h * step_y)
    centre_x = width / 2 + room_x * float(rng.uniform(-0.5, 0.5)) - 0.5
    centre_y = height / 2 + room_y * float(rng.uniform(-0.5, 0.5)) - 0.5
    mirror = -1.0 if rng.random() < section.flip else 1.0
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror * step_x, step_y])
    offset = np.array([centre_x, centre_y]) - linear @ np.array([(w - 1) / 2, (h - 1) / 2])
    return np.column_stack([linear, offset])


Planes = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int32] | None]
"""Image (h,w,3), depth and labels (h,w) at training size."""


def _whole_step(
    source: tuple[int, ...], size: tuple[int, int], inverse: NDArray[np.float64]
) -> tuple[int, bool] | None:
    """Return (step, mirrored) where the training grid takes every `step`-th pixel, else None."""
    step = source[0] // size[0]
    if tuple(source) != (size[0] * step, size[1] * step):
        return None
    middle = (step - 1) / 2
    for mirrored in (False, True):
        first, sign = (source[1] - 1 - middle, -1) if mirrored else (middle, 1)
        if np.allclose(inverse, [[sign * step, 0, first], [0, step, middle]], rtol=0, atol=1e-9):
            return step, mirrored
    return None


def _thin(sample: Sample, step: int, mirrored: bool) -> Planes:
    """Do what `_warp` does, to the same bits, where no pixel has to be interpolated."""
    image = _average_down(sample.image, step)
    # The pixel nearest to the middle of `step` of them; of two, the even one, as in OpenCV.
    first = round((step - 1) / 2)
    picked = (slice(first, None, step), slice(first, None, step))
    depth = sample.depth[picked]
    labels = None if sample.labels is None else sample.labels[picked]
    if mirrored:
        image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        depth = depth[:, ::-1]
        labels = None if labels is None else labels[:, ::-1]
    return image, depth, labels


def _warp(sample: Sample, size: tuple[int, int], inverse: NDArray[np.float64]) -> Planes:
    image = _warp_image(sample.image, inverse, size)
    depth = _warp_nearest(sample.depth, inverse, size)
    if sample.labels is None:
        return image, depth, None
    # Class ids are small whole numbers, which float32 holds exactly.
    ids = _warp_nearest(sample.labels.astype(np.float32), inverse, size, outside=OUTSIDE)
    return image, depth, ids.astype(np.int32)


def _warp_image(
    image: NDArray[np.uint8], inverse: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    step = max(np.linalg.norm(inverse[:, 0]), np.linalg.norm(inverse[:, 1]))
    fine = max(1, math.ceil(step - 0.01))
    h, w = size
    # Pixel (x, y) of the finer grid lies at ((x + 0.5) / fine - 0.5) of the output grid.
    shift = (0.5 / fine - 0.5) * np.ones(2)
    finer = np.column_stack([inverse[:, :2] / fine, inverse[:, :2] @ shift + inverse[:, 2]])
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
    """Return the mean of every `step` x `step` pixels of (h,w,C)."""
    if step == 1:
        return image
    size = (image.shape[1] // step, image.shape[0] // step)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _warp_nearest(
    plane: NDArray[np.float32],
    inverse: NDArray[np.float64],
    size: tuple[int, int],
    outside: int = 0,
) -> NDArray[np.float32]:
    warped = cv2.warpAffine(
        plane,
        inverse,
        (size[1], size[0]),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    return np.asarray(warped, dtype=np.float32)


def _change_colours(
    image: NDArray[np.uint8], section: AugmentSection, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gamma, saturation, gain and channel order of (h,w,3) uint8; returns float32 in [0,1].

    Gamma is a table of the 256 values; what follows it is linear, hence one matrix.
    """
    gamma = _draw(rng, section.gamma)
    gains = _draw(rng, section.gain) * rng.uniform(*section.channel_gain, size=3)
    saturation = _draw(rng, section.saturation)
    swap = SWAPS[rng.integers(len(SWAPS))]
    order = swap if rng.random() < section.channel_permutation else SAME_ORDER
    brightness = (np.arange(256, dtype=np.float32) / np.float32(255)) ** np.float32(gamma)
    coloured = np.asarray(cv2.LUT(image, brightness), dtype=np.float32)
    mixing = saturation * np.eye(3) + (1 - saturation) * np.tile(GREY_WEIGHTS, (3, 1))
    matrix = (gains[:, None] * mixing)[list(order)]
    if (matrix == np.eye(3)).all():
        return coloured
    coloured = np.asarray(cv2.transform(coloured, matrix.astype(np.float32)), dtype=np.float32)
    return np.clip(coloured, 0, 1, out=coloured)
