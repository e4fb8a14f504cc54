"""The range of depth is one thing: data, network, protocol and ssim follow it or contradict."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from leadline.datasets.mixing import MixedDataset, Part
from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.metrics import get_protocol
from leadline.models.build import create_model
from leadline.models.config import ModelConfig
from leadline.training.losses import LOSSES
from leadline.training.losses.composite import make_loss
from leadline.training.ranges import (
    check_range,
    describe_grey_levels,
    describe_protocol,
    describe_range,
    ssim_ranges,
)
from leadline.training.recipe import Recipe, list_recipes, load_recipe
from leadline.training.run_folder import RECIPE_FILE
from leadline.training.train import train


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Two KITTI-like pairs: of ten columns six are at 5 m, three at 50 m, one at 79 m."""
    folder = tmp_path_factory.mktemp("street")
    row = [5.0] * 6 + [50.0] * 3 + [79.0]
    for name in ("rgb", "depth"):
        (folder / name).mkdir()
    for number in range(2):
        Image.fromarray(np.zeros((4, 10, 3), np.uint8)).save(folder / "rgb" / f"{number}.png")
        units = np.rint(np.tile(row, (4, 1)) * 256).astype(np.uint16)
        Image.fromarray(units).save(folder / "depth" / f"{number}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 256\n")
    return folder


@pytest.mark.parametrize("name", ["compact", "densedepth", "unet-2m", "fcrn", "finetune"])
def test_the_network_ends_where_the_data_does(name):
    assert load_recipe(name).model.max_depth == 10
    assert load_recipe(name, ["data.max_depth=80"]).model.max_depth == 80


def test_an_old_recipe_that_says_both_is_refused_where_they_contradict(tmp_path, street):
    for settings in (
        ["data.max_depth=80", "model.max_depth=10"],
        ["model.max_depth=8"],
    ):
        recipe = load_recipe("compact", settings)
        with pytest.raises(LeadlineError, match=r"data\.max_depth=.*ends at model\.max_depth="):
            train(recipe, street, tmp_path / "run")
        assert not (tmp_path / "run" / RECIPE_FILE).exists()


def test_a_network_may_reach_beyond_the_data_and_a_cap_is_a_declaration():
    check_range(load_recipe("compact", ["model.max_depth=80"]))
    check_range(load_recipe("compact", ["model.max_depth=5", "model.capped=true"]))
    for name in list_recipes():
        check_range(load_recipe(name))
    capped = [name for name in list_recipes() if load_recipe(name).model.capped]
    assert len(capped) == 6
    assert all(name.startswith(("ds-net", "depth-mancini", "crisp-street")) for name in capped)


def test_the_recipe_of_a_run_says_the_range_that_it_was_given():
    text = load_recipe("compact", ["data.max_depth=80"]).to_yaml()
    assert text.count("max_depth: 80") == 2


def test_the_share_of_truth_outside_the_range_is_measured(street):
    data = open_data(street)
    line, warning = describe_range(load_recipe("compact"), data)
    assert "range: 0.1..10 m; of the true depth of 2 training images 40.00% lies outside" in line
    assert warning.startswith("warning: 40.0% of the true depth is not trained on")
    assert "farthest is 79 m" in warning
    (whole,) = describe_range(load_recipe("compact", ["data.max_depth=80"]), data)
    assert "0.1..80 m" in whole and " 0.00% lies outside" in whole


def test_truth_nearer_than_the_network_sees_is_measured(street, tmp_path):
    """Divided by 100, the street has six of ten columns at 5 cm, three at 50 cm, one at 79 cm."""
    data = replace(open_data(street), units_per_metre=25_600.0)
    recipe = load_recipe("compact")
    line, warning = describe_range(recipe, data)
    assert ", 60.00% is nearer than 0.1 m and is trained on as that" in line
    assert warning.startswith(
        "warning: 60.0% of the true depth is trained on as 0.1 m, the nearest"
    )
    assert "is 0.05 m: lower model.min_depth, or raise data.min_depth" in warning
    _, validating = describe_protocol(recipe, data, get_protocol("full"))
    assert "60.0% of the truth that validates is nearer than model.min_depth=0.1 m" in validating
    for setting in ("model.min_depth=0.01", "data.min_depth=0.1"):
        first, *_ = describe_range(load_recipe("compact", [setting]), data)
        assert "nearer" not in first
    (whole,) = describe_range(load_recipe("compact", ["model.min_depth=0.01"]), data)
    assert " 0.00% lies outside" in whole
    for setting in ("model.min_depth=0.01", "data.camera_fov=66"):
        lines = describe_protocol(load_recipe("compact", [setting]), data, get_protocol("full"))
        assert len(list(lines)) == 1


def test_a_mixture_counts_the_images_of_each_set_and_says_the_grey_of_each(street):
    data = open_data(street)
    thermal = replace(data, grey_levels=(29_000, 31_040))
    mixed = MixedDataset.from_parts([Part("a", thermal), Part("b", data)])
    line, _ = describe_range(load_recipe("compact"), mixed)
    assert "of the true depth of 4 training images 40.00% lies outside" in line
    words = "16-bit grey pictures{}: 29000 is black, 31040 is white"
    assert list(describe_grey_levels(mixed)) == [words.format(" of a")]
    assert list(describe_grey_levels(thermal)) == [words.format("")]
    assert list(describe_grey_levels(data)) == []


def test_truth_at_the_end_of_the_range_validates_as_the_protocol_has_it(street):
    """79 m is left out by one protocol of 60 m, and 60 m by the other."""
    data, recipe = open_data(street), load_recipe("compact", ["data.max_depth=55"])
    ignoring = replace(get_protocol("full"), max_depth=60.0)
    assert len(list(describe_protocol(recipe, data, ignoring))) == 1
    clipping = replace(ignoring, beyond_max="clipped")
    _, warning = describe_protocol(recipe, data, clipping)
    assert "10.0% of the truth that validates" in warning


def test_what_a_cap_does_is_said_with_its_share(street):
    (line,) = describe_range(load_recipe("ds-net"), open_data(street))
    assert "0.1..40 m" in line and " 0.00% lies outside" in line
    assert "40.00% is farther than 40 m and is trained on as that" in line


def test_truth_that_validates_beyond_the_network_is_a_warning(street):
    data, recipe = open_data(street), load_recipe("compact")
    line, warning = describe_protocol(recipe, data, get_protocol("full"))
    assert line == "validation: full, truth 0.001..80 m"
    assert "40.0% of the truth that validates is farther than model.max_depth=10 m" in warning
    wide = load_recipe("compact", ["data.max_depth=80"])
    assert len(list(describe_protocol(wide, data, get_protocol("full")))) == 1


def test_a_cap_holds_in_every_space_of_a_loss():
    """A network of 5 m that says 5 m of a sky at 655 m is right, and sure of it, not far off."""
    config = ModelConfig(
        "crisp", {"uncertainty": True}, depth_space="log", min_depth=0.1, max_depth=5.0,
        normalization="unit", stride=16,
    )  # fmt: skip
    model = create_model(config)
    target = model.space.encode(torch.full((1, 1, 8, 8), 5.0))
    spread = torch.full((1, 1, 8, 8), 0.1)
    outputs = {"target": target, "depth": torch.full((1, 1, 8, 8), 5.0), "spread": spread}
    batch = {"depth": torch.full((1, 1, 8, 8), 655.35), "valid": torch.ones(1, 1, 8, 8) > 0}
    spaces = make_loss(load_recipe("crisp-uncertainty"), model)._in_spaces(outputs, batch)
    for space in ("target", "depth"):
        prediction, truth, _ = spaces[space]
        assert torch.allclose(prediction, truth), space
    assert spaces["spread"][1].abs().max() < 1e-5


def ssim_option(recipe: Recipe) -> float:
    section = recipe.model
    config = ModelConfig(
        "compact", {}, depth_space=section.depth_space, min_depth=section.min_depth,
        max_depth=section.max_depth, normalization="unit", stride=16,
    )  # fmt: skip
    terms = make_loss(recipe, create_model(config)).terms
    return next(term.options["data_range"] for term in terms if term.name == "ssim")


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("densedepth", [], 100),  # what its paper says
        ("densedepth-kitti", [], 100),
        ("unet-2m", [], 10),
        ("unet-2m", ["data.max_depth=80"], 80),
        ("densedepth", ["data.max_depth=80"], 800),
        ("densedepth", ["loss.2.space=depth"], 10),
        ("unet-2m", ["model.depth_space=log"], np.log(100)),
    ],
)
def test_the_range_of_ssim_is_that_of_what_it_compares(name, settings, expected):
    assert ssim_option(load_recipe(name, settings)) == pytest.approx(expected)


def test_a_range_of_ssim_that_is_another_is_used_and_a_warning():
    place = [term.name for term in load_recipe("unet-2m").loss].index("ssim")
    option = f"loss.{place}.options.data_range"
    recipe = load_recipe("unet-2m", [f"{option}=10", "data.max_depth=80"])
    assert ssim_option(recipe) == 10
    (warning,) = ssim_ranges(recipe, 80.0)
    assert f"{option}=10" in warning and "a range of 80" in warning
    assert not list(ssim_ranges(load_recipe("unet-2m"), 10.0))
    assert "data_range" in LOSSES["ssim"].__wrapped__.__annotations__
