"""torch: a model folder, float32, on the CPU."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.inference.runtime import Outputs, reason_of


class TorchRuntime:
    """A model folder in torch, float32, on the CPU."""

    name = "torch"

    def __init__(
        self,
        folder: Path,
        threads: int | None = None,
        processing_area: int | None = None,
    ):
        try:
            import torch
        except ImportError as error:
            raise LeadlineError(
                f"{folder}: the torch runtime needs torch: pip install 'leadline[train]'; "
                "exported and shipped models run in openvino without it"
            ) from error
        from leadline.models.build import load_model
        from leadline.models.pipeline import InferencePipeline

        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        model = load_model(folder).to(memory_format=torch.channels_last)
        self._pipeline = InferencePipeline(model, processing_area).eval()
        self.config: Mapping[str, Any] = asdict(model.config)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        torch = self._torch
        try:
            with torch.inference_mode():
                outputs = self._pipeline(torch.from_numpy(np.array(images)))
        except RuntimeError as error:
            raise LeadlineError(
                f"torch failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({reason_of(error)}); process fewer pixels, or look at the model's config.json"
            ) from error
        return {name: value.numpy() for name, value in outputs.items()}
