"""Geometry of a depth map as points in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.edges import THRESHOLD, check_threshold, reciprocal_of, unexplained_steps


def flying_pixel_mask(
    depth_map: DepthMap, relative_threshold: float = THRESHOLD
) -> NDArray[np.bool_]:
    """Return (H,W) bool, True where a pixel floats between the two sides of a depth edge.

    Such "flying pixels" come from resizing and from networks, which turn a jump in depth into a
    short ramp. A pixel counts as flying if both hold along its row or its column:

    - it is nearer than one neighbour and farther than the other, by more than `relative_threshold`
      (a share of the nearer distance) each;
    - a slanted surface does not explain either step.

    The reciprocal depth of a plane is linear in the pixel position. The median step of reciprocal
    depth over the thirteen pixels around is therefore taken as the surface's own step. A floor seen
    at a grazing angle keeps its points, while a ramp of up to five pixels loses them. The two sides
    of a clean jump belong to real surfaces and are kept.

    Raises LeadlineError if the threshold is not positive.
    """
    check_threshold(relative_threshold)
    reciprocal = reciprocal_of(depth_map.depth, depth_map.valid)
    along_rows = _between(reciprocal, relative_threshold)
    along_columns = _between(np.ascontiguousarray(reciprocal.T), relative_threshold).T
    return along_rows | along_columns


def _between(reciprocal: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Flying pixels along the rows: an unexplained step in, and one out in the same direction."""
    direction = unexplained_steps(reciprocal, threshold)
    flying = np.zeros(reciprocal.shape, dtype=bool)
    flying[:, 1:-1] = (direction[:, :-1] != 0) & (direction[:, :-1] == direction[:, 1:])
    return flying
