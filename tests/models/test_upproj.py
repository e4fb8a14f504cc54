"""The fast up-projection is the slow one, computed from four small kernels."""

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.models.upproj import (
    FastUpConvolution,
    FastUpProjection,
    SlowUpConvolution,
    SlowUpProjection,
)


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (1, 6), (8, 2)], ids=str)
@torch.no_grad()
def test_fast_convolution_equals_slow_with_the_same_kernel(size):
    slow = SlowUpConvolution(6, 4)
    fast = FastUpConvolution.from_kernel(slow.conv.weight)
    x = rand(2, 6, *size)
    assert fast(x).shape == (2, 4, 2 * size[0], 2 * size[1])
    assert (slow(x) - fast(x)).abs().max() < 1e-5


@torch.no_grad()
def test_slow_convolution_is_unpooling_and_a_5x5_kernel():
    slow = SlowUpConvolution(3, 2)
    x = rand(1, 3, 4, 5)
    unpooled = torch.zeros(1, 3, 8, 10)
    unpooled[..., ::2, ::2] = x
    expected = torch.nn.functional.conv2d(unpooled, slow.conv.weight, padding=2)
    torch.testing.assert_close(slow(x), expected)


def test_both_have_the_same_number_of_weights():
    slow, fast = SlowUpProjection(8, 4), FastUpProjection(8, 4)
    count = [sum(p.numel() for p in block.parameters()) for block in (slow, fast)]
    assert count[0] == count[1]
    assert sorted(tuple(c.kernel_size) for c in fast.up.convs) == [(2, 2), (2, 3), (3, 2), (3, 3)]


@pytest.mark.parametrize("training", [False, True])
@torch.no_grad()
def test_fast_block_equals_slow_block_with_its_weights(training):
    slow = SlowUpProjection(8, 4).train(training)
    for module in slow.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.normal_()
            module.bias.normal_()
    fast = FastUpProjection.from_slow(slow)
    x = rand(2, 8, 5, 6)
    assert (slow(x) - fast(x)).abs().max() < 1e-5


@torch.no_grad()
def test_the_published_padding_shifts_the_odd_phases_by_a_pixel():
    kernel = rand(4, 6, 5, 5)
    exact = FastUpConvolution.from_kernel(kernel)
    published = FastUpConvolution.from_kernel(kernel, padding="published")
    x = rand(1, 6, 6, 6)
    a, b = exact(x), published(x)
    torch.testing.assert_close(a[..., ::2, ::2], b[..., ::2, ::2])
    # An odd row of the published layout reads the cells one above those of the exact one.
    torch.testing.assert_close(a[..., 1:-2:2, ::2], b[..., 3::2, ::2])
    assert (a - b).abs().max() > 0.1


def test_an_unknown_padding_names_the_known_ones():
    with pytest.raises(LeadlineError, match="exact, published"):
        FastUpConvolution(4, 2, padding="same")
