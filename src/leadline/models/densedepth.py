"""DenseDepth: a DenseNet encoder and a wide bilinear decoder on reciprocal depth.

Source: Alhashim and Wonka 2018, "High Quality Monocular Depth Estimation via Transfer Learning",
table 1, and the authors' Keras code for what the paper leaves out: LeakyReLU(0.2) behind both
convolutions of a block, none behind the 1x1 and the last convolution. Bilinear upsampling uses
half-pixel centres, as `tf.image.resize` does (the authors' PyTorch port aligns corners instead).
"""

from torch import Tensor, cat, nn

from leadline.models.base import DepthModel, ModelConfig
from leadline.models.blocks import upsample_like
from leadline.models.encoders import create_encoder


class DenseUpBlock(nn.Module):
    """Upsample to the skip's size, concatenate, two 3x3 convolutions with bias."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        super().__init__()
        self.conv_a = nn.Conv2d(inputs + skip, outputs, 3, padding=1)
        self.conv_b = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (B,outputs,h,w) at the size of `skip`."""
        x = cat([upsample_like(x, skip), skip], dim=1)
        x = self.activation(self.conv_a(x))
        out: Tensor = self.activation(self.conv_b(x))
        return out


class DenseDepth(DepthModel):
    """`width` scales the decoder: 1 as in the paper, 0.5 the released code's half features."""

    def __init__(self, config: ModelConfig, encoder: str = "densenet169", width: float = 1.0):
        super().__init__(config)
        self.encoder = create_encoder(encoder)
        channels = self.encoder.channels
        features = int(channels[32] * width)
        self.conv2 = nn.Conv2d(channels[32], features, 1)
        self.blocks = nn.ModuleList()
        inputs = features
        for reduction in (16, 8, 4, 2):
            self.blocks.append(DenseUpBlock(inputs, channels[reduction], inputs // 2))
            inputs //= 2
        self.conv3 = nn.Conv2d(inputs, 1, 3, padding=1)

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H/2,W/2) max_depth / depth}."""
        features = self.encoder(images)
        x = self.conv2(features[32])
        for block, reduction in zip(self.blocks, (16, 8, 4, 2), strict=True):
            x = block(x, features[reduction])
        return {"target": self.conv3(x)}
