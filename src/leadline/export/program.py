"""The complete path from photographs and their cameras to metres as a `torch.export` program."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.inference.camera import SAME_LENS
from leadline.inference.runtime import (
    CONFIG_KEY,
    NOVELTY,
    UNCERTAINTY,
    VALIDITY,
)
from leadline.inference.runtime_config import CHANNELS_KEY, ChannelOrder
from leadline.io.atomic import atomic_path
from leadline.io.checksums import ABOUT_KEY
from leadline.models.base import DepthModel
from leadline.models.size_policy import MAX_HALVINGS

EXAMPLE = (2, 92, 131)
"""Batch, height and width with which the program is traced; they do not restrict it."""


class WholeModel(nn.Module):
    """`InferencePipeline` and the camera, without branches that depend on a size.

    Sizes are computed as tensors, with the arithmetic of `leadline.models.size_policy`, so that one
    program is valid for any batch, height and width.
    """

    def __init__(self, model: DepthModel, input_channels: ChannelOrder = "rgb"):
        super().__init__()
        self.model = model
        self.takes_bgr = input_channels == "bgr"
        self.area = float(model.config.training_area)
        self.stride = model.config.stride
        self.training_focal = model.config.training_focal

    def forward(self, image: Tensor, focal: Tensor) -> dict[str, Tensor]:
        """Return {"depth": (N,H,W) float32 metres, ...} for `image` (N,H,W,3) uint8.

        `focal` (N,) float32 are the focal lengths in pixels of the photographs, 0 if unknown: the
        training camera is then assumed. The further outputs, `uncertainty`, `validity`, `novelty`
        and `labels`, are those of `InferencePipeline`.
        """
        height, width = image.shape[1], image.shape[2]
        if self.takes_bgr:
            image = image.flip(-1)
        h, w = self._processing_size(height, width)
        pixels = self.model.normalize(_resized(image, height, width, h, w))
        outputs = self.model.decode(self.model.network(pixels))
        full = functional.interpolate(outputs["depth"], (height, width), mode="bilinear")[:, 0]
        scale = self._camera_scale(focal, height, width, h, w)
        result = {"depth": full * scale[:, None, None]}
        for name, stated in ((UNCERTAINTY, "spread"), (VALIDITY, "validity")):
            if stated in outputs:
                whole = functional.interpolate(outputs[stated], (height, width), mode="bilinear")
                result[name] = whole[:, 0]
        if NOVELTY in outputs:
            result[NOVELTY] = outputs[NOVELTY].flatten()
        if "logits" in outputs:
            result["labels"] = _best_class(outputs["logits"], height, width)
        return result

    def _processing_size(self, height: Any, width: Any) -> tuple[Any, Any]:
        """Return (h, w) as `processing_size`, operation by operation."""
        sides = torch.stack(
            [torch.scalar_tensor(side, dtype=torch.float32) for side in (height, width)]
        )
        grow = (sides[0] * sides[1] / self.area).sqrt()
        steps = (sides / grow / self.stride).round().clamp(min=1).to(torch.int64)
        counts = steps[0].item(), steps[1].item()
        for count in counts:
            torch._check(count >= 1)
            torch._check(count <= 100_000)
        return counts[0] * self.stride, counts[1] * self.stride

    def _camera_scale(self, focal: Tensor, height: Any, width: Any, h: Any, w: Any) -> Tensor:
        """Return the factors (N,) of the metres: see `TrainingCamera`."""
        if self.training_focal is None:
            return torch.ones_like(focal)
        ratio = focal * ((h * w) / (height * width)) ** 0.5 / self.training_focal
        is_same = ((ratio - 1).abs() < SAME_LENS) | ~(ratio > 0)
        return torch.where(is_same, torch.ones_like(ratio), ratio)


def _resized(image: Tensor, height: Any, width: Any, h: Any, w: Any) -> Tensor:
    """Return (N,3,h,w) in [0,1]: the steps of `shrink_sizes`, some of which may change nothing."""
    x = image.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)
    for _ in range(MAX_HALVINGS):
        height = torch.sym_max(h, (height + 1) // 2)
        width = torch.sym_max(w, (width + 1) // 2)
        x = functional.interpolate(x, (height, width), mode="bilinear")
    return functional.interpolate(x, (h, w), mode="bilinear")


def _best_class(logits: Tensor, height: Any, width: Any) -> Tensor:
    """Return (N,H,W): see `leadline.models.pipeline.best_class`; all classes at once."""
    full = functional.interpolate(logits, (height, width), mode="bilinear")
    return full.argmax(1).to(torch.uint8 if logits.shape[1] <= 256 else torch.int32)


def to_program(
    model: DepthModel, input_channels: ChannelOrder = "rgb"
) -> torch.export.ExportedProgram:
    """Return `WholeModel` as a program for any batch, height and width."""
    whole = WholeModel(copy.deepcopy(model).cpu().eval(), input_channels).requires_grad_(False)
    batch, height, width = EXAMPLE
    image = torch.zeros(batch, height, width, 3, dtype=torch.uint8)
    count = torch.export.Dim("N", min=1)
    sizes = {1: torch.export.Dim("H", min=2), 2: torch.export.Dim("W", min=2)}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(
            whole,
            (image, torch.zeros(batch)),
            dynamic_shapes=({0: count, **sizes}, {0: count}),
            strict=False,
        )


def write_program(
    model: DepthModel, path: Path, input_channels: ChannelOrder, about: Mapping[str, Any]
) -> None:
    """Write the program of a model as `.pt2`, with its config and the metadata `about` as JSON."""
    order = {} if input_channels == "rgb" else {CHANNELS_KEY: input_channels}
    notes = {
        CONFIG_KEY: json.dumps({**asdict(model.config), **order}),
        ABOUT_KEY: json.dumps(dict(about)),
    }
    program = to_program(model, input_channels)
    # Written by Python, since torch's writer ends the process if the disk is full.
    content = BytesIO()
    torch.export.save(program, content, extra_files=notes)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())
