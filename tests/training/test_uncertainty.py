"""A head that states uncertainty: its loss, and a stage that trains it and nothing else."""

import json
import math

import pytest
import torch

from leadline.datasets import open_data
from leadline.errors import LeadlineError
from leadline.models.base import SPREADS
from leadline.models.build import create_model, load_model
from leadline.models.config import ModelConfig
from leadline.training.build import build_model
from leadline.training.losses.composite import make_loss
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter

STAGE = [*(text for text in QUICK if not text.startswith("model.")), "data.area=1536"]
CRISP = ["model.architecture=crisp", "model.options={}"]


def crisp(seed=0, **options):
    return create_model(ModelConfig("crisp", options, stride=16, training_area=1536), seed)


def test_the_loss_of_a_recipe_is_that_of_ln_metres_and_moves_no_depth():
    model = crisp()
    depth = torch.tensor([[2.0, 4.0], [1.0, 9.0]]).view(1, 1, 2, 2).requires_grad_()
    spread = torch.full((1, 1, 1, 1), 0.2, requires_grad=True)  # half as large as the depth
    outputs = {"target": depth.log(), "depth": depth, "spread": spread}
    truth = torch.tensor([[1.0, 4.0], [2.0, math.nan]]).view(1, 1, 2, 2)
    valid = torch.tensor([[True, True], [True, False]]).view(1, 1, 2, 2)
    value = make_loss(load_recipe("crisp-uncertainty"), model)(
        outputs, {"depth": truth, "valid": valid}
    )
    # |ln 2|, 0 and |ln 1/2| of three pixels.
    assert value.item() == pytest.approx(2 * math.log(2) / 3 / 0.2 + math.log(0.2), rel=1e-5)
    value.backward()
    assert depth.grad is None
    # d/db of |e|/b + ln b.
    slope = -(2 * math.log(2) / 3) / 0.2**2 + 1 / 0.2
    assert spread.grad.item() == pytest.approx(slope, rel=1e-5)


def test_a_head_changes_no_other_weight_and_states_what_it_was_given():
    plain, stating = crisp(), crisp(uncertainty=True)
    images = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        stating.spread.out.weight.zero_()
        stating.spread.out.bias.fill_(math.log(0.3))
        before, after = plain.eval()(images), stating.eval()(images)
        stating.spread.out.bias.fill_(100.0)
        largest = stating(images)["spread"].max()
    assert torch.equal(before["depth"], after["depth"])
    assert "spread" not in before
    torch.testing.assert_close(after["spread"], torch.full((1, 1, 16, 24), 0.3))
    assert largest.item() == pytest.approx(SPREADS[1])


def test_the_stage_trains_the_head_alone(pairs, tmp_path):
    crisp(seed=5, reach=[2, 4, 7], light=True).save(tmp_path / "first")
    recipe = load_recipe(
        "crisp-uncertainty", [*STAGE, f"model.init={tmp_path / 'first'}", "trainer.max_steps=3"]
    )
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    trained = load_model(tmp_path / "run/model").state_dict()
    begun = load_model(tmp_path / "first").state_dict()
    assert all(torch.equal(trained[name], value) for name, value in begun.items())
    assert {name.partition(".")[0] for name in trained.keys() - begun.keys()} == {
        "spread",
        "familiarity",  # as it was made: it is fitted, not trained
    }
    config = json.loads((tmp_path / "run/model/config.json").read_text())
    assert config["options"]["uncertainty"] is True
    assert config["interval_factors"] == {}


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("crisp-uncertainty", [], "--init RUN"),
        ("compact", ["loss.0.name=laplace", "loss.0.space=target"], "set space: spread"),
        ("compact", ["loss.0.name=laplace", "loss.0.space=spread"], "uncertainty=true"),
        (
            "compact",
            [*CRISP, "model.options.uncertainty=true"],
            "would stay random; add the loss {name: lap",
        ),
        (
            "compact",
            [*CRISP, "model.options.validity=true"],
            "would stay random; add the loss {name: bin",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(name, settings, says, pairs, tmp_path):
    recipe = load_recipe(name, [*STAGE, "model.encoder_weights=none", *settings])
    with pytest.raises(LeadlineError, match=says) as caught:
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)


def test_a_head_of_the_start_that_no_loss_trains_stays_as_it_was(pairs, tmp_path):
    """Also for several processes, which wait for the gradient of every parameter that has one."""
    first = crisp(seed=5, light=True, uncertainty=True)
    first.save(tmp_path / "first")
    recipe = load_recipe(
        "compact",
        [*STAGE, *CRISP, f"model.init={tmp_path / 'first'}", "model.options.uncertainty=true",
         "model.options.light=true", "trainer.max_steps=1"],
    )  # fmt: skip
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    trained = load_model(tmp_path / "run/model").state_dict()
    for name, value in first.state_dict().items():
        if name.startswith("spread."):
            assert torch.equal(trained[name], value), name


@pytest.mark.parametrize(
    ("options", "lacking"),
    [({}, "upsampling"), ({"reach": [2, 4]}, "upsampling"), ({"reach": [2, 4, 7]}, None)],
)
def test_a_start_that_lacks_frozen_weights_is_refused(pairs, tmp_path, options, lacking):
    options = {**options, "light": True}
    crisp(seed=5, **options).save(tmp_path / "first")
    recipe = load_recipe("crisp-uncertainty", [*STAGE, f"model.init={tmp_path / 'first'}"])
    samples = open_data(pairs)
    if lacking is None:
        build_model(recipe, samples)
        return
    with pytest.raises(
        LeadlineError, match=rf"lacks {lacking}\.\S+,? .*they would stay random"
    ) as it:
        build_model(recipe, samples)
    assert f"model.options={options}" in str(it.value)


def test_a_random_encoder_that_is_frozen_is_refused(pairs, tmp_path):
    crisp(seed=5).save(tmp_path / "first")
    settings = [*STAGE, f"model.init={tmp_path / 'first'}", "model.encoder=resnet18"]
    settings += ["model.options={}", "optimizer.groups=[]"]
    weights = "model.encoder_weights=none"
    samples = open_data(pairs)
    build_model(load_recipe("crisp", [*settings, weights]), samples)
    frozen = load_recipe("crisp", [*settings, weights, "optimizer.encoder_lr=0"])
    with pytest.raises(LeadlineError, match=r"lacks encoder\.\S+, .* and \d+ more, which recipe"):
        build_model(frozen, samples)
