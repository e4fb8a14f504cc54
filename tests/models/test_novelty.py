"""Novelty: a Mahalanobis distance in the unit of the held-out pictures, the same in every form."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from leadline.errors import LeadlineError
from leadline.models import DepthModel, ModelConfig, create_model
from leadline.models.novelty import ALARMS, NoveltyHead, fit_novelty_head
from leadline.models.pipeline import InferencePipeline
from leadline.training.novelty import fit_novelty, novelty_head

CHANNELS = 5


def means(count, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(CHANNELS, CHANNELS))
    return (shift + rng.normal(size=(count, CHANNELS)) @ mixing).astype(np.float32)


def novelty(module, values):
    return module(torch.from_numpy(values)[:, :, None, None]).flatten().numpy()


def test_with_all_directions_it_is_the_mahalanobis_distance_in_the_held_out_pictures_unit():
    training, held_out = means(400), means(100, seed=1)
    module = NoveltyHead(CHANNELS, directions=CHANNELS)
    fit_novelty_head(module, training, held_out)
    inverse = np.linalg.inv(np.cov(training.astype(np.float64), rowvar=False, bias=True))
    centre = training.mean(axis=0)
    unit = np.quantile([mahalanobis(each, centre, inverse) for each in held_out], 1 - ALARMS)
    others = means(20, seed=2, shift=1.0)
    expected = [mahalanobis(each, centre, inverse) / unit for each in others]
    np.testing.assert_allclose(novelty(module, others), expected, rtol=1e-3)


def test_one_in_twenty_held_out_pictures_is_called_unfamiliar_and_far_ones_are():
    module = NoveltyHead(CHANNELS, directions=3)
    fit_novelty_head(module, means(400), means(100, seed=1))
    assert (novelty(module, means(100, seed=1)) > 1).sum() == 5
    assert (novelty(module, means(50, seed=3, shift=40.0)) > 1).all()


def test_it_is_the_mean_over_the_picture_and_0_before_it_is_fitted():
    module = NoveltyHead(CHANNELS, directions=3)
    values = means(4)
    assert not novelty(module, values).any()
    fit_novelty_head(module, means(400), means(100, seed=1))
    spread = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2) + torch.from_numpy(values)[:, :, None, None]
    np.testing.assert_allclose(module(spread).flatten(), novelty(module, values), rtol=1e-5)


def test_too_few_pictures_are_refused():
    for training, held_out in ((3, 100), (400, 19)):
        with pytest.raises(LeadlineError, match="novelty cannot be fitted"):
            fit_novelty_head(NoveltyHead(CHANNELS, 3), means(training), means(held_out, seed=1))


def small_model(**options):
    config = ModelConfig("crisp", options=options, stride=16, training_area=64 * 96)
    return create_model(config).eval()


def test_pictures_like_the_training_pictures_are_familiar_and_noise_is_not():
    rng = np.random.default_rng(0)

    def ramps(count):
        for slope in rng.uniform(0.2, 0.4, count):
            row = 90 + slope * np.arange(96)[None, :, None] * np.ones((64, 1, 3))
            yield (row + rng.normal(0, 2, row.shape)).clip(0, 255).astype(np.uint8)

    model = small_model(novelty=True)
    novelty_head(model).axes = torch.zeros(4, len(novelty_head(model).mean))
    fit_novelty(model, ramps(24), ramps(20))
    pipeline = InferencePipeline(model)
    noise = rng.integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    ramp = np.stack(list(ramps(6)))
    with torch.no_grad():
        assert pipeline(torch.from_numpy(noise))["novelty"] > 2
        assert pipeline(torch.from_numpy(ramp))["novelty"].median() < 1


def test_a_model_without_it_is_told_how():
    with pytest.raises(LeadlineError, match=r"novelty=true"):
        novelty_head(small_model())
    with pytest.raises(LeadlineError, match="crisp states no novelty") as caught:
        DepthModel.novelty_features(small_model(), torch.rand(1, 3, 64, 96))
    assert "\n" not in str(caught.value)


def test_a_network_says_which_heads_it_has():
    assert small_model().heads() == {}
    model = small_model(uncertainty=True, validity=True)
    assert model.heads() == {"uncertainty": model.spread, "validity": model.validity}
