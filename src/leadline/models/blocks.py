"""Building blocks that several decoders share."""

from torch import Tensor, nn
from torch.nn import functional


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Return a convolution without bias (BatchNorm has one), BatchNorm and ReLU; the size stays."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def upsample_like(x: Tensor, reference: Tensor) -> Tensor:
    """Bilinear resize of x to the height and width of `reference`, half-pixel centres."""
    return functional.interpolate(
        x, size=reference.shape[-2:], mode="bilinear", align_corners=False
    )
