"""Diagnose why an exported file differs from its checkpoint, by trying known mistakes."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.inference.runtime import Runtime
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline

EXPLAINED = 0.05
"""A mistake is the cause if making it in the checkpoint leaves at most this share of the error."""


def find_cause(model: DepthModel, runtime: Runtime, image: NDArray[np.uint8]) -> str:
    """Return the mistake with which the checkpoint agrees with the file on `image`, (H,W,3) uint8.

    "" if none of the known mistakes does.
    """
    exported = runtime.run(image[None])["depth"][0]
    before = float(np.abs(exported - _depth(model, image)).mean())
    mistakes = {
        "its red and blue are exchanged": _depth(model, image[..., ::-1].copy()),
        "it lacks the normalisation of its input": _depth(_not_normalised(model), image),
        "it takes its input as 0 to 255 instead of 0 to 1": _depth(_of_bytes(model), image),
    }
    left = {name: float(np.abs(exported - depth).mean()) for name, depth in mistakes.items()}
    name = min(left, key=lambda each: left[each])
    return name if left[name] < EXPLAINED * before else ""


def _depth(model: DepthModel, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        depth = InferencePipeline(model, labels=False).eval()(torch.from_numpy(image[None]))
    return np.asarray(depth["depth"][0].numpy())


def _not_normalised(model: DepthModel) -> DepthModel:
    twin = copy.deepcopy(model)
    twin.mean.zero_()
    twin.std.fill_(1.0)
    return twin


def _of_bytes(model: DepthModel) -> DepthModel:
    twin = copy.deepcopy(model)
    twin.mean.div_(255.0)
    twin.std.div_(255.0)
    return twin
