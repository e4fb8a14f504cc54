"""Losses of the class branch: functions of (logits, labels, valid), in the space `labels`.

Shapes: logits (B,N,h,w); labels (B,H,W) integer class ids at any size, resized to (h,w) by nearest
neighbour; valid (B,H,W) or (B,1,H,W) bool, True where a pixel has a label. Negative labels and ids
in `ignore` (a data set's void) do not count. Any other id without a score of the network is an
error. As for depth: a mean over images of a mean over pixels, float32, finite even if no pixel
counts.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from leadline.errors import LeadlineError

ClassWeights = Mapping[int, float] | Mapping[str, float] | Sequence[float]
"""One weight per class, or {class id: weight} with 1 for the others (YAML ids may be strings)."""


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    valid: Tensor,
    ignore: Sequence[int] = (),
    class_weights: ClassWeights | None = None,
) -> Tensor:
    """Mean of -ln softmax(logits)[label], weighted by class if weights are given.

    A weighted mean is divided by the sum of its weights, as in `torch.nn.CrossEntropyLoss`.
    Errors: LeadlineError for a label that is neither a class of the network nor ignored.
    """
    labels, counted = _labels_at(labels, valid, ignore, logits)
    return _weighted_mean(logits, labels, counted, class_weights)


def boundary_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    valid: Tensor,
    radius: int = 2,
    ignore: Sequence[int] = (),
    class_weights: ClassWeights | None = None,
) -> Tensor:
    """Cross entropy over the pixels within `radius` (a square) of a pixel of another class.

    Depth jumps at the borders of objects, where classes tell most about depth; added to
    `cross_entropy`, this gives those pixels more weight. Leadline's own term, for what the source
    of DS-Net leaves as future work: to make semantics more explicit during training.
    """
    labels, counted = _labels_at(labels, valid, ignore, logits)
    return _weighted_mean(logits, labels, near_boundary(labels, counted, radius), class_weights)


def near_boundary(labels: Tensor, counted: Tensor, radius: int) -> Tensor:
    """Return (B,h,w) bool: counted pixels with a counted pixel of another class within `radius`."""
    values = labels.float()
    far = torch.full_like(values, torch.inf)
    largest = _largest_around(torch.where(counted, values, -far), radius)
    smallest = -_largest_around(torch.where(counted, -values, -far), radius)
    return counted & (largest > smallest)


def _largest_around(plane: Tensor, radius: int) -> Tensor:
    side = 2 * radius + 1
    return functional.max_pool2d(plane[:, None], side, stride=1, padding=radius).squeeze(1)


def _labels_at(
    labels: Tensor, valid: Tensor, ignore: Sequence[int], logits: Tensor
) -> tuple[Tensor, Tensor]:
    """Return labels (B,h,w) long at the size of the logits, and the bool mask of counted pixels."""
    valid = valid[:, 0] if valid.dim() == 4 else valid
    if labels.shape != valid.shape:
        raise ValueError(f"labels {tuple(labels.shape)} and valid {tuple(valid.shape)} differ")
    counted = valid & (labels >= 0)
    for void in ignore:
        counted = counted & (labels != void)
    labels = torch.where(counted, labels, torch.zeros_like(labels)).long()
    classes, highest = logits.shape[1], int(labels.max()) if labels.numel() else 0
    if highest >= classes:
        raise LeadlineError(
            f"label {highest} in the data, but the network has classes 0 to {classes - 1}; "
            "set model.options.classes above the highest id of the data, or name it in the loss's "
            "'ignore'"
        )
    size = logits.shape[-2:]
    if labels.shape[-2:] != size:
        labels = _nearest(labels, size).round().long()
        counted = _nearest(counted, size) > 0.5
    return labels, counted


def _nearest(plane: Tensor, size: torch.Size) -> Tensor:
    stretched = functional.interpolate(plane[:, None].float(), size=size, mode="nearest-exact")
    return stretched.squeeze(1)


def _weighted_mean(
    logits: Tensor, labels: Tensor, counted: Tensor, class_weights: ClassWeights | None
) -> Tensor:
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    weights = _weights(class_weights, logits)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    weight = weights[labels] * counted
    total, mass = (losses * weight).flatten(1).sum(1), weight.flatten(1).sum(1)
    return (total / torch.where(mass > 0, mass, torch.ones_like(mass))).mean()


def _weights(class_weights: ClassWeights | None, logits: Tensor) -> Tensor:
    """Return the (N,) weights of the classes."""
    classes = logits.shape[1]
    weights = torch.ones(classes)
    if isinstance(class_weights, Mapping):
        for name, weight in class_weights.items():
            if not 0 <= int(name) < classes:
                raise LeadlineError(
                    f"class_weights names class {name}, the network has 0 to {classes - 1}"
                )
            weights[int(name)] = weight
    elif class_weights is not None:
        if len(class_weights) != classes:
            raise LeadlineError(
                f"class_weights has {len(class_weights)} numbers, the network {classes} classes"
            )
        weights = torch.tensor(list(class_weights), dtype=torch.float32)
    if bool((weights < 0).any()):
        raise LeadlineError("class_weights must not be negative")
    return weights.to(logits)
