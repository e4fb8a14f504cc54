"""Triangle meshes, and how to move and join them.

Lengths are metres, z is up, faces are wound counter-clockwise seen from outside, and texture
coordinates are metres along the surface: the apparent size of a texture is a depth cue, so a
texture must have a physical size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from leadline.worlds.arrays import Array


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh: `vertices`, `normals` (V,3), `uv` (V,2) metres, `faces` (F,3)."""

    vertices: Array
    normals: Array
    uv: Array
    faces: Array

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Translate by (x, y, z) metres."""
        return Mesh(self.vertices + np.array((x, y, z)), self.normals, self.uv, self.faces)

    def turned(self, degrees: float, axis: str = "z") -> Mesh:
        """Rotate about a coordinate axis through the origin, right-handed."""
        matrix = rotation(degrees, axis).T
        return Mesh(self.vertices @ matrix, self.normals @ matrix, self.uv, self.faces)

    def scaled(self, x: float, y: float, z: float) -> Mesh:
        """Stretch along the axes by positive factors; the texture keeps its coordinates."""
        normals = self.normals / (x, y, z)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return Mesh(self.vertices * (x, y, z), normals, self.uv, self.faces)

    def flipped(self) -> Mesh:
        """Turn inside out: a room from a box."""
        return Mesh(self.vertices, -self.normals, self.uv, self.faces[:, ::-1])


def rotation(degrees: float, axis: str = "z") -> Array:
    """Right-handed rotation matrix (3,3) about `axis` ("x", "y" or "z")."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def join(*meshes: Mesh) -> Mesh:
    """Concatenate meshes into one."""
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)]),
    )


def repeated(mesh: Mesh, places: ArrayLike) -> Mesh:
    """Copies of a mesh at `places` (N,3), as one mesh."""
    at = np.asarray(places, dtype=float).reshape(-1, 1, 3)
    count, size = len(at), len(mesh.vertices)
    faces = mesh.faces[None] + size * np.arange(count)[:, None, None]
    return Mesh(
        (mesh.vertices[None] + at).reshape(-1, 3),
        np.tile(mesh.normals, (count, 1)),
        np.tile(mesh.uv, (count, 1)),
        faces.reshape(-1, 3),
    )


def face_normals(vertices: Array, faces: Array) -> Array:
    """Return normals (F,3) implied by the winding; their length is twice the triangle's area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return cross(b - a, c - a)


def cross(a: Array, b: Array) -> Array:
    """Vector products (N,3) of vectors (N,3) or (3,): as np.cross, without its overhead."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


@lru_cache(maxsize=256)
def grid_faces(rows: int, columns: int) -> Array:
    """Triangles (F,3) of a grid of points; the front is where columns x rows points."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    faces.setflags(write=False)
    return faces


def unit(vectors: Array) -> Array:
    """Vectors (...,3) at length 1; a vector of length 0 stays 0."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(length, 1e-12))
