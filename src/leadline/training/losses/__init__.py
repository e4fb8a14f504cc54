"""The losses that a recipe can name. A new loss is a function here or in a file of its own.

All are functions of (prediction, truth, valid, **options) -> one float32 value; see `depth` and
`semantic` for the shapes, `composite` for their weighted sum in a recipe.
"""

from collections.abc import Callable

from torch import Tensor

from leadline.training.losses.depth import (
    berhu,
    gradient,
    l1,
    l2,
    laplace,
    local_l1,
    log1p,
    rmse_log,
    scale_invariant,
    silog,
    ssim,
    trimmed_l1,
)
from leadline.training.losses.semantic import boundary_cross_entropy, cross_entropy
from leadline.training.losses.validity import binary_cross_entropy

LOSSES: dict[str, Callable[..., Tensor]] = {
    "l1": l1,
    "trimmed_l1": trimmed_l1,
    "l2": l2,
    "laplace": laplace,
    "berhu": berhu,
    "silog": silog,
    "scale_invariant": scale_invariant,
    "rmse_log": rmse_log,
    "log1p": log1p,
    "gradient": gradient,
    "local_l1": local_l1,
    "ssim": ssim,
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
    "boundary_cross_entropy": boundary_cross_entropy,
}
"""Every loss by the name a recipe uses."""
