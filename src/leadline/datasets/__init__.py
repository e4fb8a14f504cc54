"""Readers: one file per published layout, each yielding `Sample`."""

from leadline.datasets.pairs import PairsDataset, open_pairs, open_train_and_val
from leadline.datasets.sample import DepthDataset, Sample

__all__ = ["DepthDataset", "PairsDataset", "Sample", "open_pairs", "open_train_and_val"]
