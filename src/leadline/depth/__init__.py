"""Depth maps: metres, units, cameras, calibration and points in space; needs numpy only."""

from leadline.depth.calibration import Calibration, fit_calibration
from leadline.depth.depth_map import DepthMap
from leadline.depth.geometry import flying_pixel_mask
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.known_points import KnownPoint, KnownPoints
from leadline.depth.measure import Distance, Span
from leadline.depth.units import DEPTH_UNITS, KNOWN_UNITS, DepthUnit, parse_units

__all__ = [
    "DEPTH_UNITS",
    "KNOWN_UNITS",
    "Calibration",
    "DepthMap",
    "DepthUnit",
    "Distance",
    "Intrinsics",
    "KnownPoint",
    "KnownPoints",
    "Span",
    "fit_calibration",
    "flying_pixel_mask",
    "parse_units",
]
