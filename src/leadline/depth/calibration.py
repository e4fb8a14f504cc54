"""Correcting a predicted depth map by what is known: a scale, and a shift of inverse depth.

The corrected depth z' of a predicted depth z is given by  1/z' = 1/(scale z) + shift  with `scale`
without a unit and `shift` in 1/metre; without shift, z' = scale z. A wrong focal length or room
size shows as scale; the shift is the other freedom of networks that regress inverse depth
(Ranftl et al. 2020, MiDaS).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthKind, DepthMap
from leadline.errors import LeadlineError

SMALLEST_SPREAD = 1.05
"""With a shift, the farthest known point must be predicted this much beyond the nearest."""

MOST_PAIRS = 200_000
"""Pairs of points whose slopes are compared; more points are paired at random."""

Fit = Literal["median", "least-squares"]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A correction of predicted depth, and a description of where it comes from.

    Errors: LeadlineError for a scale that is not positive, or values that are not finite.
    """

    scale: float
    shift: float = 0.0
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and math.isfinite(self.shift) and self.scale > 0):
            raise LeadlineError(
                f"a calibration of scale {self.scale:g} and shift {self.shift:g} 1/m is "
                "impossible: the scale must be positive; check the known distances"
            )

    def metres(self, depth: NDArray[np.floating]) -> Vector:
        """Return corrected metres for positive `depth` of any shape; inf beyond infinity."""
        metres = np.asarray(depth, dtype=np.float64) * self.scale
        if self.shift == 0:
            return metres
        # z' = s z / (1 + shift s z); at or below zero the point lies beyond infinity.
        share = 1 + self.shift * metres
        return np.where(share > 0, metres / np.where(share > 0, share, 1), np.inf)

    def apply(self, depth_map: DepthMap) -> DepthMap:
        """Return the corrected map; pixels that a negative shift puts beyond infinity are invalid.

        The provenance gains an entry `calibration` after the entries of earlier calibrations. The
        uncertainty then refers to the corrected metres.
        Errors: LeadlineError for depth without a unit if the calibration has no shift.
        """
        if depth_map.kind != "metric" and self.shift == 0:
            raise LeadlineError(
                f"a calibration of {self} makes no metres of {depth_map.kind} depth, without scale "
                "and shift; fit one to such depth with 'leadline calibrate --shift'"
            )
        earlier = depth_map.provenance.get("calibration")
        applied = [str(self)] if earlier is None else [earlier, str(self)]
        metres = self.metres(depth_map.depth)
        uncertainty = depth_map.uncertainty
        if uncertainty is not None and self.shift != 0:
            # d ln z' / d ln z = z' / (scale z).
            ahead = depth_map.valid & np.isfinite(metres)
            ratio = metres[ahead] / (self.scale * depth_map.depth[ahead])
            uncertainty = uncertainty.copy()
            uncertainty[ahead] *= ratio.astype(np.float32)
        return DepthMap.from_metres(
            metres,
            valid=depth_map.valid,
            intrinsics=depth_map.intrinsics,
            provenance={**depth_map.provenance, "calibration": ", then ".join(applied)},
            uncertainty=uncertainty,
            interval_factors=depth_map.interval_factors,
        )

    def __str__(self) -> str:
        return f"scale {self.scale:.6g}" + (f", shift {self.shift:.6g} 1/m" if self.shift else "")


def fit_calibration(
    predicted: NDArray[np.floating],
    known: NDArray[np.floating],
    *,
    shift: bool = False,
    fit: Fit = "median",
    kind: DepthKind = "metric",
) -> Calibration:
    """Return the calibration that maps `predicted` to `known`, two vectors (n,) of metres.

    `median` is robust to wrong points. Without a shift it is the median of known/predicted. With a
    shift it works in inverse depth: the median slope over all pairs of points, then the median
    residual (Theil 1950, Sen 1968). `least-squares` minimises squared errors in metres, or in
    inverse metres with a shift. Predictions whose `kind` is not metric have no unit and need the
    shift.

    Errors: LeadlineError if there are fewer points than unknowns, if a distance is not positive, if
    all points lie too close to one depth to tell shift from scale, or if the scale is not positive.

    >>> print(fit_calibration(np.array([1.0, 2.0, 4.0]), np.array([1.5, 3.0, 6.0])))
    scale 1.5
    """
    z, target = np.asarray(predicted, np.float64), np.asarray(known, np.float64)
    if not (np.isfinite(z).all() and np.isfinite(target).all() and (z > 0).all()):
        raise LeadlineError("a calibration needs finite distances on valid depth")
    if (target <= 0).any():
        raise LeadlineError(
            f"a known distance of {target.min():g} m is impossible; give positive metres"
        )
    without = ", or leave out --shift" if kind == "metric" else ""
    if len(z) < 1 + shift:
        raise LeadlineError(
            f"{len(z)} known distance{'s' * (len(z) != 1)} cannot fix {1 + shift} unknowns; "
            + (f"give more points{without}" if shift else "give at least one point")
        )
    if not shift:
        ratio = np.median(target / z) if fit == "median" else (z @ target) / (z @ z)
        return Calibration(float(ratio))
    if z.max() < SMALLEST_SPREAD * z.min():
        raise LeadlineError(
            f"all known points are predicted at {z.min():.3g} to {z.max():.3g}"
            f"{' m' if kind == 'metric' else ''}, too close to one depth to tell a shift from a "
            f"scale; choose nearer and farther points{without}"
        )
    slope, offset = _line(1 / z, 1 / target, fit)
    if slope <= 0:
        raise LeadlineError(
            f"the known distances shrink where the predicted ones grow (slope {slope:.3g} of "
            f"inverse depth); check the points{without}"
        )
    return Calibration(1 / slope, offset)


def _line(x: Vector, y: Vector, fit: Fit) -> tuple[float, float]:
    """Return (slope, offset) of y = slope x + offset."""
    if fit == "median":
        first, second = _pairs(len(x))
        run = x[second] - x[first]
        # Neighbours in depth say next to nothing about the slope.
        apart = np.abs(run) > 1e-3 * (x.max() - x.min())
        slope = float(np.median((y[second] - y[first])[apart] / run[apart]))
        return slope, float(np.median(y - slope * x))
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean())


def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return every pair of `count` points, or `MOST_PAIRS` of them, always the same ones."""
    if count * (count - 1) // 2 <= MOST_PAIRS:
        return np.triu_indices(count, 1)
    rng = np.random.default_rng(0)
    return rng.integers(0, count, MOST_PAIRS), rng.integers(0, count, MOST_PAIRS)
