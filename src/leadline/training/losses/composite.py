"""The loss of a run: the weighted sum of the terms of its recipe, each in its space."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from leadline.errors import LeadlineError, nearest
from leadline.models.base import DepthModel
from leadline.models.options import check_options
from leadline.models.pipeline import resize_bilinear
from leadline.models.spaces import DepthSpace, masked_area_mean
from leadline.training.losses import LOSSES
from leadline.training.losses.batch_statistics import WHOLE_BATCH, BatchStatistics
from leadline.training.losses.depth import masked_log_error
from leadline.training.ranges import compared_range
from leadline.training.recipe import LossTerm, Recipe

DATA_RANGE = "data_range"
"""The loss option for the range of the compared values, by default that of the network."""


MISSING = {
    "labels": "compares class labels: the data needs label images and the network class scores "
    "(ds-net has them)",
    "spread": "needs a network that states its uncertainty: crisp with "
    "model.options.uncertainty=true",
    "validity": "needs a network that states where there is a depth: crisp with "
    "model.options.validity=true",
}
"""Messages for a term whose space the network or the data does not provide."""

OWN_SPACES = {
    "laplace": ("spread", "the network's uncertainty"),
    "binary_cross_entropy": ("validity", "where there is a depth"),
}
"""Losses that are valid in only one space: that space, and its description."""

TRAINED_IN = {
    "uncertainty": ("spread", "laplace"),
    "validity": ("validity", "binary_cross_entropy"),
}
"""Heads, by the option that adds them: the space and the loss that train them."""


@dataclass(frozen=True)
class RecipeLoss:
    """The weighted sum of a recipe's terms, in float32; created by `make_loss`.

    `sets` are the names of the data sets of a mixture, in the order of the numbers in `part`.
    """

    terms: Sequence[LossTerm]
    space: DepthSpace
    sets: Sequence[str]

    def __call__(
        self,
        outputs: dict[str, Tensor],
        batch: dict[str, Tensor],
        statistics: BatchStatistics = WHOLE_BATCH,
    ) -> Tensor:
        """Return the loss of the model's `outputs` for `batch`.

        `batch` holds depth (B,1,H,W) metres, valid (B,1,H,W) bool and, for class terms, labels
        (B,H,W). For a mixture it also holds `part` (B,): in a term that names sets, images of other
        sets have no valid pixel and so add nothing to its mean. `statistics` are those of the
        whole batch.
        """
        spaces = self._in_spaces(outputs, batch)
        total = outputs["target"].new_zeros((), dtype=torch.float32)
        for term in self.terms:
            if term.space not in spaces:
                raise LeadlineError(f"loss {term.name} {MISSING[term.space]}")
            options: dict[str, Any] = dict(term.options)
            if _uses_batch_statistics(term):
                options["statistics"] = statistics
            predicted, truth, valid = spaces[term.space]
            if term.sets:
                valid = valid & _members(term, self.sets, batch["part"], valid)
            total = total + term.weight * LOSSES[term.name](predicted, truth, valid, **options)
        return total

    def _in_spaces(
        self, outputs: dict[str, Tensor], batch: dict[str, Tensor]
    ) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
        """Return (prediction, truth, valid) by the space of the comparison."""
        prediction = outputs["target"].float()
        height, width = prediction.shape[-2:]
        depth, valid = masked_area_mean(batch["depth"], batch["valid"], (height, width))
        # Farther depth is clamped to the maximum in every space, not in the target alone.
        depth = depth.clamp(max=self.space.max_depth)
        spaces = {
            "target": (prediction, self.space.encode(depth), valid),
            "depth": (outputs["depth"].float(), depth, valid),
        }
        if "spread" in outputs:
            spread = resize_bilinear(outputs["spread"].float(), (height, width))
            error = masked_log_error(outputs["depth"].float(), depth, valid).detach()
            spaces["spread"] = (spread, error, valid)
        if "validity_logits" in outputs:
            logits = resize_bilinear(outputs["validity_logits"].float(), (height, width))
            exists = resize_bilinear(batch["valid"].float(), (height, width)).round()
            spaces["validity"] = (logits, exists, torch.ones_like(exists, dtype=torch.bool))
        if "logits" in outputs and "labels" in batch:
            labels = batch["labels"]
            spaces["labels"] = (outputs["logits"].float(), labels, labels >= 0)
        return spaces


def make_loss(recipe: Recipe, model: DepthModel) -> RecipeLoss:
    """Return the loss of a recipe for `model`.

    Errors: LeadlineError for an unknown loss or option, and for a head that neither a loss nor an
    earlier model has trained.
    """
    for number, term in enumerate(recipe.loss):
        _check_term(term, number)
    _refuse_random_heads(recipe, model)
    terms = [_with_data_range(term, model.space) for term in recipe.loss]
    return RecipeLoss(terms, model.space, [part.name for part in recipe.data.mix])


def _refuse_random_heads(recipe: Recipe, model: DepthModel) -> None:
    """Raise LeadlineError for a head that neither a loss nor an earlier model has trained."""
    if recipe.model.init is not None:
        return
    for head in untrained_heads(recipe, model):
        space, loss = TRAINED_IN[head]
        raise LeadlineError(
            f"recipe {recipe.name}: no loss trains what model.options.{head}=true adds: it "
            f"would stay random; add the loss {{name: {loss}, space: {space}}}, or leave it out"
        )
    if model.classes is not None and not recipe.class_terms:
        raise LeadlineError(
            f"recipe {recipe.name}: no loss trains the classes of {model.config.architecture}, "
            "which would stay random; add the loss {name: cross_entropy, space: labels}"
        )


def untrained_heads(recipe: Recipe, model: DepthModel) -> list[str]:
    """Return the network's heads of `TRAINED_IN` that no loss of the recipe trains."""
    spaces = {term.space for term in recipe.loss}
    heads = model.heads()
    return [
        head for head, (space, _) in TRAINED_IN.items() if head in heads and space not in spaces
    ]


def _with_data_range(term: LossTerm, space: DepthSpace) -> LossTerm:
    """Return the term with the range of its compared values, if its loss has that option."""
    is_asked = DATA_RANGE in inspect.signature(LOSSES[term.name]).parameters
    if not is_asked or term.options.get(DATA_RANGE) is not None:
        return term
    value = compared_range(term, space.max_depth, space.target_range)
    return term.model_copy(update={"options": {**term.options, DATA_RANGE: value}})


def _members(term: LossTerm, sets: Sequence[str], part: Tensor, like: Tensor) -> Tensor:
    """Return which images belong to the sets of a term, (B,1,...) to broadcast with `like`."""
    numbers = torch.tensor([sets.index(name) for name in term.sets], device=part.device)
    return torch.isin(part, numbers).view(-1, *[1] * (like.dim() - 1))


def uses_batch_statistics(recipe: Recipe) -> bool:
    """Return whether a loss of the recipe needs more of the batch than a mean over images."""
    return any(_uses_batch_statistics(term) for term in recipe.loss)


def _uses_batch_statistics(term: LossTerm) -> bool:
    return "statistics" in inspect.signature(LOSSES[term.name]).parameters


def _check_term(term: LossTerm, number: int) -> None:
    if term.name not in LOSSES:
        raise LeadlineError(
            f"loss {term.name!r} is not known{nearest(term.name, LOSSES)}; "
            f"choose from {', '.join(LOSSES)}"
        )
    space, what = OWN_SPACES.get(term.name, (term.space, ""))
    if term.space != space:
        raise LeadlineError(f"loss.{number}: {term.name} is of {what}; set space: {space}")
    function = LOSSES[term.name]
    tensors = list(inspect.signature(function).parameters)[:3]
    key = f"loss.{number}.options"
    options = {name: value for name, value in term.options.items() if value is not None}
    given = [*tensors, "statistics"]
    if DATA_RANGE not in options:  # the default is that of the network
        given.append(DATA_RANGE)
        options = {name: value for name, value in options.items() if name != DATA_RANGE}
    check_options(function, options, key=key, given=given)
