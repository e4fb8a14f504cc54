"""Losses of depth: functions of (prediction, truth, valid), masked, float32, returning one value.

Every loss is the mean over images of a per-image value over valid pixels, so that a batch split
over processes gives the same number; an image without a valid pixel contributes zero. A loss that
needs more of the batch takes it from its keyword `statistics` (see `batch_statistics`). All take
(B,1,H,W) tensors and a (B,1,H,W) bool mask, and never read the truth of a masked pixel, which may
be NaN. Value and gradient are finite for any mask. Losses of logarithms take metres: use them in
the space `depth`, or in `target` if the network regresses metres.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.training.losses.batch_statistics import WHOLE_BATCH, BatchStatistics

P = ParamSpec("P")

LOG_FLOOR = 1e-6
"""Lower limit in metres of predictions in logarithms."""


SPREAD_FLOOR = 1e-4
"""Lower limit of the predicted scale of uncertainty."""


def in_float32(
    loss: Callable[Concatenate[Tensor, Tensor, Tensor, P], Tensor],
) -> Callable[Concatenate[Tensor, Tensor, Tensor, P], Tensor]:
    """Compute a loss of half-precision tensors in float32."""

    @wraps(loss)
    def wide(
        prediction: Tensor, truth: Tensor, valid: Tensor, /, *args: P.args, **kwargs: P.kwargs
    ) -> Tensor:
        at_least = torch.promote_types(prediction.dtype, torch.float32)
        return loss(prediction.to(at_least), truth.to(at_least), valid, *args, **kwargs)

    return wide


def per_image_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return (B,) means of `values` over the valid pixels of each image; 0 if there are none."""
    counted = torch.where(valid, values, torch.zeros_like(values)).flatten(1).sum(1)
    return counted / valid.flatten(1).sum(1).clamp_min(1)


def masked_error(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return prediction - truth, 0 where masked; its gradient there is 0 even for a NaN truth."""
    return torch.where(valid, prediction - truth, torch.zeros_like(prediction))


def masked_log_error(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return ln(prediction) - ln(truth) of metres, 0 where masked."""
    one = torch.ones_like(truth)
    difference = prediction.clamp_min(LOG_FLOOR).log() - torch.where(valid, truth, one).log()
    return torch.where(valid, difference, torch.zeros_like(difference))


def safe_sqrt(x: Tensor) -> Tensor:
    """Return the square root of x >= 0, with gradient 0 at 0 instead of infinity."""
    positive = x > 0
    root = torch.where(positive, x, torch.ones_like(x)).sqrt()
    return torch.where(positive, root, torch.zeros_like(root))


@in_float32
def l1(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference."""
    return per_image_mean(masked_error(prediction, truth, valid).abs(), valid).mean()


@in_float32
def trimmed_l1(prediction: Tensor, truth: Tensor, valid: Tensor, trim: float = 0.2) -> Tensor:
    """Mean absolute difference of each image without its largest differences.

    `trim` is the share of the valid pixels that is left out, rounded down: where the truth itself
    is wrong (filled holes, edges beside those of the object) the errors are largest. As in MiDaS
    (Ranftl et al. 2020, section 5), for each image separately.
    """
    if not 0 <= trim < 1:
        raise LeadlineError(f"loss trimmed_l1: trim {trim}: expected a share from 0 to below 1")
    error = masked_error(prediction, truth, valid).abs()
    smallest_first = error.masked_fill(~valid, torch.inf).flatten(1).sort(dim=1).values
    count = valid.flatten(1).sum(dim=1, keepdim=True)
    place = torch.arange(smallest_first.shape[1], device=error.device)
    return per_image_mean(smallest_first, place < count - (trim * count).floor()).mean()


@in_float32
def l2(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean squared difference (no root)."""
    return per_image_mean(masked_error(prediction, truth, valid).square(), valid).mean()


@in_float32
def laplace(spread: Tensor, error: Tensor, valid: Tensor) -> Tensor:
    """Mean of |e|/b + ln b: the negative log-likelihood of a Laplace density, without ln 2.

    `spread` is its scale b > 0, and `error` the error e; minimal if b is the mean |e| (Kendall and
    Gal 2017, section 2.3, in its form for L1). In the space `spread` the error is that of
    ln(metres), and no gradient reaches the depth, so accuracy does not change.
    """
    known = masked_error(error, torch.zeros_like(error), valid).abs()
    scale = spread.clamp_min(SPREAD_FLOOR)
    return per_image_mean(known / scale + scale.log(), valid).mean()


@in_float32
def berhu(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    fraction: float = 0.2,
    statistics: BatchStatistics = WHOLE_BATCH,
) -> Tensor:
    """Reverse Huber: |e| up to c, (e^2 + c^2) / (2c) beyond it.

    c is `fraction` of the largest |e| over the valid pixels of the batch, without a gradient: Laina
    et al. 2016, equation 1, as in the authors' code. The whole batch shares one c, even if it is
    split.
    """
    error = masked_error(prediction, truth, valid).abs()
    threshold = fraction * statistics.maximum(error.amax())
    # Without any error, nothing is beyond the threshold, and division by it must be avoided.
    safe = torch.where(threshold > 0, threshold, torch.ones_like(threshold))
    beyond = (error.square() + safe**2) / (2 * safe)
    return per_image_mean(torch.where(error <= threshold, error, beyond), valid).mean()


@in_float32
def silog(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    variance_focus: float = 0.85,
    factor: float = 10.0,
) -> Tensor:
    """Scaled scale-invariant error of metres: factor * sqrt(mean d^2 - focus (mean d)^2).

    d is ln(prediction) - ln(truth). Source: BTS (Lee et al. 2019), section 3.4.
    """
    squares, mean = _log_moments(prediction, truth, valid)
    # Written as a variance plus a square, so that rounding cannot make it negative.
    inside = (squares - mean**2).clamp_min(0) + (1 - variance_focus) * mean**2
    return factor * safe_sqrt(inside).mean()


@in_float32
def scale_invariant(
    prediction: Tensor, truth: Tensor, valid: Tensor, balance: float = 0.5
) -> Tensor:
    """Return mean d^2 - balance (mean d)^2 of metres, without a root.

    d is ln(prediction) - ln(truth). Source: Eigen et al. 2014, equation 4.
    """
    squares, mean = _log_moments(prediction, truth, valid)
    return (squares - balance * mean**2).mean()


@in_float32
def rmse_log(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    over_batch: bool = False,
    statistics: BatchStatistics = WHOLE_BATCH,
) -> Tensor:
    """Root of the mean squared difference of ln(metres), per image.

    `over_batch` takes the root over all pixels of the batch instead: Sciuto, equation 1.
    """
    squares = masked_log_error(prediction, truth, valid).square()
    if over_batch:
        pixels = statistics.total(valid.sum().to(squares.dtype))
        return safe_sqrt(statistics.total(squares.sum()) / pixels.clamp_min(1))
    return safe_sqrt(per_image_mean(squares, valid)).mean()


@in_float32
def log1p(prediction: Tensor, truth: Tensor, valid: Tensor, eps: float = 1e-5) -> Tensor:
    """Mean of sqrt((ln(1 + prediction) - ln(1 + truth))^2 + eps) of metres, pixel by pixel.

    Sciuto's code computes this under the name of a logarithmic RMSE: the root is taken of each
    pixel separately. A prediction below zero counts as zero.
    """
    one = torch.ones_like(truth)
    difference = prediction.clamp_min(0).log1p() - torch.where(valid, truth, one).log1p()
    return per_image_mean((difference.square() + eps).sqrt(), valid).mean()


def _log_moments(prediction: Tensor, truth: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return (B,) means of d^2 and of d, where d is the difference of logarithms."""
    error = masked_log_error(prediction, truth, valid)
    return per_image_mean(error.square(), valid), per_image_mean(error, valid)


@in_float32
def gradient(prediction: Tensor, truth: Tensor, valid: Tensor, scales: int = 1) -> Tensor:
    """Mean absolute difference of forward differences, in x plus in y.

    Source: the edge term of DenseDepth (Alhashim and Wonka, 2018, eq. 3) for `scales=1`; more
    scales repeat it on every 2nd, 4th, ... pixel, as in MegaDepth (Li and Snavely, 2018).
    A difference counts if both of its pixels are valid. For logarithms (space `target` of a network
    that regresses them) the loss does not depend on the scale of either map.
    """
    total = prediction.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        mask = valid[..., ::step, ::step]
        error = masked_error(prediction[..., ::step, ::step], truth[..., ::step, ::step], mask)
        for axis in (-1, -2):
            if error.shape[axis] < 2:
                continue
            both = mask.narrow(axis, 1, mask.shape[axis] - 1) & mask.narrow(
                axis, 0, mask.shape[axis] - 1
            )
            total = total + per_image_mean(error.diff(dim=axis).abs(), both).mean()
    return total


@in_float32
def local_l1(
    prediction: Tensor, truth: Tensor, valid: Tensor, windows: Sequence[int] = (8, 16)
) -> Tensor:
    """Mean absolute difference after subtracting each square window's mean difference.

    Summed over the sizes `windows` (pixels, not overlapping; windows at the right and lower border
    may be smaller). It measures shapes and edges inside a window and ignores a shift of the whole
    window; for logarithms, a wrong scale. Unlike `gradient`, it decreases steadily from a missing
    edge through a blurred to a sharp one. After the hierarchical normalization of Zhang et al. 2022
    (with means only; they divide as well).
    """
    sizes = [int(size) for size in windows]
    if not sizes or min(sizes) < 2:
        raise LeadlineError(f"loss local_l1: windows {list(windows)}: expected sizes of 2 or more")
    error = masked_error(prediction, truth, valid)
    total = error.new_zeros(())
    for size in sizes:
        left = error - _window_means(error, valid, size)
        total = total + per_image_mean(left.abs(), valid).mean()
    return total


def _window_means(values: Tensor, valid: Tensor, size: int) -> Tensor:
    """Return at each pixel the mean of the valid `values` in its window, 0 if there are none."""
    height, width = values.shape[-2:]
    border = (0, -width % size, 0, -height % size)
    sums = functional.avg_pool2d(functional.pad(values, border), size)
    shares = functional.avg_pool2d(functional.pad(valid.to(values.dtype), border), size)
    means = torch.where(shares > 0, sums / shares.clamp_min(1 / size**2), torch.zeros_like(sums))
    return functional.interpolate(means, scale_factor=size)[..., :height, :width]


@in_float32
def ssim(
    prediction: Tensor, truth: Tensor, valid: Tensor, data_range: float, window: int = 11
) -> Tensor:
    """Structural dissimilarity (1 - SSIM) / 2 in 0..1, over windows that are completely valid.

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
