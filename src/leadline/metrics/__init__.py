"""Metric functions and named protocols."""

from leadline.metrics.depth_metrics import (
    DOCUMENT_METRICS,
    HIGHER_IS_BETTER,
    METRICS,
    depth_metrics,
    document_metrics,
    mean_over_images,
)
from leadline.metrics.protocols import PROTOCOLS, Protocol, get_protocol, protocol_for
from leadline.metrics.semantic_metrics import confusion_matrix, semantic_metrics

__all__ = [
    "DOCUMENT_METRICS",
    "HIGHER_IS_BETTER",
    "METRICS",
    "PROTOCOLS",
    "Protocol",
    "confusion_matrix",
    "depth_metrics",
    "document_metrics",
    "get_protocol",
    "mean_over_images",
    "protocol_for",
    "semantic_metrics",
]
