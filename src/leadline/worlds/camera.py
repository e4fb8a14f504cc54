"""Pinhole cameras in a world: where they stand, how they look, what rays they cast.

Camera axes: x right, y down, z forward along the optical axis. Pixel (0, 0) is the *centre* of the
top left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leadline.depth.intrinsics import Intrinsics
from leadline.worlds.arrays import Array, Colour
from leadline.worlds.primitives import rotation


@dataclass(frozen=True)
class Camera:
    """Pinhole camera without distortion.

    `position` in metres; angles in degrees: at yaw 0 it looks along +y, `yaw` > 0 turns left,
    `pitch` > 0 looks up, `roll` > 0 turns the camera clockwise about its axis.
    """

    intrinsics: Intrinsics
    position: Colour
    yaw: float
    pitch: float = 0.0
    roll: float = 0.0

    @property
    def rotation(self) -> Array:
        """Matrix (3,3) from camera axes to world axes, float64."""
        axes = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # columns: right, down, forward
        about = rotation(self.roll, "z")
        return np.asarray(rotation(self.yaw) @ rotation(self.pitch, "x") @ axes @ about)

    @property
    def pose(self) -> Array:
        """Matrix (4,4) float64 from camera coordinates to world coordinates."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation, self.position
        return matrix

    def rays(self, u: Array, v: Array) -> Array:
        """World directions (N,3) float64 through pixels; along the optical axis their length is 1.

        A point at ray parameter t therefore has planar depth t.
        """
        k = self.intrinsics
        local = np.stack([(u - k.cx) / k.fx, (v - k.cy) / k.fy, np.ones_like(u)], axis=1)
        return np.asarray(local @ self.rotation.T)

    def pixel_rays(self) -> Array:
        """World directions (H*W,3) float64 through all pixel centres, row by row."""
        k = self.intrinsics
        v, u = np.divmod(np.arange(k.width * k.height), k.width)
        return self.rays(u.astype(np.float64), v.astype(np.float64))

    def scaled(self, width: int, height: int) -> Camera:
        """Return the same view at another size."""
        return replace(self, intrinsics=self.intrinsics.scaled_to(width, height))

    def turned(self, yaw: float) -> Camera:
        """Return the camera turned further to the left by `yaw` degrees."""
        return replace(self, yaw=self.yaw + yaw)

    def with_focal(self, fx: float) -> Camera:
        """Return the camera at the same place with another focal length in pixels."""
        k = self.intrinsics
        return replace(self, intrinsics=replace(k, fx=fx, fy=k.fy * fx / k.fx))
