"""What a depth map is: metres, files, cameras, colours and point clouds.

Needs numpy and Pillow; OpenCV and OpenEXR are imported only by the functions that use them.
"""

from leadline.depth.atomic import atomic_path
from leadline.depth.calibration import Calibration, fit_calibration
from leadline.depth.color import COLORMAPS, colorize, robust_range
from leadline.depth.depth_map import DepthMap
from leadline.depth.errors import LeadlineError
from leadline.depth.formats import (
    DEPTH_FORMATS,
    DEPTH_UNITS,
    WriteReport,
    is_depth_file,
    parse_units,
    read_depth,
    suffix_of,
    write_depth,
)
from leadline.depth.images import IMAGE_SUFFIXES, Photo, read_photo, write_png
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.pointcloud import edge_mask, write_glb, write_ply

__all__ = [
    "COLORMAPS",
    "DEPTH_FORMATS",
    "DEPTH_UNITS",
    "IMAGE_SUFFIXES",
    "Calibration",
    "DepthMap",
    "Intrinsics",
    "LeadlineError",
    "Photo",
    "WriteReport",
    "atomic_path",
    "colorize",
    "edge_mask",
    "fit_calibration",
    "is_depth_file",
    "parse_units",
    "read_depth",
    "read_photo",
    "robust_range",
    "suffix_of",
    "write_depth",
    "write_glb",
    "write_ply",
    "write_png",
]
