"""Metric functions and named protocols, without torch.

`leadline.evaluation.streaming.DepthScore` is the same as a `torchmetrics.Metric`.
"""

from leadline.metrics.alignment import align
from leadline.metrics.boundary import BoundaryScore, boundary_score, depth_edge_mask
from leadline.metrics.depth_metrics import (
    DEVKIT_METRICS,
    DOCUMENT_METRICS,
    HIGHER_IS_BETTER,
    METRICS,
    depth_metrics,
    mean_over_images,
)
from leadline.metrics.intervals import blocks_of, bootstrap_interval, paired_test
from leadline.metrics.protocol import Comparison, Protocol, TruthUse
from leadline.metrics.protocols import PROTOCOLS, get_protocol, protocol_for
from leadline.metrics.semantic_metrics import confusion_matrix, semantic_metrics

__all__ = [
    "DEVKIT_METRICS",
    "DOCUMENT_METRICS",
    "HIGHER_IS_BETTER",
    "METRICS",
    "PROTOCOLS",
    "BoundaryScore",
    "Comparison",
    "Protocol",
    "TruthUse",
    "align",
    "blocks_of",
    "bootstrap_interval",
    "boundary_score",
    "confusion_matrix",
    "depth_edge_mask",
    "depth_metrics",
    "get_protocol",
    "mean_over_images",
    "paired_test",
    "protocol_for",
    "semantic_metrics",
]
