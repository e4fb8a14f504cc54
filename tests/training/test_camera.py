"""The camera of the training data: recorded, and unchanged by random zooms."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from leadline.datasets import DepthDataset, Sample
from leadline.datasets.mixing import MixedDataset, Part
from leadline.depth import Intrinsics
from leadline.inference.camera import TrainingCamera
from leadline.models.size_policy import processing_size
from leadline.training.augment import prepare
from leadline.training.build import configure
from leadline.training.camera import DataCamera
from leadline.training.recipe import AugmentSection, list_recipes, load_recipe


class Lenses(DepthDataset):
    """One sample of 48x64 for each focal length; None is a camera that is not known."""

    picture = (48, 64)

    def sample_id(self, index):
        return str(index)

    def read(self, item):
        height, width = self.picture
        camera = item and Intrinsics.centred(item, width, height)
        image = np.zeros((height, width, 3), np.uint8)
        return Sample.from_metres(
            "a", image, np.ones(image.shape[:2], np.float32), None, None, camera
        )


def lenses(focals, picture=(48, 64)):
    """Return a data set of pictures of one size with these focal lengths in pixels."""
    data = Lenses(Path(), tuple(focals))
    object.__setattr__(data, "picture", picture)
    return data


def look_at(focals, size, *settings, picture=(48, 64)):
    """Return what a run with the recipe `compact` and these settings knows of the camera."""
    return DataCamera.from_samples(load_recipe("compact", settings), lenses(focals, picture), size)


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
    focal = look_at(focals, (24, 32)).training_focal
    assert focal == (expected and pytest.approx(expected, rel=0.01))


def test_the_camera_of_each_set_of_a_mixture_counts():
    """Also of the smallest one, which none of eight pictures over the whole is of."""
    sizes = {"large": (60.0,) * 40, "small": (None,) * 2, "other": (60.0,) * 40}
    sets = [Part(name, lenses(focals)) for name, focals in sizes.items()]
    camera = DataCamera.from_samples(
        load_recipe("compact"), MixedDataset.from_parts(sets), (24, 32)
    )
    assert camera.training_focal is None
    assert "the camera of 2 of 18 images looked at is not known" in camera.explain_missing()
    known = MixedDataset.from_parts([sets[0], sets[2]])
    assert DataCamera.from_samples(load_recipe("compact"), known, (24, 32)).training_focal == 30
    recipe = load_recipe("compact", ["data.camera_fov=63"])
    assert DataCamera.from_samples(recipe, MixedDataset.from_parts(sets), (24, 32)).looked_at == 1


@pytest.mark.parametrize(
    ("focals", "message"),
    [
        (
            (60.0, 70.0, 90.0),
            r"unlike lenses \(focal lengths of 30 to 45 pixels at 24x32.*fov=49 ",
        ),
        ((60.0, None, 90.0), r"unlike lenses \(focal lengths of 30 to 45 pixels"),
        ((60.0, None, 60.0), r"camera of 1 of 3 images looked at is not known.*fov=56 takes"),
        ((None, None), r"the camera of the images is not known.*dataset\.yaml.*data\.camera_fov="),
    ],
)
def test_a_camera_that_is_not_known_is_said_with_the_key_to_set(focals, message):
    """2 atan(32 / 70) = 49 degrees, 2 atan(32 / 60) = 56 degrees."""
    said = look_at(focals, (24, 32)).explain_missing()
    assert re.search(message, said)
    assert "\n" not in said
    assert "although" not in said
    louder = look_at(focals, (24, 32)).explain_missing("mine")
    assert "will have no training camera, although mine has one" in louder
    assert look_at(focals, (24, 32), "data.camera_fov=63").explain_missing("mine") is None


def test_nothing_is_said_of_one_known_camera():
    assert look_at((60.0, 61.0), (24, 32)).explain_missing("mine") is None


def test_a_crop_to_another_aspect_ratio_keeps_one_scale():
    """64 x 48 to 24 x 24, a third as many pixels to the root of which sides shrink."""
    expected = 60 * math.sqrt(24 * 24 / (64 * 48))
    assert look_at((60.0,), (24, 24)).training_focal == pytest.approx(expected)


@pytest.mark.parametrize("picture", [(480, 640), (375, 1242), (352, 1216), (720, 1280)])
def test_a_network_predicts_at_the_size_that_it_was_trained_at(picture):
    """With every recipe, and so the camera of its own training data changes no metre."""
    height, width = picture
    focal = 0.58 * width
    data = lenses((focal,), picture)
    for name in list_recipes():
        config, camera = configure(load_recipe(name, ["data.camera_fov=null"]), data)
        size = processing_size(height, width, config.training_area, config.stride)
        assert size == camera.size, name
        own = Intrinsics.centred(focal, width, height)
        photo = TrainingCamera.from_config(config).resolve(width, height, own, "declared")
        assert (photo.use, photo.scale) == ("used", 1.0), name


@pytest.mark.parametrize("picture", [(375, 1242), (1242, 375), (96, 128)])
def test_the_recipes_degrees_are_those_of_the_option_fov(picture):
    """66 degrees in training and 66 degrees in prediction are one lens: no metre changes."""
    height, width = picture
    config, _ = configure(load_recipe("finetune", ["data.camera_fov=66"]), lenses((None,), picture))
    lens = Intrinsics.from_fov(66, width, height)
    photo = TrainingCamera.from_config(config).resolve(width, height, lens, "declared")
    assert photo.scale == 1.0


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
