"""The camera of the training data: recorded, and unchanged by random zooms."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from leadline.datasets import DepthDataset, Sample
from leadline.depth import Intrinsics
from leadline.training.augment import prepare
from leadline.training.camera import training_focal, unlike_lenses
from leadline.training.recipe import AugmentSection, load_recipe


class Lenses(DepthDataset):
    """One sample for each focal length; None is a camera that is not known."""

    def read(self, item):
        image = np.zeros((48, 64, 3), np.uint8)
        camera = item and Intrinsics.centred(item, 64, 48)
        depth = np.ones((48, 64), np.float32)
        return Sample.from_metres("a", image, depth, intrinsics=camera)


@pytest.mark.parametrize(
    ("focals", "expected"),
    [
        ((60.0,), 30.0),
        ((60.0, 61.0, 60.0), 30.0),
        ((60.0, 90.0), None),
        ((60.0, None), None),
        ((None,), None),
    ],
)
def test_the_focal_length_at_the_size_of_training(focals, expected):
    samples = Lenses(Path(), focals)
    assert training_focal(samples, (24, 32)) == (expected and pytest.approx(expected, rel=0.01))


def test_unlike_lenses_are_said_unless_the_recipe_brings_them_to_one_camera():
    recipe = load_recipe("compact", [])
    said = unlike_lenses(recipe, Lenses(Path(), (60.0, 70.0, 90.0)), (24, 32))
    assert "focal lengths of 30 to 45 pixels at 24x32" in said
    assert "data.camera_fov=49 brings" in said  # 2 atan(16 / 35)
    for focals in ((60.0, 61.0), (60.0, None), (None,)):
        assert unlike_lenses(recipe, Lenses(Path(), focals), (24, 32)) is None
    named = load_recipe("compact", ["data.camera_fov=63"])
    assert unlike_lenses(named, Lenses(Path(), (60.0, 90.0)), (24, 32)) is None


def test_a_crop_to_another_aspect_ratio_keeps_one_scale():
    """64 x 48 to 24 x 24, a third as many pixels to the root of which sides shrink."""
    expected = 60 * math.sqrt(24 * 24 / (64 * 48))
    assert training_focal(Lenses(Path(), (60.0,)), (24, 24)) == pytest.approx(expected)


@pytest.mark.parametrize("zoom", [1.0, 1.25, 1.5])
def test_a_zoomed_pair_still_shows_the_training_camera(zoom):
    """A board of W metres at Z metres is f W / Z pixels wide, whatever the zoom."""
    focal, board, distance, size = 240.0, 0.5, 2.0, (120, 160)
    image = np.zeros((240, 320, 3), np.uint8)
    half = round(focal * board / distance / 2)
    image[:, 160 - half : 160 + half] = 255
    camera = Intrinsics.centred(focal, 320, 240)
    depth = np.full((240, 320), distance, np.float32)
    sample = Sample.from_metres("a", image, depth, intrinsics=camera)
    section = AugmentSection(scale=(zoom, zoom))
    item = prepare(sample, size, section, np.random.default_rng(0))
    pixels = item.image[size[0] // 2, :, 0].sum()
    seen = pixels * item.depth.max() / board
    assert seen == pytest.approx(focal / 2, rel=0.02)


def test_a_run_without_a_known_camera_says_so(quick_run):
    config = json.loads((quick_run / "model" / "config.json").read_text())
    assert config["training_focal"] is None
    assert "| camera | not known |" in (quick_run / "model" / "README.md").read_text()
