"""Views: what is in them, what cameras may see, skies, variations, errors."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.viz.normals import colorize_normals
from leadline.worlds import (
    QUALITIES,
    ROOM_KINDS,
    SKY_FAR,
    VARIATIONS,
    VKITTI_VARIATIONS,
    View,
    contact_sheet,
    render_room,
    render_street,
    street_views,
)
from leadline.worlds.classes import CLASS_ID, CLASSES, class_map
from leadline.worlds.grammar.street import vehicles
from leadline.worlds.grammar.street.weather import under_weather
from leadline.worlds.produce import render_worlds
from leadline.worlds.render import Geometry, Tracer
from leadline.worlds.scene import Ball, Builder
from leadline.worlds.sets import WorldSet
from leadline.worlds.view import exact_view
from leadline.worlds.viewpoints import is_blocked

SMALL = (48, 64)
FAST = replace(QUALITIES["training"], tile_size=32)  # drawing tiles takes most of the time


pytest.importorskip("embreex")


@pytest.fixture(scope="module")
def rooms() -> list[View]:
    """The first rooms of one seed."""
    return [render_room(2, index, size=SMALL, level=FAST) for index in range(30)]


@pytest.fixture(scope="module")
def street() -> dict[str, View]:
    """One camera of one street in every variation, for which the street is built once."""
    shots = [(0, variation) for variation in VARIATIONS]
    views = street_views(2, 1, "train", shots, size=SMALL, level=FAST)
    return dict(zip(VARIATIONS, views, strict=True))


@pytest.mark.parametrize("kind", ROOM_KINDS)
def test_every_kind_of_room_can_be_rendered(kind: str) -> None:
    view = render_room(2, 0, kind=kind, size=SMALL, level=FAST)
    assert view.name == kind
    assert view.image.shape == (*SMALL, 3)
    assert view.image.dtype == np.uint8
    assert view.depth.valid.all()
    assert view.depth.intrinsics == view.camera.intrinsics
    assert view.depth.depth.min() > 0.2
    assert view.depth.depth.max() < 25
    assert len(np.unique(view.instances)) >= 4
    assert view.image.std() > 3


def test_rooms_show_many_things_at_many_distances(rooms: list[View]) -> None:
    views = rooms[:24]
    middles = [float(np.median(view.depth.depth)) for view in views]
    cameras = [view.camera.intrinsics for view in views]
    fields = [float(np.degrees(2 * np.arctan(k.width / 2 / k.fx))) for k in cameras]
    assert max(middles) > 2.5 * min(middles)
    assert max(fields) > 75
    assert min(fields) < 56
    assert len({view.name for view in views}) >= 5


@pytest.mark.parametrize("variation", VARIATIONS)
def test_every_variation_can_be_rendered(variation: str, street: dict[str, View]) -> None:
    view = street[variation]
    assert variation in view.name
    assert view.image.std() > 3
    assert 0.02 < view.depth.valid_share <= 1
    np.testing.assert_array_equal(view.depth.valid, view.classes != CLASS_ID["sky"])


def test_the_first_ten_variations_are_those_of_virtual_kitti() -> None:
    assert (
        *("clone", "15-deg-left", "15-deg-right", "30-deg-left", "30-deg-right"),
        *("fog", "morning", "overcast", "rain", "sunset"),
    ) == VKITTI_VARIATIONS


def test_turned_variations_turn_the_camera_where_it_stands(street: dict[str, View]) -> None:
    straight, left = street["clone"], street["15-deg-left"]
    assert left.camera.position == straight.camera.position
    assert left.camera.yaw - straight.camera.yaw == pytest.approx(15)


def test_the_cameras_of_a_street_differ_and_draw_different_variations() -> None:
    views = list(street_views(2, 1, size=SMALL, level=FAST))
    assert len(views) == 4
    assert len({view.camera.position for view in views}) == 4
    assert len({view.name for view in views}) == 4


def test_the_sky_is_invalid_or_far(street: dict[str, View]) -> None:
    near = street["clone"]
    far = render_street(2, 1, 0, variation="clone", size=SMALL, sky="far", level=FAST)
    sky = near.classes == CLASS_ID["sky"]
    assert sky.any()
    assert not near.depth.valid[sky].any()
    np.testing.assert_array_equal(far.depth.depth[sky], np.float32(SKY_FAR))
    np.testing.assert_array_equal(far.depth.depth[~sky], near.depth.depth[~sky])


def test_night_is_darker_than_day(street: dict[str, View]) -> None:
    day, night = street["overcast"], street["night"]
    assert night.image.mean() < 0.75 * day.image.mean()


def test_lamps_light_at_night_what_is_driven_and_not_what_is_parked() -> None:
    b = Builder()
    vehicles.car(b.item("parked", "car"))
    vehicles.car(replace(b.placed(4, 0), driven=True).item("driven", "car"))
    scene = b.finished()
    sky = VARIATIONS["night"].sky(np.random.default_rng(0))
    lit = under_weather(scene, sky, (Ball((0, 0, 5), 0.1, (1, 1, 1)),))
    assert {scene.instance_name(k) for k in lit.instances[lit.glow > 0]} == {"driven"}
    assert (lit.glow > 0).sum() == 4  # two white, two red
    assert not under_weather(scene, sky, ()).glow.any()


def test_words_that_do_not_exist_are_named() -> None:
    with pytest.raises(LeadlineError, match="snow"):
        render_street(2, 1, 0, variation="snow", size=SMALL, level=FAST)
    with pytest.raises(LeadlineError, match="camera 4"):
        render_street(2, 1, 4, size=SMALL, level=FAST)
    with pytest.raises(LeadlineError, match="training, picture"):
        render_room(2, 1, size=SMALL, level="best")


def _geometry(depth: np.ndarray, classes: np.ndarray, instances: np.ndarray) -> Geometry:
    return Geometry(depth, classes, instances, instances - 1, np.zeros((*depth.shape, 3)))


def _mixed() -> tuple[np.ndarray, np.ndarray]:
    """Classes and instances of a picture with a wall, a floor and some furniture."""
    instances = np.repeat(np.arange(1, 7), 4)[:, None] + np.zeros((24, 32), int)
    classes = np.array([0, 1, 2, 7, 8, 10, 12], dtype=np.uint8)[instances]
    return classes, instances


def test_a_camera_with_a_free_view_is_not_blocked() -> None:
    classes, instances = _mixed()
    assert not is_blocked(_geometry(np.full((24, 32), 2.5), classes, instances), 0.4, 0.6)


def test_blocked_cameras_are_recognised() -> None:
    classes, instances = _mixed()
    near = np.full((24, 32), 2.5)
    near[:3] = 0.2
    assert is_blocked(_geometry(near, classes, instances), 0.4, 0.6)
    assert is_blocked(_geometry(np.full((24, 32), 0.5), classes, instances), 0.4, 0.6)
    bed = np.full((24, 32), 7, dtype=np.uint8)
    assert is_blocked(_geometry(np.full((24, 32), 2.5), bed, np.ones((24, 32), int)), 0.4, 0.6)
    wall = np.full((24, 32), 1, dtype=np.uint8)
    assert is_blocked(_geometry(np.full((24, 32), 2.5), wall, instances), 0.4, 0.6)


def test_no_camera_of_the_first_rooms_is_blocked(rooms: list[View]) -> None:
    for index, view in enumerate(rooms):
        depth = view.depth.depth
        assert np.percentile(depth, 4) >= 0.35, index
        assert np.median(depth) >= 0.5, index


def test_without_embree_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "embreex.mesh_construction", None)
    from leadline.worlds.grammar.rooms import build_room
    from leadline.worlds.randomness import Seeds

    scene = build_room(Seeds(0, "train", 0)).scene
    with pytest.raises(LeadlineError, match=r"leadline\[worlds\]"):
        Tracer(scene)
    with pytest.raises(LeadlineError, match=r"leadline\[worlds\]"):
        render_worlds(tmp_path / "made", WorldSet("rooms", 1))
    assert not list(tmp_path.iterdir())


def test_class_sets() -> None:
    assert class_map("worlds").tolist() == list(range(len(CLASSES)))
    nyu40, nyu13 = class_map("nyu40"), class_map("nyu13")
    assert nyu40[CLASS_ID["wall"]] == 1
    assert nyu40[CLASS_ID["ceiling"]] == 22
    assert nyu13[CLASS_ID["sofa"]] == 9
    assert nyu13[CLASS_ID["wall"]] == 12
    assert class_map("vkitti").max() == 14
    assert class_map("vkitti")[CLASS_ID["sky"]] == 2
    assert class_map("cityscapes")[CLASS_ID["person"]] == 24
    assert class_map("cityscapes")[CLASS_ID["road"]] == 7
    with pytest.raises(LeadlineError, match="ade20k"):
        class_map("ade20k")


def test_a_contact_sheet_has_a_cell_for_every_view(rooms: list[View]) -> None:
    views = rooms[:3]
    sheet = contact_sheet(views, columns=2, panels=("image", "depth", "classes", "normals"))
    normals = contact_sheet(views[:1], columns=1, panels=("normals",))
    np.testing.assert_array_equal(normals, colorize_normals(views[0].normals))
    assert sheet.shape == (2 * 48, 2 * 4 * 64, 3)
    np.testing.assert_array_equal(sheet[:48, :64], views[0].image)
    assert not sheet[48:, 4 * 64 :].any()
    with pytest.raises(LeadlineError, match="at least one"):
        contact_sheet([])
    with pytest.raises(LeadlineError, match="shape"):
        contact_sheet(views, panels=("shape",))


def test_a_view_says_what_it_does_not_know_about_the_sky(rooms: list[View]) -> None:
    view = rooms[0]
    geometry = _geometry(view.depth.depth, view.classes, view.instances)
    with pytest.raises(LeadlineError, match="invalid or far"):
        exact_view(view.image, geometry, view.camera, "room", "blue")  # type: ignore[arg-type]
