"""What ROS messages hold, as arrays, and back: numpy and Leadline's types, nothing of ROS.

A message comes in as its fields and goes out as a dictionary of its fields, without the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth import DepthMap, Intrinsics, flying_pixel_mask

CHANNELS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
    "8UC3": (3, (2, 1, 0)),  # as OpenCV has them
    "mono8": (1, (0, 0, 0)),
    "8UC1": (1, (0, 0, 0)),
}
"""Encoding of an Image: bytes of a pixel, and where red, green and blue are."""

POINT_FIELDS = (("x", 0), ("y", 4), ("z", 8), ("rgb", 12))
"""Fields of a point, float32 each, and their offsets in bytes."""


def pixels_of_image(
    encoding: str, height: int, width: int, step: int, data: bytes | Sequence[int] | NDArray[Any]
) -> NDArray[np.uint8]:
    """Return the pixels of a sensor_msgs/Image, (H,W,3) uint8 RGB.

    `step` is the bytes of a row, which may be padded. Raises ValueError for an encoding that is no
    8-bit picture, and for data that is too short.
    """
    if encoding not in CHANNELS:
        raise ValueError(f"encoding {encoding!r}: expected one of {', '.join(CHANNELS)}")
    count, order = CHANNELS[encoding]
    values = np.frombuffer(memoryview(data), np.uint8)  # type: ignore[arg-type]
    if step < width * count or values.size < height * step:
        raise ValueError(
            f"{values.size} bytes in rows of {step} are no {width}x{height} picture in {encoding}"
        )
    rows = values[: height * step].reshape(height, step)
    pixels = rows[:, : width * count].reshape(height, width, count)
    return np.ascontiguousarray(pixels[..., order])


def camera_of_info(
    matrix: Sequence[float] | NDArray[np.float64],
    width: int,
    height: int,
    offset: tuple[int, int] = (0, 0),
    binning: tuple[int, int] = (1, 1),
) -> Intrinsics | None:
    """Return the camera of pictures of `width` x `height`; None where it was not calibrated.

    `matrix` is what a sensor_msgs/CameraInfo holds row by row: k (9 numbers) for pictures as they
    were taken, p (12) for rectified ones, at the size of calibration. `offset` (x, y) and
    `binning` (x, y; 0 is 1) are those of the message: the region that was read out of the sensor,
    and how many of its pixels make one.
    """
    values = np.asarray(matrix, np.float64).reshape(3, -1)
    if values[0, 0] == 0:
        return None
    across, down = (max(int(each), 1) for each in binning)
    return Intrinsics(
        fx=float(values[0, 0]) / across,
        fy=float(values[1, 1]) / down,
        cx=(float(values[0, 2]) - offset[0]) / across,
        cy=(float(values[1, 2]) - offset[1]) / down,
        width=width,
        height=height,
    )


def depth_image(depth_map: DepthMap) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/Image in 32FC1: metres along the axis, NaN where invalid.

    As REP 118 asks. `data` is (4 H W,) uint8, little-endian.
    """
    metres = np.where(depth_map.valid, depth_map.depth, np.float32(np.nan)).astype("<f4")
    return {
        "height": depth_map.height,
        "width": depth_map.width,
        "encoding": "32FC1",
        "is_bigendian": 0,
        "step": 4 * depth_map.width,
        "data": metres.reshape(-1).view(np.uint8),
    }


def camera_info(camera: Intrinsics) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/CameraInfo of a pinhole camera without distortion."""
    k = camera.matrix
    return {
        "height": camera.height,
        "width": camera.width,
        "distortion_model": "plumb_bob",
        "d": np.zeros(5),
        "k": k.reshape(-1),
        "r": np.eye(3).reshape(-1),
        "p": np.hstack([k, np.zeros((3, 1))]).reshape(-1),
    }


def point_cloud(depth_map: DepthMap, rgb: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/PointCloud2 with the colours of `rgb` (H,W,3) uint8.

    One point a pixel, (H,W), in metres and the axes of an optical frame: x right, y down, z
    forward (REP 103). Pixels without depth, and those that hang between two surfaces, are NaN.
    `fields` are (name, offset), float32 each; red, green and blue are bits 16 to 23, 8 to 15 and
    0 to 7 of `rgb`, as PCL and RViz have it. `data` is (16 H W,) uint8, little-endian.
    """
    points = np.full((depth_map.height * depth_map.width, 3), np.nan, np.float32)
    places, indices = depth_map.points()
    points[indices] = places
    points[flying_pixel_mask(depth_map).reshape(-1)] = np.nan
    cloud = np.empty(len(points), dtype=[("point", "<f4", 3), ("colour", "<u4")])
    cloud["point"] = points
    red, green, blue = rgb.reshape(-1, 3).astype(np.uint32).T
    cloud["colour"] = red << 16 | green << 8 | blue
    return {
        "height": depth_map.height,
        "width": depth_map.width,
        "fields": POINT_FIELDS,
        "is_bigendian": False,
        "point_step": cloud.itemsize,
        "row_step": cloud.itemsize * depth_map.width,
        "data": cloud.view(np.uint8),
        "is_dense": False,
    }
