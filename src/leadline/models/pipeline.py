"""The whole way from bytes to metres in torch: what an exported graph must equal."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.base import DepthModel
from leadline.models.size_policy import processing_size, shrink_sizes


class MetricPipeline(nn.Module):
    """A `DepthModel` between its pre- and post-processing.

    `processing_area` overrides the number of pixels processed; another one than the network was
    trained at changes the metres it predicts.
    """

    def __init__(self, model: DepthModel, processing_area: int | None = None):
        super().__init__()
        self.model = model
        self.processing_area = processing_area or model.config.training_area

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return {"depth": (N,H,W) float32 metres, ...} for `image` (N,H,W,3) uint8.

        A multi-task model adds `labels` (N,H,W) uint8, the best class at each pixel.
        """
        height, width = image.shape[1:3]
        outputs = self.model(self.resize(image))
        depth = resize_bilinear(outputs["depth"], (height, width))[:, 0]
        if "logits" not in outputs:
            return {"depth": depth}
        logits = resize_bilinear(outputs["logits"], (height, width))
        return {"depth": depth, "labels": logits.argmax(dim=1).to(torch.uint8)}

    def resize(self, image: Tensor) -> Tensor:
        """Return (N,3,h,w) float32 in [0,1] at the processing size, channels last."""
        height, width = image.shape[1:3]
        target = processing_size(height, width, self.processing_area, self.model.config.stride)
        x = image.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)
        for size in shrink_sizes((height, width), target):
            x = resize_bilinear(x, size)
        return x.contiguous(memory_format=torch.channels_last)


def resize_bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B,C,H,W) with half-pixel centres and no antialiasing filter."""
    if x.shape[-2:] == torch.Size(size):
        return x
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
