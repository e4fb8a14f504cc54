"""Metric functions and named protocols."""

from leadline.metrics.depth_metrics import (
    DEVKIT_METRICS,
    DOCUMENT_METRICS,
    HIGHER_IS_BETTER,
    METRICS,
    depth_metrics,
    mean_over_images,
)
from leadline.metrics.intervals import bootstrap_interval, paired_test
from leadline.metrics.protocol import Comparison, Protocol
from leadline.metrics.protocols import PROTOCOLS, get_protocol, protocol_for
from leadline.metrics.semantic_metrics import confusion_matrix, semantic_metrics

__all__ = [
    "DEVKIT_METRICS",
    "DOCUMENT_METRICS",
    "HIGHER_IS_BETTER",
    "METRICS",
    "PROTOCOLS",
    "Comparison",
    "Protocol",
    "bootstrap_interval",
    "confusion_matrix",
    "depth_metrics",
    "get_protocol",
    "mean_over_images",
    "paired_test",
    "protocol_for",
    "semantic_metrics",
]
