"""Depth spaces: the quantity a network regresses, and its conversion to metres."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.models.config import check_depth_range, check_depth_space


@dataclass(frozen=True)
class DepthSpace(ABC):
    """A monotone map between metres and network units.

    `min_depth` and `max_depth` (metres) bound the result of `decode`; `encode` assumes that its
    input lies between them, as the valid mask of a sample guarantees.
    """

    min_depth: float
    max_depth: float

    def __post_init__(self) -> None:
        check_depth_range(self.min_depth, self.max_depth)

    @property
    @abstractmethod
    def target_range(self) -> float:
        """Width of the range of network units: the data range of `ssim`."""

    @abstractmethod
    def encode(self, depth: Tensor) -> Tensor:
        """Convert metres to network units, clamping to the range first."""

    @abstractmethod
    def decode(self, target: Tensor) -> Tensor:
        """Convert network units to metres in [min_depth, max_depth]."""

    @abstractmethod
    def scaling(self, ratio: float) -> tuple[float, float]:
        """Return (factor, offset): metres times `ratio` correspond to factor * target + offset."""


class LinearSpace(DepthSpace):
    """The network regresses metres."""

    @property
    def target_range(self) -> float:
        """The maximum depth, counted from 0."""
        return self.max_depth

    def encode(self, depth: Tensor) -> Tensor:
        """Return the depth, clamped to the range."""
        return depth.clamp(self.min_depth, self.max_depth)

    def decode(self, target: Tensor) -> Tensor:
        """Return the target, clamped to the range."""
        return target.clamp(self.min_depth, self.max_depth)

    def scaling(self, ratio: float) -> tuple[float, float]:
        """Return factor and offset of the target."""
        return ratio, 0.0


class LogSpace(DepthSpace):
    """The network regresses the natural logarithm of metres."""

    @property
    def target_range(self) -> float:
        """The logarithm of maximum / minimum depth."""
        return math.log(self.max_depth / self.min_depth)

    def encode(self, depth: Tensor) -> Tensor:
        """Return ln(depth)."""
        return depth.clamp(self.min_depth, self.max_depth).log()

    def decode(self, target: Tensor) -> Tensor:
        """Return exp(target)."""
        return target.clamp(math.log(self.min_depth), math.log(self.max_depth)).exp()

    def scaling(self, ratio: float) -> tuple[float, float]:
        """Return factor and offset of the target."""
        return 1.0, math.log(ratio)


class ReciprocalSpace(DepthSpace):
    """The network regresses max_depth / depth, as DenseDepth does (1 is the farthest point)."""

    @property
    def target_range(self) -> float:
        """Maximum / minimum depth, which is the target of the nearest point."""
        return self.max_depth / self.min_depth

    def encode(self, depth: Tensor) -> Tensor:
        """Return max_depth / depth."""
        return self.max_depth / depth.clamp(self.min_depth, self.max_depth)

    def decode(self, target: Tensor) -> Tensor:
        """Return max_depth / target."""
        return self.max_depth / target.clamp(1.0, self.max_depth / self.min_depth)

    def scaling(self, ratio: float) -> tuple[float, float]:
        """Return factor and offset of the target."""
        return 1.0 / ratio, 0.0


_SPACES: dict[str, type[DepthSpace]] = {
    "linear": LinearSpace,
    "log": LogSpace,
    "reciprocal": ReciprocalSpace,
}


def create_space(name: str, min_depth: float, max_depth: float) -> DepthSpace:
    """Return the depth space called `name` (linear, log or reciprocal) over a range in metres."""
    check_depth_space(name)
    return _SPACES[name](min_depth, max_depth)


def masked_area_mean(depth: Tensor, valid: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Resize ground truth to a network's output size without inventing depth.

    Each output cell is the mean of the valid input pixels under it, and invalid if there are none.
    Shapes: depth (B,1,H,W) metres and valid (B,1,H,W) bool to ((B,1,h,w), (B,1,h,w)).
    """
    if depth.shape[-2:] == torch.Size(size):
        return depth, valid
    weight = valid.to(depth.dtype)
    share = torch.nn.functional.adaptive_avg_pool2d(weight, size)
    total = torch.nn.functional.adaptive_avg_pool2d(depth * weight, size)
    return total / share.clamp_min(1e-6), share > 0
