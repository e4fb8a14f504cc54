"""Normals and meshes against planes and boxes whose geometry is known."""

import numpy as np
import pytest

from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineError

CAMERA = Intrinsics(50.0, 60.0, 20.0, 14.0, 40, 30)


def plane(normal, distance):
    """The depth of the plane normal . point = distance at every pixel."""
    rows, columns = np.mgrid[:30, :40]
    rays = np.stack([(columns - 20.0) / 50.0, (rows - 14.0) / 60.0, np.ones((30, 40))], axis=-1)
    return (distance / (rays @ np.asarray(normal))).astype(np.float32)


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.3, -0.2, 1), (0, 2.0, 1), (-0.9, 0.1, 1)])
def test_normals_of_a_plane_are_exact(normal):
    depth_map = DepthMap.from_metres(plane(normal, 3.0), intrinsics=CAMERA)
    seen = depth_map.valid
    expected = -np.asarray(normal) / np.linalg.norm(normal)
    normals = depth_map.normals()
    assert seen.mean() > 0.5
    np.testing.assert_allclose(normals[seen], np.broadcast_to(expected, (seen.sum(), 3)), atol=2e-3)


def two_walls():
    depth = np.full((30, 40), 4.0, np.float32)
    depth[8:20, 10:30] = 2.0
    depth[0, 0] = 0
    return DepthMap.from_metres(depth, intrinsics=CAMERA)


def test_normals_do_not_mix_both_sides_of_an_edge():
    normals = two_walls().normals()
    assert (normals[0, 0] == 0).all()
    normals[0, 0] = (0, 0, -1)
    np.testing.assert_allclose(normals, np.broadcast_to((0, 0, -1), normals.shape), atol=1e-6)


def test_a_mesh_is_cut_at_edges_and_holes():
    depth_map = two_walls()
    mesh = depth_map.mesh()
    depths = mesh.vertices[mesh.triangles][..., 2]
    assert (depths.max(axis=1) == depths.min(axis=1)).all()
    # 29 x 39 cells, less those around the box (a ring one cell wide) and the one at the hole.
    ring = 13 * 21 - 11 * 19
    assert len(mesh.triangles) == 2 * (29 * 39 - ring - 1)
    assert mesh.vertices.shape == (30 * 40 - 1, 3)


def test_vertices_are_points_and_texture_coordinates_are_pixels():
    depth_map = DepthMap.from_metres(plane((0.3, -0.2, 1), 3.0), intrinsics=CAMERA)
    mesh = depth_map.mesh()
    points, indices = depth_map.points()
    np.testing.assert_allclose(mesh.vertices, points, atol=1e-6)
    rows, columns = np.divmod(indices, 40)
    np.testing.assert_allclose(mesh.uv, np.stack([(columns + 0.5) / 40, (rows + 0.5) / 30], 1))


def test_triangles_turn_towards_the_camera():
    mesh = two_walls().mesh()
    a, b, c = (mesh.vertices[mesh.triangles[:, corner]] for corner in range(3))
    facing = (np.cross(b - a, c - a) * a).sum(axis=1)
    assert (facing < 0).all()  # counter-clockwise as seen: the normal points back at the camera


def test_a_coarser_mesh_takes_every_nth_pixel():
    mesh = DepthMap.from_metres(plane((0, 0, 1), 2.0), intrinsics=CAMERA).mesh(step=3)
    assert mesh.vertices.shape == (10 * 14, 3)
    np.testing.assert_allclose(mesh.uv[1], [3.5 / 40, 0.5 / 30])


def test_without_a_camera_or_neighbours_there_is_no_surface():
    with pytest.raises(LeadlineError, match="intrinsics"):
        DepthMap.from_metres(np.ones((4, 4))).normals()
    lonely = np.zeros((30, 40))
    lonely[::2, ::2] = 1
    with pytest.raises(LeadlineError, match="neighbouring"):
        DepthMap.from_metres(lonely, intrinsics=CAMERA).mesh()
    with pytest.raises(LeadlineError, match="step 0"):
        two_walls().mesh(step=0)
