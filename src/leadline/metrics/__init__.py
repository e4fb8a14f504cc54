"""Metric functions and named protocols."""

from leadline.metrics.depth_metrics import (
    HIGHER_IS_BETTER,
    METRICS,
    depth_metrics,
    mean_over_images,
)
from leadline.metrics.protocols import PROTOCOLS, Protocol, get_protocol, protocol_for

__all__ = [
    "HIGHER_IS_BETTER",
    "METRICS",
    "PROTOCOLS",
    "Protocol",
    "depth_metrics",
    "get_protocol",
    "mean_over_images",
    "protocol_for",
]
