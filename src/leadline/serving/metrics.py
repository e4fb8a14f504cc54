"""Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BYTES = tuple(float(4**power) for power in range(5, 14))
_PIXELS = (1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters and histograms of one server; gauges are read on request."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "leadline_requests", "Answers", ["route", "status"], registry=registry
        )
        self.refused = Counter(
            "leadline_refused", "Requests for depth not served, by cause", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "leadline_request_seconds", "From the head of a request to the end of its answer",
            ["route"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.stages = Histogram(
            "leadline_stage_seconds", "Parts of the time of a request for depth",
            ["stage"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.request_bytes = Histogram(
            "leadline_request_bytes", "Bodies of requests for depth", buckets=_BYTES,
            registry=registry,
        )  # fmt: skip
        self.answer_bytes = Histogram(
            "leadline_answer_bytes", "Bodies of answers with depth", buckets=_BYTES,
            registry=registry,
        )  # fmt: skip
        self.pixels = Histogram(
            "leadline_picture_pixels", "Sizes of pictures", buckets=_PIXELS, registry=registry
        )

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Add a gauge."""
        Gauge(name, about, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return bytes(generate_latest(self._registry))
