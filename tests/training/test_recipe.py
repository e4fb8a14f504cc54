"""Recipes: what is written is what runs, and a typing error is caught before an epoch is lost."""

import json
import re

import pytest

from leadline.cli.recipes import PARAMETERS
from leadline.cli.train import _option_settings
from leadline.errors import LeadlineError
from leadline.models.base import ModelConfig
from leadline.models.build import create_model
from leadline.models.catalog import CATALOG
from leadline.training.losses import LOSSES
from leadline.training.recipe import (
    OptimizerSection,
    Recipe,
    describe_recipe,
    list_recipes,
    load_recipe,
    parse_recipe,
)
from tests.cli.helpers import leadline


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_names_things_that_exist(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.model.architecture in CATALOG
    assert {term.name for term in recipe.loss} <= set(LOSSES)


def test_a_resolved_recipe_reads_back_unchanged(tmp_path):
    recipe = load_recipe("compact", ["optimizer.lr=3e-4", "augment.scale=[1.0, 1.2]"])
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.to_yaml())
    assert load_recipe(str(path)) == recipe
    assert recipe.optimizer.lr == 3e-4
    assert recipe.augment.scale == (1.0, 1.2)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lrr=1", r"unknown key 'optimizer.lrr', did you mean 'lr'\?"),
        ("optimiser.lr=1", r"unknown key 'optimiser', did you mean 'optimizer'\?"),
        ("optimizer.lr=-1", r"optimizer\.lr = -1: .*greater than 0"),
        ("optimizer.lr=fast", r"optimizer\.lr = 'fast'"),
        ("optimizer.lr", "expected key=value"),
        ("name.of=3", "not a section"),
        ("trainer.precision=fp8", "precision"),
        ("model.encoder_weights=[", "not valid YAML"),
    ],
)
def test_a_wrong_override_is_one_clear_line(override, message):
    with pytest.raises(LeadlineError, match=message) as caught:
        load_recipe("compact", [override])
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(LeadlineError, match="did you mean 'compact'"):
        load_recipe("compat")


def test_a_broken_file_is_one_line(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("name: [unclosed\n  more: {")
    with pytest.raises(LeadlineError, match="not readable as YAML") as caught:
        load_recipe(str(path))
    assert "\n" not in str(caught.value)
    path.write_text("- a list")
    with pytest.raises(LeadlineError, match="not a list"):
        load_recipe(str(path))


def test_a_recipe_without_a_loss_is_refused():
    content = load_recipe("compact").model_dump(mode="json")
    with pytest.raises(LeadlineError, match="loss"):
        parse_recipe({**content, "loss": []}, "here")


@pytest.mark.parametrize("name", ["compact", "ds-net-weighted"])
def test_every_key_of_a_recipe_is_described(name):
    fields = {field.key: field for field in describe_recipe(name)}
    assert [key for key, field in fields.items() if not field.description] == []
    assert fields["loss.0.name"].value == load_recipe(name).loss[0].name
    described = {re.sub(r"\.\d+\.", ".", key) for key in fields}
    assert described >= {f"optimizer.{key}" for key in OptimizerSection.model_fields}
    assert {key.partition(".")[0] for key in described} == set(Recipe.model_fields)


def test_the_command_shows_value_and_meaning_of_each_key():
    shown = leadline("recipes", "compact")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    place = lines.index("optimizer.lr: 0.001")
    assert lines[place + 1].strip() == OptimizerSection.model_fields["lr"].description
    content = json.loads(leadline("recipes", "compact", "--json").stdout)
    assert {field["key"]: field["value"] for field in content}["data.area"] == 76800


@pytest.mark.parametrize("name", list_recipes())
def test_the_list_counts_the_parameters_of_the_recipe_s_own_options(name):
    section = load_recipe(name).model
    info = CATALOG[section.architecture]
    options = {**info.options, **section.options}
    if section.encoder is not None:
        options["encoder"] = section.encoder
    if options == info.options:  # the catalogue's count, which is tested there
        assert name not in PARAMETERS
        return
    config = ModelConfig(section.architecture, options)
    assert create_model(config).parameter_count() == PARAMETERS[name]


def test_data_options_of_the_command_stay_the_text_that_other_commands_read():
    given = {"raw": "/data/kitti #2", "scene": "007", "sky": "no", "fold": "[1, 2]"}
    settings = _option_settings(None, "auto", [f"{key}={value}" for key, value in given.items()])
    assert load_recipe("compact", settings).data.options == given
