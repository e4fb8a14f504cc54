"""Solid shapes: boxes, bodies of revolution, bars, extruded outlines, lofts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from leadline.worlds.arrays import Array
from leadline.worlds.primitives.mesh import Mesh, cross, grid_faces, join, unit

# Per axis of a box: the two axes that span the face, so that u x v points along +axis.
_SPAN = {0: (1, 2), 1: (2, 0), 2: (0, 1)}
# Per axis of a box: the right and up directions on the face.
_UV = {0: (1, 2), 1: (0, 2), 2: (0, 1)}


@lru_cache(maxsize=64)
def _box_template(counts: tuple[int, int, int], grain: int | None) -> tuple[Array, ...]:
    """Node numbers (V,3) on a box's surface, face axis and sign (V,), u and v axes (V,2), faces."""
    places, axes, uv, faces, start = [], [], [], [], 0
    for axis in range(3):
        for sign in (-1, 1):
            u_axis, v_axis = _SPAN[axis] if sign > 0 else _SPAN[axis][::-1]
            u, v = np.meshgrid(np.arange(counts[u_axis]), np.arange(counts[v_axis]))
            place = np.zeros((u.size, 3), dtype=np.intp)
            place[:, u_axis], place[:, v_axis] = u.ravel(), v.ravel()
            place[:, axis] = counts[axis] - 1 if sign > 0 else 0
            right, up = _UV[axis][::-1] if grain == _UV[axis][1] else _UV[axis]
            places.append(place)
            axes.append(np.tile([axis, sign], (u.size, 1)))
            uv.append(np.tile([right, up], (u.size, 1)))
            faces.append(grid_faces(*u.shape) + start)
            start += u.size
    side = np.concatenate(axes)
    return np.concatenate(places), side[:, 0], side[:, 1], np.concatenate(uv), np.concatenate(faces)


def box(size: ArrayLike, grain: bool = False) -> Mesh:
    """Box centred at the origin; `grain` puts u along its longest side (wood)."""
    extent = np.asarray(size, dtype=float)
    longest = int(np.argmax(extent)) if grain else None
    place, axis, sign, uv, faces = _box_template((2, 2, 2), longest)
    row = np.arange(len(place))
    vertices = (place - 0.5) * extent
    normals = np.zeros_like(vertices)
    normals[row, axis] = sign
    return Mesh(vertices, normals, vertices[row[:, None], uv], faces)


def block(low: ArrayLike, high: ArrayLike, grain: bool = False) -> Mesh:
    """Box that fills the space from corner `low` to corner `high`."""
    a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    x, y, z = (a + b) / 2
    return box(b - a, grain).moved(x, y, z)


def _bends(radius: float) -> Array:
    """Distances of a rounded edge's nodes from its flat part, (N,)."""
    steps = 1 if radius < 0.012 else 2
    return radius * np.tan(np.radians(45.0 * np.arange(1, steps + 1) / steps))


def rounded_box(size: ArrayLike, radius: float, puff: float = 0.0, grain: bool = False) -> Mesh:
    """Box with rounded edges; `puff` bulges its faces outwards by that many metres."""
    half = np.asarray(size, dtype=float) / 2
    radius = min(radius, 0.999 * float(half.min()))
    bend, flat = _bends(radius), half - radius
    between = np.linspace(-1, 1, 5 if puff else 2)
    nodes = [np.concatenate([-f - bend[::-1], f * between, f + bend]) for f in flat]
    count = len(nodes[0])
    longest = int(np.argmax(half)) if grain else None
    place, axis, sign, uv_axes, faces = _box_template((count, count, count), longest)
    row = np.arange(len(place))
    points = np.stack([nodes[k][place[:, k]] for k in range(3)], axis=1)
    inner = np.clip(points, -flat, flat)
    normals = unit(points - inner)
    vertices = inner + radius * normals
    if puff:
        first, second = (axis + 1) % 3, (axis + 2) % 3
        share = points / half
        a, b = share[row, first], share[row, second]
        vertices[row, axis] += sign * puff * (1 - a * a) * (1 - b * b)
        # The slope of the bulge tilts the normal outwards.
        normals[row, first] += 2 * puff * a * (1 - b * b) / half[first] * np.abs(normals[row, axis])
        normals[row, second] += (
            2 * puff * b * (1 - a * a) / half[second] * np.abs(normals[row, axis])
        )
        normals = unit(normals)
    return Mesh(vertices, normals, points[row[:, None], uv_axes], faces)


def slab(low: ArrayLike, high: ArrayLike, radius: float = 0.003) -> Mesh:
    """Wooden board from `low` to `high`, edges rounded, grain along its longest side."""
    a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    x, y, z = (a + b) / 2
    return rounded_box(b - a, radius, grain=True).moved(x, y, z)


def _sides(radius: float) -> int:
    """Number of sides for a circle to look round."""
    return 10 if radius < 0.02 else 16 if radius < 0.07 else 22 if radius < 0.25 else 32


@lru_cache(maxsize=64)
def _circle(sides: int) -> tuple[Array, Array]:
    """Angles (sides+1,) of a full turn, and the points (sides+1,2) of the unit circle there."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    angle.setflags(write=False)
    circle.setflags(write=False)
    return angle, circle


@lru_cache(maxsize=256)
def _band_faces(sides: int, closed_low: tuple[bool, ...], closed_high: tuple[bool, ...]) -> Array:
    """Triangles of stacked bands of two rings each, without those of zero area."""
    single = grid_faces(2, sides + 1)
    half, faces = len(single) // 2, []
    for k, (low, high) in enumerate(zip(closed_low, closed_high, strict=True)):
        kept = single[half:] if low else single[:half] if high else single
        faces.append(kept + 2 * (sides + 1) * k)
    return np.concatenate(faces)


def lathe(profile: ArrayLike, sides: int | None = None) -> Mesh:
    """Solid of revolution about z; `profile` (N,2) lists (radius, z), outside on its right.

    Corners of more than about 45 degrees stay sharp.
    """
    line = np.asarray(profile, dtype=float)
    sides = sides or _sides(float(line[:, 0].max()))
    step = np.diff(line, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    across = np.stack([step[:, 1], -step[:, 0]], axis=1) / length[:, None]
    run = np.concatenate([[0.0], np.cumsum(length)])
    slope = np.repeat(across[:, None], 2, axis=1)  # (bands, lower and upper ring, 2)
    smooth = np.einsum("ij,ij->i", across[1:], across[:-1]) > 0.7
    slope[1:, 0] += across[:-1] * smooth[:, None]
    slope[:-1, 1] += across[1:] * smooth[:, None]
    slope /= np.sqrt((slope**2).sum(axis=2, keepdims=True))
    angle, circle = _circle(sides)
    ends = np.stack([line[:-1], line[1:]], axis=1)
    shape = (len(step), 2, sides + 1)
    vertices, normals = np.empty((*shape, 3)), np.empty((*shape, 3))
    vertices[..., :2] = ends[:, :, None, :1] * circle
    vertices[..., 2] = ends[:, :, None, 1]
    normals[..., :2] = slope[:, :, None, :1] * circle
    normals[..., 2] = slope[:, :, None, 1]
    uv = np.empty((*shape, 2))
    uv[..., 0] = angle * max(float(line[:, 0].max()), 1e-3)
    uv[..., 1] = np.stack([run[:-1], run[1:]], axis=1)[:, :, None]
    pointed = line[:, 0] < 1e-9
    faces = _band_faces(sides, tuple(pointed[:-1].tolist()), tuple(pointed[1:].tolist()))
    return Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces)


def cylinder(radius: float, height: float, sides: int | None = None, top: float = -1.0) -> Mesh:
    """Closed cylinder standing on z = 0; `top` is its upper radius, if different."""
    upper = radius if top < 0 else top
    lid = [(0, height)] if upper > 0 else []
    return lathe([(0, 0), (radius, 0), (upper, height), *lid], sides)


def ball(radius: float, squash: float = 1.0, sides: int | None = None) -> Mesh:
    """Sphere (or flattened sphere) centred at the origin."""
    sides = sides or _sides(radius)
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    profile = np.stack([radius * np.cos(angle), squash * radius * np.sin(angle)], 1)
    profile[[0, -1], 0] = 0
    return lathe(profile, sides)


def _rings(path: Array, sides: int) -> tuple[Array, Array]:
    """Unit offsets (N,sides+1,3) around a path, and its directions (N,3)."""
    tangent = unit(np.gradient(path, axis=0))
    guide = np.eye(3)[int(np.argmin(np.abs(tangent).max(axis=0)))]
    side = unit(cross(tangent, guide))
    up = cross(tangent, side)
    cosine, sine = _circle(sides)[1].T[:, None, :, None]
    return side[:, None] * cosine + up[:, None] * sine, tangent


def tube(path: ArrayLike, radius: ArrayLike, sides: int | None = None) -> Mesh:
    """Round bar with flat ends along `path` (N,3); `radius` is one number or N."""
    line = np.asarray(path, dtype=float)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), len(line))
    sides = sides or max(6, _sides(float(radii.max())) - 4)
    ring, tangent = _rings(line, sides)
    points = line[:, None] + radii[:, None, None] * ring
    step = np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1))
    run = np.concatenate([[0.0], np.cumsum(step)])
    around = _circle(sides)[0] * radii.max()
    uv = np.stack(np.broadcast_arrays(run[:, None], around[None]), axis=-1)
    bar = Mesh(points.reshape(-1, 3), ring.reshape(-1, 3), uv.reshape(-1, 2),
               grid_faces(*points.shape[:2]))  # fmt: skip
    ends = [_cap(points[k], line[k], tangent[k] * s, s > 0) for k, s in ((0, -1.0), (-1, 1.0))]
    return join(bar, *ends)


def _cap(ring: Array, centre: Array, normal: Array, forward: bool) -> Mesh:
    """Flat disc that closes a bar."""
    vertices = np.concatenate([centre[None], ring])
    n = np.arange(1, len(ring))
    order = (0 * n, n, n + 1) if forward else (0 * n, n + 1, n)
    return Mesh(vertices, np.tile(normal, (len(vertices), 1)), vertices[:, :2] - centre[:2],
                np.stack(order, axis=1))  # fmt: skip


def extruded(outline: ArrayLike, width: float) -> Mesh:
    """Prism along y, centred, of an `outline` (N,2) in x and z.

    The outline runs counter-clockwise and is star-shaped about the mean of its points.
    """
    p = np.asarray(outline, dtype=float)
    n, centre, half = len(p), p.mean(axis=0), width / 2
    fan = np.concatenate([centre[None], p])
    i = np.arange(n)
    spokes = np.stack([0 * i, 1 + i, 1 + (i + 1) % n], axis=1)
    meshes = []
    for side in (-1.0, 1.0):
        vertices = np.stack([fan[:, 0], np.full(n + 1, side * half), fan[:, 1]], axis=1)
        faces = spokes if side < 0 else spokes[:, ::-1]
        meshes.append(Mesh(vertices, np.tile([0, side, 0], (n + 1, 1)), fan, faces))
    q = np.roll(p, -1, axis=0)
    edge = q - p
    length = np.hypot(edge[:, 0], edge[:, 1])
    run = np.concatenate([[0.0], np.cumsum(length)])
    corners = ((p, -half, run[:-1]), (q, -half, run[1:]), (q, half, run[1:]), (p, half, run[:-1]))
    vertices = np.stack([np.stack([c[:, 0], np.full(n, y), c[:, 1]], 1) for c, y, _ in corners], 1)
    uv = np.stack([np.stack([s, np.full(n, y)], axis=1) for _, y, s in corners], axis=1)
    outward = np.stack([edge[:, 1], 0 * length, -edge[:, 0]], axis=1) / length[:, None]
    faces = 4 * i[:, None, None] + np.array([[0, 2, 1], [0, 3, 2]])
    band = Mesh(vertices.reshape(-1, 3), np.repeat(outward, 4, axis=0), uv.reshape(-1, 2),
                faces.reshape(-1, 3))  # fmt: skip
    return join(*meshes, band)
