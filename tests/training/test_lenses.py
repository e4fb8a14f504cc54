"""One scene through several lenses is one target: depth as the training camera would see it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.datasets import DepthDataset, Sample
from leadline.datasets.random_warp import draw_warp
from leadline.depth import Intrinsics
from leadline.training.augment import prepare
from leadline.training.camera import DataCamera
from leadline.training.recipe import AugmentSection, load_recipe
from tests.worlds.rays import Triangles, camera_ray

SIZE = (48, 64)
FOCAL = 50.0  # of the training camera, in pixels at SIZE
LENSES = (80.0, 100.0, 160.0)  # in pixels of the pictures, 96x128


class Views(DepthDataset):
    """Samples that are in memory."""

    def read(self, item):
        return item


@pytest.fixture(scope="module")
def room():
    """A room and a camera in it."""
    pytest.importorskip("embreex")
    from leadline.worlds.grammar.rooms import build_room
    from leadline.worlds.randomness import Seeds
    from leadline.worlds.viewpoints import room_camera

    seeds = Seeds(0, "train", 3)
    room = build_room(seeds, "living room")
    camera = room_camera(seeds.stream("camera"), room.scene, room.plan, (96, 128))
    return room.scene, camera


@pytest.fixture(scope="module")
def views(room):
    """The room from one place through three lenses, straight from the ray tracer."""
    from leadline.worlds.render.render import render_geometry
    from leadline.worlds.render.tracer import Tracer

    scene, camera = room
    tracer = Tracer(scene, 16)
    views = []
    for fx in LENSES:
        through = camera.with_focal(fx)
        depth = render_geometry(tracer, through).depth
        image = np.zeros((96, 128, 3), np.uint8)
        views.append(Sample.from_metres(f"{fx}", image, depth, intrinsics=through.intrinsics))
    return views


def test_pictures_zoomed_to_one_view_have_one_target(room, views):
    """Each lens is zoomed until its picture is the longest one's; then metres along a ray decide.

    The metres come from an intersection in float64, not from the pictures.
    """
    scene, camera = room
    corners = scene.vertices[scene.faces].astype(np.float64)
    triangles = Triangles(corners, np.array(camera.position))
    for view, fx in zip(views, LENSES, strict=True):
        zoom = LENSES[-1] / fx
        section = AugmentSection(scale=(zoom, zoom))
        item = prepare(view, SIZE, section, np.random.default_rng(4), None, FOCAL)
        _, inverse = draw_warp(
            (96, 128), SIZE, np.random.default_rng(4), rotation=0, zoom=(zoom, zoom), flip=0
        )
        for row, column in np.random.default_rng(0).integers(0, SIZE, (25, 2)):
            u, v = np.rint(inverse @ (column, row, 1))
            way = camera_ray(camera.with_focal(fx), u, v)
            _, metres = triangles.first_hit(way)
            wanted = metres * FOCAL / (LENSES[-1] / 2)
            assert item.depth[row, column] == pytest.approx(wanted, rel=1e-5)


def test_without_a_zoom_metres_times_the_ratio_of_focal_lengths(views):
    for view, fx in zip(views, LENSES, strict=True):
        item = prepare(view, SIZE, AugmentSection(), np.random.default_rng(0), None, FOCAL)
        plain = prepare(view, SIZE, AugmentSection(), np.random.default_rng(0))
        np.testing.assert_allclose(item.depth, plain.depth * (FOCAL / (fx / 2)), rtol=1e-6)


def test_the_range_holds_in_the_metres_of_the_training_camera(views):
    for view, fx in zip(views, LENSES, strict=True):
        near = replace(view, min_depth=0.5, max_depth=2.0)
        item = prepare(near, SIZE, AugmentSection(), np.random.default_rng(0), None, FOCAL)
        whole = prepare(view, SIZE, AugmentSection(), np.random.default_rng(0))
        target = whole.depth * (FOCAL / (fx / 2))
        clear = (abs(target - 2) > 1e-4) & (abs(target - 0.5) > 1e-4)
        expected = (target > 0.5) & (target <= 2.0)
        np.testing.assert_array_equal(item.valid[clear], expected[clear])
        assert 0 < expected.mean() < 1


def test_a_camera_that_is_not_known_is_the_training_camera():
    depth = np.full((96, 128), 2.0, np.float32)
    for camera in (None, Intrinsics.centred(2 * FOCAL * 1.0004, 128, 96)):
        sample = Sample.from_metres("a", np.zeros((96, 128, 3), np.uint8), depth, intrinsics=camera)
        item = prepare(sample, SIZE, AugmentSection(), np.random.default_rng(0), None, FOCAL)
        assert (item.depth == 2).all()


def test_the_recipe_may_name_the_training_camera(views):
    """90 degrees across 128 pixels are f = 64, and 32 in half as large a picture."""
    recipe = load_recipe("compact", ["data.camera_fov=90"])
    camera = DataCamera.from_samples(recipe, Views(Path(), tuple(views)), SIZE)
    assert camera.training_focal == pytest.approx(32)
