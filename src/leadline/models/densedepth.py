"""DenseDepth: a DenseNet encoder and a wide bilinear decoder on reciprocal depth.

Source: Alhashim and Wonka 2018, "High Quality Monocular Depth Estimation via Transfer Learning",
table 1, and the authors' Keras code for what the paper omits: LeakyReLU(0.2) after both
convolutions of a block, none after the 1x1 and the last convolution. Bilinear upsampling uses
half-pixel centres, as `tf.image.resize` does (the authors' PyTorch port aligns corners instead).
"""

from torch import Tensor, nn

from leadline.models.base import DepthModel
from leadline.models.blocks import BilinearUpBlock, SkipDecoder, up_steps
from leadline.models.config import ModelConfig
from leadline.models.encoders import create_encoder


class DenseDepth(DepthModel):
    """`width` scales the decoder: 1 as in the paper, 0.5 for the halved one of their code."""

    def __init__(self, config: ModelConfig, encoder: str = "densenet169", width: float = 1.0):
        super().__init__(config)
        self.encoder = create_encoder(encoder)
        channels = self.encoder.channels
        deepest = channels[max(self.encoder.reductions)]
        features = int(deepest * width)
        self.conv2 = nn.Conv2d(deepest, features, 1)
        steps = up_steps(self.encoder.reductions, finest=2)
        halves = [features // 2**n for n in range(1, len(steps) + 1)]
        self.blocks = SkipDecoder(BilinearUpBlock, features, channels, steps, halves)
        self.conv3 = nn.Conv2d(halves[-1], 1, 3, padding=1)

    def output_layer(self) -> nn.Conv2d:
        """Return the last convolution."""
        return self.conv3

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H/2,W/2) max_depth / depth}."""
        features = self.encoder(images)
        x = self.blocks(self.conv2(features[max(features)]), features, images)
        return {"target": self.conv3(x)}
