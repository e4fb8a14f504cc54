"""The complete inference in torch, from bytes to metres, which an exported graph must reproduce."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.base import DepthModel
from leadline.models.size_policy import processing_size, shrink_sizes


class InferencePipeline(nn.Module):
    """A `DepthModel` with its pre- and post-processing.

    `processing_area` overrides the number of pixels processed; a number other than in training
    changes the predicted metres. Without `labels`, no classes are computed.
    """

    def __init__(self, model: DepthModel, processing_area: int | None = None, labels: bool = True):
        super().__init__()
        self.model = model
        self.labels = labels
        self.processing_area = processing_area or model.config.training_area

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return {"depth": (N,H,W) float32 metres, ...} for `image` (N,H,W,3) uint8.

        A model with uncertainty adds `uncertainty` (N,H,W) float32, the scale b of a Laplace
        distribution of ln(metres): half of the probability lies within depth * exp(-+ b ln 2).
        A model with novelty adds `novelty` (N,) float32, above 1 for pictures unlike the training
        data. A model with validity adds `validity` (N,H,W) float32, the probability that there is
        a depth: where it is below a half, as in the sky, the depth is meaningless. A multi-task
        model adds `labels` (N,H,W), the best class at each pixel: uint8, or int32 if the model has
        more than 256 classes.
        """
        height, width = image.shape[1:3]
        outputs = self.model(self.resize(image))
        full = {"depth": resize_bilinear(outputs["depth"], (height, width))[:, 0]}
        if "spread" in outputs:
            full["uncertainty"] = resize_bilinear(outputs["spread"], (height, width))[:, 0]
        if "validity" in outputs:
            full["validity"] = resize_bilinear(outputs["validity"], (height, width))[:, 0]
        if "novelty" in outputs:
            full["novelty"] = outputs["novelty"].flatten()
        if self.labels and "logits" in outputs:
            full["labels"] = best_class(outputs["logits"], (height, width))
        return full

    def resize(self, image: Tensor) -> Tensor:
        """Return (N,3,h,w) float32 in [0,1] at the processing size, channels last."""
        height, width = image.shape[1:3]
        target = processing_size(height, width, self.processing_area, self.model.config.stride)
        x = image.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)
        for size in shrink_sizes((height, width), target):
            x = resize_bilinear(x, size)
        return x.contiguous(memory_format=torch.channels_last)


def best_class(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (B,H,W): the class with the largest logit, of logits (B,N,h,w) resized to `size`.

    uint8, or int32 for more than 256 classes. For equal logits the first class wins, as in argmax.
    """
    # One class at a time: N maps of a photograph's size can take gigabytes, and are slower to
    # process.
    planes = torch.split(logits.contiguous(), 1, dim=1)
    best = resize_bilinear(planes[0], size)
    labels = torch.zeros_like(best, dtype=torch.uint8 if len(planes) <= 256 else torch.int32)
    for number, plane in enumerate(planes[1:], start=1):
        scores = resize_bilinear(plane, size)
        labels.masked_fill_(scores > best, number)
        best = torch.maximum(best, scores)
    return labels[:, 0]


def resize_bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B,C,H,W) bilinearly, with half-pixel centres and no antialiasing filter."""
    if x.shape[-2:] == torch.Size(size):
        return x
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
