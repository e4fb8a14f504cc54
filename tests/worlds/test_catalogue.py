"""Every piece of every table can be built, stands on its ground and keeps to its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from leadline.worlds.classes import CLASS_ID
from leadline.worlds.grammar.clutter import THINGS, place_thing
from leadline.worlds.grammar.furniture.catalogue import FURNITURE, place_piece
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.grammar.furniture.walls import WALL_PIECES
from leadline.worlds.grammar.room_kinds import ROOM_KINDS
from leadline.worlds.grammar.street.borders import BORDERS
from leadline.worlds.grammar.street.buildings import house
from leadline.worlds.grammar.street.furniture import FIXTURES
from leadline.worlds.grammar.street.people import person
from leadline.worlds.grammar.street.plants import bush, tree
from leadline.worlds.grammar.street.road import draw_course
from leadline.worlds.grammar.street.vehicles import VEHICLES, bicycle
from leadline.worlds.materials import Palette
from leadline.worlds.primitives import face_normals
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Builder, Scene

DESIGNS = range(4)


def _builder(design: int) -> Builder:
    return Builder(stream("s", design), stream("o"), Palette(stream("p", design), "train"))


def _check(scene: Scene, name: str) -> None:
    assert np.isfinite(scene.vertices).all()
    assert np.isfinite(scene.uv).all()
    area = np.linalg.norm(face_normals(scene.vertices.astype(float), scene.faces), axis=1)
    assert area.min() > 0, name
    assert scene.instances.min() >= 1
    implied = face_normals(scene.vertices.astype(float), scene.faces)
    agree = np.einsum("ij,ij->i", implied, scene.normals[scene.faces].sum(axis=1)) > 0
    assert agree.mean() > 0.995, name
    length = np.linalg.norm(scene.normals[scene.faces], axis=2)
    np.testing.assert_allclose(length, 1, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("name", FURNITURE)
def test_furniture_stands_on_the_floor_and_keeps_to_its_size(name: str) -> None:
    piece = FURNITURE[name]
    assert piece.cls in CLASS_ID
    for design in DESIGNS:
        b = _builder(design)
        size = Size(sum(piece.width) / 2, sum(piece.depth) / 2, 2.5)
        place_piece(b, name, size, design)
        scene = b.finished()
        _check(scene, name)
        low, high = scene.vertices.min(axis=0), scene.vertices.max(axis=0)
        assert -0.01 <= low[2] < (0.35 if name == "towel rail" else 0.12), name
        assert high[2] <= 2.55, name
        if name in ("plant", "dining set"):  # leaves and chairs stick out into the room
            continue
        assert low[0] > -size.width / 2 - 0.3, name
        assert high[0] < size.width / 2 + 0.3, name
        assert high[1] < size.depth / 2 + 0.12, name  # nothing sticks into the wall


@pytest.mark.parametrize("name", THINGS)
def test_small_things_lie_on_their_table_within_reach(name: str) -> None:
    thing = THINGS[name]
    assert thing.cls in CLASS_ID
    for design in DESIGNS:
        b = _builder(design)
        place_thing(b, name)
        scene = b.finished()
        _check(scene, name)
        points = scene.vertices
        assert points[:, 2].min() > -0.012, name
        assert points[:, 2].max() < thing.tall + 0.35, name
        assert np.hypot(points[:, 0], points[:, 1]).max() < 1.6 * thing.reach + 0.12, name


@pytest.mark.parametrize("name", WALL_PIECES)
def test_things_on_walls_do_not_go_through_them(name: str) -> None:
    piece = WALL_PIECES[name]
    assert piece.cls in CLASS_ID
    for design in DESIGNS:
        b = _builder(design)
        w, h = sum(piece.width) / 2, sum(piece.height) / 2
        piece.build(b.item(name, piece.cls), w, h)
        scene = b.finished()
        _check(scene, name)
        assert scene.vertices[:, 1].max() <= 0.03, name
        assert np.abs(scene.vertices[:, 0]).max() <= w / 2 + 0.3, name


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_stand_on_their_wheels(name: str) -> None:
    row = VEHICLES[name]
    for design in DESIGNS:
        b = _builder(design)
        row.build(b.item(name, row.cls))
        scene = b.finished()
        _check(scene, name)
        low, high = scene.vertices.min(axis=0), scene.vertices.max(axis=0)
        assert abs(low[2]) < 0.02, name
        assert high[1] - low[1] < 2 * row.reach + 1.2, name
        assert high[0] - low[0] < 3.2, name
        assert 1.3 < high[2] < 4.2, name


@pytest.mark.parametrize("name", FIXTURES)
def test_street_furniture_stands_on_the_pavement(name: str) -> None:
    row = FIXTURES[name]
    b = _builder(1)
    row.build(b.item(name, row.cls))
    scene = b.finished()
    _check(scene, name)
    assert abs(scene.vertices[:, 2].min()) < 0.05


@pytest.mark.parametrize("name", BORDERS)
def test_borders_follow_the_road(name: str) -> None:
    course = draw_course(stream("course", 3), 20, 100)
    b = _builder(0)
    BORDERS[name](b, course, 0.0, 40.0, 6.0)
    scene = b.finished()
    _check(scene, name)
    way = np.linalg.norm(scene.vertices[:, None, :2] - course.points[None, :, :2], axis=2)
    # Between two points of the course, which are a metre apart, the way is a little longer.
    assert np.all(np.abs(way.min(axis=1) - 6) < 1.0)


def _house(b: Builder) -> None:
    house(b, 11.0, 9.0, 4, detailed=b.rng.random() < 0.7, lit=0.3)


@pytest.mark.parametrize("build", [_house, lambda b: tree(b, 7.0), lambda b: bush(b, 1.2), person,
                                   bicycle])  # fmt: skip
def test_houses_plants_and_people_are_sound(build: Callable[[Builder], None]) -> None:
    for design in range(6):
        b = _builder(design)
        build(b.item("thing", "object"))
        scene = b.finished()
        _check(scene, "thing")
        assert scene.vertices[:, 2].min() > -0.4  # leaves may touch the ground


def test_room_kinds_name_what_exists() -> None:
    for name, row in ROOM_KINDS.items():
        assert set(row.first) | set(row.fill) <= set(FURNITURE), name
        assert set(row.hung) <= set(WALL_PIECES), name
