"""Depth files whose values are not simply units of length: 24 bits of colour, rotated bits.

Sources: CARLA (carla.readthedocs.io, ref_sensors, "Depth camera"; decoded alike by the loaders of
SkyScenes and GameIR); SHIFT (github.com/SysCV/shift-dev, issue 2); SUN RGB-D (`read3dPoints.m` of
its toolbox; `depthRead.m` of SUN3Dsfm).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DepthEncoding = Literal["plain", "carla", "shift-mm", "rotated"]
"""plain: units of length. carla: R + 256 G + 65536 B, the largest number is 1000 m. shift-mm: the
same number in millimetres. rotated: 16-bit millimetres rotated to the left by three bits."""

COLOUR_UNITS: dict[str, float] = {"carla": (256**3 - 1) / 1000, "shift-mm": 1000.0}
"""Units per metre of the 24-bit number, by encoding."""

ROTATED_UNITS = 1000.0
_ROTATION = 3
_LEAST_SHARE = 0.02
_ROUGHER = 5.0
"""How many times as much the low byte of 24-bit numbers changes as the high one, at least."""
_PASSES_ITS_END, _CARRY = 128, 2
"""A step of a byte beyond the first is one past its end; the second is the next byte's then."""
_LEAST_CARRIES, _CARRIED_SHARE = 24, 0.3


def metres_of_colours(colours: NDArray[np.uint8], units_per_metre: float) -> NDArray[np.float32]:
    """Return the metres (H,W) that the colours (H,W,3) RGB of a depth picture stand for.

    >>> metres_of_colours(np.array([[[255, 255, 255], [0, 64, 0]]], np.uint8), 16777.215)
    array([[1000.        ,    0.97656256]], dtype=float32)
    """
    weights = np.array([1, 256, 65536], np.float64) / units_per_metre
    return np.asarray(colours @ weights, np.float32)


def highest_byte(colours: NDArray[np.uint8]) -> Literal["blue", "red"] | None:
    """Return which channel of a picture (H,W,3) RGB holds the high byte of 24-bit numbers.

    "blue" as CARLA writes them, "red" where the channels were exchanged, None of a photograph.
    Where a byte passes its end, the next higher one goes the other way by one, and the high byte
    hardly changes beside the low one: the channels of a photograph change alike.
    """
    for name, channels in (("blue", (0, 1, 2)), ("red", (2, 1, 0))):
        low, middle, high = (_steps(colours[..., channel]) for channel in channels)
        roughness = np.abs(low).mean(dtype=np.float64) if low.size else 0.0
        if roughness <= _ROUGHER * np.abs(high).mean(dtype=np.float64):
            continue
        for below, above in ((middle, high), (low, middle)):
            ends = np.abs(below) > _PASSES_ITS_END
            carried = ends & (np.abs(above) <= _CARRY) & (np.sign(above) == -np.sign(below))
            if carried.sum() > max(_LEAST_CARRIES, _CARRIED_SHARE * ends.sum()):
                return name  # type: ignore[return-value]
    return None


def _steps(channel: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the differences of neighbours in rows and columns."""
    values = channel.astype(np.int16)
    return np.concatenate([np.diff(values, axis=axis).ravel() for axis in (0, 1)])


def rotate_back(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return 16-bit numbers rotated to the right by three bits.

    >>> rotate_back(np.array([8 * 1500, (9000 << 3 | 9000 >> 13) & 65535], np.uint16))
    array([1500, 9000], dtype=uint16)
    """
    low = np.right_shift(values, np.uint16(_ROTATION))
    return np.asarray(low | np.left_shift(values, np.uint16(16 - _ROTATION)), np.uint16)


def are_rotated(values: NDArray[Any]) -> bool:
    """Return whether whole numbers look like millimetres rotated to the left by three bits.

    Then the low three bits are the top bits of the millimetres: 0 below 8.192 m, 1 below 16.384 m.
    In numbers of any other kind they take all eight values.
    """
    whole = values[values > 0]
    if whole.size == 0 or values.dtype != np.uint16:
        return False
    low = np.bincount((whole & 7).astype(np.intp), minlength=8) / whole.size
    return bool(low[0] >= _LEAST_SHARE and low[0] + low[1] > 0.9999)
