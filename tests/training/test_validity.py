"""A head that says where there is a depth at all: its loss, and what it learns."""

import math

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.export.export_model import RELATIVE_TOLERANCE, _tolerance
from leadline.models.build import create_model
from leadline.models.config import ModelConfig
from leadline.training.losses.composite import make_loss
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter


def crisp(**options):
    return create_model(ModelConfig("crisp", options, stride=16, training_area=1536), 0)


def test_the_loss_is_the_cross_entropy_of_what_has_a_depth():
    recipe = load_recipe("crisp-street", ["loss=[{name: binary_cross_entropy, space: validity}]"])
    logits = torch.tensor([[[[1.0, -2.0], [0.5, 3.0]]]], requires_grad=True)
    depth = torch.ones(1, 1, 2, 2)
    outputs = {"target": depth.log(), "depth": depth, "validity_logits": logits}
    valid = torch.tensor([[[[True, False], [False, True]]]])
    truth = torch.where(valid, depth, torch.nan)
    value = make_loss(recipe, crisp(validity=True))(outputs, {"depth": truth, "valid": valid})
    shares = 1 / (1 + np.exp(-logits.detach().numpy().ravel()))
    expected = -np.mean(np.log([shares[0], 1 - shares[1], 1 - shares[2], shares[3]]))
    assert value.item() == pytest.approx(expected, rel=1e-6)
    value.backward()
    slopes = (shares - valid.numpy().ravel()) / 4
    np.testing.assert_allclose(logits.grad.numpy().ravel(), slopes, rtol=1e-5)


def test_an_untrained_head_sees_depth_everywhere_and_moves_nothing():
    plain, stating = crisp().eval(), crisp(validity=True).eval()
    images = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        before, after = plain(images), stating(images)
    assert torch.equal(before["depth"], after["depth"])
    assert "validity" not in before
    assert after["validity"].shape == (1, 1, 16, 24)
    assert after["validity"].min().item() > 0.5


def test_a_network_learns_which_half_of_a_picture_has_no_depth():
    torch.manual_seed(0)
    model = crisp(validity=True, uncertainty=True)
    loss = make_loss(load_recipe("crisp-street"), model)
    image = torch.rand(2, 3, 32, 48) * 0.2
    image[:, 2, :16] += 0.7  # a blue sky
    valid = torch.zeros(2, 1, 32, 48, dtype=torch.bool)
    valid[:, :, 16:] = True
    batch = {"depth": torch.where(valid, 5.0, torch.nan), "valid": valid}
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        loss(model(image), batch).backward()
        optimizer.step()
    with torch.no_grad():
        validity = model.eval()(image)["validity"]
    assert (validity[:, :, :6] < 0.5).float().mean().item() > 0.95
    assert (validity[:, :, 10:] > 0.5).float().mean().item() > 0.95


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("compact", ["loss.0.name=binary_cross_entropy"], "set space: validity"),
        ("compact", ["loss=[{name: binary_cross_entropy, space: validity}]"], "validity=true"),
    ],
)
def test_what_cannot_be_meant_is_one_line(name, settings, says, pairs, tmp_path):
    quick = [text for text in QUICK if not text.startswith("model.")]
    recipe = load_recipe(name, [*quick, "model.encoder_weights=none", *settings])
    with pytest.raises(LeadlineError, match=says) as caught:
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("farthest", "expected"), [(10.0, 1e-3), (200.0, 0.02)])
def test_what_an_export_may_differ_by_grows_with_the_farthest_depth(farthest, expected, tmp_path):
    config = ModelConfig("crisp", {"validity": True}, max_depth=farthest)
    create_model(config, 0).save(tmp_path)
    assert math.isclose(_tolerance(tmp_path, None), expected)
    assert _tolerance(tmp_path, 1e-6) == 1e-6
    assert RELATIVE_TOLERANCE * farthest <= expected
    (tmp_path / "config.json").write_text('{"max_depth": null}')  # whoever loads it complains
    assert _tolerance(tmp_path, None) == 1e-3
