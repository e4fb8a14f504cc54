"""Statistics of the whole batch for a loss that is given only one micro-batch of it.

A batch may be split twice: over processes, and over the micro-batches of gradient accumulation. The
loss of a micro-batch is weighted by its share of the images, so losses that are means over images
add up correctly. A loss that needs more, the largest error of the batch or a sum over all its
pixels, takes it from its keyword `statistics` and is computed twice: first with
`CollectStatistics`, which records the contribution of each micro-batch, then with
`GlobalStatistics`, which returns the values for the whole batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


class BatchStatistics:
    """The statistics of a batch that is not split: those of the tensors themselves."""

    def maximum(self, value: Tensor) -> Tensor:
        """Return the largest `value` over the batch, without a gradient."""
        return value.detach()

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over the batch, with the gradient of this micro-batch."""
        return value


WHOLE_BATCH = BatchStatistics()


@dataclass
class CollectStatistics(BatchStatistics):
    """Records the values that a loss requests, in order."""

    maxima: list[Tensor] = field(default_factory=list)
    totals: list[Tensor] = field(default_factory=list)

    def maximum(self, value: Tensor) -> Tensor:
        """Record `value` and return it."""
        self.maxima.append(value.detach())
        return value.detach()

    def total(self, value: Tensor) -> Tensor:
        """Record `value` and return it."""
        self.totals.append(value.detach().float())
        return value


@dataclass
class GlobalStatistics(BatchStatistics):
    """Returns values of the whole batch; `share` is this micro-batch's share of the images.

    The caller multiplies the loss by `share`, but a total must not be scaled, so its gradient is
    divided by the share beforehand.
    """

    share: float
    maxima: list[Tensor]
    totals: list[Tensor]
    _next_maximum: int = 0
    _next_total: int = 0

    def maximum(self, value: Tensor) -> Tensor:
        """Return the maximum over the whole batch."""
        self._next_maximum += 1
        return self.maxima[self._next_maximum - 1].to(value.dtype)

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over the whole batch, differentiable in this micro-batch's part."""
        self._next_total += 1
        whole = self.totals[self._next_total - 1].to(value.dtype)
        own = (value - value.detach()) / self.share if self.share else value * 0
        return whole + own


def combine_statistics(
    collected: Sequence[CollectStatistics],
    sum_over_processes: Callable[[Tensor], Tensor],
    max_over_processes: Callable[[Tensor], Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return (maxima, totals) of the whole batch from those of this process's micro-batches."""
    maxima: list[Tensor] = []
    totals: list[Tensor] = []
    if collected[0].maxima:
        rows = torch.stack([torch.stack(each.maxima) for each in collected])
        maxima = list(max_over_processes(rows.amax(0)).unbind())
    if collected[0].totals:
        rows = torch.stack([torch.stack(each.totals) for each in collected])
        totals = list(sum_over_processes(rows.sum(0)).unbind())
    return maxima, totals
