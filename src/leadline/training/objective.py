"""The objective of a run: the recipe's loss terms, each in its space, weighted and added."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.options import check_options
from leadline.models.spaces import masked_area_mean
from leadline.training.losses import LOSSES
from leadline.training.parts import WHOLE, BatchPart
from leadline.training.recipe import LossTerm, Recipe

Objective = Callable[..., Tensor]
"""Of (outputs, batch, part): `part` says how much of the batch is seen, all of it by default."""


def make_loss(recipe: Recipe, model: DepthModel) -> Objective:
    """Return the recipe's weighted loss of (outputs, batch[, part]), in float32."""
    unknown = [term.name for term in recipe.loss if term.name not in LOSSES]
    if unknown:
        raise LeadlineError(f"loss {unknown[0]!r} is not known; choose from {', '.join(LOSSES)}")
    for number, term in enumerate(recipe.loss):
        loss_of = LOSSES[term.name]
        tensors = list(inspect.signature(loss_of).parameters)[:3]
        key = f"loss.{number}.options"
        check_options(loss_of, term.options, key=key, given=(*tensors, "part"))

    def loss(
        outputs: dict[str, Tensor], batch: dict[str, Tensor], part: BatchPart = WHOLE
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
            if looks_beyond_images(term):
                options["part"] = part
            total = total + term.weight * LOSSES[term.name](*spaces[term.space], **options)
        return total

    return loss


def looks_beyond_images(term: LossTerm) -> bool:
    """Whether a loss asks for more of the batch than a mean over its images."""
    return "part" in inspect.signature(LOSSES[term.name]).parameters


def is_coupled(recipe: Recipe) -> bool:
    """Whether a batch that is cut into parts must be rehearsed for this recipe's loss."""
    return any(looks_beyond_images(term) for term in recipe.loss)
