"""Losses that look beyond one image: how each part of a batch learns of the others.

A batch may be cut twice: over processes, and over the micro-batches of gradient accumulation. A
part's loss counts with its share of the images, so losses that are means over images add up by
themselves. A loss that needs more, the largest error of the batch or a sum over all of its pixels,
asks its `BatchPart` for it and is computed twice: first as a rehearsal, in which every part notes
what it would contribute, then with what the whole batch contributed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


class BatchPart:
    """A batch that is all there: what a loss sees is what there is."""

    def maximum(self, value: Tensor) -> Tensor:
        """Return the largest `value` of all parts, without a gradient."""
        return value.detach()

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over all parts; its gradient is that of this part's own."""
        return value


WHOLE = BatchPart()


@dataclass
class Rehearsal(BatchPart):
    """Notes what a loss asks for, in the order in which it asks."""

    maxima: list[Tensor] = field(default_factory=list)
    totals: list[Tensor] = field(default_factory=list)

    def maximum(self, value: Tensor) -> Tensor:
        """Note `value` and return it."""
        self.maxima.append(value.detach())
        return value.detach()

    def total(self, value: Tensor) -> Tensor:
        """Note `value` and return it."""
        self.totals.append(value.detach().float())
        return value


@dataclass
class InformedPart(BatchPart):
    """Answers with what the whole batch contributed; `share` is this part's, of the images.

    The caller multiplies the loss by `share`, which a total must not be: its gradient is divided
    by the share beforehand.
    """

    share: float
    maxima: list[Tensor]
    totals: list[Tensor]
    _asked: list[int] = field(default_factory=lambda: [0, 0])

    def maximum(self, value: Tensor) -> Tensor:
        """Return the whole batch's largest."""
        self._asked[0] += 1
        return self.maxima[self._asked[0] - 1].to(value.dtype)

    def total(self, value: Tensor) -> Tensor:
        """Return the whole batch's sum, differentiable in this part's own."""
        self._asked[1] += 1
        whole = self.totals[self._asked[1] - 1].to(value.dtype)
        own = (value - value.detach()) / self.share if self.share else value * 0
        return whole + own


def combine(
    rehearsals: Sequence[Rehearsal],
    sum_over_processes: Callable[[Tensor], Tensor],
    max_over_processes: Callable[[Tensor], Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return (maxima, totals) of the whole batch from the rehearsals of this process's parts."""
    maxima: list[Tensor] = []
    totals: list[Tensor] = []
    if rehearsals[0].maxima:
        rows = torch.stack([torch.stack(rehearsal.maxima) for rehearsal in rehearsals])
        maxima = list(max_over_processes(rows.amax(0)).unbind())
    if rehearsals[0].totals:
        rows = torch.stack([torch.stack(rehearsal.totals) for rehearsal in rehearsals])
        totals = list(sum_over_processes(rows.sum(0)).unbind())
    return maxima, totals
