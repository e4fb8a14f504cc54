"""Novelty: how unlike the training pictures a picture is, from features that are computed anyway.

The mean of the deepest features over a picture is compared with those of the training pictures. The
measure is the distance in units of their scatter, along the directions of largest scatter (Lee et
al. 2018, with the Mahalanobis distance reduced to the principal components of the features). It is
scaled so that one in twenty pictures like the training pictures exceeds 1.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.errors import LeadlineError

DIRECTIONS = 64
"""Number of principal components of the training pictures' features that are used."""

ALARMS = 0.05
"""Share of pictures like the training pictures with a novelty above 1."""

TINY = 1e-6


class NoveltyHead(nn.Module):
    """Novelty of pictures from a feature map; 0 for all pictures before `fit_novelty_head`."""

    mean: Tensor
    axes: Tensor

    def __init__(self, channels: int, directions: int = DIRECTIONS):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("axes", torch.zeros(directions, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return (B,1,1,1) for features (B,C,h,w); at most 1 for pictures like the training's."""
        centred = features.float().mean(dim=(2, 3)) - self.mean
        distances = centred @ self.axes.T
        return distances.square().sum(dim=1).sqrt()[:, None, None, None]


def fit_novelty_head(
    head: NoveltyHead, training: NDArray[np.floating], held_out: NDArray[np.floating]
) -> None:
    """Fit `head` to means of features over pictures, (N,C) and (M,C).

    `training` gives the directions and the scatter along them; `held_out`, similar pictures that
    were not trained on, gives the scale. Errors: LeadlineError for too few pictures.
    """
    directions = len(head.axes)
    if len(training) <= directions or len(held_out) < 1 / ALARMS:
        raise LeadlineError(
            f"novelty cannot be fitted on {len(training)} training and {len(held_out)} held-out "
            f"pictures: expected more than {directions} and at least {round(1 / ALARMS)}"
        )
    mean = training.mean(axis=0, dtype=np.float64)
    scatter = training.std(axis=0, dtype=np.float64) + TINY
    _, sizes, components = np.linalg.svd((training - mean) / scatter, full_matrices=False)
    deviations = np.maximum(sizes[:directions, None] / np.sqrt(len(training)), TINY)
    axes = components[:directions] / deviations / scatter
    distances = np.sqrt(np.square((held_out - mean) @ axes.T).sum(axis=1))
    axes /= np.quantile(distances, 1 - ALARMS)
    with torch.no_grad():
        head.mean.copy_(torch.from_numpy(mean))
        head.axes.copy_(torch.from_numpy(axes))
