"""Depth ranges: the truth that a protocol scores, and the part that a model can predict."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadline.datasets.sample import Sample
from leadline.evaluation.predictions import ModelPredictions, PredictedMaps
from leadline.metrics import Comparison, Protocol, TruthUse
from leadline.metrics.resize import resize_depth

WORTH_A_WARNING = 0.01
"""Share of the truth outside a range above which a warning is given."""


def describe_use(protocol: Protocol, use: TruthUse) -> str:
    """Describe the shares of the known truth that are not scored, or clipped."""
    low, high = protocol.min_depth, protocol.max_depth
    words = [f"{use.outside_range:.2%} of the known truth, outside {low:g}..{high:g} m"]
    if use.outside_crop:
        words.insert(0, f"{use.outside_crop:.1%} of the picture's by the crop; then")
    text = " ".join(words)
    if use.clipped:
        text += f"; {use.clipped_share:.2%} of the rest is farther and counts as {high:g} m"
    return text


def range_warnings(protocol: Protocol, use: TruthUse) -> list[str]:
    """Return a warning if a protocol's range excludes more than a little of the truth."""
    if use.outside_range <= WORTH_A_WARNING:
        return []
    return [
        f"{use.outside_range:.1%} of the known truth lies outside {protocol.min_depth:g}.."
        f"{protocol.max_depth:g} m and counts in no score; choose a --protocol of the data's range"
    ]


INVERTED_SHARE = 0.1
"""Share of inverted images above which a warning is given; a badly predicted flat wall is one."""


@dataclass
class InvertedAlignment:
    """Counts images whose alignment swaps far and near by a negative slope; an `Observer`."""

    inverted: int = 0
    images: int = 0

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Compare the order of the extremes before and after the alignment."""
        if comparison.protocol.alignment != "scale-shift":
            return
        size = (comparison.full.shape[0], comparison.full.shape[1])
        resized = resize_depth(predicted.depth, size, comparison.protocol.resize)
        before = resized[comparison.window][comparison.scored]
        after = comparison.full[comparison.window][comparison.scored]
        before = np.where((before > 0) & np.isfinite(before), before, np.nan)
        if np.isfinite(before).any():
            self.images += 1
            self.inverted += bool(after[np.nanargmax(before)] < after[np.nanargmin(before)])

    def warnings(self) -> list[str]:
        """Return a warning if this happens in more than a few images."""
        if self.inverted <= INVERTED_SHARE * self.images:
            return []
        return [
            f"the alignment makes near of far in {self.inverted} of {self.images} images: the "
            "predictions are disparity or inverse depth, and the scores those of no depth; give "
            "metres, or 1/x of them as depth"
        ]


@dataclass
class ModelRange:
    """Counts how much of the scored truth is outside the range of a model; an `Observer`."""

    predictions: ModelPredictions
    outside: int = 0
    pixels: int = 0
    ranges: set[tuple[float, float]] = field(default_factory=set)

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Count the scored pixels of an image."""
        nearest, farthest = self.predictions.range_of(sample)
        self.ranges.add((nearest, farthest))
        truth = comparison.at_scored(comparison.truth)
        self.outside += int(np.count_nonzero((truth < nearest) | (truth > farthest)))
        self.pixels += comparison.pixels

    def warnings(self) -> list[str]:
        """Return a warning if this is more than a little."""
        share = self.outside / max(1, self.pixels)
        if share <= WORTH_A_WARNING:
            return []
        (near, first), (_, last) = min(self.ranges), max(self.ranges)
        limits = f"{near:.4g}..{last:.4g} m, the range of {self.predictions.predictor.name} "
        limits += "(model.max_depth"
        if first != last:
            limits += f", by the cameras {first:.4g} to {last:.4g} m"
        return [
            f"{share:.1%} of the scored truth lies outside {limits}): no prediction can be right "
            "there"
        ]
