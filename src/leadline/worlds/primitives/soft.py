"""Surfaces through points, cushions, and plants."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from leadline.worlds.arrays import Array
from leadline.worlds.primitives.mesh import Mesh, cross, face_normals, grid_faces, join, unit
from leadline.worlds.primitives.solids import ball


def sheet(points: ArrayLike, uv: ArrayLike) -> Mesh:
    """Smooth surface through a grid of points (R,C,3); front where columns x rows points."""
    grid = np.asarray(points, dtype=float)
    rows, columns = grid.shape[:2]
    vertices, faces = grid.reshape(-1, 3), grid_faces(rows, columns)
    implied = face_normals(vertices, faces)
    kept = np.einsum("ij,ij->i", implied, implied) > 1e-24
    # Normals average the triangles by area, which also works for rows that meet in a point.
    normals = np.stack(
        [np.bincount(faces.T.ravel(), np.tile(implied[:, k], 3), len(vertices)) for k in range(3)],
        axis=1,
    )
    return Mesh(vertices, unit(normals), np.asarray(uv, dtype=float).reshape(-1, 2), faces[kept])


def pillow(size: float, thickness: float) -> Mesh:
    """Stuffed square cushion standing in the plane y = 0, with pinched corners."""
    s = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 13))
    x, z = np.meshgrid(s, s)
    bulge = thickness / 2 * np.sqrt((1 - x**4) * (1 - z**4))
    # Stuffing pulls the middle of each seam inwards, but not the corners.
    across, up = x * (1 - 0.07 * (1 - z**2)), z * (1 - 0.07 * (1 - x**2))
    uv = np.stack([x, z], axis=-1) * size / 2
    front = sheet(np.stack([across * size / 2, -bulge, up * size / 2], axis=-1), uv)
    mirror = np.array([1, -1, 1])
    back = Mesh(front.vertices * mirror, front.normals * mirror, front.uv, front.faces[:, ::-1])
    both = join(front, back)
    # In two corners front and back share a triangle of the seam, without volume.
    solid = np.abs(both.vertices[both.faces, 1]).max(axis=1) > 1e-9
    return Mesh(both.vertices, both.normals, both.uv, both.faces[solid])


def blob(rng: np.random.Generator, radius: float, height: float, rough: float = 0.25) -> Mesh:
    """Closed lump about the origin, `radius` wide and `height` tall from its middle."""
    sphere = ball(1.0, sides=16)
    waves = rng.normal(size=(8, 3)) * rng.uniform(1.0, 4.0, (8, 1))
    swell = 1 + rough * np.sin(sphere.vertices @ waves.T + rng.uniform(0, 6.3, 8)).mean(axis=1)
    vertices = sphere.vertices * swell[:, None] * (radius, radius, height)
    implied = face_normals(vertices, sphere.faces)
    kept = np.einsum("ij,ij->i", implied, implied) > 1e-18
    normals = unit(sphere.normals / (radius, radius, height))
    return Mesh(vertices, normals, sphere.uv * radius, sphere.faces[kept])


def leaves(rng: np.random.Generator, centres: Array, size: float, count: int) -> Mesh:
    """Lozenge-shaped leaves of about `size` metres, scattered over `centres` (N,3)."""
    middle = centres[rng.integers(0, len(centres), count)]
    along = unit(rng.normal(size=(count, 3)))
    across = unit(cross(along, rng.normal(size=(count, 3))))
    long = size * rng.uniform(0.5, 1.3, (count, 1))
    along, across = along * long, across * long * 0.6
    corners = (middle - along, middle - across, middle + along, middle + across)
    vertices = np.stack(corners, axis=1)
    normals = np.repeat(unit(cross(along, across))[:, None], 4, axis=1)
    uv = np.array([[0, 0], [0.3, 0], [0.3, 0.3], [0, 0.3]]) + rng.uniform(0, 5, (count, 1, 2))
    # Corners run clockwise about `along` x `across`, hence the order.
    faces = 4 * np.arange(count)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2),
                faces.reshape(-1, 3))  # fmt: skip


def leaf_blade(length: float, width: float, droop: float) -> Mesh:
    """Leaf along +x from the origin, its tip bent down by `droop` degrees."""
    s, t = np.linspace(0, 1, 7)[None], np.linspace(-1, 1, 5)[:, None]
    bend = np.radians(droop) * s
    x = 0.03 + length * np.sin(bend + 1e-3) / np.radians(droop)
    z = -length * (1 - np.cos(bend)) / np.radians(droop) * 1.6
    y = width / 2 * t * np.sin(np.pi * s**0.85) ** 0.75
    fold = 0.10 * width * np.abs(t) * np.sin(np.pi * s)
    points = np.stack(np.broadcast_arrays(x, y, z + fold), axis=-1)
    uv = np.stack(np.broadcast_arrays(length * (s - 0.5), width / 2 * t), axis=-1)
    return sheet(points, uv)


def ground(points: ArrayLike) -> Mesh:
    """Surface through a grid of points (R,C,3) whose texture lies flat, as seen from above."""
    grid = np.asarray(points, dtype=float)
    return sheet(grid, grid[..., :2])
