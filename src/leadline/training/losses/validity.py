"""The loss for whether there is a depth at all."""

import torch
from torch import Tensor
from torch.nn import functional

from leadline.training.losses.depth import in_float32, per_image_mean


@in_float32
def binary_cross_entropy(logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean negative log-likelihood of `truth`: ln(1 + exp(-x)) for a logit x if 1, of -x if 0.

    `logits`, `truth` (0 or 1) and the bool mask `valid` are (B,1,H,W); averaged over each image,
    then over images. In the space `validity`, truth is whether a pixel has a depth within the range
    of the data.
    """
    known = torch.where(valid, truth, torch.zeros_like(truth))
    losses = functional.binary_cross_entropy_with_logits(logits, known, reduction="none")
    return per_image_mean(losses, valid).mean()
