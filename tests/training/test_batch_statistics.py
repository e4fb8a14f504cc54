"""A batch in parts gives the loss and the gradient of the whole batch."""

import pytest
import torch

from leadline.training.losses import LOSSES
from leadline.training.losses.batch_statistics import (
    CollectStatistics,
    GlobalStatistics,
    combine_statistics,
)

COUPLED = {"berhu": {}, "rmse_log": {"over_batch": True}}


def images(seed=0):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand((5, 1, 6, 8), generator=generator, dtype=torch.float64) + 0.5
    truth = torch.rand((5, 1, 6, 8), generator=generator, dtype=torch.float64) * 4 + 0.5
    valid = torch.rand((5, 1, 6, 8), generator=generator) > 0.3
    valid[3] = False
    return prediction, truth, valid


def in_parts(loss, sizes, options):
    """The loss of `images` and its gradient, computed in parts of these sizes."""
    prediction, truth, valid = images()
    prediction.requires_grad_(True)
    cut = list(zip(*(x.split(sizes) for x in (prediction, truth, valid)), strict=True))
    collected = []
    for part in cut:
        collected.append(CollectStatistics())
        with torch.no_grad():
            loss(*part, statistics=collected[-1], **options)
    whole_batch = combine_statistics(collected, torch.clone, torch.clone)
    total = torch.zeros((), dtype=torch.float64)
    for part in cut:
        share = len(part[0]) / len(prediction)
        contribution = share * loss(
            *part, statistics=GlobalStatistics(share, *whole_batch), **options
        )
        contribution.backward()
        total += contribution.detach()
    return total, prediction.grad


@pytest.mark.parametrize("name", COUPLED)
@pytest.mark.parametrize("sizes", [[5], [3, 2], [1, 1, 1, 1, 1]])
def test_a_loss_over_the_whole_batch_does_not_notice_the_cuts(name, sizes):
    loss, options = LOSSES[name], COUPLED[name]
    prediction, truth, valid = images()
    prediction.requires_grad_(True)
    whole = loss(prediction, truth, valid, **options)
    whole.backward()
    total, gradient = in_parts(loss, sizes, options)
    torch.testing.assert_close(total, whole.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, prediction.grad, rtol=1e-5, atol=1e-9)


def test_without_the_others_the_parts_would_not_add_up():
    loss, options = LOSSES["rmse_log"], COUPLED["rmse_log"]
    prediction, truth, valid = images()
    whole = loss(prediction, truth, valid, **options)
    alone = sum(
        len(p) / 5 * loss(p, t, v, **options)
        for p, t, v in zip(*(x.split([3, 2]) for x in (prediction, truth, valid)), strict=True)
    )
    assert abs(float(alone - whole)) > 1e-3


def test_a_part_without_an_image_that_counts_has_no_gradient():
    prediction, truth, valid = images()
    prediction.requires_grad_(True)
    part = GlobalStatistics(0.0, [torch.tensor(1.0)], [torch.tensor(3.0), torch.tensor(2.0)])
    loss = LOSSES["rmse_log"](prediction, truth, valid, over_batch=True, statistics=part)
    (0.0 * loss).backward()
    assert float(prediction.grad.abs().max()) == pytest.approx(0)
