"""Triangle meshes of simple shapes.

Lengths are metres, z is up, faces are wound counter-clockwise seen from outside, and texture
coordinates are metres along the surface: the apparent size of a texture is a depth cue, so a
texture must have a physical size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh: ``vertices``, ``normals`` (V,3), ``uv`` (V,2) metres, ``faces`` (F,3)."""

    vertices: FloatArray
    normals: FloatArray
    uv: FloatArray
    faces: IntArray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Translate by (x, y, z) metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def turned(self, degrees: float, axis: str = "z") -> Mesh:
        """Rotate about a coordinate axis through the origin, right-handed."""
        matrix = rotation(degrees, axis)
        return replace(self, vertices=self.vertices @ matrix.T, normals=self.normals @ matrix.T)


def rotation(degrees: float, axis: str = "z") -> FloatArray:
    """Right-handed rotation matrix (3,3) about ``axis`` ("x", "y" or "z")."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
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


def face_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Return normals (F,3) implied by the winding; their length is twice the triangle's area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def smoothed(mesh: Mesh) -> Mesh:
    """Replace the normals by area-weighted averages over coincident vertices."""
    _, place = np.unique(np.round(mesh.vertices, 7), axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.zeros((place.max() + 1, 3))
    normals = face_normals(mesh.vertices, mesh.faces)
    for corner in range(3):
        np.add.at(total, place[mesh.faces[:, corner]], normals)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return replace(mesh, normals=(total / np.maximum(length, 1e-12))[place])


def _without_slivers(mesh: Mesh) -> Mesh:
    """Drop triangles without area, such as those around the pole of a lathe."""
    area = np.linalg.norm(face_normals(mesh.vertices, mesh.faces), axis=1)
    return replace(mesh, faces=mesh.faces[area > 1e-12])


def sheet(points: ArrayLike, uv: ArrayLike) -> Mesh:
    """Smooth surface through a grid of points (R,C,3); front where columns x rows points."""
    grid = np.asarray(points, dtype=float)
    rows, columns = grid.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    vertices = grid.reshape(-1, 3)
    flat_uv = np.asarray(uv, dtype=float).reshape(-1, 2)
    return smoothed(_without_slivers(Mesh(vertices, np.zeros_like(vertices), flat_uv, faces)))


# Per axis of a box: the two axes that span the face, so that u x v points along +axis.
_SPAN = {0: (1, 2), 1: (2, 0), 2: (0, 1)}


def _cube_face(axis: int, sign: int, nodes: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Grid points (N,3) on one face of a box and its outward triangles."""
    u_axis, v_axis = _SPAN[axis] if sign > 0 else _SPAN[axis][::-1]
    u, v = np.meshgrid(nodes[u_axis], nodes[v_axis])
    points = np.empty((*u.shape, 3))
    points[..., u_axis], points[..., v_axis] = u, v
    points[..., axis] = sign * nodes[axis][-1]
    index = np.arange(u.size).reshape(u.shape)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return points.reshape(-1, 3), faces


def _face_uv(points: FloatArray, axis: int, grain: int | None) -> FloatArray:
    """Metres to the right and up on a face; with ``grain``, u runs along that axis instead."""
    u_axis, v_axis = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[axis]
    if grain == v_axis:
        u_axis, v_axis = v_axis, u_axis
    return points[:, [u_axis, v_axis]]


def box(size: ArrayLike, grain: bool = False) -> Mesh:
    """Box centred at the origin; ``grain`` lays u along its longest side (wood)."""
    half = np.asarray(size, dtype=float) / 2
    nodes = [np.array([-h, h]) for h in half]
    longest = int(np.argmax(half)) if grain else None
    parts = []
    for axis in range(3):
        for sign in (-1, 1):
            points, faces = _cube_face(axis, sign, nodes)
            normals = np.zeros_like(points)
            normals[:, axis] = sign
            parts.append(Mesh(points, normals, _face_uv(points, axis, longest), faces))
    return join(*parts)


def rounded_box(size: ArrayLike, radius: float, puff: float = 0.0, grain: bool = False) -> Mesh:
    """Box with rounded edges; ``puff`` bulges its faces outwards by that many metres."""
    half = np.asarray(size, dtype=float) / 2
    radius = min(radius, 0.999 * float(half.min()))
    bend = radius * np.tan(np.radians([11.25, 22.5, 33.75, 45.0]))
    nodes = []
    for h in half:
        flat = np.linspace(-(h - radius), h - radius, 13 if puff else 2)
        nodes.append(np.concatenate([-(h - radius) - bend[::-1], flat, (h - radius) + bend]))
    longest = int(np.argmax(half)) if grain else None
    parts = []
    for axis in range(3):
        for sign in (-1, 1):
            points, faces = _cube_face(axis, sign, nodes)
            inner = np.clip(points, radius - half, half - radius)
            outward = (points - inner) / np.linalg.norm(points - inner, axis=1, keepdims=True)
            bulge = np.prod([1 - (points[:, k] / half[k]) ** 2 for k in _SPAN[axis]], axis=0)
            surface = inner + radius * outward
            surface[:, axis] += sign * puff * bulge
            uv = _face_uv(points, axis, longest)
            parts.append(Mesh(surface, outward, uv, faces))
    return smoothed(join(*parts))


def pillow(size: float, thickness: float) -> Mesh:
    """Stuffed square cushion standing in the plane y = 0, with pinched corners."""
    s = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 25))
    x, z = np.meshgrid(s, s)
    bulge = thickness / 2 * np.sqrt((1 - x**4) * (1 - z**4))
    # Stuffing pulls the middle of each seam inwards and leaves the corners standing.
    across, up = x * (1 - 0.07 * (1 - z**2)), z * (1 - 0.07 * (1 - x**2))
    uv = np.stack([x, z], axis=-1) * size / 2
    front = sheet(np.stack([across * size / 2, -bulge, up * size / 2], axis=-1), uv)
    mirrored = front.vertices * np.array([1, -1, 1])
    both = join(front, replace(front, vertices=mirrored, faces=front.faces[:, ::-1]))
    # In two corners front and back share a triangle of the seam; it encloses nothing.
    solid = np.abs(both.vertices[both.faces, 1]).max(axis=1) > 1e-9
    return smoothed(replace(both, faces=both.faces[solid]))


def lathe(profile: ArrayLike, sides: int = 32) -> Mesh:
    """Solid of revolution about z; ``profile`` (N,2) lists (radius, z), outside on its right.

    Corners of more than about 45 degrees stay sharp.
    """
    line = np.asarray(profile, dtype=float)
    step = np.diff(line, axis=0)
    length = np.linalg.norm(step, axis=1)
    across = np.stack([step[:, 1], -step[:, 0]], axis=1) / length[:, None]
    run = np.concatenate([[0.0], np.cumsum(length)])
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    girth = max(float(line[:, 0].max()), 1e-3)
    bands = []
    for i in range(len(step)):
        rows = []
        for j, other in ((i, i - 1), (i + 1, i + 1)):
            smooth = 0 <= other < len(step) and across[i] @ across[other] > 0.7
            n = across[i] + across[other] if smooth else across[i]
            n = n / np.linalg.norm(n)
            ring = np.stack([line[j, 0] * cos, line[j, 0] * sin, np.full_like(cos, line[j, 1])], 1)
            normal = np.stack([n[0] * cos, n[0] * sin, np.full_like(cos, n[1])], 1)
            uv = np.stack([angle * girth, np.full_like(cos, run[j])], 1)
            rows.append((ring, normal, uv))
        index = np.arange(sides)
        a, b = index, index + 1
        c, d = b + sides + 1, a + sides + 1
        faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
        bands.append(Mesh(*(np.concatenate(pair) for pair in zip(*rows, strict=True)), faces))
    return _without_slivers(join(*bands))


def cylinder(radius: float, height: float, sides: int = 32) -> Mesh:
    """Make a closed cylinder standing on z = 0."""
    return lathe([(0, 0), (radius, 0), (radius, height), (0, height)], sides)


def ball(radius: float, squash: float = 1.0, sides: int = 28) -> Mesh:
    """Sphere (or flattened sphere) centred at the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    return lathe(np.stack([radius * np.cos(angle), squash * radius * np.sin(angle)], 1), sides)


def tube(path: ArrayLike, radius: ArrayLike, sides: int = 12) -> Mesh:
    """Round bar with closed ends along ``path`` (N,3); ``radius`` is one number or N."""
    line = np.asarray(path, dtype=float)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), len(line))
    # The ends are repeated with no radius, which closes them.
    tangent = np.gradient(line, axis=0)[[0, *range(len(line)), -1]]
    line = np.concatenate([line[:1], line, line[-1:]])
    radii = np.concatenate([[0.0], radii, [0.0]])
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    guide = np.eye(3)[int(np.argmin(np.abs(tangent).max(axis=0)))]
    side = np.cross(tangent, guide)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(tangent, side)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    offset = side[:, None] * np.cos(angle) + up[:, None] * np.sin(angle)
    points = line[:, None] + radii[:, None, None] * offset
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    around = angle[..., 0] * radii.max()
    uv = np.stack(np.broadcast_arrays(run[:, None], around), axis=-1)
    return sheet(points, uv)
