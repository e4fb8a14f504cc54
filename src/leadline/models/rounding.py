"""Round weights to bfloat16 in the model, so that it gives the same metres in that precision.

A processor that computes in bfloat16 rounds each weight to eight significant bits. In a depthwise
layer only nine weights meet in a sum, so that their errors do not average out: channels are off by
a constant, and with them the depth of whole pictures (Nagel et al. 2019, Data-Free Quantization,
section 3.2). Here the weights are rounded once, in the model, and the constants are corrected.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel


@torch.no_grad()
def round_weights(model: DepthModel, images: Tensor) -> int:
    """Round the convolutions of `model` before a BatchNorm, in place; return their number.

    The factor of the BatchNorm is first folded into the weights, as runtimes do, and becomes 1.
    Then each channel's offset is corrected, from the first layer on, so that its mean over `images`
    (B,3,H,W), RGB in [0,1], does not change. Finally the output layer, if the model has one
    (`scale_metres`), is corrected to keep the mean of ln(metres), since layers without a BatchNorm
    pass on more than means.
    Errors: LeadlineError if the model is not in evaluation mode.
    """
    if model.training:
        raise LeadlineError("rounding weights needs a model in evaluation mode; call eval() first")
    pairs = list(folded_pairs(model))
    means: dict[nn.BatchNorm2d, Tensor] = {}

    def record(norm: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        means[norm] = output.mean(dim=(0, 2, 3))

    def correct(norm: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
        assert isinstance(norm, nn.BatchNorm2d)
        lost = means[norm] - output.mean(dim=(0, 2, 3))
        norm.bias.add_(lost)
        return output + lost[:, None, None]

    before = run_with_hooks(model, images, [norm for _, norm in pairs], record)
    for convolution, norm in pairs:
        fold_and_round(convolution, norm)
    after = run_with_hooks(model, images, [norm for _, norm in pairs], correct)
    model.scale_metres(math.exp(before - after))
    return len(pairs)


def folded_pairs(model: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Yield each convolution without a bias and the BatchNorm that follows it in a Sequential."""
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            for first, second in pairwise(module):
                if (
                    isinstance(first, nn.Conv2d)
                    and first.bias is None
                    and isinstance(second, nn.BatchNorm2d)
                    and second.running_var is not None
                ):
                    yield first, second


def fold_and_round(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Fold the factor of `norm` into the weights of `convolution`, and round them.

    The statistics are scaled too, so that training can continue.
    """
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = convolution.weight * factor[:, None, None, None]
    convolution.weight.copy_(weight.bfloat16().float())
    norm.running_mean *= factor
    norm.running_var *= factor.square()
    norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))


def run_with_hooks(
    model: DepthModel,
    images: Tensor,
    norms: list[nn.BatchNorm2d],
    hook: Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None],
) -> float:
    """Run `model` on `images` with `hook` after each of `norms`; return the mean ln(metres)."""
    handles = [norm.register_forward_hook(hook) for norm in norms]
    try:
        return float(model(images)["depth"].log().mean())
    finally:
        for handle in handles:
            handle.remove()
