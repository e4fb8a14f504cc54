"""VGG-19 without its head, and transposed convolutions up to half the input size.

Source: Huang and Yu, "Depth Estimation with Fully Convolutional Neural Network", sections 3.1
and 4. The text determines the encoder (VGG-19 to its last convolution, LeakyReLU for ReLU), three
transposed convolutions with or without a convolution after each, BatchNorm in the decoder only, and
160x120 in, 80x60 out. Kernel 4, stride 2 and channels halved at each step are our interpretation:
from conv5_4 at /16 (without the fifth pooling) three doublings give half the input size.
"""

import math
from collections.abc import Sequence

from torch import Tensor, cat, nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.blocks import crop_to, size_at, up_steps, widths_for
from leadline.models.config import ModelConfig
from leadline.models.encoders import Taps, create_encoder, use_leaky_relu

INITS = ("he", "normal01")


class Vgg19Fcn(DepthModel):
    """The networks A1 (`convolutions=False`), A2 and A3 of the source, and one with skips.

    `slope` is LeakyReLU's, in encoder and decoder; the source does not state it. `init` is the
    initialisation of the decoder: `he`, or `normal01`, the literal "0 mean and 1 variance", with
    which the first predictions are tens of metres off. `skip` links the output of every pooling to
    the up-sampling layer at its size: the future work of the source.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "vgg19",
        convolutions: bool = True,
        skip: bool = False,
        slope: float = 0.1,
        init: str = "he",
        widths: Sequence[int] = (256, 128, 64),
    ):
        super().__init__(config)
        if init not in INITS:
            raise LeadlineError(f"init {init!r} is not known; choose one of {', '.join(INITS)}")
        self.encoder = create_encoder(encoder)
        use_leaky_relu(self.encoder, slope)
        self.skip = skip
        self.steps = up_steps(self.encoder.reductions, finest=2)
        outputs = widths_for(widths, self.steps)
        if not convolutions:
            outputs[-1] = 1
        links = [self._link_channels(2 * reduction) for reduction in self.steps]
        inputs = [self.encoder.channels[max(self.encoder.reductions)], *outputs[:-1]]
        self.ups = nn.ModuleList()
        self.convs = nn.ModuleList()
        last = len(self.steps) - 1
        for i, (a, link, b) in enumerate(zip(inputs, links, outputs, strict=True)):
            ends = i == last and not convolutions
            self.ups.append(_up(a + link, b, slope, ends))
            if convolutions:
                extra = self._link_channels(self.steps[-1]) if i == last else 0
                self.convs.append(_conv(b + extra, 1 if i == last else b, slope, i == last))
        for module in [*self.ups.modules(), *self.convs.modules()]:
            _initialise(module, slope, init)

    def _link_channels(self, reduction: int) -> int:
        return self.encoder.channels.get(reduction // 2, 0) if self.skip else 0

    def output_layer(self) -> nn.Conv2d | nn.ConvTranspose2d:
        """Return the last convolution, a transposed one in A1."""
        last = (self.convs if len(self.convs) else self.ups)[-1]
        assert isinstance(last, nn.Sequential)
        layer = last[0]
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        return layer

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H/2,W/2) metres}."""
        features = self.encoder(images)
        x = features[max(features)]
        for i, (up, reduction) in enumerate(zip(self.ups, self.steps, strict=True)):
            x = up(self._linked(x, features, 2 * reduction))
            x = crop_to(x, size_at(images, features, reduction))
            if len(self.convs):
                if i == len(self.steps) - 1:
                    x = self._linked(x, features, reduction)
                x = self.convs[i](x)
        return {"target": x}

    def _linked(self, x: Tensor, features: Taps, reduction: int) -> Tensor:
        """Concatenate the pooled map at `reduction`, as the encoder's own pooling returns it."""
        if not self._link_channels(reduction):
            return x
        pooled = functional.max_pool2d(features[reduction // 2], 2, ceil_mode=True)
        return cat([x, pooled], dim=1)


def _up(inputs: int, outputs: int, slope: float, ends: bool) -> nn.Sequential:
    if ends:
        return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1))
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(slope, inplace=True),
    )


def _conv(inputs: int, outputs: int, slope: float, ends: bool) -> nn.Sequential:
    if ends:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1))
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(slope, inplace=True),
    )


def _initialise(module: nn.Module, slope: float, init: str) -> None:
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return
    # An output pixel of a transposed convolution uses kernel^2 / stride^2 of its taps.
    taps = math.prod(module.kernel_size) / math.prod(module.stride)
    he = math.sqrt(2 / (1 + slope**2) / (module.in_channels * taps))
    nn.init.normal_(module.weight, std=1.0 if init == "normal01" else he)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
