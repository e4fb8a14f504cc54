"""Augmentation: a random warp of image, depth and labels, then random colours of the image."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.random_warp import draw_numbers, draw_warp
from leadline.datasets.sample import Sample
from leadline.datasets.warp import warp
from leadline.inference.camera import focal_ratio
from leadline.training.recipe import AugmentSection

SAME_ORDER = (0, 1, 2)
SWAPS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The channel orders other than RGB."""

BRIGHTNESS = np.arange(256, dtype=np.float32) / np.float32(255)

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""


GREY = np.tile(GREY_WEIGHTS, (3, 1))
COLOURS = np.eye(3)
"""Matrices mixed by saturation: `GREY` makes a picture grey, `COLOURS` leaves it unchanged."""


@dataclass(frozen=True)
class TrainingItem:
    """A sample at training size: image (h,w,3) float32 in [0,1], the rest as in `Sample`.

    Labels are `OUTSIDE` where the warp reached beyond the border of the photograph.
    """

    image: NDArray[np.float32]
    depth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int32] | None = None

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "TrainingItem":
        """Allocate an item without labels."""
        return cls(
            np.empty((*size, 3), np.float32), np.empty(size, np.float32), np.empty(size, bool)
        )


def prepare(
    sample: Sample,
    size: tuple[int, int],
    section: AugmentSection,
    rng: np.random.Generator,
    out: TrainingItem | None = None,
    focal: float | None = None,
    fill: bool = False,
) -> TrainingItem:
    """Warp a sample to `size` (h, w) with random geometry and colours drawn from `rng`.

    With `focal`, the training camera's focal length in pixels at `size`, depth is converted to that
    camera: metres times `focal` over the sample's own focal length. The sample's depth range then
    applies to the converted metres, its far end also after zooming out. A sample without a known
    camera is taken as photographed with the training camera. With `fill`, prediction resizes the
    whole picture to `size`: see `steps_between`. Image, depth and valid are written into `out`, if
    given: a row of a batch.
    """
    lens = lens_ratio(sample, size, focal)
    sample = sample if lens == 1 else _range_through(lens, sample)
    out = TrainingItem.empty(size) if out is None else out
    zoom, inverse = draw_warp(
        sample.size,
        size,
        rng,
        rotation=section.rotation,
        zoom=section.scale,
        flip=section.flip,
        fill=fill,
    )
    image, values, labels = warp(sample, size, inverse)
    sample.to_metres(values, out.depth, out.valid)
    if zoom * lens != 1:
        np.divide(out.depth, np.float32(zoom * lens), out=out.depth)
    if zoom < 1 and sample.max_depth is not None:
        out.depth[out.depth > np.float32(sample.max_depth / lens)] = 0
        np.greater(out.depth, 0, out=out.valid)
    _change_colours(image, section, rng, out.image)
    return TrainingItem(out.image, out.depth, out.valid, labels)


def lens_ratio(sample: Sample, size: tuple[int, int], focal: float | None) -> float:
    """Return the sample's focal length over `focal`, both in pixels at `size` (h, w).

    Returns 1 if either is unknown, or if they differ only by rounding.
    """
    if focal is None or sample.intrinsics is None:
        return 1.0
    return focal_ratio(sample.intrinsics.focal_at(*size), focal)


def _range_through(lens: float, sample: Sample) -> Sample:
    """Return the sample with its depth range converted to its own metres."""
    farthest = None if sample.max_depth is None else sample.max_depth * lens
    return replace(sample, min_depth=sample.min_depth * lens, max_depth=farthest)


def _change_colours(
    image: NDArray[np.uint8],
    section: AugmentSection,
    rng: np.random.Generator,
    out: NDArray[np.float32],
) -> None:
    """Apply gamma, saturation, gain and channel order to (h,w,3) uint8; `out` is in [0,1].

    Gamma is a table of the 256 values; the rest is linear and done by one matrix.
    """
    gamma, gain, *channel_gains, saturation = draw_numbers(
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
