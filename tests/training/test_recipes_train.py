"""Every shipped recipe trains, through the real loop, on the encoder at hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.training.recipe import list_recipes, load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter, write_pairs

pytestmark = pytest.mark.usefixtures("no_curves")

SECOND_STAGES = {"crisp-edges", "crisp-uncertainty"}
"""Recipes that continue a trained model; `finetune` has one that ships."""

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
    encoder = ("model.encoder=mobilenet_v2", "model.encoder_weights=shipped", "model.init=null")
    quick = [text for text in QUICK if not text.startswith("model.")]
    length = ("data.batch_size=2", "data.val_fraction=0.3", "trainer.max_steps=2")
    recipe = load_recipe(name, [*encoder, *quick, *length, *settings])
    reporter = SilentReporter()
    train(recipe, data, folder, progress=reporter, score=False)
    return reporter


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICKEST else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(set(list_recipes()) - SECOND_STAGES)
    ],
)
def test_a_recipe_trains_with_the_encoder_at_hand(name, labelled, tmp_path):
    encoder = "mobilenet_v2_os16" if name.endswith("-dilated") else "mobilenet_v2"
    settings = [f"model.encoder={encoder}"]
    if load_recipe(name).data.mix:  # in place of the worlds that it would render
        settings.append(f"data.mix=[{{name: photographs}}, {{name: rooms, path: {labelled}}}]")
    reporter = train_two_steps(name, labelled, tmp_path / "run", *settings)
    assert len(reporter.losses) == 2
    assert np.isfinite(reporter.losses).all()
    config = json.loads((tmp_path / "run/model/config.json").read_text())
    assert config["options"]["encoder"] == encoder
    assert (
        "mobilenet_v2-imagenet"
        in json.loads((tmp_path / "run/run.json").read_text())["initialised_from"]
    )


@pytest.mark.parametrize(
    ("name", "setting", "says"),
    [
        ("vgg19-fcn-a1", "model.options.slop=0.2", "model.options.slop', did you mean 'slope'"),
        ("vgg19-fcn-a1", "model.options.slope=steep", "model.options.slope = 'steep'.*number"),
        ("ds-net", "model.options.classes=many", "model.options.classes = 'many'.*integer"),
        ("unet-2m", "loss.2.options.windw=3", "windw', did you mean 'window'"),
        ("ds-net", "loss.1.options.ignore=0", "loss.1.options.ignore = 0"),
        ("resnet50-upproj-dilated", "model.encoder=mobilenet_v2", "mobilenet_v2 is not dilated"),
    ],
)
def test_a_wrong_option_is_one_line_before_there_is_a_run(name, setting, says, labelled, tmp_path):
    with pytest.raises(LeadlineError, match=says):
        train_two_steps(name, labelled, tmp_path / "run", setting)
    assert not (tmp_path / "run").exists()


def test_options_are_checked_before_weights_are_fetched(labelled, tmp_path):
    wanted = ("model.encoder_weights=imagenet", "model.encoder=vgg19", "model.options.slop=0.2")
    with pytest.raises(LeadlineError, match="did you mean 'slope'"):
        train_two_steps("vgg19-fcn-a1", labelled, tmp_path / "run", *wanted)


def test_a_single_value_for_batch_norm_is_one_line(labelled, tmp_path):
    with pytest.raises(LeadlineError, match=r"1 image of 32x32.*data\.batch_size"):
        train_two_steps(
            "compact", labelled, tmp_path / "run", "data.batch_size=1", "data.area=1024"
        )


def test_classes_that_the_loss_ignores_count_in_no_score():
    recipe = load_recipe("ds-net", ["loss.1.options.ignore=[0, 255]"])
    assert recipe.ignored_classes == {0, 255}
    weighted = load_recipe("ds-net-weighted", ["loss.1.options.ignore=[0]"])
    assert weighted.ignored_classes == set()  # its other class loss looks at 0
    assert load_recipe("compact").ignored_classes == set()


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


@pytest.mark.parametrize("workers", [0, 1])
def test_a_label_the_network_has_no_class_for_is_one_line_that_names_the_file(
    labelled, tmp_path, workers
):
    settings = ("model.options.classes=3", f"data.workers={workers}")
    with pytest.raises(LeadlineError) as caught:
        train_two_steps("ds-net", labelled, tmp_path / "run", *settings)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{labelled / 'label'}/00")
    for words in (".png: has label", "classes 0 to 2", "model.options.classes", "check-data"):
        assert words in line
    assert "loss.1.options.ignore" in line


def test_ignored_labels_need_no_class(labelled, tmp_path):
    reporter = train_two_steps(
        *("ds-net", labelled, tmp_path / "run"),
        *("model.options.classes=3", "loss.1.options.ignore=[3, 4]"),
    )
    assert np.isfinite(reporter.losses).all()


def test_an_id_must_be_ignored_by_every_loss_on_labels(labelled, tmp_path):
    settings = ["loss.1.options.ignore=[3, 4]", "loss.1.options.class_weights=null"]
    with pytest.raises(
        LeadlineError, match=r"loss\.1\.options\.ignore and loss\.2\.options\.ignore"
    ):
        train_two_steps(
            *("ds-net-weighted", labelled, tmp_path / "run"),
            *("model.options.classes=3", *settings),
        )
