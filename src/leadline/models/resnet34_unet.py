"""ResNet-34 transfer model: a pretrained encoder, a bilinear decoder, depth at full input size.

Source: Gulve and Gupta, "Monocular depth estimation from single image", section 3.1, which gives
the encoder, skip connections, "24.8M" parameters and an output as large as the input, and refers to
DenseDepth for the rest. The decoder is therefore DenseDepth's block with a fifth one, without a
skip, that reaches the input size; its widths are chosen to give 24.8 million parameters.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from leadline.models.base import DepthModel
from leadline.models.blocks import BilinearUpBlock, SkipDecoder, up_steps, widths_for
from leadline.models.config import ModelConfig
from leadline.models.encoders import create_encoder


class ResNet34UNet(DepthModel):
    """`widths` are the channels of the blocks at /16, /8, /4, /2 and /1."""

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "resnet34",
        widths: Sequence[int] = (256, 128, 64, 64, 32),
    ):
        super().__init__(config)
        self.encoder = create_encoder(encoder)
        channels = self.encoder.channels
        deepest = channels[max(self.encoder.reductions)]
        self.neck = nn.Conv2d(deepest, deepest, 1)
        steps = up_steps(self.encoder.reductions, finest=1)
        widths = widths_for(widths, steps)
        self.blocks = SkipDecoder(BilinearUpBlock, deepest, channels, steps, widths)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def output_layer(self) -> nn.Conv2d:
        """Return the head."""
        return self.head

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W)} at the size of the input."""
        features = self.encoder(images)
        x = self.blocks(self.neck(features[max(features)]), features, images)
        return {"target": self.head(x)}
