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
    image = _warp_image(sample.image, inverse, size)
    depth = _warp_nearest(sample.depth, inverse, size) / np.float32(zoom)
    valid = _warp_nearest(sample.valid.astype(np.float32), inverse, size) > 0
    labels = None
    if sample.labels is not None:
        # Class ids are small whole numbers, which float32 holds exactly.
        ids = _warp_nearest(sample.labels.astype(np.float32), inverse, size, outside=OUTSIDE)
        labels = ids.astype(np.int32)
    colours = _change_colours(image.astype(np.float32) / np.float32(255), section, rng)
    return TrainingItem(colours, np.where(valid, depth, 0).astype(np.float32), valid, labels)


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


def _warp_image(
    image: NDArray[np.uint8], inverse: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    step = max(np.linalg.norm(inverse[:, 0]), np.linalg.norm(inverse[:, 1]))
    fine = max(1, math.ceil(step - 0.01))
    h, w = size
    # Pixel (x, y) of the finer grid lies at ((x + 0.5) / fine - 0.5) of the output grid.
    shift = (0.5 / fine - 0.5) * np.ones(2)
    finer = np.column_stack([inverse[:, :2] / fine, inverse[:, :2] @ shift + inverse[:, 2]])
    warped = cv2.warpAffine(
        image,
        finer,
        (w * fine, h * fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    if fine > 1:
        warped = cv2.resize(warped, (w, h), interpolation=cv2.INTER_AREA)
    return np.asarray(warped, dtype=np.uint8)


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
    image: NDArray[np.float32], section: AugmentSection, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gamma, gain, saturation and channel order of an (h,w,3) image in [0,1]."""
    gamma = _draw(rng, section.gamma)
    gains = _draw(rng, section.gain) * rng.uniform(*section.channel_gain, size=3)
    saturation = _draw(rng, section.saturation)
    swap = SWAPS[rng.integers(len(SWAPS))]
    order = swap if rng.random() < section.channel_permutation else SAME_ORDER
    if gamma != 1:
        image = np.asarray(cv2.pow(image, gamma), dtype=np.float32)
    if saturation != 1:
        grey = image @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        image = grey[..., None] + np.float32(saturation) * (image - grey[..., None])
    image = np.clip(image * gains.astype(np.float32), 0, 1)
    return np.ascontiguousarray(image[..., list(order)], dtype=np.float32)
