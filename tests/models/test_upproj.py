"""The up-projection equals its definition: unpooling and a 5x5 convolution."""

import copy

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.models.upproj import PHASES, UpConvolution, UpProjection


class UnpoolAndConvolve(torch.nn.Module):
    """The definition: every value at the top left of a 2x2 cell of zeros, then a 5x5 kernel."""

    def __init__(self, kernel: torch.Tensor):
        super().__init__()
        self.kernel = kernel

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        unpooled = torch.zeros(batch, channels, 2 * height, 2 * width)
        unpooled[..., ::2, ::2] = x
        return torch.nn.functional.conv2d(unpooled, self.kernel, padding=2)


def with_kernel(up: UpConvolution, kernel: torch.Tensor) -> UpConvolution:
    """Put the four phases of a 5x5 kernel (outputs,inputs,5,5) into a convolution."""
    for conv, (row, column) in zip(up.convs, PHASES, strict=True):
        conv.weight.data.copy_(kernel[:, :, row::2, column::2])
    return up


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (1, 6), (8, 2)], ids=str)
@torch.no_grad()
def test_the_convolution_equals_its_definition(size):
    kernel = rand(4, 6, 5, 5)
    up = with_kernel(UpConvolution(6, 4), kernel)
    x = rand(2, 6, *size)
    assert up(x).shape == (2, 4, 2 * size[0], 2 * size[1])
    assert (UnpoolAndConvolve(kernel)(x) - up(x)).abs().max() < 1e-4


def test_it_has_the_weights_of_two_5x5_and_one_3x3_convolution():
    block = UpProjection(8, 4)
    kernels = sum(p.numel() for name, p in block.named_parameters() if "norm" not in name)
    assert kernels == 2 * 25 * 8 * 4 + 9 * 4 * 4
    assert sorted(tuple(c.kernel_size) for c in block.up.convs) == [(2, 2), (2, 3), (3, 2), (3, 3)]


@pytest.mark.parametrize("training", [False, True])
@torch.no_grad()
def test_the_block_equals_its_definition(training):
    block = UpProjection(8, 4).train(training)
    for module in block.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.normal_()
            module.bias.normal_()
    defined = copy.deepcopy(block)
    for name, seed in (("up", 1), ("shortcut", 2)):
        kernel = rand(4, 8, 5, 5) * seed
        with_kernel(getattr(block, name), kernel)
        setattr(defined, name, UnpoolAndConvolve(kernel))
    x = rand(2, 8, 5, 6)
    assert (defined(x) - block(x)).abs().max() < 1e-4


@torch.no_grad()
def test_the_published_padding_shifts_the_odd_phases_by_a_pixel():
    kernel = rand(4, 6, 5, 5)
    exact = with_kernel(UpConvolution(6, 4), kernel)
    published = with_kernel(UpConvolution(6, 4, padding="published"), kernel)
    x = rand(1, 6, 6, 6)
    a, b = exact(x), published(x)
    torch.testing.assert_close(a[..., ::2, ::2], b[..., ::2, ::2])
    # An odd row of the published layout reads the cells one above those of the exact one.
    torch.testing.assert_close(a[..., 1:-2:2, ::2], b[..., 3::2, ::2])
    assert (a - b).abs().max() > 0.1


def test_an_unknown_padding_names_the_known_ones():
    with pytest.raises(LeadlineError, match="exact, published"):
        UpConvolution(4, 2, padding="same")
