"""A depth map in Rerun's viewer: the photograph, its depth, the camera, and points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leadline.depth.depth_map import DepthMap
from leadline.depth.geometry import flying_pixel_mask
from leadline.errors import LeadlineError


def log_depth(
    depth_map: DepthMap, rgb: ArrayLike | None = None, *, entity: str = "camera",
    recording: Any = None,
) -> None:  # fmt: skip
    """Log a depth map to a recording of Rerun; see `DepthMap.to_rerun`."""
    try:
        import rerun as rr
    except ImportError as error:
        raise LeadlineError("to_rerun needs Rerun: pip install 'leadline[rerun]'") from error
    depth_map.require_metres()
    colours = None if rgb is None else np.asarray(rgb)
    if colours is not None and (
        colours.shape != (*depth_map.shape, 3) or colours.dtype != np.uint8
    ):
        raise LeadlineError(
            f"the colours are {colours.shape} {colours.dtype} but the depth map is "
            f"{depth_map.shape}; give (H,W,3) uint8 RGB of the same size"
        )

    def log(place: str, what: Any) -> None:
        rr.log(f"{entity}/{place}".rstrip("/"), what, recording=recording)

    camera = depth_map.intrinsics
    if camera is not None:
        log("", rr.ViewCoordinates.RDF)
        size = [camera.width, camera.height]
        log("image", rr.Pinhole(image_from_camera=camera.matrix, resolution=size))
        points, indices = depth_map.points()
        kept = ~flying_pixel_mask(depth_map).ravel()[indices]
        shades = None if colours is None else colours.reshape(-1, 3)[indices[kept]]
        log("points", rr.Points3D(points[kept], colors=shades))
    if colours is not None:
        log("image", rr.Image(colours))
    log("image/depth", rr.DepthImage(depth_map.depth, meter=1.0))
