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
from leadline.models.base import ModelConfig
from leadline.models.blocks import conv_bn_relu
from leadline.models.compact import CompactModel
from leadline.models.familiarity import Familiarity

BILINEAR = (1 / 4, 3 / 4)
"""What a pixel in the half of a cell next to its neighbour takes of that neighbour, of the cell."""

PRIOR_FLOOR = 0.01
"""Share of a combination that each of the nine cells begins with, beside its bilinear one."""

PIXELS_OF_A_CELL = 12
"""Numbers of the picture in a cell at half size: 2x2 pixels of three colours."""

SHARP_WIDTH = 48
"""Channels between the features and the weights of `SharpUpsampling`."""

STEEPNESS = 4.0
"""Factor on differences of ln(metres) where they are features: about as large as the others."""

HEAD_WIDTH = 16
"""Channels of a head that is added: its one hidden layer."""

FIRST_SPREAD = 0.15
"""The Laplace scale of ln(metres) that an untrained head begins with, at every pixel."""

SMALL = 0.1
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
        picture = (x.flatten(2) @ shares.transpose(1, 2)).unsqueeze(3)
        return x + self.transform(picture), picture


class ConvexUpsampling(nn.Module):
    """Doubles a map: each pixel is a convex combination of the 3x3 cells around its own.

    The weights are predicted from features; untrained, they are those of bilinear interpolation.
    """

    def __init__(self, features: int):
        super().__init__()
        self.logits = nn.Conv2d(features, 36, 1)
        self.logits.bias = nn.Parameter((bilinear_weights() + PRIOR_FLOOR).log().flatten())
        with torch.no_grad():
            self.logits.weight.mul_(SMALL)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Return (B,1,2h,2w) for a map x (B,1,h,w) and features (B,F,h,w)."""
        weights = self.logits(features).unflatten(1, (9, 4)).softmax(dim=1)
        four = combined(x, cat(neighbours(x, 1), dim=1), weights)
        return functional.pixel_shuffle(four, 2)


class SharpUpsampling(nn.Module):
    """Doubles a map like `ConvexUpsampling`, out of cells that also lie farther away.

    Besides the 3x3 cells around its own, a pixel is combined of the eight around these at each
    distance of `reach`, so that it can leave the slope of a blurred edge for the level on its side.
    The weights are predicted from features and how the map differs at those distances; they begin
    as bilinear interpolation with a little of everything. Of a map of logarithms they do not
    depend on its scale; as features, differences end at 1 (a factor of e in metres).
    """

    def __init__(self, features: int, reach: Sequence[int]):
        super().__init__()
        self.reach = tuple(reach)
        far = 8 * len(self.reach)
        self.body = nn.Sequential(
            conv_bn_relu(features + far, SHARP_WIDTH), conv_bn_relu(SHARP_WIDTH, SHARP_WIDTH)
        )
        self.logits = nn.Conv2d(SHARP_WIDTH, 4 * (9 + far), 1)
        shares = cat([bilinear_weights(), torch.zeros(far, 4)]) + 2 * PRIOR_FLOOR
        self.logits.bias = nn.Parameter(shares.log().flatten())
        with torch.no_grad():
            self.logits.weight.mul_(SMALL)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Return (B,1,2h,2w) for a map x (B,1,h,w) and features (B,F,h,w)."""
        near = neighbours(x, 1)
        far = [cell for step in self.reach for cell in ring(neighbours(x, step))]
        levels = (cat(far, dim=1) - x).clamp(-1, 1)
        hidden = self.body(cat([features, STEEPNESS * levels], dim=1))
        cells = cat([*near, *far], dim=1)
        weights = self.logits(hidden).unflatten(1, (cells.shape[1], 4)).softmax(dim=1)
        four = combined(x, cells, weights)
        return functional.pixel_shuffle(four, 2)


def combined(x: Tensor, cells: Tensor, weights: Tensor) -> Tensor:
    """Return the four pixels (B,4,h,w) of each cell of x (B,1,h,w): weights (B,N,4,h,w) of N cells.

    Differences to the own cell are combined: in bfloat16 weights do not add up to 1, and what they
    lack would be lacking in every depth.
    """
    return x + (weights * (cells - x).unsqueeze(2)).sum(dim=1)


def neighbours(x: Tensor, step: int) -> list[Tensor]:
    """Return nine maps like x (B,1,h,w): its values `step` cells up and left, up, ... in rows."""
    height, width = x.shape[-2:]
    around = functional.pad(x, (step, step, step, step), mode="replicate")
    return [
        around[..., row : row + height, column : column + width]
        for row in range(0, 2 * step + 1, step)
        for column in range(0, 2 * step + 1, step)
    ]


def ring(nine: list[Tensor]) -> list[Tensor]:
    """Return the eight of nine neighbours that are not the cell itself."""
    return [*nine[:4], *nine[5:]]


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
            self.out.weight.mul_(SMALL)
            nn.init.constant_(self.out.bias, start)  # type: ignore[arg-type]

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        """Return (B,1,h,w) for features (B,F,h,w) and a vector (B,C,1,1)."""
        values: Tensor = self.out(functional.relu(self.around(x) + self.picture(picture)))
        return values


class CrispModel(CompactModel):
    """The layers of `compact` under the same names; between them context, detail, upsampling.

    A weights file of `compact` therefore fits all but the new layers. Encoder taps at /2../32,
    decoder widths for /16, /8, /4 and /2, output at full size. Convex combinations keep a factor
    and an offset of the head as they are, which is therefore still the output layer.

    With `uncertainty` a head gives the Laplace scale of ln(metres), as its logarithm. It takes the
    features as they are, without a gradient: what it learns moves no depth. With `novelty` the
    deepest features also say how unlike the picture is to the training pictures, once that is
    fitted (`leadline.models.familiarity`). With `reach` cells at those distances too can become a
    pixel, which sharpens blurred edges; the recipe `crisp-edges` trains that part alone.
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
    ):
        super().__init__(config, encoder, neck, widths)
        fine = self.head.in_channels
        self.context = PooledContext(neck)
        self.scale = nn.Conv2d(neck, 1, 1, bias=False)
        self.detail = conv_bn_relu(fine + PIXELS_OF_A_CELL, fine)
        self.reach = tuple(reach)
        if self.reach and config.depth_space != "log":
            raise LeadlineError(
                f"reach {list(reach)} needs depth_space log, not {config.depth_space}"
            )
        if any(step < 2 for step in self.reach):
            raise LeadlineError(f"reach {list(reach)}: expected distances of 2 cells or more")
        self.upsampling: ConvexUpsampling | SharpUpsampling = (
            SharpUpsampling(fine + PIXELS_OF_A_CELL, self.reach)
            if self.reach
            else ConvexUpsampling(fine)
        )
        with torch.no_grad():
            for weight in (
                self.context.fuse.get_parameter("1.weight"),
                self.detail.get_parameter("1.weight"),
                self.scale.weight,
            ):
                weight.mul_(SMALL)
        # Last, so that all other weights are drawn as without it.
        self.spread = MapHead(fine, neck, math.log(FIRST_SPREAD)) if uncertainty else None
        self.familiarity = Familiarity(neck) if novelty else None

    @torch.no_grad()
    def scale_metres(self, ratio: float) -> bool:
        """Multiply all metres by `ratio`; what the whole picture adds to the head follows it."""
        factor, _ = self.space.scaling(ratio)
        self.scale.weight *= factor
        return super().scale_metres(ratio)

    def deepest(self, images: Tensor) -> Tensor:
        """Return the features (B,C,H/32,W/32), of normalised images, that novelty is made of."""
        return self._encode(images)[0]

    def _encode(self, images: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Return the deepest features behind the neck, and those of the encoder by reduction."""
        features = self.encoder(images)
        return self.neck(features[max(features)]), features

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) ln(metres)} and what else it was made to state.

        With uncertainty "log_spread" (B,1,H/2,W/2), with novelty "novelty" (B,1,1,1).
        """
        deepest, features = self._encode(images)
        x, picture = self.context(deepest)
        for block, reduction in zip(self.blocks, self.steps, strict=True):
            x = block(x, features[reduction])
        pixels = functional.pixel_unshuffle(images, 2)
        x = x + self.detail(cat([x, pixels], dim=1))
        depth = self.head(x) + self.scale(picture)
        fine = cat([x, pixels], dim=1) if self.reach else x
        outputs = {"target": self.upsampling(depth, fine)}
        if self.spread is not None:
            outputs["log_spread"] = self.spread(x.detach(), picture.detach())
        if self.familiarity is not None:
            outputs["novelty"] = self.familiarity(deepest.detach())
        return outputs
