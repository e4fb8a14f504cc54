"""Data sets: one file per published layout, each with one class; all yield `Sample`."""

from leadline.datasets.layout import Layout
from leadline.datasets.open import (
    LAYOUTS,
    DataSource,
    find_data,
    open_data,
    open_train_and_val,
)
from leadline.datasets.pairs import PairsDataset, open_pairs
from leadline.datasets.sample import DepthDataset, Sample

__all__ = [
    "LAYOUTS",
    "DataSource",
    "DepthDataset",
    "Layout",
    "PairsDataset",
    "Sample",
    "find_data",
    "open_data",
    "open_pairs",
    "open_train_and_val",
]
