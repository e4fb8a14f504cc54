"""Depth, ids, normals and cameras are exact: held to intersections computed here in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.depth.intrinsics import Intrinsics
from leadline.worlds import primitives
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_ID
from leadline.worlds.grammar.rooms import build_room
from leadline.worlds.grammar.street.street import build_street
from leadline.worlds.materials import Material
from leadline.worlds.randomness import Seeds
from leadline.worlds.render import Tracer, render_geometry
from leadline.worlds.scene import Builder
from leadline.worlds.view import _PREVIEW, _street_camera
from leadline.worlds.viewpoints import is_blocked, room_camera
from tests.worlds.rays import camera_ray, compare

pytest.importorskip("embreex")


def _room(index: int) -> tuple[Tracer, Camera]:
    seeds = Seeds(3, "train", index)
    room = build_room(seeds)
    tracer, rng = Tracer(room.scene, 32), seeds.stream("camera")
    while True:
        camera = room_camera(rng, room.scene, room.plan, (120, 160))
        if not is_blocked(render_geometry(tracer, camera.scaled(*_PREVIEW[::-1])), 0.4, 0.6):
            return tracer, camera


def _street(index: int) -> tuple[Tracer, Camera]:
    seeds = Seeds(3, "val", index)
    street = build_street(seeds)
    tracer = Tracer(street.scene, 32)
    return tracer, _street_camera(seeds, street, tracer, index % 4, (120, 160))


@pytest.mark.parametrize("index", range(4))
def test_depth_and_parts_of_rooms_agree_with_float64(index: int) -> None:
    tracer, camera = _room(index)
    geometry = render_geometry(tracer, camera)
    result = compare(tracer.scene, camera, geometry.depth, geometry.parts)
    assert result.wrong == []
    assert result.worst <= 1e-6
    assert result.left_out <= 0.02


@pytest.mark.parametrize("index", range(2))
def test_depth_and_parts_of_streets_agree_with_float64(index: int) -> None:
    tracer, camera = _street(index)
    geometry = render_geometry(tracer, camera)
    result = compare(tracer.scene, camera, geometry.depth, geometry.parts)
    assert result.wrong == []
    assert result.worst <= 1e-6
    assert result.left_out <= 0.02


def test_classes_and_instances_are_those_of_the_part_that_is_seen() -> None:
    tracer, camera = _room(1)
    geometry, scene = render_geometry(tracer, camera), tracer.scene
    there = geometry.parts >= 0
    parts = geometry.parts[there]
    np.testing.assert_array_equal(geometry.classes[there], scene.classes[parts])
    np.testing.assert_array_equal(geometry.instances[there], scene.instances[parts])
    assert geometry.instances[there].min() >= 1


def test_normals_are_unit_vectors_that_face_the_camera_and_fit_the_depth() -> None:
    tracer, camera = _room(2)
    geometry, k = render_geometry(tracer, camera), camera.intrinsics
    v, u = np.mgrid[: k.height, : k.width].astype(float)
    ray = np.stack([(u - k.cx) / k.fx, (v - k.cy) / k.fy, np.ones_like(u)], axis=-1)
    there = geometry.depth > 0
    assert np.all(np.einsum("ijk,ijk->ij", geometry.normals, ray)[there] < 0)
    np.testing.assert_allclose(np.linalg.norm(geometry.normals[there], axis=-1), 1, atol=1e-5)
    points = ray * geometry.depth[..., None]
    same = geometry.parts[:, 1:] == geometry.parts[:, :-1]
    same &= np.all(geometry.normals[:, 1:] == geometry.normals[:, :-1], axis=-1) & there[:, 1:]
    step = points[:, 1:] - points[:, :-1]
    off = np.abs(np.einsum("ijk,ijk->ij", step, geometry.normals[:, 1:]))[same]
    # Two neighbours on one flat triangle: the way between them lies in it.
    assert np.percentile(off, 99) < 1e-4


def test_one_scene_through_three_lenses_gives_one_surface() -> None:
    tracer, camera = _room(0)
    focal = camera.intrinsics.fx
    centre = (camera.intrinsics.cy, camera.intrinsics.cx)
    depths = []
    for factor in (0.7, 1.0, 1.6):
        lens = camera.with_focal(focal * factor)
        k = lens.intrinsics
        depth = render_geometry(tracer, lens).depth
        # The same direction in every lens: 20 pixels of the longest one from its centre.
        x = 20 / (1.6 * focal)
        u, v = k.cx + np.array([0, 1, -1]) * x * k.fx, k.cy + np.array([0, 1, 1]) * x * k.fy
        way = np.stack([camera_ray(lens, a, b) for a, b in zip(u, v, strict=True)])
        face, _, _ = tracer.first_face(np.tile(lens.position, (3, 1)), way)
        depths.append(tracer.distance(face, np.tile(lens.position, (3, 1)), way))
        assert depth.shape == (120, 160)
    assert centre == (59.5, 79.5)
    np.testing.assert_allclose(depths[0], depths[1], rtol=1e-9)
    np.testing.assert_allclose(depths[1], depths[2], rtol=1e-9)


def test_a_lens_twice_as_long_sees_the_middle_of_the_picture_twice_as_large() -> None:
    tracer, camera = _room(0)
    lens = replace(camera, intrinsics=Intrinsics(100, 100, 80, 60, 161, 121))
    wide = render_geometry(tracer, lens).depth
    long = render_geometry(tracer, lens.with_focal(200)).depth
    np.testing.assert_allclose(long[::2, ::2], wide[30:91, 40:121], rtol=1e-6)


def _plane(size: float) -> primitives.Mesh:
    x, y = np.meshgrid((-size, size), (-size, size))
    return primitives.sheet(np.stack([x, y, 0 * x], axis=-1), np.stack([x, y], axis=-1))


def _camera(**changes: float) -> Camera:
    view = {"yaw": 12.0, "pitch": -17.0, "roll": 5.0} | changes
    return Camera(Intrinsics(70, 72, 41.3, 28.6, 80, 60), (0.3, -0.2, 1.4), **view)


def _scene_of(mesh: primitives.Mesh) -> Tracer:
    builder = Builder().item("plane", "wall")
    builder.add(mesh, Material())
    return Tracer(builder.finished(), 32)


def test_depth_of_a_tilted_plane_is_the_closed_form() -> None:
    camera, point = _camera(), np.array([0.4, 5.0, 0.7])
    mesh = _plane(40.0).turned(64, "x").turned(25, "z").moved(0.4, 5.0, 0.7)
    normal = (primitives.rotation(25, "z") @ primitives.rotation(64, "x"))[:, 2]
    depth = render_geometry(_scene_of(mesh), camera).depth
    rays = np.array([[camera_ray(camera, u, v) for u in range(80)] for v in range(60)])
    expected = (point - np.array(camera.position)) @ normal / (rays @ normal)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_depth_is_along_the_axis_not_along_the_ray() -> None:
    wall = _plane(30.0).turned(90, "x").moved(0, 2.8, 0)
    depth = render_geometry(_scene_of(wall), _camera(yaw=0, pitch=0, roll=0)).depth
    np.testing.assert_allclose(depth, 3.0, rtol=1e-6)


def test_a_ray_that_meets_nothing_has_no_depth() -> None:
    behind = _plane(1.0).turned(90, "x").moved(0, -9.0, 0)
    geometry = render_geometry(_scene_of(behind), _camera())
    assert not geometry.depth.any()
    assert np.all(geometry.parts == -1)
    assert np.all(geometry.instances == 0)


def test_the_pose_takes_camera_points_into_the_world() -> None:
    camera = _camera()
    local = np.array([0.4, -0.3, 1.0]) * 2.5
    k = camera.intrinsics
    way = camera_ray(camera, 0.4 * k.fx + k.cx, -0.3 * k.fy + k.cy)
    world = camera.pose @ np.append(local, 1)
    np.testing.assert_allclose(world[:3], np.array(camera.position) + 2.5 * way, atol=1e-12)


def test_sky_is_a_class_of_streets() -> None:
    tracer, camera = _street(0)
    geometry = render_geometry(tracer, camera)
    np.testing.assert_array_equal(geometry.classes == CLASS_ID["sky"], geometry.depth == 0)
