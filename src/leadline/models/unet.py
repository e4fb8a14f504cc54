"""U-Nets trained from scratch: the two baselines with 1.96 and 8.6 million parameters.

Source: Gulve and Gupta, "Monocular depth estimation from single image", figure 1 (a Keras summary,
which determines every layer of the small network) and section 3.4 ("8.6M"). The block is that of
the Keras example that fits the summary: convolution, BatchNorm, LeakyReLU(0.2), twice, with the
output of the first convolution added to the result in the encoder. The text puts the activation
before BatchNorm: `norm_first=False`. It also names a 2x2 up-convolution where the summary counts no
parameters; the large network has 3x3 transposed convolutions, which give 8.6 million.
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, cat, nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.blocks import SkipDecoder, crop_to, up_steps, widths_for, xavier_init
from leadline.models.config import ModelConfig
from leadline.models.encoders import Encoder, Taps, TimmEncoder, create_encoder

UPSAMPLINGS = ("nearest", "transposed")
OWN_ENCODER = "unet"


class ConvUnit(nn.Module):
    """A 3x3 convolution with bias, optional BatchNorm, LeakyReLU(0.2)."""

    def __init__(self, inputs: int, outputs: int, norm: bool = True, norm_first: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()
        self.activation = nn.LeakyReLU(0.2)
        self.norm_first = norm_first

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated map of `x`."""
        x = self.finish(self.conv(x))
        return x

    def finish(self, convolved: Tensor) -> Tensor:
        """Apply BatchNorm and activation to the output of the convolution."""
        order = (self.norm, self.activation) if self.norm_first else (self.activation, self.norm)
        x = convolved
        for layer in order:
            x = layer(x)
        return x


class DownBlock(nn.Module):
    """Two convolution units; the first convolution's raw output is added to the result."""

    def __init__(self, inputs: int, outputs: int, norm_first: bool):
        super().__init__()
        self.first = ConvUnit(inputs, outputs, norm_first=norm_first)
        self.second = ConvUnit(outputs, outputs, norm_first=norm_first)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B,outputs,H,W), before pooling."""
        raw: Tensor = self.first.conv(x)
        total: Tensor = raw + self.second(self.first.finish(raw))
        return total


class UNetEncoder(nn.Module):
    """Down blocks at /1, /2, /4, /8 and a bottleneck without BatchNorm at /16."""

    def __init__(self, widths: Sequence[int], norm_first: bool):
        super().__init__()
        *downs, bottom = widths
        self.blocks = nn.ModuleList(
            DownBlock(a, b, norm_first) for a, b in zip([3, *downs[:-1]], downs, strict=True)
        )
        self.bottleneck = nn.Sequential(
            ConvUnit(downs[-1], bottom, norm=False), ConvUnit(bottom, bottom, norm=False)
        )
        self.reductions = [2**i for i in range(len(widths))]
        self.channels = dict(zip(self.reductions, widths, strict=True))

    def forward(self, images: Tensor) -> Taps:
        """Return {reduction: features}, the bottleneck last."""
        features: Taps = {}
        x = images
        for reduction, block in zip(self.reductions[:-1], self.blocks, strict=True):
            features[reduction] = block(x)
            x = functional.max_pool2d(features[reduction], 2, ceil_mode=True)
        features[self.reductions[-1]] = self.bottleneck(x)
        return features


class UpBlock(nn.Module):
    """Doubling of the size, concatenation of the skip, two convolution units."""

    def __init__(self, inputs: int, skip: int, outputs: int, upsampling: str, norm_first: bool):
        super().__init__()
        self.up: nn.Module | None = None
        if upsampling == "transposed":
            self.up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
            inputs = outputs
        self.convs = nn.Sequential(
            ConvUnit(inputs + skip, outputs, norm_first=norm_first),
            ConvUnit(outputs, outputs, norm_first=norm_first),
        )

    def forward(self, x: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Return (B,outputs,h,w) at `size`, which is the size of `skip` if there is one."""
        if self.up is None:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        else:
            x = self.up(x)
        x = crop_to(x, size)
        if skip is not None:
            x = cat([x, skip], dim=1)
        x = self.convs(x)
        return x


class UNet(DepthModel):
    """`widths` from /1 to the bottleneck; `upsampling` nearest (no parameters) or transposed.

    An `encoder` other than `unet` replaces the encoder by a pretrained one. All layers that are not
    pretrained use Keras' default initialisation, as the source does.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = OWN_ENCODER,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        upsampling: str = "nearest",
        norm_first: bool = True,
    ):
        super().__init__(config)
        if upsampling not in UPSAMPLINGS:
            raise LeadlineError(
                f"upsampling {upsampling!r} is not known; choose one of {', '.join(UPSAMPLINGS)}"
            )
        self.encoder: UNetEncoder | Encoder | TimmEncoder
        self.encoder = (
            UNetEncoder(widths, norm_first) if encoder == OWN_ENCODER else create_encoder(encoder)
        )
        channels = self.encoder.channels
        deepest = channels[max(self.encoder.reductions)]
        steps = up_steps(self.encoder.reductions, finest=1)
        up_widths = widths_for(widths[-2::-1], steps)
        block = partial(UpBlock, upsampling=upsampling, norm_first=norm_first)
        self.blocks = SkipDecoder(block, deepest, channels, steps, up_widths)
        self.head = nn.Conv2d(up_widths[-1], 1, 1)
        fresh = [self.blocks, self.head, *([self.encoder] if encoder == OWN_ENCODER else [])]
        for part in fresh:
            part.apply(xavier_init)

    def output_layer(self) -> nn.Conv2d:
        """Return the head."""
        return self.head

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) metres} at the size of the input."""
        features = self.encoder(images)
        x = self.blocks(features[max(features)], features, images)
        return {"target": self.head(x)}
