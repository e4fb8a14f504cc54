"""Up-projection: a residual block that doubles the size of a map.

Source: Laina et al. 2016, "Deeper Depth Prediction with Fully Convolutional Residual Networks",
sections 3.2 and 3.3, and the authors' code. As defined, every value is put at the top left of a 2x2
cell of zeros, then a 5x5 convolution runs over mostly zeros. Here the four phases of the output are
computed from the small map by the 3x3, 2x3, 3x2 and 2x2 parts of the same kernel, and interleaved.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.errors import LeadlineError

BN_EPS = 1e-4
"""As in the authors' code."""

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(row, column) parity of the output pixels of each small convolution."""

PADDINGS = ("exact", "published")


class UpConvolution(nn.Module):
    """Unpooling to twice the size and a 5x5 convolution without bias, as four small convolutions.

    `padding="exact"` pads the two-tap kernels at the bottom and right, which equals the definition.
    `"published"` pads them at the top and left as the authors' code does, for weights trained with
    it (a 5x5 kernel on a map shifted by a pixel in odd phases).
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
    """Interleave four (B,C,h,w) maps in the order of `PHASES` to one (B,C,2h,2w)."""
    return functional.pixel_shuffle(torch.stack(phases, dim=2).flatten(1, 2), 2)


class UpProjection(nn.Module):
    """5x5, BatchNorm, ReLU, 3x3, BatchNorm, plus a shortcut of 5x5 and BatchNorm; ReLU.

    The 5x5 convolutions are `UpConvolution`s, which double the size.
    """

    def __init__(self, inputs: int, outputs: int, padding: str = "exact"):
        super().__init__()
        self.up = UpConvolution(inputs, outputs, padding)
        self.norm = nn.BatchNorm2d(outputs, BN_EPS)
        self.conv = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.conv_norm = nn.BatchNorm2d(outputs, BN_EPS)
        self.shortcut = UpConvolution(inputs, outputs, padding)
        self.shortcut_norm = nn.BatchNorm2d(outputs, BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B,outputs,2h,2w) for x (B,inputs,h,w)."""
        main = self.conv_norm(self.conv(functional.relu(self.norm(self.up(x)))))
        return functional.relu(main + self.shortcut_norm(self.shortcut(x)))
