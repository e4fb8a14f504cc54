"""The loss of a run: the terms of its recipe, each in its space, weighted and added."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from leadline.errors import LeadlineError, nearest
from leadline.models.base import DepthModel
from leadline.models.options import check_options
from leadline.models.spaces import masked_area_mean
from leadline.training.losses import LOSSES
from leadline.training.losses.batch_statistics import WHOLE_BATCH, BatchStatistics
from leadline.training.recipe import LossTerm, Recipe

RecipeLoss = Callable[..., Tensor]
"""Of (outputs, batch[, statistics]): `statistics` are those of the whole batch."""


def make_loss(recipe: Recipe, model: DepthModel) -> RecipeLoss:
    """Return the recipe's weighted loss of (outputs, batch[, statistics]), in float32.

    `outputs` are the model's, `batch` holds depth (B,1,H,W) metres, valid (B,1,H,W) bool and, for
    class terms, labels (B,H,W). Of a mixture it also holds `part` (B,): images of sets that a term
    does not name have no valid pixel in it, and so add nothing to its mean.
    Errors: LeadlineError for a loss or an option that does not exist.
    """
    for number, term in enumerate(recipe.loss):
        _check_term(term, number)
    names = [each.name for each in recipe.data.mix]

    def loss(
        outputs: dict[str, Tensor],
        batch: dict[str, Tensor],
        statistics: BatchStatistics = WHOLE_BATCH,
    ) -> Tensor:
        prediction = outputs["target"].float()
        height, width = prediction.shape[-2:]
        depth, valid = masked_area_mean(batch["depth"], batch["valid"], (height, width))
        spaces = {
            "target": (prediction, model.space.encode(depth), valid),
            "depth": (outputs["depth"].float(), depth, valid),
        }
        if "logits" in outputs and "labels" in batch:
            labels = batch["labels"]
            spaces["labels"] = (outputs["logits"].float(), labels, labels >= 0)
        total = prediction.new_zeros(())
        for term in recipe.loss:
            if term.space not in spaces:
                raise LeadlineError(
                    f"loss {term.name} compares class labels: the data needs label images and the "
                    "network class scores (ds-net has them)"
                )
            options: dict[str, Any] = dict(term.options)
            if _uses_batch_statistics(term):
                options["statistics"] = statistics
            predicted, truth, counted = spaces[term.space]
            if term.sets:
                counted = counted & _members(term, names, batch["part"], counted)
            value = LOSSES[term.name](predicted, truth, counted, **options)
            total = total + term.weight * value
        return total

    return loss


def _members(term: LossTerm, names: Sequence[str], part: Tensor, like: Tensor) -> Tensor:
    """Return which images are of the sets that a term names, (B,1,...) to go with `like`."""
    wanted = torch.tensor([names.index(name) for name in term.sets], device=part.device)
    return torch.isin(part, wanted).view(-1, *[1] * (like.dim() - 1))


def uses_batch_statistics(recipe: Recipe) -> bool:
    """Return whether a loss of the recipe depends on more of the batch than a mean over images."""
    return any(_uses_batch_statistics(term) for term in recipe.loss)


def _uses_batch_statistics(term: LossTerm) -> bool:
    return "statistics" in inspect.signature(LOSSES[term.name]).parameters


def _check_term(term: LossTerm, number: int) -> None:
    if term.name not in LOSSES:
        raise LeadlineError(
            f"loss {term.name!r} is not known{nearest(term.name, LOSSES)}; "
            f"choose from {', '.join(LOSSES)}"
        )
    function = LOSSES[term.name]
    tensors = list(inspect.signature(function).parameters)[:3]
    key = f"loss.{number}.options"
    check_options(function, term.options, key=key, given=(*tensors, "statistics"))
