"""Fit the novelty of a trained network, from pictures alone; no depth is needed."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.novelty import NoveltyHead, fit_novelty_head
from leadline.models.pipeline import InferencePipeline


def fit_novelty(
    model: DepthModel,
    training: Iterable[NDArray[np.uint8]],
    held_out: Iterable[NDArray[np.uint8]],
) -> None:
    """Fit the novelty of `model` to pictures (H,W,3) uint8 RGB of any sizes.

    `training` are pictures that the network was trained on, `held_out` similar ones that it was
    not: one in twenty of them will have a novelty above 1. Errors: LeadlineError if `model` has no
    novelty head, or for too few pictures.
    """
    head = novelty_head(model)
    fit_novelty_head(
        head,
        np.stack([picture_means(model, picture) for picture in training]),
        np.stack([picture_means(model, picture) for picture in held_out]),
    )


def novelty_head(model: DepthModel) -> NoveltyHead:
    """Return the novelty head of `model`. Errors: LeadlineError if there is none."""
    head = model.heads().get("novelty")
    if not isinstance(head, NoveltyHead):
        raise LeadlineError(
            f"{model.config.architecture} states no novelty; train crisp with "
            "model.options.novelty=true"
        )
    return head


@torch.no_grad()
def picture_means(model: DepthModel, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (C,), the means over one picture (H,W,3) of the features used for novelty."""
    images = InferencePipeline(model).resize(torch.from_numpy(np.array(picture))[None])
    features = model.novelty_features(model.normalize(images))
    means: NDArray[np.float32] = features.float().mean(dim=(2, 3))[0].numpy()
    return means
