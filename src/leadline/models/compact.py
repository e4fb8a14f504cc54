"""`compact`: a small, fast network; the shipped `compact-nyu` is one.

A MobileNetV2 encoder, a 1x1 neck and four stages (bilinear upsampling, concatenation, two
convolutions) up to half the input size; it regresses ln(metres). Leadline's own design.
"""

from collections.abc import Sequence

from torch import Tensor, cat, nn

from leadline.models.base import DepthModel
from leadline.models.blocks import conv_bn_relu, up_steps, upsample_like, widths_for
from leadline.models.config import ModelConfig
from leadline.models.encoders import create_encoder


class UpBlock(nn.Module):
    """Upsample to the skip's size, concatenate it, two 3x3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        super().__init__()
        self.convs = nn.Sequential(
            conv_bn_relu(inputs + skip, outputs), conv_bn_relu(outputs, outputs)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (B,outputs,h,w) at the size of `skip`."""
        out: Tensor = self.convs(cat([upsample_like(x, skip), skip], dim=1))
        return out


class CompactModel(DepthModel):
    """Encoder taps at /2../32, decoder widths for /16, /8, /4 and /2, output at half size."""

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "mobilenet_v2",
        neck: int = 192,
        widths: Sequence[int] = (192, 96, 48, 24),
    ):
        super().__init__(config)
        self.encoder = create_encoder(encoder)
        channels = self.encoder.channels
        self.neck = conv_bn_relu(channels[max(self.encoder.reductions)], neck, kernel=1)
        steps = up_steps(self.encoder.reductions, finest=2)
        self.steps = [reduction for reduction in steps if reduction in channels]
        widths = widths_for(widths, self.steps)
        inputs = [neck, *widths[:-1]]
        self.blocks = nn.ModuleList(
            UpBlock(i, channels[reduction], o)
            for i, reduction, o in zip(inputs, self.steps, widths, strict=True)
        )
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def output_layer(self) -> nn.Conv2d:
        """Return the head."""
        return self.head

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H/2,W/2) ln(metres)}."""
        features = self.encoder(images)
        x = self.neck(features[max(features)])
        for block, reduction in zip(self.blocks, self.steps, strict=True):
            x = block(x, features[reduction])
        return {"target": self.head(x)}
