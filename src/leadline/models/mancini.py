"""depth-mancini: VGG-19 and four 4x4 deconvolutions, depth at full input size.

Source: Sciuto, "Monocular image Depth estimation, using virtual datasets and embedding the
semantic information", section 3.1.1, after Mancini et al. 2017, and the author's Keras code for
kernel sizes, widths and PReLU. The code stops at conv5_4 (four poolings), which four doublings
undo; the five poolings of the text would not fit. PReLU has one slope per layer here; Keras'
default is one per element, which ties the network to one input size. The code ends in a ReLU, whose
gradient is zero wherever the output is zero: `output="relu"`. Softplus keeps the output positive
without that.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.blocks import crop_to, size_at, up_steps, widths_for, xavier_init
from leadline.models.config import ModelConfig
from leadline.models.encoders import Encoder, Taps, TimmEncoder, create_encoder

WIDTHS = (128, 64, 32, 16)

OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "softplus": functional.softplus,
    "relu": functional.relu,
}


class DeconvolutionBranch(nn.Module):
    """Deconvolutions with PReLU up to the input size, then a linear 5x5 convolution.

    Weights are drawn from Xavier's uniform distribution, as in the source.
    """

    def __init__(
        self, encoder: Encoder | TimmEncoder, outputs: int, widths: Sequence[int] = WIDTHS
    ):
        super().__init__()
        self.steps = up_steps(encoder.reductions, finest=1)
        inputs = encoder.channels[max(encoder.reductions)]
        self.ups = nn.ModuleList()
        for width in widths_for(widths, self.steps):
            up = nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1)
            self.ups.append(nn.Sequential(up, nn.PReLU()))
            inputs = width
        self.head = nn.Conv2d(inputs, outputs, 5, padding=2)
        self.apply(xavier_init)

    def forward(self, images: Tensor, features: Taps) -> Tensor:
        """Return (B,outputs,H,W) for images (B,3,H,W) and their features."""
        x = features[max(features)]
        for up, reduction in zip(self.ups, self.steps, strict=True):
            x = crop_to(up(x), size_at(images, features, reduction))
        result: Tensor = self.head(x)
        return result


class DepthMancini(DepthModel):
    """`output` makes the depth positive: `softplus`, or `relu` as in the author's code."""

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "vgg19",
        output: str = "softplus",
        widths: Sequence[int] = WIDTHS,
    ):
        super().__init__(config)
        self.positive = positive_output(output)
        self.encoder = create_encoder(encoder)
        self.depth_branch = DeconvolutionBranch(self.encoder, 1, widths)

    def output_layer(self) -> nn.Conv2d | None:
        """Return the depth head if a ReLU follows, with which a factor commutes; else None."""
        return self.depth_branch.head if self.positive is functional.relu else None

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) metres, positive}."""
        return {"target": self.positive(self.depth_branch(images, self.encoder(images)))}


def positive_output(name: str) -> Callable[[Tensor], Tensor]:
    """Return the function called `name` that makes an output positive."""
    if name not in OUTPUTS:
        raise LeadlineError(f"output {name!r} is not known; choose one of {', '.join(OUTPUTS)}")
    return OUTPUTS[name]
