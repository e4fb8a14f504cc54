"""Readers: one file per published layout, each yielding `Sample`."""

from leadline.datasets.layout import Layout
from leadline.datasets.open import (
    LAYOUTS,
    available_splits,
    open_data,
    open_train_and_val,
    recognise,
)
from leadline.datasets.pairs import PairsDataset, open_pairs
from leadline.datasets.sample import DepthDataset, Sample

__all__ = [
    "LAYOUTS",
    "DepthDataset",
    "Layout",
    "PairsDataset",
    "Sample",
    "available_splits",
    "open_data",
    "open_pairs",
    "open_train_and_val",
    "recognise",
]
