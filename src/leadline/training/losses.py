"""Losses: each one function of (prediction, truth, valid), masked, float32, one value.

Every loss is the mean over the images of a per-image mean over valid pixels, so that a batch
split over processes gives the same number; an image without a valid pixel contributes zero.
All take (B,1,H,W) tensors and a (B,1,H,W) bool mask, and never read a masked pixel's truth.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[..., Tensor]


def per_image_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return (B,) means of `values` over the valid pixels of each image; 0 where there is none."""
    counted = torch.where(valid, values, torch.zeros_like(values)).flatten(1).sum(1)
    return counted / valid.flatten(1).sum(1).clamp_min(1)


def l1(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference."""
    return per_image_mean((prediction - truth).abs(), valid).mean()


def l2(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean squared difference (no root)."""
    return per_image_mean((prediction - truth).square(), valid).mean()


def gradient(prediction: Tensor, truth: Tensor, valid: Tensor, scales: int = 1) -> Tensor:
    """Mean absolute difference of forward differences, in x plus in y.

    Source: the edge term of DenseDepth (Alhashim and Wonka, 2018, eq. 3) for `scales=1`; more
    scales repeat it on every 2nd, 4th, ... pixel, as in MegaDepth (Li and Snavely, 2018).
    A difference counts where both of its pixels are valid.
    """
    total = prediction.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        error = (prediction - truth)[..., ::step, ::step]
        mask = valid[..., ::step, ::step]
        for axis in (-1, -2):
            if error.shape[axis] < 2:
                continue
            # torch.where first: the truth under the mask may be anything, also NaN.
            clean = torch.where(mask, error, torch.zeros_like(error))
            both = mask.narrow(axis, 1, mask.shape[axis] - 1) & mask.narrow(
                axis, 0, mask.shape[axis] - 1
            )
            total = total + per_image_mean(clean.diff(dim=axis).abs(), both).mean()
    return total


def ssim(
    prediction: Tensor, truth: Tensor, valid: Tensor, data_range: float, window: int = 11
) -> Tensor:
    """Structural dissimilarity (1 - SSIM) / 2 in 0..1, over windows that are valid throughout.

    Gaussian window, sigma 1.5, k1 = 0.01, k2 = 0.03, no border padding: Wang et al. 2004 as in
    `tf.image.ssim`, which DenseDepth trains with at a `data_range` of max_depth/min_depth.
    Images smaller than the window use the largest odd window that fits.
    """
    size = min(window, *prediction.shape[-2:])
    size -= 1 - size % 2
    kernel = _gaussian(size, 1.5, prediction)
    zero = torch.zeros_like(prediction)
    p, g = torch.where(valid, prediction, zero), torch.where(valid, truth, zero)

    def blur(x: Tensor) -> Tensor:
        return functional.conv2d(functional.conv2d(x, kernel), kernel.transpose(-1, -2))

    mean_p, mean_g = blur(p), blur(g)
    variance_p = blur(p * p) - mean_p**2
    variance_g = blur(g * g) - mean_g**2
    covariance = blur(p * g) - mean_p * mean_g
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similarity = ((2 * mean_p * mean_g + c1) * (2 * covariance + c2)) / (
        (mean_p**2 + mean_g**2 + c1) * (variance_p + variance_g + c2)
    )
    whole = functional.avg_pool2d(valid.to(p.dtype), size, stride=1) > 1 - 0.5 / size**2
    return per_image_mean(((1 - similarity) / 2).clamp(0, 1), whole).mean()


def _gaussian(size: int, sigma: float, like: Tensor) -> Tensor:
    offsets = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return (weights / weights.sum()).view(1, 1, 1, size)


LOSSES: dict[str, Loss] = {"l1": l1, "l2": l2, "gradient": gradient, "ssim": ssim}
"""Every loss by the name a recipe uses."""
