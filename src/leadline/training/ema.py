"""An exponential moving average of a network: what is validated and saved, where wanted."""

import copy
from typing import Any

import torch
from torch import Tensor

from leadline.models.base import DepthModel


class MovingAverage:
    """Weights and running statistics averaged over the steps: a += (1 - d) (w - a).

    d is min(decay, (1 + n) / (10 + n)) after n steps, so that a short run does not remember its
    random beginning.
    """

    def __init__(self, model: DepthModel, decay: float):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: DepthModel) -> None:
        """Move towards the weights that a step has just made."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, value in zip(_tensors(self.model), _tensors(model), strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what a checkpoint kept."""
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


def _tensors(model: DepthModel) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
