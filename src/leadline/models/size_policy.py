"""The size at which a photograph is processed, in plain Python: the rule of every runtime.

A network run at another scale than in training gives wrong metres. So an image is resized, keeping
the aspect ratio, to about the number of pixels of the training, with both sides rounded to the
network's stride; the depth map is resized back to the image's size.
"""

import math

import numpy as np

from leadline.errors import LeadlineError, size_words

LARGEST_GROWTH = 4

MAX_HALVINGS = 5
"""Limit of shrinking steps. Bilinear steps of at most 2 average every source pixel; the last step
may be larger, so that up to 2**6 times smaller little is skipped."""


def processing_size(height: int, width: int, training_area: int, stride: int) -> tuple[int, int]:
    """Return (h, w): about `training_area` pixels, multiples of `stride`, aspect ratio kept.

    The arithmetic is float32, operation by operation as in the exported graph, so that both round
    alike.
    Errors: LeadlineError for a picture so elongated that its shorter side, at least `stride`, makes
    it `LARGEST_GROWTH` times that many pixels.
    """
    sides = np.array([height, width], dtype=np.float32)
    grow = np.sqrt(sides[0] * sides[1] / np.float32(training_area))
    steps = np.maximum(np.rint(sides / grow / np.float32(stride)), np.float32(1))
    h, w = (steps * np.float32(stride)).astype(int)
    if h * w > max(LARGEST_GROWTH * training_area, stride * stride):
        raise LeadlineError(
            f"a picture of {size_words((height, width))} pixels is too long and thin for the "
            f"network, which would see {size_words((h, w))}; crop it"
        )
    return int(h), int(w)


def shrink_sizes(size: tuple[int, int], target: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the successive sizes of an image that is resized from `size` to `target`, target last.

    Each bilinear step shrinks a side at most to half (rounded up), so that no pixel is skipped;
    enlarging takes one step.
    """
    sizes: list[tuple[int, int]] = []
    for _ in range(MAX_HALVINGS):
        if size == target:
            break
        size = (
            max(target[0], math.ceil(size[0] / 2)),
            max(target[1], math.ceil(size[1] / 2)),
        )
        sizes.append(size)
    if size != target:
        sizes.append(target)
    return sizes
