"""Joint augmentation of image, depth and labels in one warp, random streams given from outside."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.datasets.warp import size_of, steps_between, warp
from leadline.training.recipe import AugmentSection, Range

SAME_ORDER = (0, 1, 2)
SWAPS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The orders of the channels that change something."""

BRIGHTNESS = np.arange(256, dtype=np.float32) / np.float32(255)

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601)."""


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
    sample: Sample,
    size: tuple[int, int],
    section: AugmentSection,
    rng: np.random.Generator,
    out: NDArray[np.float32] | None = None,
) -> TrainingItem:
    """Bring a sample to `size` (h, w) with random geometry and colours drawn from `rng`.

    The image is written into `out`, (h,w,3) float32 and contiguous, where that is given: a place
    in a batch.
    """
    zoom = _draw(rng, section.scale)
    inverse = _warp_matrix(size_of(sample), size, zoom, section, rng)
    image, depth, labels = warp(sample, size, inverse)
    if zoom != 1:
        depth = depth / np.float32(zoom)
    # A sample's depth is 0 where it is invalid, and so is what lies outside the photograph.
    return TrainingItem(_change_colours(image, section, rng, out), depth, depth > 0, labels)


def _draw(rng: np.random.Generator, bounds: Range) -> float:
    # One number is drawn even from an empty range, so that a recipe that switches one
    # augmentation off leaves the streams of the others as they were.
    return float(rng.uniform(*bounds))


def _warp_matrix(
    source: tuple[int, int],
    size: tuple[int, int],
    zoom: float,
    section: AugmentSection,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the (2,3) matrix from output (x, y) to source pixels, centres on integers."""
    (height, width), (h, w) = source, size
    step_x, step_y = (step / zoom for step in steps_between((height, width), size))
    angle = math.radians(float(rng.uniform(-section.rotation, section.rotation)))
    room_x, room_y = max(0.0, width - w * step_x), max(0.0, height - h * step_y)
    centre_x = width / 2 + room_x * float(rng.uniform(-0.5, 0.5)) - 0.5
    centre_y = height / 2 + room_y * float(rng.uniform(-0.5, 0.5)) - 0.5
    mirror = -1.0 if rng.random() < section.flip else 1.0
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror * step_x, step_y])
    offset = np.array([centre_x, centre_y]) - linear @ np.array([(w - 1) / 2, (h - 1) / 2])
    return np.column_stack([linear, offset])


def _change_colours(
    image: NDArray[np.uint8],
    section: AugmentSection,
    rng: np.random.Generator,
    out: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Gamma, saturation, gain and channel order of (h,w,3) uint8; returns float32 in [0,1].

    Gamma is a table of the 256 values; what follows it is linear, hence one matrix.
    """
    gamma = _draw(rng, section.gamma)
    gains = _draw(rng, section.gain) * rng.uniform(*section.channel_gain, size=3)
    saturation = _draw(rng, section.saturation)
    swap = SWAPS[rng.integers(len(SWAPS))]
    order = swap if rng.random() < section.channel_permutation else SAME_ORDER
    out = np.empty(image.shape, np.float32) if out is None else out
    cv2.LUT(image, BRIGHTNESS if gamma == 1 else BRIGHTNESS ** np.float32(gamma), dst=out)
    if saturation != 1 or order != SAME_ORDER or (gains != 1).any():
        mixing = saturation * np.eye(3) + (1 - saturation) * np.tile(GREY_WEIGHTS, (3, 1))
        matrix = (gains[:, None] * mixing)[list(order)]
        cv2.transform(out, matrix.astype(np.float32), dst=out)
        np.clip(out, 0, 1, out=out)
    return out
