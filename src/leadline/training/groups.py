"""Parameter groups: which weights learn at which rate, and which do not learn at all."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.training.recipe import OptimizerSection, ParameterGroup, Recipe


def parameter_groups(model: DepthModel, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the optimizer's groups; `base_lr` is what the schedule's factor multiplies.

    The first glob that matches a parameter's name takes it. Parameters of a frozen group are in
    none of the returned groups and need no gradient from here on.
    Errors: LeadlineError for a glob that takes nothing, a parameter that no glob takes, or where
    nothing is left to train.
    """
    section = recipe.optimizer
    wanted = section.groups or _default_groups(section)
    taken: list[list[nn.Parameter]] = [[] for _ in wanted]
    for name, parameter in model.named_parameters():
        taken[_group_of(name, wanted)].append(parameter)
    groups: list[dict[str, Any]] = []
    for group, parameters in zip(wanted, taken, strict=True):
        if not parameters and section.groups:
            raise LeadlineError(_takes_nothing(group, model))
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


def _default_groups(section: OptimizerSection) -> tuple[ParameterGroup, ...]:
    factor = (section.encoder_lr or section.lr) / section.lr
    return (
        ParameterGroup.model_validate({"match": "encoder.*", "lr_factor": factor}),
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


def _takes_nothing(group: ParameterGroup, model: DepthModel) -> str:
    tops = sorted({name.partition(".")[0] for name, _ in model.named_parameters()})
    return (
        f"optimizer.groups: the glob {group.match!r} matches no parameter that an earlier one has "
        f"not taken; parameters begin with {', '.join(f'{top}.' for top in tops)}"
    )


def frozen_norms(model: DepthModel, everywhere: bool) -> list[nn.Module]:
    """Return the BatchNorm layers whose running statistics stay as they are.

    Those whose own weights are frozen: an encoder that does not learn must not drift either.
    `everywhere` takes all of them, their weights still learning.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [norm for norm in norms if everywhere or _is_frozen(norm)]


def _is_frozen(norm: nn.Module) -> bool:
    weights = list(norm.parameters(recurse=False))
    return bool(weights) and not any(weight.requires_grad for weight in weights)
