"""Every shipped recipe trains, through the real loop, on the encoder at hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.depth.errors import LeadlineError
from leadline.training.loop import train
from leadline.training.recipe import list_recipes, load_recipe
from tests.conftest import QUICK, SilentReporter, write_pairs

QUICKEST = ("compact", "ds-net", "unet-2m", "vgg19-fcn-a1")
"""One recipe of each kind that trains in a second or two; the others are slow tests."""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    """Six pairs with class ids 0 to 4."""
    folder = write_pairs(tmp_path_factory.mktemp("labelled"), 6)
    (folder / "label").mkdir()
    for depth in sorted((folder / "depth").glob("*.png")):
        bands = np.asarray(Image.open(depth)) // 1500
        Image.fromarray(np.minimum(bands, 4).astype(np.uint8)).save(folder / "label" / depth.name)
    return folder


def train_two_steps(name: str, data: Path, folder: Path, *settings: str) -> SilentReporter:
    encoder = ("model.encoder=mobilenet_v2", "model.encoder_weights=shipped")
    quick = [text for text in QUICK if not text.startswith("model.")]
    length = ("data.batch_size=2", "data.val_fraction=0.3", "trainer.max_steps=2")
    recipe = load_recipe(name, [*encoder, *quick, *length, *settings])
    reporter = SilentReporter()
    train(recipe, data, folder, reporter)
    return reporter


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICKEST else pytest.param(name, marks=pytest.mark.slow)
        for name in list_recipes()
    ],
)
def test_a_recipe_trains_with_the_encoder_at_hand(name, labelled, tmp_path):
    reporter = train_two_steps(name, labelled, tmp_path / "run")
    assert len(reporter.losses) == 2
    assert np.isfinite(reporter.losses).all()
    config = json.loads((tmp_path / "run/model/config.json").read_text())
    assert config["options"]["encoder"] == "mobilenet_v2"
    assert (
        "mobilenet_v2-imagenet"
        in json.loads((tmp_path / "run/run.json").read_text())["initialised_from"]
    )


def test_the_literal_initialisation_of_a1_starts_far_off_and_trains(labelled, tmp_path):
    he = train_two_steps("vgg19-fcn-a1", labelled, tmp_path / "he", "optimizer.clip=1")
    literal = train_two_steps(
        "vgg19-fcn-a1",
        labelled,
        tmp_path / "literal",
        "model.options.init=normal01",
        "optimizer.clip=1",
    )
    assert np.isfinite(literal.losses).all()
    assert literal.losses[0] > 5 * he.losses[0]


def test_a_label_the_network_has_no_class_for_is_one_clear_error(labelled, tmp_path):
    with pytest.raises(LeadlineError, match=r"label [34] .* classes 0 to 2; .*classes=[45]"):
        train_two_steps("ds-net", labelled, tmp_path / "run", "model.options.classes=3")
