"""Up-projection: a residual block that doubles the size of a map, slow and fast.

Source: Laina et al. 2016, "Deeper Depth Prediction with Fully Convolutional Residual Networks",
sections 3.2 and 3.3, and the authors' code. Slow: every value is put at the top left of a 2x2 cell
of zeros, then a 5x5 convolution runs over mostly zeros. Fast: the four phases of the output are
computed from the small map by the 3x3, 2x3, 3x2 and 2x2 parts of the same kernel and interleaved.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.errors import LeadlineError

BN_EPS = 1e-4
"""As in the authors' code."""

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(row, column) parity of the output pixels that each small convolution computes."""

PADDINGS = ("exact", "published")


class SlowUpConvolution(nn.Module):
    """Unpooling to twice the size and a 5x5 convolution without bias."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 5, padding=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B,outputs,2h,2w) for x (B,inputs,h,w)."""
        zero = torch.zeros_like(x)
        x = self.conv(_interleave([x, zero, zero, zero]))
        return x


class FastUpConvolution(nn.Module):
    """The same map from four small convolutions, with a quarter of the multiplications.

    `padding="exact"` pads the two-tap kernels at the bottom and right, which equals
    `SlowUpConvolution`; `"published"` pads them at the top and left as the authors' code does, and
    is for weights trained with it (a 5x5 kernel on a map shifted by a pixel in odd phases).
    """

    def __init__(self, inputs: int, outputs: int, padding: str = "exact"):
        super().__init__()
        if padding not in PADDINGS:
            raise LeadlineError(
                f"padding {padding!r} is not known; choose one of {', '.join(PADDINGS)}"
            )
        self.padding = padding
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, (3 - row, 3 - column), bias=False) for row, column in PHASES
        )

    @classmethod
    def from_kernel(cls, kernel: Tensor, padding: str = "exact") -> "FastUpConvolution":
        """Split a 5x5 kernel (outputs,inputs,5,5) into its four phases."""
        outputs, inputs = kernel.shape[:2]
        fast = cls(inputs, outputs, padding).to(kernel)
        with torch.no_grad():
            for conv, (row, column) in zip(fast.convs, PHASES, strict=True):
                conv.weight.copy_(kernel[:, :, row::2, column::2])  # type: ignore[operator]
        return fast

    def forward(self, x: Tensor) -> Tensor:
        """Return (B,outputs,2h,2w) for x (B,inputs,h,w)."""
        phases = []
        for conv, (row, column) in zip(self.convs, PHASES, strict=True):
            left, right = self._pads(column)
            top, bottom = self._pads(row)
            phases.append(conv(functional.pad(x, (left, right, top, bottom))))
        return _interleave(phases)

    def _pads(self, odd: int) -> tuple[int, int]:
        if not odd:
            return 1, 1
        return (0, 1) if self.padding == "exact" else (1, 0)


def _interleave(phases: list[Tensor]) -> Tensor:
    """Four (B,C,h,w) maps in the order of `PHASES` to one (B,C,2h,2w)."""
    return functional.pixel_shuffle(torch.stack(phases, dim=2).flatten(1, 2), 2)


class UpProjection(nn.Module):
    """5x5, BatchNorm, ReLU, 3x3, BatchNorm, plus a 5x5 and BatchNorm of the input; ReLU.

    `up` builds the doubling convolution of (inputs, outputs).
    """

    def __init__(self, inputs: int, outputs: int, up: Callable[[int, int], nn.Module]):
        super().__init__()
        self.up = up(inputs, outputs)
        self.norm = nn.BatchNorm2d(outputs, BN_EPS)
        self.conv = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.conv_norm = nn.BatchNorm2d(outputs, BN_EPS)
        self.shortcut = up(inputs, outputs)
        self.shortcut_norm = nn.BatchNorm2d(outputs, BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B,outputs,2h,2w) for x (B,inputs,h,w)."""
        main = self.conv_norm(self.conv(functional.relu(self.norm(self.up(x)))))
        return functional.relu(main + self.shortcut_norm(self.shortcut(x)))


class SlowUpProjection(UpProjection):
    """Up-projection as defined: unpooling and 5x5 convolutions."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, SlowUpConvolution)


class FastUpProjection(UpProjection):
    """Up-projection as computed: interleaved small convolutions."""

    def __init__(self, inputs: int, outputs: int, padding: str = "exact"):
        super().__init__(inputs, outputs, lambda a, b: FastUpConvolution(a, b, padding))

    @classmethod
    def from_slow(cls, slow: SlowUpProjection) -> "FastUpProjection":
        """Return the fast block that computes what `slow` does, with its weights."""
        outputs, inputs = slow.up.conv.weight.shape[:2]  # type: ignore[union-attr,index]
        fast = cls(int(inputs), int(outputs)).train(slow.training)
        state = slow.state_dict()
        for branch in ("up", "shortcut"):
            kernel = state.pop(f"{branch}.conv.weight")
            split = FastUpConvolution.from_kernel(kernel).state_dict()
            state.update({f"{branch}.{name}": value for name, value in split.items()})
        fast.load_state_dict(state)
        return fast
