"""Building blocks shared by several decoders."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, cat, nn
from torch.nn import functional

from leadline.models.encoders import Taps


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """A convolution without bias (BatchNorm has one), BatchNorm, ReLU; keeps the size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def upsample_like(x: Tensor, reference: Tensor) -> Tensor:
    """Resize x bilinearly to the height and width of `reference`, half-pixel centres."""
    return functional.interpolate(
        x, size=reference.shape[-2:], mode="bilinear", align_corners=False
    )


def up_steps(reductions: Sequence[int], finest: int) -> list[int]:
    """Return the reductions of a decoder: from half the encoder's deepest to `finest`."""
    steps = []
    reduction = max(reductions) // 2
    while reduction >= finest:
        steps.append(reduction)
        reduction //= 2
    return steps


def widths_for(widths: Sequence[int], steps: Sequence[int]) -> list[int]:
    """Fit the widths of a decoder to an encoder with more or fewer steps than it was designed for.

    Widths belong to reductions: the finest ones are kept, the coarsest are dropped or repeated.
    """
    missing = len(steps) - len(widths)
    return [*[widths[0]] * missing, *widths[-len(steps) :]]


def size_at(images: Tensor, features: Taps, reduction: int) -> tuple[int, int]:
    """Return (h, w) of the maps at `reduction`: the encoder's own, or the input's, rounded up."""
    if reduction in features:
        h, w = features[reduction].shape[-2:]
    else:
        h, w = (-(-side // reduction) for side in images.shape[-2:])
    return h, w


def crop_to(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop the last row and column of a map that was doubled from an odd size."""
    return x[..., : size[0], : size[1]]


def xavier_init(module: nn.Module) -> None:
    """Initialise a convolution as Keras does by default; for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class SkipDecoder(nn.ModuleList):
    """One block per entry of `steps`, which upsamples the map before it to that reduction.

    `block(inputs, skip, outputs)` builds one: `skip` is the number of the encoder's channels at
    that reduction (`skips`), 0 if it has no map there, and `outputs` is taken from `widths`. A
    block is called with the map, the encoder's map or None, and the size to reach.
    """

    def __init__(
        self,
        block: Callable[[int, int, int], nn.Module],
        inputs: int,
        skips: Mapping[int, int],
        steps: Sequence[int],
        widths: Sequence[int],
    ):
        super().__init__()
        self.steps = tuple(steps)
        for reduction, outputs in zip(steps, widths, strict=True):
            self.append(block(inputs, skips.get(reduction, 0), outputs))
            inputs = outputs

    def forward(self, x: Tensor, features: Taps, images: Tensor) -> Tensor:
        """Return the map at the last step, for the deepest map x and all `features`."""
        for block, reduction in zip(self, self.steps, strict=True):
            x = block(x, features.get(reduction), size_at(images, features, reduction))
        return x


class BilinearUpBlock(nn.Module):
    """Bilinear upsampling, concatenation of a skip, two 3x3 convolutions with bias.

    LeakyReLU(0.2) after both convolutions, no BatchNorm: the block of DenseDepth (Alhashim and
    Wonka 2018, table 1). `skip` is the number of channels of the skip, 0 for none.
    """

    def __init__(self, inputs: int, skip: int, outputs: int):
        super().__init__()
        self.conv_a = nn.Conv2d(inputs + skip, outputs, 3, padding=1)
        self.conv_b = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Return (B,outputs,h,w) at `size`, which is the size of `skip` if there is one."""
        x = functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
        if skip is not None:
            x = cat([x, skip], dim=1)
        x = self.activation(self.conv_a(x))
        x = self.activation(self.conv_b(x))
        return x
