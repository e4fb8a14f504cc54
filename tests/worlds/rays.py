"""Rays against triangles in float64, written without the renderer: what its depth is held to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.camera import Camera
from leadline.worlds.scene import Scene

SILHOUETTE = 1e-4  # pixels


@dataclass(frozen=True)
class Comparison:
    """How pixels compared: the largest relative difference of depth, and the share left out."""

    compared: int
    worst: float
    left_out: float
    wrong: list[str]


def camera_ray(camera: Camera, u: float, v: float) -> np.ndarray:
    """World direction (3,) through a pixel, from the angles and the pinhole model written out."""
    yaw, pitch, roll = np.radians([camera.yaw, camera.pitch, camera.roll])
    forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    down = np.cross(forward, right)
    turned_right = np.cos(roll) * right + np.sin(roll) * down
    turned_down = -np.sin(roll) * right + np.cos(roll) * down
    k = camera.intrinsics
    x, y = (u - k.cx) / k.fx, (v - k.cy) / k.fy
    return np.asarray(forward + x * turned_right + y * turned_down)


class Triangles:
    """Triangles (F,3,3) float64 as rays from one origin meet them, after Moeller and Trumbore.

    Products that do not hold the direction of the ray are computed once, for all rays.
    """

    def __init__(self, corners: np.ndarray, origin: np.ndarray) -> None:
        edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        start = origin - corners[:, 0]
        across = np.cross(start, edge1)
        self._determinant = np.cross(edge2, edge1)
        self._first, self._second = np.cross(edge2, start), across
        self._distance = np.einsum("ij,ij->i", edge2, across)

    def first_hit(self, way: np.ndarray) -> tuple[int, float]:
        """Nearest triangle that the ray meets, and the ray parameter; -1 and inf for none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / (self._determinant @ way)
            a, b, t = (
                part * inverse for part in (self._first @ way, self._second @ way, self._distance)
            )
            inside = (a >= 0) & (b >= 0) & (a + b <= 1) & (t > 1e-9)
        t = np.where(inside, t, np.inf)
        face = int(np.argmin(t))
        return (face, float(t[face])) if np.isfinite(t[face]) else (-1, np.inf)


def compare(
    scene: Scene, camera: Camera, depth: np.ndarray, parts: np.ndarray, count: int = 200
) -> Comparison:
    """Compare `count` random pixels of a depth map (H,W) and part map with float64 intersection."""
    rng = np.random.default_rng(5)
    corners = scene.vertices[scene.faces].astype(np.float64)
    triangles = Triangles(corners, np.array(camera.position))
    worst, left_out, wrong = 0.0, 0, []
    for _ in range(count):
        v, u = int(rng.integers(depth.shape[0])), int(rng.integers(depth.shape[1]))
        face, t = triangles.first_hit(camera_ray(camera, u, v))
        part = -1 if face < 0 else int(scene.part[face])
        # Forward rays have unit length along the axis: the parameter is the planar depth.
        expected = 0.0 if face < 0 else t
        off = abs(depth[v, u] - expected) / max(expected, 1e-9)
        if part == parts[v, u] and off <= 1e-6:
            worst = max(worst, off)
        elif _near_silhouette(triangles, camera, u, v, t):
            left_out += 1
        else:
            wrong.append(f"pixel ({u}, {v}): {depth[v, u]} part {parts[v, u]}, not {t} part {part}")
    return Comparison(count - left_out, worst, left_out / count, wrong)


def _near_silhouette(triangles: Triangles, camera: Camera, u: int, v: int, t: float) -> bool:
    """Whether a ray a ten-thousandth of a pixel away meets something else."""
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        way = camera_ray(camera, u + dx * SILHOUETTE, v + dy * SILHOUETTE)
        _, beside = triangles.first_hit(way)
        if np.isinf(beside) != np.isinf(t) or abs(beside - t) > 1e-4 * min(t, 1e9):
            return True
    return False
