"""The example room: its shapes are sound, its depth is exact, and the committed files agree."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def load(name: str) -> ModuleType:
    """A module of ``scripts/``, which is not an installed package."""
    folder = str(ROOT / "scripts")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


geometry = load("example_room.geometry")
scene_module = load("example_room.scene")

CLOSED = {
    "box": geometry.box((0.4, 0.7, 0.2)),
    "grained box": geometry.box((0.4, 0.7, 0.2), grain=True),
    "rounded box": geometry.rounded_box((0.4, 0.7, 0.2), 0.05),
    "puffed box": geometry.rounded_box((0.6, 0.6, 0.15), 0.04, 0.03),
    "pillow": geometry.pillow(0.42, 0.17),
    "cylinder": geometry.cylinder(0.3, 0.5),
    "ball": geometry.ball(0.2, 0.9),
    "vase": geometry.lathe([(0, 0), (0.05, 0), (0.08, 0.1), (0.03, 0.2), (0.02, 0.2), (0, 0.05)]),
    "bar": geometry.tube([(0, 0, 0), (0, 0.1, 0.3), (0.2, 0.1, 0.5)], [0.02, 0.03, 0.01]),
    "turned box": geometry.box((1, 2, 3)).turned(33, "x").turned(71, "y").moved(1, 2, 3),
}


def _corners(mesh: Any) -> np.ndarray:
    return mesh.vertices[mesh.faces]


@pytest.mark.parametrize("name", CLOSED)
def test_outward_normals_agree_with_the_winding(name: str) -> None:
    mesh = CLOSED[name]
    implied = geometry.face_normals(mesh.vertices, mesh.faces)
    stored = mesh.normals[mesh.faces].sum(axis=1)
    assert np.all(np.einsum("ij,ij->i", implied, stored) > 0)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1)[mesh.faces], 1, atol=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_shapes_are_watertight_and_face_outwards(name: str) -> None:
    mesh = CLOSED[name]
    _, place = np.unique(np.round(mesh.vertices, 7), axis=0, return_inverse=True)
    faces = place.reshape(-1)[mesh.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert sorted(map(tuple, edges)) == sorted(map(tuple, edges[:, ::-1]))
    a, b, c = np.moveaxis(_corners(mesh) - mesh.vertices.mean(axis=0), 1, 0)
    assert np.einsum("ij,ij->", a, np.cross(b, c)) > 0


def test_volumes_are_those_of_the_textbook() -> None:
    def volume(mesh: Any) -> float:
        a, b, c = np.moveaxis(_corners(mesh), 1, 0)
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    assert volume(geometry.box((0.4, 0.7, 0.2))) == pytest.approx(0.056)
    assert volume(geometry.cylinder(0.3, 0.5, sides=400)) == pytest.approx(
        np.pi * 0.09 * 0.5, rel=1e-3
    )
    assert volume(geometry.ball(0.2, sides=200)) == pytest.approx(4 / 3 * np.pi * 0.2**3, rel=2e-3)


def test_a_sheet_faces_columns_cross_rows() -> None:
    x, y = np.meshgrid((0.0, 1.0), (0.0, 1.0))
    flat = geometry.sheet(np.stack([x, y, 0 * x], axis=-1), np.stack([x, y], axis=-1))
    np.testing.assert_allclose(flat.normals, np.tile([0.0, 0.0, 1.0], (4, 1)))


def _small_camera(**changes: Any) -> Any:
    view = {"position": (0.3, -0.2, 1.4), "yaw": 12.0, "pitch": -17.0} | changes
    return scene_module.Camera(70.0, 72.0, 41.3, 28.6, 80, 60, **view)


def _scene_of(mesh: Any) -> Any:
    builder = scene_module.Builder()
    builder.add(mesh, scene_module.Material(), "plane")
    return builder.finished()


def _plane(size: float) -> Any:
    x, y = np.meshgrid((-size, size), (-size, size))
    return geometry.sheet(np.stack([x, y, 0 * x], axis=-1), np.stack([x, y], axis=-1))


def _plane_depth(camera: Any, point: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Closed form, from the pinhole model written out independently of ``Camera.rays``."""
    yaw, pitch = np.radians(camera.yaw), np.radians(camera.pitch)
    forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    down = np.cross(forward, right)
    v, u = np.mgrid[: camera.height, : camera.width].astype(float)
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    ray = forward + x[..., None] * right + y[..., None] * down
    return (point - np.array(camera.position)) @ normal / (ray @ normal)


def test_without_embree_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.mesh_construction", None)
    monkeypatch.delitem(sys.modules, "example_room.render", raising=False)
    with pytest.raises(ImportError, match="pip install embreex"):
        load("example_room.render")


def test_depth_of_a_tilted_plane_is_the_closed_form() -> None:
    pytest.importorskip("embreex")
    render = load("example_room.render")
    camera, point = _small_camera(), np.array([0.4, 5.0, 0.7])
    mesh = _plane(40.0).turned(64, "x").turned(25, "z").moved(*point)
    normal = (geometry.rotation(25, "z") @ geometry.rotation(64, "x"))[:, 2]
    depth, _ = render.render_depth(_scene_of(mesh), camera)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, _plane_depth(camera, point, normal), rtol=1e-6)


def test_depth_is_along_the_axis_not_along_the_ray() -> None:
    pytest.importorskip("embreex")
    render = load("example_room.render")
    wall = _plane(30.0).turned(90, "x").moved(0, 3.0, 0)
    camera = _small_camera(position=(0.0, 0.0, 0.0), yaw=0.0, pitch=0.0)
    depth, _ = render.render_depth(_scene_of(wall), camera)
    np.testing.assert_allclose(depth, 3.0, rtol=1e-6)


def test_a_ray_that_meets_nothing_has_no_depth() -> None:
    pytest.importorskip("embreex")
    render = load("example_room.render")
    behind = _plane(1.0).turned(90, "x").moved(0, -9.0, 0)
    depth, part = render.render_depth(_scene_of(behind), _small_camera())
    assert not depth.any()
    assert np.all(part == -1)


@pytest.fixture(scope="module")
def furnished() -> Any:
    pytest.importorskip("embreex")
    return load("example_room.room").build()


def test_depth_of_the_rooms_floor_is_the_closed_form(furnished: Any) -> None:
    render, room = load("example_room.render"), load("example_room.room")
    camera = room.CAMERA.scaled(80, 60)
    depth, part = render.render_depth(furnished, camera)
    floor = np.array(furnished.labels)[part] == "floor"
    assert floor.sum() > 30
    exact = _plane_depth(camera, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(depth[floor], exact[floor], rtol=1e-6)


def test_the_picture_is_finite_repeatable_and_has_shadows(furnished: Any) -> None:
    render, room = load("example_room.render"), load("example_room.room")
    camera = room.CAMERA.scaled(80, 60)
    first = render.render_picture(furnished, camera, samples=2)
    assert first.shape == (60, 80, 3)
    assert np.all(np.isfinite(first))
    assert np.all(first >= 0)
    np.testing.assert_array_equal(first, render.render_picture(furnished, camera, samples=2))
    brightness = first.mean(axis=2)
    assert np.percentile(brightness, 95) > 10 * np.percentile(brightness, 5)


@pytest.fixture(scope="module")
def committed_depth() -> np.ndarray:
    with Image.open(EXAMPLES / "room_depth.png") as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return json.loads((EXAMPLES / "room.json").read_text(encoding="utf-8"))


def test_the_committed_depth_is_what_the_room_measures(
    furnished: Any, committed_depth: np.ndarray
) -> None:
    render, room = load("example_room.render"), load("example_room.room")
    depth, _ = render.render_depth(furnished, room.CAMERA)
    apart = np.abs(committed_depth / 1000.0 - depth)
    # Processors may disagree about which side of an outline a ray passes; nothing else may differ.
    assert np.mean(apart > 0.0006) < 0.001


def test_the_depth_file_says_what_its_numbers_mean() -> None:
    with Image.open(EXAMPLES / "room_depth.png") as image:
        assert np.asarray(image).dtype == np.uint16
        assert image.text == {
            "leadline:unit": "millimetre",
            "leadline:units_per_metre": "1000",
            "leadline:kind": "planar z",
        }


def test_the_three_files_belong_together_and_stay_small(
    committed_depth: np.ndarray, description: dict[str, Any]
) -> None:
    size = (description["intrinsics"]["width"], description["intrinsics"]["height"])
    assert committed_depth.shape == size[::-1]
    assert committed_depth.min() > 0
    with Image.open(EXAMPLES / description["image"]) as image:
        assert (image.size, image.mode) == (size, "RGB")
    names = ("room.jpg", "room_depth.png", "room.json")
    assert sum((EXAMPLES / name).stat().st_size for name in names) < 600_000


def test_named_points_match_the_depth_file(
    committed_depth: np.ndarray, description: dict[str, Any]
) -> None:
    points = description["points"]
    assert len(points) >= 5
    for point in points:
        stored = committed_depth[point["y"], point["x"]] / 1000
        assert point["depth_m"] == pytest.approx(stored, abs=0.0006), point["name"]
    depths = [point["depth_m"] for point in points]
    assert min(depths) < 1.6
    assert max(depths) > 3.8


def test_a_point_on_an_outline_is_refused(furnished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script, room = load("render_example_room"), load("example_room.room")
    depth, part = load("example_room.render").render_depth(furnished, room.CAMERA)
    astray = room.NamedPoint("corner of the table", 416, 330, "table")
    monkeypatch.setattr(room, "NAMED_POINTS", (astray,))
    with pytest.raises(ValueError, match="corner of the table"):
        script.measured_points(furnished, depth, part)
