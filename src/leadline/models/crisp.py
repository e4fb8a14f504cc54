"""`crisp`: an extension of `compact` whose output is as large as its input.

It has the layers of `compact`, pooled context on the encoder's deepest map and, at half the input
size, the picture itself as four pixels per cell. Depth is regressed at half size, and each of the
four pixels of a cell becomes a learned convex combination of the nine cells around it (Teed and
Deng 2020, RAFT, section 3.3). An edge can thus lie between two pixels, which interpolating a smooth
map cannot give. Regresses ln(metres). Leadline's own design.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, cat, nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.blocks import conv_bn_relu, upsample_like, widths_for
from leadline.models.compact import CompactModel
from leadline.models.config import ModelConfig
from leadline.models.novelty import NoveltyHead

BILINEAR = (1 / 4, 3 / 4)
"""Bilinear weights of the neighbouring cell and of the own cell, for a pixel between them."""

PRIOR_FLOOR = 0.01
"""Initial share of each of the nine cells in a combination, added to its bilinear weight."""

PIXELS_OF_A_CELL = 12
"""Values of the picture in a cell at half size: 2x2 pixels of three colours."""

IDENTITY_KERNEL = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
"""The identity kernel."""

DIRECTIONS = [(-1, 0), (0, -1), (0, 1), (1, 0)]
"""Directions of the distant cells: rows down, columns to the right."""

FIRST_SHARE = 0.02
"""Initial share of each distant cell, relative to 1 for the bilinear value."""

DECISION = 2.5
"""Exponent of the shares in prediction. With L1, pixels of which it is uncertain on which side of
an edge they lie learn intermediate shares; halfway between two levels there is no sharp edge."""

LARGEST_LOGIT = 15.0
"""Limit of a share's logit, so that its exponential stays finite in every precision."""

STEEPNESS = 4.0
"""Factor on differences of ln(metres) used as features, to match the size of the others."""

FIRST_VALIDITY = 0.9
"""Initial validity: the assumed share of pixels that have a depth."""

HEAD_WIDTH = 16
"""Channels of the hidden layer of an added head."""

FIRST_SPREAD = 0.15
"""Initial Laplace scale of ln(metres) at every pixel."""

INIT_SCALE = 0.1
"""Initial scale of layers that are added to others, so that these start nearly unchanged."""


class PooledContext(nn.Module):
    """Global context, added to the deepest map.

    Three 5x5 max poolings in sequence, concatenated (the SPPF of YOLOv5), and a vector pooled over
    the picture by learned attention (the context block of GCNet, Cao et al. 2019).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.fuse = conv_bn_relu(4 * channels, channels, kernel=1)
        self.attention = nn.Conv2d(channels, 1, 1, bias=False)
        self.transform = nn.Sequential(
            nn.Conv2d(channels, channels // 4, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // 4, channels, 1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (B,C,h,w) with its context, and the pooled vector (B,C,1,1)."""
        pooled = [x]
        for _ in range(3):
            pooled.append(self.pool(pooled[-1]))
        x = x + self.fuse(cat(pooled, dim=1))
        shares = self.attention(x).flatten(2).softmax(dim=2)
        picture = (x.flatten(2) * shares).sum(2)[:, :, None, None]
        return x + self.transform(picture), picture


class LightUpBlock(nn.Module):
    """Sum of 1x1 convolutions of a coarser map and of maps at the block's size; one convolution.

    It replaces two 3x3 convolutions of the concatenated maps, with which the whole network takes
    1.5 times as long. A 1x1 convolution of a concatenation equals the sum of one per map, and that
    of the coarser map runs before upsampling.
    """

    def __init__(self, inputs: int, maps: Sequence[int], outputs: int):
        super().__init__()
        self.sources = nn.ModuleList(
            nn.Conv2d(channels, outputs, 1, bias=False) for channels in (inputs, *maps)
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.conv = conv_bn_relu(outputs, outputs)

    def forward(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Return (B,outputs,h,w) for a map x (B,C,h/2,w/2) and `maps` of (B,M,h,w)."""
        coarse, *fine = self.sources
        total = upsample_like(coarse(x), maps[0])
        for source, each in zip(fine, maps, strict=True):
            total = total + source(each)
        total = functional.relu(self.norm(total))
        values: Tensor = total + self.conv(total)
        return values


class ConvexUpsampling(nn.Module):
    """Doubles a map: each pixel is a convex combination of the 3x3 cells around its own.

    The weights are predicted from features; untrained, they are those of bilinear interpolation.
    Differences from the own cell are combined, since weights do not add up to exactly 1 in bfloat16
    and every depth would be off by the same factor.
    """

    def __init__(self, features: int):
        super().__init__()
        self.logits = nn.Conv2d(features, 36, 1)
        self.logits.bias = nn.Parameter((bilinear_weights() + PRIOR_FLOOR).log().flatten())
        with torch.no_grad():
            self.logits.weight.mul_(INIT_SCALE)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Return (B,1,2h,2w) for a map x (B,1,h,w) and features (B,F,h,w)."""
        weights = self.logits(features).unflatten(1, (9, 4)).softmax(dim=1)
        moves = cat(neighbours(x), dim=1) - x
        four = x + (weights * moves.unsqueeze(2)).sum(dim=1)
        return functional.pixel_shuffle(four, 2)


class SharpUpsampling(nn.Module):
    """Doubles a map so that a blurred edge can become a sharp one.

    A pixel is a convex combination of its bilinear value and of the cells above, below, left and
    right of its own at each distance of `reach`. It can thus leave the slope of a blurred edge for
    the level on its side. The shares are predicted from features and from the differences of the
    map at those distances; initially they are nearly bilinear interpolation. For a map of
    logarithms the shares do not depend on its scale; as features, differences are clamped at 1 (a
    factor of e in metres).

    Shifts and sums over cells are convolutions with fixed weights, since all runtimes are fast at
    convolutions. `features` lists the channels of each map of features; the maps are not
    concatenated, for the same reason.
    """

    near: Tensor
    far: Tensor
    total: Tensor

    def __init__(self, features: Sequence[int], reach: Sequence[int], width: int):
        super().__init__()
        far = far_cells(reach)
        cells = len(far)
        self.margin = max(reach)
        self.register_buffer(
            "near", bilinear_weights().T.view(4, 1, 3, 3) - IDENTITY_KERNEL, persistent=False
        )
        self.register_buffer("far", far, persistent=False)
        self.register_buffer(
            "total", torch.eye(4).repeat_interleave(cells, 1)[:, :, None, None], persistent=False
        )
        self.sources = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1, bias=False) for channels in (*features, cells)
        )
        self.norm = nn.BatchNorm2d(width)
        self.hidden = conv_bn_relu(width, width)
        self.logits = nn.Conv2d(width, 4 * cells, 1)
        with torch.no_grad():
            self.logits.weight.mul_(INIT_SCALE)
            nn.init.constant_(self.logits.bias, math.log(FIRST_SHARE))  # type: ignore[arg-type]

    def forward(self, x: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return (B,1,2h,2w) for a map x (B,1,h,w) and features of (B,F,h,w)."""
        near = functional.conv2d(padded(x, 1), self.near)
        far = functional.conv2d(padded(x, self.margin), self.far)
        levels = STEEPNESS * far.clamp(-1, 1)
        maps = zip(self.sources, (*features, levels), strict=True)
        hidden = functional.relu(self.norm(sum(convolution(each) for convolution, each in maps)))
        # The bilinear value has share 1 before all are divided by their sum.
        logits = self.logits(self.hidden(hidden)) * (1 if self.training else DECISION)
        shares = logits.clamp(max=LARGEST_LOGIT).exp()
        moved = near + functional.conv2d(shares * torch.cat([far] * 4, 1), self.total)
        four = x + moved / (1 + functional.conv2d(shares, self.total))
        return functional.pixel_shuffle(four, 2)


def far_cells(reach: Sequence[int]) -> Tensor:
    """Return kernels (4 R,1,K,K): the cells at R distances minus the own cell."""
    margin = max(reach)
    kernels = torch.zeros(len(reach), len(DIRECTIONS), 2 * margin + 1, 2 * margin + 1)
    kernels[:, :, margin, margin] = -1
    for kernel, step in zip(kernels, reach, strict=True):
        for one, (down, right) in zip(kernel, DIRECTIONS, strict=True):
            one[margin + step * down, margin + step * right] = 1
    return kernels.flatten(0, 1).unsqueeze(1)


def padded(x: Tensor, margin: int) -> Tensor:
    """Return x (B,C,h,w) padded by `margin` cells on each side, repeating the border."""
    return functional.pad(x, (margin, margin, margin, margin), mode="replicate")


def neighbours(x: Tensor) -> list[Tensor]:
    """Return nine shifted copies of x (B,1,h,w): the 3x3 neighbours of each cell, row by row."""
    height, width = x.shape[-2:]
    around = padded(x, 1)
    return [
        around[..., row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]


def bilinear_weights() -> Tensor:
    """Return (9,4): the weights of the 3x3 cells in the four pixels of the middle cell."""
    near, own = BILINEAR
    first, second = torch.tensor([near, own, 0.0]), torch.tensor([0.0, own, near])
    pixels = [torch.outer(row, column) for row in (first, second) for column in (first, second)]
    return torch.stack(pixels).flatten(1).T


class MapHead(nn.Module):
    """A further map at half size, from the features of the depth head and the pooled vector."""

    def __init__(self, features: int, picture: int, start: float):
        super().__init__()
        self.around = nn.Conv2d(features, HEAD_WIDTH, 3, padding=1)
        self.picture = nn.Conv2d(picture, HEAD_WIDTH, 1, bias=False)
        self.out = nn.Conv2d(HEAD_WIDTH, 1, 1)
        with torch.no_grad():
            self.out.weight.mul_(INIT_SCALE)
            nn.init.constant_(self.out.bias, start)  # type: ignore[arg-type]

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        """Return (B,1,h,w) for features (B,F,h,w) and a vector (B,C,1,1)."""
        values: Tensor = self.out(functional.relu(self.around(x) + self.picture(picture)))
        return values


class CrispModel(CompactModel):
    """The layers of `compact` under the same names, with context, detail and upsampling between.

    A weights file of `compact` therefore fits all layers but the new ones. Encoder taps at
    /2../32, decoder widths for /16, /8, /4 and /2, output at full size. Convex combinations
    preserve a factor and an offset of the head, so the head is still the output layer. An encoder
    without a tap at /2 is refused.

    - `uncertainty` adds a head for the logarithm of the Laplace scale of ln(metres). It takes the
      features without a gradient, so training it does not change the depth.
    - `novelty` adds a measure of how unlike the picture is to the training pictures, from the
      deepest features, after fitting (`leadline.models.novelty`).
    - `reach` lets cells at those distances become a pixel too, which sharpens blurred edges; the
      recipe `crisp-edges` trains that part alone. It has two layers of `sharp_width` channels.
    - `validity` adds a head for whether there is a depth at all, unlike in the sky; it is trained
      with everything else.
    - `light` uses `LightUpBlock`s in the decoder; the last one also takes the picture's pixels.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "mobilenet_v2",
        neck: int = 192,
        widths: Sequence[int] = (192, 96, 48, 24),
        uncertainty: bool = False,
        novelty: bool = False,
        reach: Sequence[int] = (),
        sharp_width: int = 16,
        validity: bool = False,
        light: bool = False,
    ):
        super().__init__(config, encoder, neck, widths)
        if 2 not in self.steps:
            raise LeadlineError(
                f"encoder {encoder} begins at 1/{min(self.encoder.reductions)} of the picture's "
                "size, and crisp needs features at half of it; choose another encoder, such as "
                "mobilenet_v2 or resnet18, or model.architecture=compact"
            )
        fine = self.head.in_channels
        self.context = PooledContext(neck)
        self.scale = nn.Conv2d(neck, 1, 1, bias=False)
        self.detail = None if light else conv_bn_relu(fine + PIXELS_OF_A_CELL, fine)
        if light:
            self.blocks = self._light_blocks(neck, widths_for(widths, self.steps))
        self.reach = tuple(reach)
        if self.reach and config.depth_space != "log":
            raise LeadlineError(
                f"reach {list(reach)} needs depth_space log, not {config.depth_space}"
            )
        if any(step < 2 for step in self.reach):
            raise LeadlineError(f"reach {list(reach)}: expected distances of 2 cells or more")
        self.upsampling: ConvexUpsampling | SharpUpsampling = (
            SharpUpsampling((fine, PIXELS_OF_A_CELL), self.reach, sharp_width)
            if self.reach
            else ConvexUpsampling(fine)
        )
        with torch.no_grad():
            self.context.fuse.get_parameter("1.weight").mul_(INIT_SCALE)
            self.scale.weight.mul_(INIT_SCALE)
            if self.detail is not None:
                self.detail.get_parameter("1.weight").mul_(INIT_SCALE)
        # Last, so that all other weights are drawn as without heads. Checkpoints hold these names.
        self.spread = MapHead(fine, neck, math.log(FIRST_SPREAD)) if uncertainty else None
        self.familiarity = NoveltyHead(neck) if novelty else None
        odds = math.log(FIRST_VALIDITY / (1 - FIRST_VALIDITY))
        self.validity = MapHead(fine, neck, odds) if validity else None

    @torch.no_grad()
    def scale_metres(self, ratio: float) -> bool:
        """Multiply all metres by `ratio`, including the context's contribution to the head."""
        factor, _ = self.space.scaling(ratio)
        self.scale.weight *= factor
        return super().scale_metres(ratio)

    def heads(self) -> dict[str, nn.Module]:
        """Return the heads of uncertainty, novelty and validity that the model has."""
        heads = {
            "uncertainty": self.spread,
            "novelty": self.familiarity,
            "validity": self.validity,
        }
        return {name: head for name, head in heads.items() if head is not None}

    def novelty_features(self, images: Tensor) -> Tensor:
        """Return the deepest features (B,C,H/32,W/32) of normalised images, after the neck."""
        return self.encode(images)[0]

    def encode(self, images: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Return the deepest features after the neck, and the encoder's features by reduction."""
        features = self.encoder(images)
        return self.neck(features[max(features)]), features

    def _light_blocks(self, inputs: int, widths: Sequence[int]) -> nn.ModuleList:
        blocks = nn.ModuleList()
        for reduction, width in zip(self.steps, widths, strict=True):
            own = [PIXELS_OF_A_CELL] if reduction == 2 else []
            blocks.append(LightUpBlock(inputs, [self.encoder.channels[reduction], *own], width))
            inputs = width
        return blocks

    @staticmethod
    def light_maps(skips: Sequence[Tensor], pixels: Tensor) -> list[list[Tensor]]:
        """Return the inputs of the light blocks beside the coarser map: a skip, finally pixels."""
        *coarse, finest = skips
        return [*([skip] for skip in coarse), [finest, pixels]]

    def _decode(self, x: Tensor, skips: Sequence[Tensor], pixels: Tensor) -> Tensor:
        """Return the features (B,F,h,w) at half size, from the deepest features with context."""
        if self.detail is None:
            for block, maps in zip(self.blocks, self.light_maps(skips, pixels), strict=True):
                x = block(x, maps)
            return x
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x, skip)
        detail: Tensor = self.detail(cat([x, pixels], dim=1))
        return x + detail

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) ln(metres)} and the optional outputs.

        These are "log_spread" and "validity_logits" (B,1,H/2,W/2), and "novelty" (B,1,1,1).
        """
        deepest, features = self.encode(images)
        x, picture = self.context(deepest)
        pixels = functional.pixel_unshuffle(images, 2)
        x = self._decode(x, [features[reduction] for reduction in self.steps], pixels)
        depth = self.head(x) + self.scale(picture)
        fine = (x, pixels) if self.reach else x
        outputs = {"target": self.upsampling(depth, fine)}
        if self.spread is not None:
            outputs["log_spread"] = self.spread(x.detach(), picture.detach())
        if self.familiarity is not None:
            outputs["novelty"] = self.familiarity(deepest.detach())
        if self.validity is not None:
            outputs["validity_logits"] = self.validity(x, picture)
        return outputs
