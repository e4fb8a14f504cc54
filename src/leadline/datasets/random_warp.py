"""Random geometry: rotation, zoom, crop and mirroring of a copy of a sample."""

import math

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.warp import steps_between

Range = tuple[float, float]

CENTRED = (-0.5, 0.5)


def draw_numbers(rng: np.random.Generator, *ranges: Range) -> list[float]:
    """Return one random number of each range.

    A number is drawn even for an empty range, so that switching off one augmentation does not
    change the random numbers of the others.
    """
    # All at once, since a call costs more than a number.
    shares = rng.random(len(ranges)).tolist()
    return [low + (high - low) * share for (low, high), share in zip(ranges, shares, strict=True)]


def draw_warp(
    source: tuple[int, int],
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    rotation: float,
    zoom: Range,
    flip: float,
    fill: bool = False,
) -> tuple[float, NDArray[np.float64]]:
    """Return the zoom and the (2,3) matrix from output (x, y) to source pixels, for `warp`.

    `source` and `size` are (H, W). `rotation` is the largest angle in degrees, in both directions;
    `flip` the probability of mirroring. The zoom is the first number drawn; depth must be divided
    by it. The crop lies anywhere in the picture; `fill`: see `steps_between`. Pixel centres are at
    integers.
    """
    (height, width), (h, w) = source, size
    turns = (-rotation, rotation)
    factor, angle, right, down, chance = draw_numbers(
        rng, zoom, turns, CENTRED, CENTRED, (0.0, 1.0)
    )
    step_x, step_y = (step / factor for step in steps_between(source, size, fill=fill))
    centre_x = width / 2 + max(0.0, width - w * step_x) * right - 0.5
    centre_y = height / 2 + max(0.0, height - h * step_y) * down - 0.5
    mirror = -1.0 if chance < flip else 1.0
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    a, b = cos * mirror * step_x, -sin * step_y
    c, d = sin * mirror * step_x, cos * step_y
    left = centre_x - (a * (w - 1) + b * (h - 1)) / 2
    top = centre_y - (c * (w - 1) + d * (h - 1)) / 2
    return factor, np.array([[a, b, left], [c, d, top]])
