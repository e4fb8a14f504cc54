"""torch: a model folder, in float32 or bfloat16, compiled or not, on the CPU or a GPU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, size_words
from leadline.inference.precision import (
    Precision,
    PrecisionChoice,
    PrecisionOption,
    choose_precision,
)
from leadline.inference.runtime import Device, Outputs, Runtime, reason_of
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.malloc import tune_malloc


class TorchRuntime(Runtime):
    """A model folder in torch, channels last.

    On the processor, with glibc, the process keeps freed memory from then on, up to 2 GB of it.
    bf16 is torch's autocast, with the convolutions' weights rounded once; resizing and the decoding
    to metres stay in float32. `compiled` runs the network through torch.compile, which takes a
    minute before the first picture.
    """

    name = "torch"
    precision: PrecisionChoice

    def __init__(
        self,
        folder: Path,
        threads: int | None = None,
        processing_area: int | None = None,
        precision: PrecisionOption = "f32",
        device: Device = "cpu",
        compiled: bool = False,
    ):
        try:
            import torch
        except ImportError as error:
            raise LeadlineError(
                f"{folder}: the torch runtime needs torch: pip install 'leadline[train]'; "
                "exported and shipped models run in openvino without it"
            ) from error
        from leadline.models.build import load_model
        from leadline.models.devices import computes_bf16
        from leadline.models.pipeline import InferencePipeline

        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        self._device = _device(torch, device)
        if device == "cpu":
            tune_malloc()  # the next picture needs the same memory again
        model = load_model(folder).to(self._device).to(memory_format=torch.channels_last)
        self._pipeline = InferencePipeline(model, processing_area).eval()
        if compiled:
            model.compile()
        self.config = RuntimeConfig.from_model(model.config)
        available: list[Precision] = ["bf16", "f32"] if computes_bf16(device) else ["f32"]
        self.precision = choose_precision(precision, self.config.precision_loss, available)
        if self.precision.precision == "bf16":
            # autocast would round them again for every picture, with the same result.
            for layer in model.modules():
                if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                    layer.to(torch.bfloat16)

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB."""
        torch = self._torch
        try:
            with torch.inference_mode(), self._autocast():
                outputs = self._pipeline(torch.from_numpy(np.array(images)).to(self._device))
        except RuntimeError as error:
            raise LeadlineError(
                f"torch failed on {len(images)} image(s) of {size_words(images.shape[1:])} "
                f"({reason_of(error)}); process fewer pixels, or look at the model's config.json"
            ) from error
        return {name: value.cpu().numpy() for name, value in outputs.items()}

    def _autocast(self) -> Any:
        return self._torch.autocast(
            self._device.type,
            self._torch.bfloat16,
            enabled=self.precision.precision == "bf16",
        )


def _device(torch: Any, device: Device) -> Any:
    """Return torch's device. Errors: LeadlineError if this machine or build does not have it."""
    there = {
        "cpu": lambda: True,
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if device not in there:
        raise LeadlineError(f"device {device}: torch runs on {', '.join(there)}; use one of these")
    if not there[device]():
        raise LeadlineError(f"device {device}: this torch finds none on this machine; use cpu")
    return torch.device(device)
