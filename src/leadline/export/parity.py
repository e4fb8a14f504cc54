"""The parity gate: an exported file is only as good as its agreement with the checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.inference.runtimes import OnnxRuntime, OpenVinoRuntime, Runtime
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline

SIZES = ((480, 640), (375, 1242), (601, 433), (61, 97), (4000, 6000))
"""(H, W): the common one, a panorama, an odd portrait, a tiny and a huge image."""


@dataclass(frozen=True)
class ParityRow:
    """The largest difference, in metres, between a runtime and torch at one size and batch."""

    runtime: str
    batch: int
    height: int
    width: int
    max_error: float


def check_parity(
    model: DepthModel,
    path: Path,
    sizes: Sequence[tuple[int, int]] = SIZES,
    batches: Sequence[int] = (1, 3),
) -> list[ParityRow]:
    """Compare an exported file in float32 with `model` in torch, on generated pictures.

    An `.onnx` file is checked in OpenVINO and in ONNX Runtime, an `.xml` in OpenVINO. The largest
    size is run at batch 1 only.
    """
    runtimes: list[Runtime] = [OpenVinoRuntime(path, "f32")]
    if path.suffix == ".onnx":
        runtimes.append(OnnxRuntime(path))
    pipeline = InferencePipeline(model).eval()
    rows = []
    for height, width in sizes:
        for batch in batches if height * width < 4_000_000 else batches[:1]:
            images = smooth_pictures(batch, height, width)
            with torch.inference_mode():
                truth = pipeline(torch.from_numpy(images))["depth"].numpy()
            for runtime in runtimes:
                error = float(np.abs(runtime.run(images)["depth"] - truth).max())
                rows.append(ParityRow(runtime.name, batch, height, width, error))
    return rows


def smooth_pictures(batch: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return (batch,H,W,3) uint8 pictures of soft blobs with grain: edges, texture, all colours."""
    import cv2

    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(batch):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        grain = rng.integers(-12, 13, (height, width, 1), dtype=np.int16)
        pictures.append(np.clip(soft + grain, 0, 255).astype(np.uint8))
    return np.stack(pictures)
