"""Files: photographs, depth maps, cameras, point clouds; each is written completely or not at all.

OpenCV and OpenEXR are imported only by the functions that use them.
"""

from leadline.io.atomic import atomic_path
from leadline.io.calibration import read_calibration, write_calibration
from leadline.io.cameras import read_camera
from leadline.io.formats import (
    DEPTH_FORMATS,
    DepthFormat,
    depth_format,
    depth_suffixes,
    is_depth_file,
    read_depth,
    writable_formats,
    write_depth,
)
from leadline.io.labels import write_labels
from leadline.io.mesh import write_mesh
from leadline.io.photos import IMAGE_SUFFIXES, Photo, read_photo, write_png
from leadline.io.pointcloud import write_glb, write_ply

__all__ = [
    "DEPTH_FORMATS",
    "IMAGE_SUFFIXES",
    "DepthFormat",
    "Photo",
    "atomic_path",
    "depth_format",
    "depth_suffixes",
    "is_depth_file",
    "read_calibration",
    "read_camera",
    "read_depth",
    "read_photo",
    "writable_formats",
    "write_calibration",
    "write_depth",
    "write_glb",
    "write_labels",
    "write_mesh",
    "write_ply",
    "write_png",
]
