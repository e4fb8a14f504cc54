"""Recipes: what is written is what runs, and a typing error is caught before an epoch is lost."""

import json
import re

import pytest

from leadline.cli.recipes import PARAMETERS
from leadline.cli.train import _option_settings
from leadline.errors import LeadlineError
from leadline.models.build import create_model
from leadline.models.catalog import CATALOG
from leadline.models.config import ModelConfig
from leadline.training.losses import LOSSES
from leadline.training.overrides import USERS
from leadline.training.recipe import (
    OptimizerSection,
    Recipe,
    change_recipe,
    describe_recipe,
    list_recipes,
    load_recipe,
    parse_recipe,
)
from leadline.training.schedules import SCHEDULES
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


@pytest.mark.parametrize("name", ["finetune", "densedepth", "crisp-edges", "crisp-uncertainty"])
def test_a_length_in_epochs_takes_the_place_of_one_in_steps(name):
    assert load_recipe(name).trainer.max_steps is not None
    for recipe in (
        load_recipe(name, ["trainer.epochs=5"]),
        change_recipe(load_recipe(name), ["trainer.epochs=5"]),
    ):
        assert (recipe.trainer.epochs, recipe.trainer.max_steps) == (5, None)
    both = load_recipe(name, ["trainer.max_steps=9", "trainer.epochs=5"])
    assert both.trainer.max_steps == 9


@pytest.mark.parametrize(
    ("settings", "without_effect", "needs"),
    [
        (["optimizer.name=adam"], "optimizer.momentum=0.9", "sgd"),
        (["optimizer.name=sgd"], "optimizer.amsgrad=true", "adam or adamw"),
        ([], "schedule.power=0.9", "polynomial"),
        ([], "schedule.every_epochs=2", "step"),
        (["schedule.name=polynomial"], "schedule.factor=0.5", "step or plateau"),
        (["schedule.name=constant"], "schedule.final=0.1", "polynomial or cosine or one_cycle"),
        (["schedule.name=step"], "schedule.patience=2", "plateau"),
    ],
)
def test_a_setting_that_nothing_looks_at_is_refused(settings, without_effect, needs):
    kind = "optimizer" if without_effect.startswith("optimizer") else "schedule"
    words = rf"^{re.escape(without_effect[:17])}.*: has no effect with {kind}\.name=\w+, "
    with pytest.raises(LeadlineError, match=f"{words}only with {needs}"):
        load_recipe("compact", [*settings, without_effect])
    with pytest.raises(LeadlineError, match="has no effect"):
        change_recipe(load_recipe("compact", settings), [without_effect])


def test_a_setting_that_says_what_is_so_anyway_is_not_refused():
    load_recipe("compact", ["optimizer.momentum=0", "schedule.power=1"])
    assert load_recipe("compact", ["schedule.name=step", "schedule.factor=0.5"])


def test_what_uses_a_setting_exists():
    for key, users in USERS.items():
        if key.startswith("schedule."):
            assert {*users.used_by, *users.unused_by} <= set(SCHEDULES)
            assert users.used_by and users.unused_by


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
