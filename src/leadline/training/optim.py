"""The optimizer of a run: the learning rates of its weights, and the average of the weights.

`schedules` has the schedules of the rates.
"""

import copy
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.training.recipe import OptimizerSection, ParameterGroup, Recipe


def make_optimizer(model: DepthModel, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over `parameter_groups`."""
    section = recipe.optimizer
    groups = parameter_groups(model, recipe)
    if section.name == "sgd":
        return torch.optim.SGD(groups, momentum=section.momentum, weight_decay=section.weight_decay)
    kind = torch.optim.AdamW if section.name == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=section.weight_decay, amsgrad=section.amsgrad)


def set_learning_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set each parameter group's rate to its base rate times the schedule's factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def parameter_groups(model: DepthModel, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the optimizer's groups; the schedule's factor multiplies `base_lr`.

    The first glob that matches a parameter's name takes it. Parameters of a frozen group are in
    none of the returned groups, and no longer need a gradient.
    Errors: LeadlineError for a glob that takes nothing, a parameter that no glob takes, or if
    nothing is left to train.
    """
    section = recipe.optimizer
    globs = section.groups or _default_groups(section)
    matched: list[list[nn.Parameter]] = [[] for _ in globs]
    for name, parameter in model.named_parameters():
        matched[_group_of(name, globs)].append(parameter)
    groups: list[dict[str, Any]] = []
    for group, parameters in zip(globs, matched, strict=True):
        if not parameters and section.groups:
            raise LeadlineError(_matches_nothing(group, model))
        if not parameters and group.frozen:
            raise LeadlineError(
                f"optimizer.encoder_lr=0: {model.config.architecture} has no encoder to freeze; "
                "set optimizer.encoder_lr=null"
            )
        for parameter in parameters:
            parameter.requires_grad_(not group.frozen)
        if parameters and not group.frozen:
            rate = section.lr * group.lr_factor
            decay = section.weight_decay if group.weight_decay is None else group.weight_decay
            groups.append(
                {"params": parameters, "lr": rate, "base_lr": rate, "weight_decay": decay}
            )
    if not groups:
        raise LeadlineError("optimizer.groups freezes every parameter: nothing is left to train")
    return groups


def frozen_names(names: Iterable[str], section: OptimizerSection) -> list[str]:
    """Return the parameter names that are in a frozen group."""
    globs = section.groups or _default_groups(section)
    return [name for name in names if globs[_group_of(name, globs)].frozen]


def _default_groups(section: OptimizerSection) -> tuple[ParameterGroup, ...]:
    rate = section.lr if section.encoder_lr is None else section.encoder_lr
    how = {"lr_factor": rate / section.lr} if rate > 0 else {"frozen": True}
    return (
        ParameterGroup.model_validate({"match": "encoder.*", **how}),
        ParameterGroup.model_validate({"match": "*"}),
    )


def _group_of(name: str, groups: Sequence[ParameterGroup]) -> int:
    for index, group in enumerate(groups):
        if fnmatchcase(name, group.match):
            return index
    raise LeadlineError(
        f"optimizer.groups: no glob matches the parameter {name}; every parameter must be in a "
        "group: end the list with {match: '*'}"
    )


def _matches_nothing(group: ParameterGroup, model: DepthModel) -> str:
    tops = sorted({name.partition(".")[0] for name, _ in model.named_parameters()})
    return (
        f"optimizer.groups: the glob {group.match!r} matches no parameter that an earlier one has "
        f"not matched; parameters begin with {', '.join(f'{top}.' for top in tops)}"
    )


def frozen_batch_norms(model: DepthModel, everywhere: bool) -> list[nn.Module]:
    """Return the BatchNorm layers whose running statistics do not change.

    These are the layers with frozen weights, since an encoder that does not learn must not drift.
    `everywhere` takes all layers, whose weights still learn.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [norm for norm in norms if everywhere or _is_frozen(norm)]


def _is_frozen(norm: nn.Module) -> bool:
    weights = list(norm.parameters(recurse=False))
    return bool(weights) and not any(weight.requires_grad for weight in weights)


class MovingAverage:
    """Exponential average of weights and running statistics: a += (1 - d) (w - a).

    d is min(decay, (1 + n) / (10 + n)) after n steps, so that a short run forgets its random start.
    torch's `AveragedModel` is not used for two reasons: its first update replaces the average by
    the weights, which is another average, and it compares a counter on the device with zero in
    every step, which waits for the GPU.
    """

    def __init__(self, model: DepthModel, decay: float):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: DepthModel) -> None:
        """Update the average with the weights after a step."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, value in zip(_tensors(self.model), _tensors(model), strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


def _tensors(model: DepthModel) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
