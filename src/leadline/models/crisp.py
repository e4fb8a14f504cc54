"""`crisp`: a little more than `compact`, its output as large as the picture it sees.

The layers of `compact`, with pooled context on the encoder's deepest map and, at half the input
size, the picture itself as four pixels a cell. Depth is regressed there, and each of the four
pixels of a cell becomes a learned convex combination of the nine cells around it (Teed and Deng
2020, RAFT, section 3.3): an edge can then lie between two pixels, which no interpolation of a
smooth map gives. Regresses ln(metres). Ours, not a published system.
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
"""What a pixel in the half of a cell next to its neighbour takes of that neighbour, of the cell."""

PRIOR_FLOOR = 0.01
"""Share of a combination that each of the nine cells begins with, beside its bilinear one."""

PIXELS_OF_A_CELL = 12
"""Numbers of the picture in a cell at half size: 2x2 pixels of three colours."""

IDENTITY_KERNEL = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
"""The kernel that leaves a map as it is."""

DIRECTIONS = [(-1, 0), (0, -1), (0, 1), (1, 0)]
"""In which cells farther away are offered: rows down, columns to the right."""

FIRST_SHARE = 0.02
"""What each cell farther away begins with, where the bilinear value has 1."""

DECISION = 2.5
"""The power of shares in prediction. L1 teaches them to be middling where it is not certain on
which side of an edge a pixel lies, and halfway between its two levels there is no edge."""

LARGEST_LOGIT = 15.0
"""Of a share, so that its exponential stays finite in every precision."""

STEEPNESS = 4.0
"""Factor on differences of ln(metres) where they are features: about as large as the others."""

FIRST_VALIDITY = 0.9
"""The share of pixels that have a depth, as far as an untrained head knows."""

HEAD_WIDTH = 16
"""Channels of a head that is added: its one hidden layer."""

FIRST_SPREAD = 0.15
"""The Laplace scale of ln(metres) that an untrained head begins with, at every pixel."""

INIT_SCALE = 0.1
"""What layers that are added to others begin with, so that those begin nearly as they were."""


class PooledContext(nn.Module):
    """What the picture is as a whole, added to its deepest map.

    Three maximum poolings of 5x5 in a row, concatenated (the SPPF of YOLOv5), and a vector pooled
    over the picture by learned attention (the context block of GCNet, Cao et al. 2019).
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
        """Return x (B,C,h,w) with its context, and the picture's vector (B,C,1,1)."""
        pooled = [x]
        for _ in range(3):
            pooled.append(self.pool(pooled[-1]))
        x = x + self.fuse(cat(pooled, dim=1))
        shares = self.attention(x).flatten(2).softmax(dim=2)
        picture = (x.flatten(2) * shares).sum(2)[:, :, None, None]
        return x + self.transform(picture), picture


class LightUpBlock(nn.Module):
    """Adds a coarser map and maps at the block's size, each brought to its width; one convolution.

    In place of two 3x3 convolutions of everything concatenated, with which the whole network takes
    1.5 times as long: a 1x1 convolution of a concatenation is the sum of one for each map, and that
    of the coarser map runs before it is upsampled.
    """

    def __init__(self, inputs: int, maps: Sequence[int], outputs: int):
        super().__init__()
        self.sources = nn.ModuleList(
            nn.Conv2d(channels, outputs, 1, bias=False) for channels in (inputs, *maps)
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.conv = conv_bn_relu(outputs, outputs)

    def forward(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Return (B,outputs,h,w) for a map x (B,C,h/2,w/2) and `maps` (B,M,h,w) each."""
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
    Differences to the own cell are combined: in bfloat16 weights do not add up to 1, and what they
    lack would be lacking in every depth.
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
    right of its own at each distance of `reach`: so it can leave the slope of a blurred edge for
    the level on its side. The shares are predicted from features and from how the map differs at
    those distances; they begin as nearly bilinear interpolation. Of a map of logarithms they do not
    depend on its scale; as features, differences end at 1 (a factor of e in metres).

    Where cells are, and sums over them, are convolutions with fixed weights, for these are what
    every runtime is fast at; `features` lists the channels of each map of features, which are not
    concatenated for the same reason.
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
        """Return (B,1,2h,2w) for a map x (B,1,h,w) and features (B,F,h,w) each."""
        near = functional.conv2d(padded(x, 1), self.near)
        far = functional.conv2d(padded(x, self.margin), self.far)
        levels = STEEPNESS * far.clamp(-1, 1)
        maps = zip(self.sources, (*features, levels), strict=True)
        hidden = functional.relu(self.norm(sum(convolution(each) for convolution, each in maps)))
        # The share of the bilinear value is 1 before all are divided by their sum.
        logits = self.logits(self.hidden(hidden)) * (1 if self.training else DECISION)
        shares = logits.clamp(max=LARGEST_LOGIT).exp()
        moved = near + functional.conv2d(shares * torch.cat([far] * 4, 1), self.total)
        four = x + moved / (1 + functional.conv2d(shares, self.total))
        return functional.pixel_shuffle(four, 2)


def far_cells(reach: Sequence[int]) -> Tensor:
    """Return the kernels (4 R,1,K,K) of the cells at R distances, less the own cell."""
    margin = max(reach)
    kernels = torch.zeros(len(reach), len(DIRECTIONS), 2 * margin + 1, 2 * margin + 1)
    kernels[:, :, margin, margin] = -1
    for kernel, step in zip(kernels, reach, strict=True):
        for one, (down, right) in zip(kernel, DIRECTIONS, strict=True):
            one[margin + step * down, margin + step * right] = 1
    return kernels.flatten(0, 1).unsqueeze(1)


def padded(x: Tensor, margin: int) -> Tensor:
    """Return x (B,C,h,w) with its border repeated `margin` cells outwards."""
    return functional.pad(x, (margin, margin, margin, margin), mode="replicate")


def neighbours(x: Tensor) -> list[Tensor]:
    """Return nine maps like x (B,1,h,w): what lies one cell up and left, up, ... in rows."""
    height, width = x.shape[-2:]
    around = padded(x, 1)
    return [
        around[..., row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]


def bilinear_weights() -> Tensor:
    """Return (9,4): the share of each of the 3x3 cells in the four pixels of the middle one."""
    near, own = BILINEAR
    first, second = torch.tensor([near, own, 0.0]), torch.tensor([0.0, own, near])
    pixels = [torch.outer(row, column) for row in (first, second) for column in (first, second)]
    return torch.stack(pixels).flatten(1).T


class MapHead(nn.Module):
    """One more map at half size, from the features of the depth head and the picture's vector."""

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
    """The layers of `compact` under the same names; between them context, detail, upsampling.

    A weights file of `compact` therefore fits all but the new layers. Encoder taps at /2../32,
    decoder widths for /16, /8, /4 and /2, output at full size. Convex combinations keep a factor
    and an offset of the head as they are, which is therefore still the output layer. An encoder
    without a tap at /2 is refused.

    With `uncertainty` a head gives the Laplace scale of ln(metres), as its logarithm. It takes the
    features as they are, without a gradient: what it learns moves no depth. With `novelty` the
    deepest features also say how unlike the picture is to the training pictures, once that is
    fitted (`leadline.models.novelty`). With `reach` cells at those distances too can become a
    pixel, which sharpens blurred edges; the recipe `crisp-edges` trains that part alone. What
    chooses among them has two layers of `sharp_width` channels. With `validity` a head says where
    there is a depth at all, which the sky has not; it is trained along with everything else. With
    `light` the decoder has `LightUpBlock`s, of which the last also takes the picture's pixels.
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
        # Last, so that all other weights are drawn as without it. Checkpoints hold these names.
        self.spread = MapHead(fine, neck, math.log(FIRST_SPREAD)) if uncertainty else None
        self.familiarity = NoveltyHead(neck) if novelty else None
        odds = math.log(FIRST_VALIDITY / (1 - FIRST_VALIDITY))
        self.validity = MapHead(fine, neck, odds) if validity else None

    @torch.no_grad()
    def scale_metres(self, ratio: float) -> bool:
        """Multiply all metres by `ratio`; what the whole picture adds to the head follows it."""
        factor, _ = self.space.scaling(ratio)
        self.scale.weight *= factor
        return super().scale_metres(ratio)

    def heads(self) -> dict[str, nn.Module]:
        """Return those of uncertainty, novelty and validity that it was built with."""
        heads = {
            "uncertainty": self.spread,
            "novelty": self.familiarity,
            "validity": self.validity,
        }
        return {name: head for name, head in heads.items() if head is not None}

    def novelty_features(self, images: Tensor) -> Tensor:
        """Return the deepest features (B,C,H/32,W/32) of normalised images, behind the neck."""
        return self.encode(images)[0]

    def encode(self, images: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Return the deepest features behind the neck, and those of the encoder by reduction."""
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
        """Return what light blocks take beside the coarser map: a skip, the last pixels too."""
        *coarse, finest = skips
        return [*([skip] for skip in coarse), [finest, pixels]]

    def _decode(self, x: Tensor, skips: Sequence[Tensor], pixels: Tensor) -> Tensor:
        """Return the features (B,F,h,w) at half size, from the deepest ones with their context."""
        if self.detail is None:
            for block, maps in zip(self.blocks, self.light_maps(skips, pixels), strict=True):
                x = block(x, maps)
            return x
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x, skip)
        detail: Tensor = self.detail(cat([x, pixels], dim=1))
        return x + detail

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) ln(metres)} and what else it was made to state.

        With uncertainty "log_spread" and with validity "validity_logits", (B,1,H/2,W/2) each, with
        novelty "novelty" (B,1,1,1).
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
