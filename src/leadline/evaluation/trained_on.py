"""A warning if a model is scored on photographs that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.datasets.fingerprints import KnownPhotographs
from leadline.datasets.sample import Sample
from leadline.evaluation.predictions import PredictedMaps
from leadline.metrics import Comparison


@dataclass
class TrainingImageObserver:
    """Counts scored images that are known training photographs; an `Observer`."""

    known: KnownPhotographs
    seen: int = 0
    images: int = 0

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Compare the fingerprint of an image."""
        self.images += 1
        self.seen += self.known.contains(sample.image)

    def warnings(self) -> list[str]:
        """Return a warning if there are any."""
        if not self.seen:
            return []
        return [
            f"{self.seen} of these {self.images} images are photographs that {self.known.model} "
            "was trained on: its scores look better than it is"
        ]
