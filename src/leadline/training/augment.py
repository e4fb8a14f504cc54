"""Joint augmentation of image, depth and labels in one warp, random streams given from outside."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample, StoredSample
from leadline.datasets.warp import size_of, steps_between, warp
from leadline.training.recipe import AugmentSection, Range

SAME_ORDER = (0, 1, 2)
SWAPS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The orders of the channels that change something."""

BRIGHTNESS = np.arange(256, dtype=np.float32) / np.float32(255)

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601)."""


GREY = np.tile(GREY_WEIGHTS, (3, 1))
COLOURS = np.eye(3)
"""What saturation mixes: the matrices that make a picture grey, and that leave it as it is."""

CENTRED = (-0.5, 0.5)


@dataclass(frozen=True)
class TrainingItem:
    """A sample at training size: image (h,w,3) float32 in [0,1], the rest as in `Sample`.

    Labels are `OUTSIDE` where the warp reached over the border of the photograph.
    """

    image: NDArray[np.float32]
    depth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int32] | None = None

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "TrainingItem":
        """Return memory for an item without labels."""
        return cls(
            np.empty((*size, 3), np.float32), np.empty(size, np.float32), np.empty(size, bool)
        )


def prepare(
    sample: Sample | StoredSample,
    size: tuple[int, int],
    section: AugmentSection,
    rng: np.random.Generator,
    place: TrainingItem | None = None,
) -> TrainingItem:
    """Bring a sample to `size` (h, w) with random geometry and colours drawn from `rng`.

    Image, depth and valid are written into `place` where that is given: a place in a batch.
    """
    place = TrainingItem.empty(size) if place is None else place
    zoom, inverse = _draw_warp(size_of(sample), size, section, rng)
    image, stored, labels = warp(sample, size, inverse)
    depth = sample.metres(stored, place.depth)
    if zoom != 1:
        depth /= np.float32(zoom)
    # A sample's depth is 0 where it is invalid, and so is what lies outside the photograph.
    np.greater(depth, 0, out=place.valid)
    _change_colours(image, section, rng, place.image)
    return TrainingItem(place.image, depth, place.valid, labels)


def _draw(rng: np.random.Generator, *ranges: Range) -> list[float]:
    # One number is drawn even from an empty range, so that a recipe that switches one
    # augmentation off leaves the streams of the others as they were. All at once: each call
    # costs more than the number.
    shares = rng.random(len(ranges)).tolist()
    return [low + (high - low) * share for (low, high), share in zip(ranges, shares, strict=True)]


def _draw_warp(
    source: tuple[int, int],
    size: tuple[int, int],
    section: AugmentSection,
    rng: np.random.Generator,
) -> tuple[float, NDArray[np.float64]]:
    """Return the zoom and the (2,3) matrix from output (x, y) to source pixels.

    The centres of pixels lie on integers.
    """
    (height, width), (h, w) = source, size
    turns = (-section.rotation, section.rotation)
    zoom, angle, right, down, chance = _draw(
        rng, section.scale, turns, CENTRED, CENTRED, (0.0, 1.0)
    )
    step_x, step_y = (step / zoom for step in steps_between((height, width), size))
    centre_x = width / 2 + max(0.0, width - w * step_x) * right - 0.5
    centre_y = height / 2 + max(0.0, height - h * step_y) * down - 0.5
    mirror = -1.0 if chance < section.flip else 1.0
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    a, b = cos * mirror * step_x, -sin * step_y
    c, d = sin * mirror * step_x, cos * step_y
    left = centre_x - (a * (w - 1) + b * (h - 1)) / 2
    top = centre_y - (c * (w - 1) + d * (h - 1)) / 2
    return zoom, np.array([[a, b, left], [c, d, top]])


def _change_colours(
    image: NDArray[np.uint8],
    section: AugmentSection,
    rng: np.random.Generator,
    out: NDArray[np.float32],
) -> None:
    """Gamma, saturation, gain and channel order of (h,w,3) uint8; `out` is in [0,1].

    Gamma is a table of the 256 values; what follows it is linear, hence one matrix.
    """
    gamma, gain, *channel_gains, saturation = _draw(
        rng, section.gamma, section.gain, *[section.channel_gain] * 3, section.saturation
    )
    swap = SWAPS[rng.integers(len(SWAPS))]
    order = swap if rng.random() < section.channel_permutation else SAME_ORDER
    cv2.LUT(image, BRIGHTNESS if gamma == 1 else BRIGHTNESS ** np.float32(gamma), dst=out)
    gains = [gain * each for each in channel_gains]
    if saturation != 1 or order != SAME_ORDER or gains != [1, 1, 1]:
        mixing = saturation * COLOURS + (1 - saturation) * GREY
        matrix = (np.array(gains)[:, None] * mixing)[list(order)]
        cv2.transform(out, matrix.astype(np.float32), dst=out)
        np.clip(out, 0, 1, out=out)
