"""Rounded once, in the model: bfloat16 then holds every weight, and no channel's mean has moved."""

import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.blocks import conv_bn_relu
from leadline.models.config import ModelConfig
from leadline.models.rounding import round_weights

torch.set_num_threads(1)


class Depthwise(DepthModel):
    """Depth behind a depthwise and a plain layer, with the statistics of a trained network."""

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        torch.manual_seed(5)
        self.body = nn.Sequential(
            nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False),
            nn.BatchNorm2d(3),
            nn.ReLU6(),
            *conv_bn_relu(3, 8),
        )
        self.head = nn.Conv2d(8, 1, 1)
        for norm in (self.body[1], self.body[4]):
            nn.init.uniform_(norm.weight, -2, 2)
            nn.init.normal_(norm.bias)
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.1, 3)

    def network(self, images):
        return {"target": self.head(self.body(images))}


@pytest.fixture
def model() -> DepthModel:
    return Depthwise(ModelConfig("depthwise", normalization="unit")).eval()


def channel_means(model, images):
    """The means of both BatchNorms' channels."""
    with torch.no_grad():
        first = model.body[:2](images)
        return first.mean(dim=(0, 2, 3)), model.body[2:5](first).mean(dim=(0, 2, 3))


def test_weights_are_those_of_bfloat16_and_means_stay(model):
    images = torch.rand(4, 3, 32, 32)
    effective = [
        convolution.weight
        * (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None, None]
        for convolution, norm in ((model.body[0], model.body[1]), (model.body[3], model.body[4]))
    ]
    before = channel_means(model, images)
    assert round_weights(model, images) == 2
    for wanted, convolution, norm in zip(
        effective, model.body[0:4:3], model.body[1:5:3], strict=True
    ):
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        torch.testing.assert_close(factor, torch.ones_like(factor), rtol=3e-7, atol=0)
        assert torch.equal(convolution.weight, convolution.weight.bfloat16().float())
        # Eight significant bits: at most half of 2**-7 off.
        torch.testing.assert_close(convolution.weight, wanted, rtol=2**-8, atol=0)
    for mean, wanted in zip(channel_means(model, images), before, strict=True):
        torch.testing.assert_close(mean, wanted, rtol=0, atol=2e-6)


def test_without_the_correction_means_move(model):
    """What is corrected is there: rounding alone moves them far more than the bound above."""
    images = torch.rand(4, 3, 32, 32)
    before = channel_means(model, images)
    with torch.no_grad():
        for convolution in (model.body[0], model.body[3]):
            convolution.weight.copy_(convolution.weight.bfloat16().float())
    moved = [(a - b).abs().max() for a, b in zip(channel_means(model, images), before, strict=True)]
    assert min(moved) > 2e-4


def test_a_training_model_is_refused(model):
    with pytest.raises(LeadlineError, match="eval"):
        round_weights(model.train(), torch.rand(1, 3, 32, 32))


def test_the_mean_of_ln_metres_stays_whatever_the_layers_without_a_batchnorm_do(model):
    torch.manual_seed(1)
    model.head = nn.Sequential(nn.Sigmoid(), nn.Conv2d(8, 1, 1))  # bends what passes
    model.output_layer = lambda: model.head[1]
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        before = model(images)["depth"].log().mean()
        round_weights(model, images)
        after = model(images)["depth"].log().mean()
    assert after.item() == pytest.approx(before.item(), abs=1e-6)
