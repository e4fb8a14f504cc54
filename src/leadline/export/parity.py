"""The gate on sizes and batches, free as the graph leaves them; `gate.py` is that on pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from leadline.export.gate import LABELS, SAME_LABELS, share_alike, stated_error
from leadline.export.pictures import smooth_pictures
from leadline.export.whole_file import open_runtimes
from leadline.inference.runtime import Runtime
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline

SIZES = ((480, 640), (375, 1242), (601, 433), (61, 97), (333, 517), (4000, 6000))
"""(H, W): the common one, a panorama, an odd portrait, a tiny, an odd one, and a huge image."""


@dataclass(frozen=True)
class ParityRow:
    """The largest difference, in metres, between a runtime and torch at one size and batch.

    It includes the outputs beside depth, as in `stated_error`; it is infinite if less than
    `SAME_LABELS` of the pixels have the same class.
    """

    runtime: str
    batch: int
    height: int
    width: int
    max_error: float


def check_parity(
    model: DepthModel,
    path: Path,
    sizes: Sequence[tuple[int, int]] = SIZES,
    batches: Sequence[int] = (1, 4),
) -> list[ParityRow]:
    """Compare an exported file in float32 with `model` in torch, on generated pictures.

    An `.onnx` file is checked in OpenVINO and in ONNX Runtime, an `.xml` in OpenVINO. The largest
    size is run only with batch 1.
    """
    runtimes = open_runtimes(path)
    rows = []
    for height, width in sizes:
        for batch in batches if height * width < 4_000_000 else batches[:1]:
            rows += compare_with(model, runtimes, (height, width), batch)
    return rows


def compare_with(
    model: DepthModel, runtimes: Sequence[Runtime], size: tuple[int, int], batch: int
) -> list[ParityRow]:
    """Compare runtimes with `model` in torch on generated pictures of one `size` (H,W)."""
    images = smooth_pictures(batch, *size)
    with torch.inference_mode():
        outputs = InferencePipeline(model).eval()(torch.from_numpy(images))
    truth = {name: value.numpy() for name, value in outputs.items()}
    rows = []
    for runtime in runtimes:
        given = runtime.run(images)
        error = float(np.abs(given["depth"] - truth["depth"]).max())
        error = max(error, stated_error(given, truth) or 0.0)
        if LABELS in truth and share_alike(given.get(LABELS), truth[LABELS]) < SAME_LABELS:
            error = float("inf")
        rows.append(ParityRow(runtime.name, batch, *size, error))
    return rows
